/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A boot module on its way to a PV kernel: bzImage or ELF file, unpacked, its notes read. Whatever
 * is accepted keeps what the builder of domain 0 relies on: every segment lies inside the file, and
 * inside the addresses that the kernel is said to occupy.
 */
#include "demand.h"
#include "errno.h"
#include "abi/features.h"
#include "lib/decompress.h"
#include "lib/kernel_image.h"

#define UNPACKED_MAX MIB(1)

/* A text of the kernel's ends inside the file. */
static void text_check(const char *text, const u8 *file, size_t size)
{
    const u8 *start = (const u8 *)text;
    if (text)
        demand(start >= file && start < file + size &&
               memchr(text, 0, (size_t)(file + size - start)));
}

static void segments_check(const struct kernel_image *image, const u8 *file, size_t size)
{
    demand(image->elf.segments >= 1 && image->elf.segments <= ELF_SEGMENTS_MAX);
    for (u32 i = 0; i < image->elf.segments; i++) {
        struct kernel_segment s = kernel_image_segment(image, i);
        u64 pa = image->elf.segment[i].paddr;
        demand(s.data >= file && s.data <= file + size);
        demand(s.file_size <= (u64)(file + size - s.data) && s.file_size <= s.memory_size);
        demand(pa >= image->elf.pstart && pa + s.memory_size <= image->elf.pend &&
               pa + s.memory_size > pa);
        for (u32 n = 0; n < i; n++) {
            const struct elf_segment *other = &image->elf.segment[n];
            demand(pa >= other->paddr + other->memory_size || pa + s.memory_size <= other->paddr);
        }
    }
}

static void pv_check(const struct kernel_image *image)
{
    u64 start = image->virt_kstart, end = image->virt_kend;
    demand(start < end && image->virt_base <= start);
    demand(image->virt_base % PAGE_SIZE == 0 && kernel_addresses_usable(image->virt_base, end));
    demand(image->entry >= start && image->entry < end);
    for (u32 i = 0; i < image->elf.segments; i++) {
        struct kernel_segment s = kernel_image_segment(image, i);
        demand(s.vaddr >= start && s.vaddr < end && s.memory_size <= end - s.vaddr);
    }
    if (image->hypercall_page.present)
        demand(image->hypercall_page.value >= start && end - image->hypercall_page.value >= 4096);
}

static void elf_check(const void *bytes, size_t size)
{
    struct kernel_image image;
    const char *why = NULL;
    u8 *file = exact_copy(bytes, size);
    int error = kernel_image_parse(file, size, &image, &why);

    demand(error <= 0 && (!error || why));
    if (!error) {
        segments_check(&image, file, size);
        text_check(image.guest_os, file, size);
        text_check(image.guest_version, file, size);
        text_check(image.xen_version, file, size);
        text_check(image.loader, file, size);
        text_check(image.pae_mode, file, size);
        text_check(image.bsd_symtab, file, size);
        if (!kernel_image_check_pv(&image, &why))
            pv_check(&image);
    }
    free(file);
}

static void unpack_and_check(const struct kernel_source *source)
{
    const char *why = NULL;
    u8 *scratch = malloc(DECOMPRESS_SCRATCH_SIZE), *out = malloc(source->unpacked_size);

    demand(scratch && out);
    if (!kernel_source_unpack(source, out, scratch, DECOMPRESS_SCRATCH_SIZE, &why))
        elf_check(out, source->unpacked_size);
    else
        demand(why);
    free(out);
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kernel_source source;
    const char *why = NULL;
    u8 *module = exact_copy(data, size);
    int error = kernel_source_find(module, size, &source, &why);

    demand(error <= 0 && (!error || why));
    if (!error) {
        demand(source.data >= module && source.size <= (size_t)(module + size - source.data));
        if (!source.compressed)
            elf_check(source.data, source.size);
        else if (source.unpacked_size <= UNPACKED_MAX)
            unpack_and_check(&source);
    }
    free(module);
    return 0;
}
