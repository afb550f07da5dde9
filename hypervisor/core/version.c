/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercall xen_version: what the hypervisor is and what it can do. Nothing here changes; the
 * answers are the ABI's of version 4.17 (public/version.h, public/features.h).
 *
 * Guests use XENVER_version as the shortest hypercall there is (to have pending events delivered),
 * so it does not go through the table of sub-operations.
 */
#include "abi/arch-x86.h"
#include "abi/features.h"
#include "abi/version.h"
#include "core/cmdline.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "core/hypercall.h"
#include "core/version.h"
#include "errno.h"
#include "lib/string.h"

#define VERSION_CAPABILITIES "xen-3.0-x86_64 "
#define VERSION_DENIED       "<denied>"

long hypercall_xen_version(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6);
/* One function for each row. */
#define SUBOP(command, function, type, direction, privilege)                                       \
    long function(struct vcpu *v, void *arg);
#include "core/ops/version.def"
#undef SUBOP

/*
 * The linker's note (ELF gABI, "Note Section"): sizes of name and contents, type, name, contents.
 */
struct build_id_note {
    u32 name_bytes, id_bytes, type;
    char name[4]; /* GNU */
    u8 id[];
};
extern const struct build_id_note build_id_note_start;

long hypercall_xen_version(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6)
{
    if (likely((u32)cmd == XENVER_version))
        return VERSION_MAJOR << 16 | VERSION_MINOR;
    if ((u32)cmd == XENVER_pagesize && arg)
        return -EINVAL; /* the only one that minds */
    return subop_dispatch(v, &version_ops, (u32)cmd, arg);
}

long version_get(struct vcpu *v, void *arg)
{
    return VERSION_MAJOR << 16 | VERSION_MINOR;
}

/* A text into an array of the ABI's length, which is all zeros. */
#define text_set(to, text)                                                                         \
    do {                                                                                           \
        STATIC_ASSERT(sizeof(text) <= sizeof(to));                                                 \
        memcpy((to), (text), sizeof(text));                                                        \
    } while (0)

/*
 * The same for arrays that are too long for the dispatcher to copy: bytes of array, at the guest's
 * address.
 */
static long text_copy_out(vaddr_t to, const char *text, size_t array)
{
    size_t length = strnlen(text, array - 1);
    if (guest_copy_out(to, text, length) || guest_clear(to + length, array - length))
        return -EFAULT;
    return 0;
}

long version_get_extra(struct vcpu *v, void *arg)
{
    xen_extraversion_t *extra = arg;
    text_set(*extra, VERSION_EXTRA);
    return 0;
}

long version_get_compile_info(struct vcpu *v, void *arg)
{
    /* Who built it, where and when is left empty: builds of one source are equal to the byte. */
    struct xen_compile_info *info = arg;
    text_set(info->compiler, VERSION_COMPILER);
    return 0;
}

long version_get_capabilities(struct vcpu *v, void *arg)
{
    return text_copy_out(*(vaddr_t *)arg, VERSION_CAPABILITIES, sizeof(xen_capabilities_info_t));
}

long version_get_changeset(struct vcpu *v, void *arg)
{
    xen_changeset_info_t *changeset = arg;
    text_set(*changeset, VERSION_CHANGESET);
    return 0;
}

long version_get_platform(struct vcpu *v, void *arg)
{
    struct xen_platform_parameters *p = arg;
    p->virt_start = HYPERVISOR_VIRT_START;
    return 0;
}

long version_get_features(struct vcpu *v, void *arg)
{
    struct xen_feature_info *info = arg;
    const struct domain *d = v->domain;
    if (info->submap_idx >= XENFEAT_NR_SUBMAPS)
        return -EINVAL;
    u64 features = BIT(XENFEAT_memory_op_vnode_supported) | BIT(XENFEAT_mmu_pt_update_preserve_ad) |
                   BIT(XENFEAT_highmem_assist) | BIT(XENFEAT_gnttab_map_avail_bits) |
                   BIT(XENFEAT_direct_mapped);
    if (d->is_hardware)
        features |= BIT(XENFEAT_dom0);
    if (d->vm_assist & BIT(VMASST_TYPE_pae_extended_cr3))
        features |= BIT(XENFEAT_pae_pgdir_above_4gb);
    info->submap = (u32)features;
    return 0;
}

long version_get_page_size(struct vcpu *v, void *arg)
{
    return PAGE_SIZE;
}

long version_get_guest_handle(struct vcpu *v, void *arg)
{
    STATIC_ASSERT(sizeof(v->domain->handle) == sizeof(xen_domain_handle_t));
    memcpy(arg, v->domain->handle, sizeof(xen_domain_handle_t));
    return 0;
}

long version_get_commandline(struct vcpu *v, void *arg)
{
    const char *text = v->domain->is_control ? cmdline_text() : VERSION_DENIED;
    return text_copy_out(*(vaddr_t *)arg, text, sizeof(xen_commandline_t));
}

long version_get_build_id(struct vcpu *v, void *arg)
{
    vaddr_t va = *(vaddr_t *)arg;
    const struct build_id_note *note = &build_id_note_start;
    struct xen_build_id head;
    if (!va)
        return note->id_bytes;
    if (guest_copy_in(&head, va, sizeof(head)))
        return -EFAULT;
    if (!head.len)
        return -EINVAL;
    if (head.len < note->id_bytes)
        return -ENOBUFS;
    if (guest_copy_out(va + offsetof(struct xen_build_id, buf), note->id, note->id_bytes))
        return -EFAULT;
    return note->id_bytes;
}
