/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel's ELF notes say about how to load it under Xen (Xen public ABI, elfnote.h), and
 * where its segments go. Called by whatever builds a domain from a kernel, after kernel_source.c.
 */
#include "lib/kernel_image.h"
#include "lib/string.h"
#include "abi/elfnote.h"
#include "abi/features.h"
#include "abi/xen.h"
#include "errno.h"

#define NOTE_NAME    "Xen"
#define XEN_VERSION  "xen-3.0" /* the one ABI version there is */
#define LOADER       "generic"
#define LOADER_LINUX "linux" /* a guest_os that does without a loader note */

/* Features in the words of the note, less their prefix. */
static const struct {
    const char *name;
    u32 bit;
} feature_names[] = {
    {"writable_page_tables", XENFEAT_writable_page_tables},
    {"writable_descriptor_tables", XENFEAT_writable_descriptor_tables},
    {"auto_translated_physmap", XENFEAT_auto_translated_physmap},
    {"supervisor_mode_kernel", XENFEAT_supervisor_mode_kernel},
    {"pae_pgdir_above_4gb", XENFEAT_pae_pgdir_above_4gb},
    {"mmu_pt_update_preserve_ad", XENFEAT_mmu_pt_update_preserve_ad},
    {"highmem_assist", XENFEAT_highmem_assist},
    {"gnttab_map_avail_bits", XENFEAT_gnttab_map_avail_bits},
    {"hvm_callback_vector", XENFEAT_hvm_callback_vector},
    {"hvm_safe_pvclock", XENFEAT_hvm_safe_pvclock},
    {"hvm_pirqs", XENFEAT_hvm_pirqs},
    {"dom0", XENFEAT_dom0},
    {"memory_op_vnode_supported", XENFEAT_memory_op_vnode_supported},
    {"linux_rsdp_unrestricted", XENFEAT_linux_rsdp_unrestricted},
};

static int refuse(int error, const char *reason, const char **why)
{
    *why = reason;
    return error;
}

/* A text that ends; Linux lets one end in the note's padding. */
static must_check int note_text(const struct elf_note *note, const char **text, const char **why)
{
    size_t size = (size_t)note->desc_size + note->padding;

    if (strnlen((const char *)note->desc, size) == size)
        return refuse(-ENOEXEC, "kernel: the text of a Xen note does not end", why);
    *text = (const char *)note->desc;
    return 0;
}

static must_check int note_number(const struct elf_note *note, u64 *number, const char **why)
{
    u32 v;

    if (note->desc_size == sizeof(*number)) {
        memcpy(number, note->desc, sizeof(*number));
    } else if (note->desc_size == sizeof(v)) {
        memcpy(&v, note->desc, sizeof(v));
        *number = v;
    } else {
        return refuse(-ENOEXEC, "kernel: the number in a Xen note has neither 4 nor 8 bytes", why);
    }
    return 0;
}

static must_check int note_optional(const struct elf_note *note, struct kernel_number *number,
                                    const char **why)
{
    int error = note_number(note, &number->value, why);

    number->present = !error;
    return error;
}

/*
 * Names with '|' between; '!' before a name says that the kernel cannot do without. An unknown
 * feature matters only then.
 */
static must_check int features_read(const char *text, struct kernel_features *features,
                                    const char **why)
{
    while (*text) {
        bool required = *text == '!';
        const char *name = text + (required ? 1 : 0);
        size_t length = 0;
        u64 bit = 0;

        while (name[length] && name[length] != '|')
            length++;
        for (size_t i = 0; i < ARRAY_SIZE(feature_names); i++) {
            if (strlen(feature_names[i].name) == length &&
                strncmp(feature_names[i].name, name, length) == 0)
                bit = BIT(feature_names[i].bit);
        }
        if (required && bit == 0)
            return refuse(-EOPNOTSUPP, "kernel: it requires an unknown feature", why);
        features->supported |= bit;
        if (required)
            features->required |= bit;
        text = name + length;
        if (*text == '|')
            text++;
    }
    return 0;
}

static must_check int note_features(const struct elf_note *note, struct kernel_features *features,
                                    const char **why)
{
    const char *text;
    int error = note_text(note, &text, why);

    return error ? error : features_read(text, features, why);
}

static must_check int note_supported(const struct elf_note *note, struct kernel_features *features,
                                     const char **why)
{
    u64 bitmap = 0;
    int error = note_number(note, &bitmap, why);

    features->supported |= bitmap;
    features->listed = true;
    return error;
}

/* Pairs of mask and value; the kernels that exist have one. */
static must_check int note_l1_valid(const struct elf_note *note, struct kernel_l1_valid *valid,
                                    const char **why)
{
    if (note->desc_size < 2 * sizeof(u64) || note->desc_size % (2 * sizeof(u64)) != 0)
        return refuse(-ENOEXEC, "kernel: the Xen note L1_MFN_VALID is malformed", why);
    memcpy(&valid->mask, note->desc, sizeof(valid->mask));
    memcpy(&valid->value, note->desc + sizeof(valid->mask), sizeof(valid->value));
    valid->present = true;
    return 0;
}

static must_check int note_read(struct kernel_image *image, const struct elf_note *note,
                                const char **why)
{
    switch (note->type) {
    case XEN_ELFNOTE_GUEST_OS:
        return note_text(note, &image->guest_os, why);
    case XEN_ELFNOTE_GUEST_VERSION:
        return note_text(note, &image->guest_version, why);
    case XEN_ELFNOTE_XEN_VERSION:
        return note_text(note, &image->xen_version, why);
    case XEN_ELFNOTE_LOADER:
        return note_text(note, &image->loader, why);
    case XEN_ELFNOTE_PAE_MODE:
        return note_text(note, &image->pae_mode, why);
    case XEN_ELFNOTE_BSD_SYMTAB:
        return note_text(note, &image->bsd_symtab, why);
    case XEN_ELFNOTE_FEATURES:
        return note_features(note, &image->features, why);
    case XEN_ELFNOTE_SUPPORTED_FEATURES:
        return note_supported(note, &image->features, why);
    case XEN_ELFNOTE_ENTRY:
        image->for_pv = true;
        return note_number(note, &image->entry, why);
    case XEN_ELFNOTE_VIRT_BASE:
        image->for_pv = true;
        return note_number(note, &image->virt_base, why);
    case XEN_ELFNOTE_PADDR_OFFSET:
        return note_number(note, &image->paddr_offset, why);
    case XEN_ELFNOTE_HYPERCALL_PAGE:
        return note_optional(note, &image->hypercall_page, why);
    case XEN_ELFNOTE_HV_START_LOW:
        return note_optional(note, &image->hv_start_low, why);
    case XEN_ELFNOTE_INIT_P2M:
        return note_optional(note, &image->init_p2m, why);
    case XEN_ELFNOTE_MOD_START_PFN:
        return note_optional(note, &image->mod_start_pfn, why);
    case XEN_ELFNOTE_SUSPEND_CANCEL:
        return note_optional(note, &image->suspend_cancel, why);
    case XEN_ELFNOTE_PHYS32_ENTRY:
        return note_optional(note, &image->phys32_entry, why);
    case XEN_ELFNOTE_L1_MFN_VALID:
        return note_l1_valid(note, &image->l1_mfn_valid, why);
    default:
        return 0;
    }
}

/* Reads the Xen notes of one source. The number of them, or an error. */
static must_check int notes_read(struct kernel_image *image, enum elf_note_source source,
                                 const char **why)
{
    struct elf_note_walk walk = {.source = source};
    struct elf_note note;
    int count = 0;
    int more;

    while ((more = elf_note_next(&image->elf, &walk, &note, why)) > 0) {
        int error;

        if (note.name_size != sizeof(NOTE_NAME) ||
            memcmp(note.name, NOTE_NAME, sizeof(NOTE_NAME)) != 0)
            continue;
        error = note_read(image, &note, why);
        if (error)
            return error;
        count++;
    }
    return more < 0 ? more : count;
}

int kernel_image_parse(const void *elf, size_t size, struct kernel_image *image, const char **why)
{
    u64 offset;
    int count, error;

    *image = (struct kernel_image){0};
    error = elf_parse(elf, size, &image->elf, why);
    if (error)
        return error;
    image->entry = image->elf.entry;

    /* Linkers describe the same notes in both ways; some kernels have only sections. */
    count = notes_read(image, ELF_NOTES_OF_SEGMENTS, why);
    if (count == 0)
        count = notes_read(image, ELF_NOTES_OF_SECTIONS, why);
    if (count < 0)
        return count;
    if (count == 0)
        return refuse(-EOPNOTSUPP, "kernel: no Xen notes; was it built with Xen support?", why);

    /* Modulo 2^64, as virt_base is high and paddr_offset may be as well. */
    offset = image->virt_base - image->paddr_offset;
    image->virt_kstart = image->elf.pstart + offset;
    image->virt_kend = image->elf.pend + offset;
    return 0;
}

static bool text_begins(const char *text, const char *with)
{
    return text && strncmp(text, with, strlen(with)) == 0;
}

#define CANONICAL_SHIFT 47 /* this bit and those above it are all equal */

static bool address_canonical(u64 va)
{
    return va >> CANONICAL_SHIFT == 0 || va >> CANONICAL_SHIFT == ~0ull >> CANONICAL_SHIFT;
}

bool kernel_addresses_usable(u64 start, u64 end)
{
    return start < end && address_canonical(start) && address_canonical(end - 1) &&
           start >> CANONICAL_SHIFT == (end - 1) >> CANONICAL_SHIFT &&
           (end <= HYPERVISOR_VIRT_START || start >= HYPERVISOR_VIRT_END);
}

static bool address_usable(u64 va)
{
    return va != ~0ull && kernel_addresses_usable(va, va + 1);
}

/* Where the kernel lies, and where it is entered. */
static must_check int kernel_place_check(const struct kernel_image *image, const char **why)
{
    u64 start = image->virt_kstart, end = image->virt_kend;

    if (image->virt_base % PAGE_SIZE != 0)
        return refuse(-ENOEXEC, "kernel: the address VIRT_BASE in its Xen notes is inside a page",
                      why);
    if (!address_usable(image->virt_base))
        return refuse(-ENOEXEC,
                      "kernel: the address VIRT_BASE in its Xen notes is not canonical, or is "
                      "the hypervisor's",
                      why);
    if (!address_usable(image->entry))
        return refuse(-ENOEXEC,
                      "kernel: its entry is an address that is not canonical, or is the "
                      "hypervisor's",
                      why);
    if (start >= end || image->virt_base > start)
        return refuse(-ENOEXEC, "kernel: its addresses do not fit its Xen notes", why);
    if (!kernel_addresses_usable(image->virt_base, end))
        return refuse(-ENOEXEC,
                      "kernel: it reaches addresses that are not canonical, or are the "
                      "hypervisor's",
                      why);
    if (image->entry < start || image->entry >= end)
        return refuse(-ENOEXEC, "kernel: its entry lies outside of it", why);
    return 0;
}

/* Where the kernel wants the physical-to-machine table. */
static must_check int p2m_place_check(const struct kernel_image *image, const char **why)
{
    u64 va = image->init_p2m.value;

    if (!image->init_p2m.present)
        return 0;
    if (va % PAGE_SIZE != 0)
        return refuse(-ENOEXEC, "kernel: the address INIT_P2M in its Xen notes is inside a page",
                      why);
    if (!address_usable(va))
        return refuse(-ENOEXEC,
                      "kernel: the address INIT_P2M in its Xen notes is not canonical, or is "
                      "the hypervisor's",
                      why);
    if (va >= image->virt_base && va < image->virt_kend)
        return refuse(-ENOEXEC, "kernel: it wants the p2m table inside of itself", why);
    return 0;
}

int kernel_image_check_pv(const struct kernel_image *image, const char **why)
{
    u64 start = image->virt_kstart, end = image->virt_kend;
    int error;

    if (!text_begins(image->loader, LOADER) && !text_begins(image->guest_os, LOADER_LINUX))
        return refuse(-EOPNOTSUPP,
                      "kernel: its Xen notes name neither Linux nor the generic loader", why);
    if (!text_begins(image->xen_version, XEN_VERSION))
        return refuse(-EOPNOTSUPP, "kernel: its Xen notes do not name the version xen-3.0", why);
    if (!image->for_pv)
        return refuse(-EOPNOTSUPP,
                      "kernel: its Xen notes have neither ENTRY nor VIRT_BASE; was it built "
                      "without PV support?",
                      why);
    error = kernel_place_check(image, why);
    if (error)
        return error;
    if (image->hypercall_page.present &&
        (image->hypercall_page.value % PAGE_SIZE != 0 || image->hypercall_page.value < start ||
         image->hypercall_page.value > end - PAGE_SIZE))
        return refuse(-ENOEXEC, "kernel: its hypercall page lies outside of it", why);
    return p2m_place_check(image, why);
}

struct kernel_segment kernel_image_segment(const struct kernel_image *image, u32 index)
{
    const struct elf_segment *s = &image->elf.segment[index];
    u64 paddr = s->paddr - image->paddr_offset;

    return (struct kernel_segment){
        .data = s->data,
        .file_size = s->file_size,
        .memory_size = s->memory_size,
        .vaddr = paddr + image->virt_base,
        .paddr = paddr,
    };
}
