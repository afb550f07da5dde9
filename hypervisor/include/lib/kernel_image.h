/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel images as boot modules and guests' builders have them: telling what a file is, unpacking
 * it, and reading from the kernel's ELF notes how it wants to be loaded under Xen (Xen public ABI,
 * elfnote.h). Nothing is allocated and no locks are taken. In order:
 *
 *     kernel_source_find     which bytes of the module are the kernel, and its unpacked size
 *     kernel_source_unpack   into memory of that size (an uncompressed kernel can stay where it is)
 *     kernel_image_parse     the notes and the segments
 *     kernel_image_check_pv  is it a kernel for PV?
 *     kernel_image_segment   for each segment, what goes where
 *
 * Each error comes with its reason, a static text, in *why: -ENOEXEC the file is damaged or no
 * kernel, -EOPNOTSUPP it is of a kind that cannot be loaded, and those of decompress().
 */
#ifndef DOMUS_LIB_KERNEL_IMAGE_H
#define DOMUS_LIB_KERNEL_IMAGE_H

#include "types.h"
#include "lib/elf.h"

enum kernel_format {
    KERNEL_FORMAT_ELF,
    KERNEL_FORMAT_BZIMAGE,
    KERNEL_FORMAT_PACKED, /* an ELF file, compressed */
};

/* The kernel inside a module; data points into it. */
struct kernel_source {
    enum kernel_format format;
    bool compressed;
    const u8 *data;
    size_t size;          /* bytes of data */
    size_t unpacked_size; /* bytes of the ELF file, not verified; size if it is not compressed */
};

/* A note's number, which may be absent (then value is 0). */
struct kernel_number {
    bool present;
    u64 value;
};

/* Bit numbers are XENFEAT_* (abi/features.h). */
struct kernel_features {
    u64 supported; /* of the string and the bitmap note, those required included */
    u64 required;
    bool listed; /* the bitmap was there: what is not in it the kernel does not have */
};

/*
 * How a page-table entry of the kernel's that holds a machine frame is told: (entry & mask) ==
 * value.
 */
struct kernel_l1_valid {
    bool present;
    u64 mask;
    u64 value;
};

/*
 * What the kernel says about itself. Texts end with a zero byte and are NULL when absent; they, and
 * the segments of elf, point into the file.
 */
struct kernel_image {
    struct elf_image elf;

    const char *guest_os;
    const char *guest_version;
    const char *xen_version;
    const char *loader;
    const char *pae_mode;
    const char *bsd_symtab;

    struct kernel_number hypercall_page; /* virtual address */
    struct kernel_number hv_start_low;   /* virtual address */
    struct kernel_number init_p2m;       /* virtual address */
    struct kernel_number mod_start_pfn;  /* not 0: the initial RAM disk need not be mapped */
    struct kernel_number suspend_cancel; /* not 0: a suspend may be cancelled */
    struct kernel_number phys32_entry;   /* physical address, the entry of PVH */
    struct kernel_l1_valid l1_mfn_valid;
    struct kernel_features features;
    bool for_pv; /* has the ENTRY or the VIRT_BASE note: one for PVH only has neither */

    /* With the defaults for absent notes: ELF's entry, and 0. */
    u64 entry; /* virtual address */
    u64 virt_base;
    u64 paddr_offset;

    /*
     * Virtual addresses that the segments occupy: a segment is at paddr - paddr_offset + virt_base,
     * whatever its p_vaddr.
     */
    u64 virt_kstart;
    u64 virt_kend; /* exclusive */
};

/* One segment: copy file_size bytes, and fill up with zeros to memory_size. */
struct kernel_segment {
    const u8 *data;
    u64 file_size;
    u64 memory_size;
    u64 vaddr; /* for PV */
    u64 paddr; /* for PVH: guest physical */
};

/* Recognises a module. Everything but bzImage and ELF, packed or not, is refused. */
must_check int kernel_source_find(const void *module, size_t size, struct kernel_source *source,
                                  const char **why);

/*
 * Unpacks a compressed source into out, which has room for source->unpacked_size bytes and does not
 * overlap the module, and checks that it gives just as many. scratch: DECOMPRESS_SCRATCH_SIZE
 * bytes, aligned to 8.
 */
must_check int kernel_source_unpack(const struct kernel_source *source, void *out, void *scratch,
                                    size_t scratch_size, const char **why);

/*
 * Reads the ELF file, which must have Xen's notes. The file stays the caller's and has to be kept.
 */
must_check int kernel_image_parse(const void *elf, size_t size, struct kernel_image *image,
                                  const char **why);

/*
 * Whether [start, end) is not empty, canonical, in one half of the address space, and leaves the
 * hypervisor's part of it alone (HYPERVISOR_VIRT_START).
 */
bool kernel_addresses_usable(u64 start, u64 end);

/*
 * Whether the kernel says that it runs as a PV guest, and its addresses are usable and fit
 * together. How much lies at virt_base and at init_p2m beside the kernel, the builder knows.
 */
must_check int kernel_image_check_pv(const struct kernel_image *image, const char **why);

/* The segment with this index, which is less than image->elf.segments. */
struct kernel_segment kernel_image_segment(const struct kernel_image *image, u32 index);

#endif
