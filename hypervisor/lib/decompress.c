/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decompress(): tells the format by its magic number and calls its decompressor. The callers are
 * the loaders of kernel images. Formats that Linux's build also knows, and this file does not
 * unpack, are told by name.
 */
#include "decompress_internal.h"

struct decompress_format {
    u8 magic[6];
    u8 magic_size;
    int (*unpack)(struct unpack *u); /* NULL: known by name only */
    int (*size)(struct unpack *u, u64 *size);
    const char *why; /* the refusal then */
};

static const struct decompress_format formats[] = {
    {{0xFD, '7', 'z', 'X', 'Z', 0}, 6, xz_unpack, xz_size, NULL},
    {{0x28, 0xB5, 0x2F, 0xFD}, 4, zstd_unpack, zstd_size, NULL},
    {{0x1F, 0x8B}, 2, gzip_unpack, gzip_size, NULL},
    {{0x02, 0x21, 0x4C, 0x18}, 4, lz4_unpack, lz4_size, NULL},
    {{0x04, 0x22, 0x4D, 0x18}, 4, lz4_unpack, lz4_size, NULL},
    {{'B', 'Z', 'h'}, 3, NULL, NULL, "bzip2 is not supported: use gzip, xz, zstd or lz4"},
    {{0x5D, 0, 0}, 3, NULL, NULL, "LZMA is not supported: use gzip, xz, zstd or lz4"},
    {{0x89, 'L', 'Z', 'O'}, 4, NULL, NULL, "LZO is not supported: use gzip, xz, zstd or lz4"},
};

static const struct decompress_format *format_find(const u8 *in, size_t in_size)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        if (in_size >= formats[i].magic_size &&
            memcmp(in, formats[i].magic, formats[i].magic_size) == 0)
            return &formats[i];
    }
    return NULL;
}

int decompress(const void *in, size_t in_size, void *out, size_t out_size, size_t *out_len,
               void *scratch, size_t scratch_size, const char **why)
{
    const struct decompress_format *format = format_find(in, in_size);
    struct unpack u = {
        .in = in,
        .in_end = (const u8 *)in + in_size,
        .out_start = out,
        .out = out,
        .out_end = (u8 *)out + out_size,
        .scratch = scratch,
        .why = "unknown compression format",
    };
    int error;

    if (scratch_size < DECOMPRESS_SCRATCH_SIZE || (uintptr_t)scratch % 8 != 0)
        error = unpack_fail(&u, -EINVAL, "the decompressor's scratch memory is unfit");
    else if (!format)
        error = -EINVAL;
    else if (!format->unpack)
        error = unpack_fail(&u, -EOPNOTSUPP, format->why);
    else
        error = format->unpack(&u);
    if (error) {
        *why = u.why;
        return error;
    }
    *out_len = (size_t)(u.out - u.out_start);
    return 0;
}

int decompress_size(const void *in, size_t in_size, u64 *size, const char **why)
{
    const struct decompress_format *format = format_find(in, in_size);
    struct unpack u = {
        .in = in,
        .in_end = (const u8 *)in + in_size,
        .why = "unknown compression format",
    };
    int error;

    if (!format)
        error = -EINVAL;
    else if (!format->size)
        error = unpack_fail(&u, -EOPNOTSUPP, format->why);
    else
        error = format->size(&u, size);
    if (error)
        *why = u.why;
    return error;
}
