/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UEFI's runtime services on behalf of domain 0 (XENPF_efi_runtime_call): clock and variables.
 *
 * The firmware runs where it was loaded, at physical addresses: its own top-level table maps its
 * ranges there, and of the hypervisor what every table maps, so buffers are the hypervisor's own
 * and exceptions are handled. It may use the floating-point unit, so the calling vCPU's state is
 * put aside. Services are not re-entrant (UEFI 2.9, 8.1): one lock guards them all. A call takes as
 * long as the firmware likes, which is why only domain 0 has it.
 */
#include "core/cmdline.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/lock.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/efi.h"
#include "x86/fpu.h"
#include "x86/page.h"
#include "x86/tlb.h"

#define RUNTIME_SIGNATURE 0x56524553544e5552ull /* "RUNTSERV" */
#define REGION_PAGES_MAX  (MIB(256) >> PAGE_SHIFT)
#define NAME_BYTES_MAX    4096u
#define DATA_BYTES_MAX    KIB(64)
#define TABLE_FLAGS       (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)

typedef u64 efi_status;
#define EFI_ERROR            BIT(63)
#define EFI_OUT_OF_RESOURCES (EFI_ERROR | 9)
#define efi_service          efi_status __attribute__((ms_abi))

/* 8.1; addresses of functions. */
struct runtime_services {
    struct efi_header header;
    efi_service (*get_time)(void *time, void *capabilities);
    efi_service (*set_time)(const void *time);
    efi_service (*get_wakeup_time)(u8 *enabled, u8 *pending, void *time);
    efi_service (*set_wakeup_time)(u8 enable, const void *time);
    u64 set_virtual_address_map, convert_pointer;
    efi_service (*get_variable)(const u16 *name, const void *guid, u32 *attributes, u64 *bytes,
                                void *data);
    efi_service (*get_next_variable_name)(u64 *bytes, u16 *name, void *guid);
    efi_service (*set_variable)(const u16 *name, const void *guid, u32 attributes, u64 bytes,
                                const void *data);
    efi_service (*get_next_high_monotonic_count)(u32 *count);
    u64 reset_system, update_capsule, query_capsule_capabilities;
    efi_service (*query_variable_info)(u32 attributes, u64 *max, u64 *remaining, u64 *max_size);
};

/* 8.3 */
struct time_capabilities {
    u32 resolution, accuracy;
    u8 sets_to_zero;
};
/* The ABI's time is UEFI's, with names for the padding. */
STATIC_ASSERT(offsetof(struct xenpf_efi_time, ns) == 8 && sizeof(struct xenpf_efi_time) == 16);

static pte_t *firmware_l4; /* NULL: no services */
static struct runtime_services services;
static struct spinlock lock = SPINLOCK_INIT(LOCK_LEAF);

static bool wanted = true;

static int parse_efi(const char *text)
{
    if (!strcmp(text, "rs") || !strcmp(text, "rs=1") || !strcmp(text, "rs=yes"))
        wanted = true;
    else if (!strcmp(text, "no-rs") || !strcmp(text, "rs=0") || !strcmp(text, "rs=no"))
        wanted = false;
    else
        return -EINVAL;
    return 0;
}

OPTION_DEFINE_CUSTOM("efi", parse_efi);

/* --- the firmware's address space */

static init_text bool identity_map(paddr_t pa, u64 flags)
{
    pte_t *table = firmware_l4;
    for (u32 level = 4; level > 1; level--) {
        pte_t *e = &table[pte_index(pa, level)];
        if (!*e) {
            void *next = page_alloc();
            if (!next)
                return false;
            *e = pte_make(virt_to_mfn(next), TABLE_FLAGS);
        }
        table = mfn_to_virt(pte_mfn(*e));
    }
    table[pte_index(pa, 1)] = pte_make(mfn_of_paddr(pa), flags);
    return true;
}

/* Code and data are not told apart: firmware is known to keep both in ranges of either type. */
static init_text bool region_map(const struct efi_descriptor *d)
{
    u64 flags = TABLE_FLAGS;
    if (d->pages > REGION_PAGES_MAX || d->physical >> 47) {
        log_warning("efi: runtime range of %lu pages at %#lx is not mapped",
                    (unsigned long)d->pages, (unsigned long)d->physical);
        return true;
    }
    if (!(d->attributes & EFI_ATTRIBUTE_WB))
        flags |= PTE_PCD | PTE_PWT;
    for (u64 i = 0; i < d->pages; i++)
        if (!identity_map(d->physical + (i << PAGE_SHIFT), flags))
            return false;
    return true;
}

init_text void efi_runtime_init(void)
{
    struct efi_descriptor d;
    paddr_t table = efi_runtime_table();
    void *p = wanted && table ? map_firmware(table, sizeof(services)) : NULL;
    if (!p)
        return;
    memcpy(&services, p, sizeof(services));
    map_remove(p, sizeof(services));
    if (services.header.signature != RUNTIME_SIGNATURE || !efi_map_entry(0, &d)) {
        log_warning("efi: no runtime services: their table or the memory map is not there");
        return;
    }
    firmware_l4 = page_alloc();
    bool mapped = firmware_l4 != NULL;
    for (u32 i = 0; mapped && efi_map_entry(i, &d); i++)
        if (d.attributes & EFI_ATTRIBUTE_RUNTIME)
            mapped = region_map(&d);
    if (!mapped) {
        log_warning("efi: no memory for the runtime services' address space");
        firmware_l4 = NULL;
    }
}

u32 efi_runtime_revision(void)
{
    return firmware_l4 ? services.header.revision : 0;
}

/* --- entering and leaving it */

/* Returns the top-level table to go back to. */
static u64 firmware_enter(struct vcpu *v)
{
    static const u32 mxcsr = 0x1f80;
    u64 cr3 = read_cr3();
    spin_lock(&lock);
    fpu_save(v);
    __asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
    /* The hypervisor's slots, with the running vCPU's descriptor tables among them. */
    memcpy(firmware_l4 + HYPERVISOR_FIRST_SLOT,
           (pte_t *)paddr_to_virt(cr3 & PTE_ADDR) + HYPERVISOR_FIRST_SLOT,
           (HYPERVISOR_LAST_SLOT - HYPERVISOR_FIRST_SLOT + 1) * sizeof(pte_t));
    tlb_load_cr3(virt_to_paddr(firmware_l4));
    return cr3;
}

static void firmware_leave(struct vcpu *v, u64 cr3)
{
    tlb_load_cr3(cr3);
    fpu_restore(v);
    spin_unlock(&lock);
}

/* Run one service; its status. */
#define firmware_call(v, function, ...)                                                            \
    ({                                                                                             \
        u64 cr3_ = firmware_enter(v);                                                              \
        efi_status status_ = services.function(__VA_ARGS__);                                       \
        firmware_leave(v, cr3_);                                                                   \
        status_;                                                                                   \
    })

/* --- time */

static long time_get(struct vcpu *v, struct xenpf_efi_runtime_call *op)
{
    struct time_capabilities c = {0};
    if (op->misc)
        return -EINVAL;
    op->status = firmware_call(v, get_time, &op->u.get_time.time, &c);
    if (op->status & EFI_ERROR)
        return 0;
    op->u.get_time.resolution = c.resolution;
    op->u.get_time.accuracy = c.accuracy;
    if (c.sets_to_zero)
        op->misc |= XEN_EFI_GET_TIME_SET_CLEARS_NS;
    return 0;
}

static long time_set(struct vcpu *v, struct xenpf_efi_runtime_call *op)
{
    if (op->misc)
        return -EINVAL;
    op->status = firmware_call(v, set_time, &op->u.set_time);
    return 0;
}

static long wakeup_get(struct vcpu *v, struct xenpf_efi_runtime_call *op)
{
    u8 enabled = 0, pending = 0;
    if (op->misc)
        return -EINVAL;
    op->status = firmware_call(v, get_wakeup_time, &enabled, &pending, &op->u.get_wakeup_time);
    if (op->status & EFI_ERROR)
        return 0;
    op->misc = (enabled ? XEN_EFI_GET_WAKEUP_TIME_ENABLED : 0) |
               (pending ? XEN_EFI_GET_WAKEUP_TIME_PENDING : 0);
    return 0;
}

static long wakeup_set(struct vcpu *v, struct xenpf_efi_runtime_call *op)
{
    bool enable = op->misc & XEN_EFI_SET_WAKEUP_TIME_ENABLE;
    bool only = op->misc & XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY;
    if (op->misc & ~(XEN_EFI_SET_WAKEUP_TIME_ENABLE | XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY))
        return -EINVAL;
    op->status = firmware_call(v, set_wakeup_time, enable, only ? NULL : &op->u.set_wakeup_time);
    return 0;
}

static long count_get(struct vcpu *v, struct xenpf_efi_runtime_call *op)
{
    if (op->misc)
        return -EINVAL;
    op->status = firmware_call(v, get_next_high_monotonic_count, &op->misc);
    return 0;
}

/* --- variables */

/* Copy a guest's name, with its zero, into a page. -EFAULT, -ENAMETOOLONG. */
static int name_copy(u16 *name, vaddr_t from)
{
    for (u32 i = 0; i < NAME_BYTES_MAX / sizeof(u16); i++) {
        if (guest_copy_in(&name[i], from + i * sizeof(u16), sizeof(u16)))
            return -EFAULT;
        if (!name[i])
            return 0;
    }
    return -ENAMETOOLONG;
}

static long variable_get_named(struct vcpu *v, struct xenpf_efi_runtime_call *op, const u16 *name,
                               void *data)
{
    u64 bytes = op->u.get_variable.size;
    op->status = firmware_call(v, get_variable, name, &op->u.get_variable.vendor_guid, &op->misc,
                               &bytes, data);
    if (!(op->status & EFI_ERROR) && data &&
        guest_copy_out(op->u.get_variable.data.va, data, MIN(bytes, op->u.get_variable.size)))
        return -EFAULT;
    op->u.get_variable.size = bytes;
    return 0;
}

static long variable_set_named(struct vcpu *v, struct xenpf_efi_runtime_call *op, const u16 *name,
                               void *data)
{
    u64 bytes = op->u.set_variable.size;
    if (data && guest_copy_in(data, op->u.set_variable.data.va, bytes))
        return -EFAULT;
    op->status = firmware_call(v, set_variable, name, &op->u.set_variable.vendor_guid, op->misc,
                               bytes, data);
    return 0;
}

/* Both have the same arguments. */
static long variable_access(struct vcpu *v, struct xenpf_efi_runtime_call *op)
{
    u64 room = op->u.get_variable.size;
    if (op->function == XEN_EFI_get_variable) {
        if (op->misc)
            return -EINVAL;
        room = MIN(room, (u64)DATA_BYTES_MAX); /* no variable is as large */
        op->u.get_variable.size = room;
    } else if (room > DATA_BYTES_MAX) {
        op->status = EFI_OUT_OF_RESOURCES;
        return 0;
    }
    u16 *name = page_alloc();
    void *data = room ? object_alloc(room) : NULL;
    long result = name && (data || !room) ? name_copy(name, op->u.get_variable.name.va) : -ENOMEM;
    if (!result)
        result = op->function == XEN_EFI_get_variable ? variable_get_named(v, op, name, data)
                                                      : variable_set_named(v, op, name, data);
    object_free(data);
    if (name)
        page_free(name);
    return result;
}

static long variable_next(struct vcpu *v, struct xenpf_efi_runtime_call *op)
{
    vaddr_t guest_name = op->u.get_next_variable_name.name.va;
    u64 bytes = MIN(op->u.get_next_variable_name.size, (u64)NAME_BYTES_MAX);
    if (op->misc)
        return -EINVAL;
    u16 *name = page_alloc();
    if (!name)
        return -ENOMEM;
    long result = name_copy(name, guest_name);
    if (!result) {
        op->status = firmware_call(v, get_next_variable_name, &bytes, name,
                                   &op->u.get_next_variable_name.vendor_guid);
        if (!(op->status & EFI_ERROR) &&
            guest_copy_out(guest_name, name, MIN(bytes, (u64)NAME_BYTES_MAX)))
            result = -EFAULT;
        op->u.get_next_variable_name.size = bytes;
    }
    page_free(name);
    return result;
}

static long variable_room(struct vcpu *v, struct xenpf_efi_runtime_call *op)
{
    if (op->misc & ~XEN_EFI_VARINFO_BOOT_SNAPSHOT)
        return -EINVAL;
    if (op->misc) /* nothing was asked before boot services ended */
        return -EOPNOTSUPP;
    op->status = firmware_call(v, query_variable_info, op->u.query_variable_info.attr,
                               &op->u.query_variable_info.max_store_size,
                               &op->u.query_variable_info.remain_store_size,
                               &op->u.query_variable_info.max_size);
    return 0;
}

/* Called through the table of platform operations (core/ops/platform.def). */
long platform_efi_runtime_op(struct vcpu *v, void *arg);

long platform_efi_runtime_op(struct vcpu *v, void *arg)
{
    struct xenpf_efi_runtime_call *op = &((struct xen_platform_op *)arg)->u.efi_runtime_call;
    if (!firmware_l4)
        return -ENOSYS;
    switch (op->function) {
    case XEN_EFI_get_time:
        return time_get(v, op);
    case XEN_EFI_set_time:
        return time_set(v, op);
    case XEN_EFI_get_wakeup_time:
        return wakeup_get(v, op);
    case XEN_EFI_set_wakeup_time:
        return wakeup_set(v, op);
    case XEN_EFI_get_next_high_monotonic_count:
        return count_get(v, op);
    case XEN_EFI_get_variable:
    case XEN_EFI_set_variable:
        return variable_access(v, op);
    case XEN_EFI_get_next_variable_name:
        return variable_next(v, op);
    case XEN_EFI_query_variable_info:
        return variable_room(v, op);
    default: /* capsules, as on Xen */
        return -ENOSYS;
    }
}
