/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decompress() on whatever a fuzzer thinks of, one program for each FORMAT: the stream begins with
 * that format's magic number, whatever the input says. The checks of headers hold a fuzzer up, so
 * those of xz and lz4 are repaired. What is accepted is compared with what the format's own library
 * makes of it. All buffers have their exact size on the heap, for the sanitizer to watch.
 *
 * The first two bytes of the input choose the size of the output buffer, the rest is the stream.
 */
#include "demand.h"
#include "reference.h"
#include "errno.h"
#include "lib/decompress.h"
#include "hypervisor/lib/decompress_internal.h"

#define OUT_MAX       (1 << 20)
#define OUT_UNIT      16u
#define XZ_BLOCK_AT   12 /* behind the stream's header */
#define XZ_MAGIC_SIZE 6
#define MAGIC_MAX     8

#define LZ4_MAGIC_SIZE     4
#define LZ4_HAS_SIZE       0x08 /* bits of the descriptor's flags */
#define LZ4_HAS_DICTIONARY 0x01

static void nothing_repair(u8 *in, size_t size)
{
    (void)in;
    (void)size;
}

/* The checks of the stream's header and of the first block's. */
static void xz_repair(u8 *in, size_t size)
{
    static struct crc32 crc;
    u32 value;
    size_t header;

    crc32_init(&crc);
    if (size <= XZ_BLOCK_AT)
        return;
    value = crc32_of(&crc, in + XZ_MAGIC_SIZE, 2);
    memcpy(in + XZ_MAGIC_SIZE + 2, &value, sizeof(value));
    header = ((size_t)in[XZ_BLOCK_AT] + 1) * 4;
    if (XZ_BLOCK_AT + header > size)
        return;
    value = crc32_of(&crc, in + XZ_BLOCK_AT, header - sizeof(value));
    memcpy(in + XZ_BLOCK_AT + header - sizeof(value), &value, sizeof(value));
}

/* The check of the frame's descriptor: its flags, its block size, and two fields that may be there.
 */
static void lz4_repair(u8 *in, size_t size)
{
    size_t descriptor = 2;
    if (size <= LZ4_MAGIC_SIZE)
        return;
    descriptor += in[LZ4_MAGIC_SIZE] & LZ4_HAS_SIZE ? 8 : 0;
    descriptor += in[LZ4_MAGIC_SIZE] & LZ4_HAS_DICTIONARY ? 4 : 0;
    if (size > LZ4_MAGIC_SIZE + descriptor)
        in[LZ4_MAGIC_SIZE + descriptor] = (u8)(xxh32_of(in + LZ4_MAGIC_SIZE, descriptor) >> 8);
}

/* The magic numbers of which the lowest bit of the first input byte chooses one. */
struct format {
    u8 magic[2][MAGIC_MAX];
    size_t magic_size;
    void (*repair)(u8 *in, size_t size);
    reference_t reference;
};

enum { gzip, xz, zstd, lz4 };

static const struct format formats[] = {
    [gzip] = {{{0x1F, 0x8B, 8}, {0x1F, 0x8B, 8}}, 3, nothing_repair, reference_gzip},
    [xz] = {{{0xFD, '7', 'z', 'X', 'Z', 0}, {0xFD, '7', 'z', 'X', 'Z', 0}},
            XZ_MAGIC_SIZE,
            xz_repair,
            reference_xz},
    [zstd] = {{{0x28, 0xB5, 0x2F, 0xFD}, {0x28, 0xB5, 0x2F, 0xFD}},
              4,
              nothing_repair,
              reference_zstd},
    [lz4] = {{{0x02, 0x21, 0x4C, 0x18}, {0x04, 0x22, 0x4D, 0x18}},
             LZ4_MAGIC_SIZE,
             lz4_repair,
             reference_lz4},
};

static void compare(const struct format *format, const u8 *in, size_t in_size, const u8 *out,
                    size_t out_size, size_t out_len)
{
    u8 *expected = malloc(out_size);
    size_t expected_len;
    demand(expected);
    if (format->reference(in, in_size, expected, out_size, &expected_len))
        demand(out_len == expected_len && !memcmp(out, expected, out_len));
    free(expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct format *format = &formats[FORMAT];
    size_t out_size, out_len = SIZE_MAX, head = format->magic_size;
    u8 *in, *out, *scratch;
    const char *why = NULL;
    int error;

    if (size < 2)
        return 0;
    out_size = load16(data) / 2 * OUT_UNIT % OUT_MAX;
    in = malloc(head + size - 2);
    out = malloc(out_size);
    scratch = malloc(DECOMPRESS_SCRATCH_SIZE);
    demand(in && out && scratch);
    memcpy(in, format->magic[data[0] & 1], head);
    memcpy(in + head, data + 2, size - 2);
    size += head - 2;
    format->repair(in, size);

    error = decompress(in, size, out, out_size, &out_len, scratch, DECOMPRESS_SCRATCH_SIZE, &why);
    demand(error <= 0 && (error ? why != NULL : out_len <= out_size));
    if (!error)
        compare(format, in, size, out, out_size, out_len);

    free(scratch);
    free(out);
    free(in);
    return 0;
}
