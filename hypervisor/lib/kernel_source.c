/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel inside a boot module: an ELF file, as it is or compressed, or the payload of a
 * bzImage, which mostly is a compressed ELF file. Called by whatever builds a domain from a kernel,
 * before kernel_image.c.
 */
#include "lib/kernel_image.h"
#include "lib/bzimage.h"
#include "lib/decompress.h"
#include "errno.h"

/* A module that is neither ELF nor bzImage: all of it may be a compressed ELF file. */
static must_check int packed_find(const void *module, size_t size, struct kernel_source *source,
                                  const char **why)
{
    u64 unpacked_size;
    int error = decompress_size(module, size, &unpacked_size, why);

    if (error == -EINVAL) {
        *why = "kernel: neither a bzImage nor an ELF file, packed or not";
        return -ENOEXEC;
    }
    if (error)
        return error;
    *source = (struct kernel_source){KERNEL_FORMAT_PACKED, true, module, size, unpacked_size};
    return 0;
}

int kernel_source_find(const void *module, size_t size, struct kernel_source *source,
                       const char **why)
{
    struct bzimage bzimage;
    int error;

    if (elf_recognise(module, size)) {
        *source = (struct kernel_source){KERNEL_FORMAT_ELF, false, module, size, size};
        return 0;
    }
    if (!bzimage_recognise(module, size))
        return packed_find(module, size, source, why);
    error = bzimage_parse(module, size, &bzimage, why);
    if (error)
        return error;
    *source = (struct kernel_source){
        .format = KERNEL_FORMAT_BZIMAGE,
        .compressed = !elf_recognise(bzimage.payload, bzimage.payload_size),
        .data = bzimage.payload,
        .size = bzimage.payload_size,
    };
    source->unpacked_size = source->compressed ? bzimage.unpacked_size : source->size;
    return 0;
}

int kernel_source_unpack(const struct kernel_source *source, void *out, void *scratch,
                         size_t scratch_size, const char **why)
{
    size_t length;
    int error;

    error = decompress(source->data, source->size, out, source->unpacked_size, &length, scratch,
                       scratch_size, why);
    if (error)
        return error;
    if (length != source->unpacked_size) {
        *why = "kernel: it unpacks to less than its file says";
        return -EBADMSG;
    }
    return 0;
}
