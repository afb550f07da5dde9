/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame and the blocks of zstd (RFC 8878). Called by decompress.c. The first frame is unpacked,
 * what follows is ignored. The caller's output buffer serves as the window, whatever its size in
 * the frame's header.
 */
#include "zstd.h"

#define DESCRIPTOR_DICTIONARY 0x03 /* bytes of the dictionary's identity: 0, 1, 2, 4 */
#define DESCRIPTOR_CHECKSUM   0x04
#define DESCRIPTOR_RESERVED   0x08
#define DESCRIPTOR_SINGLE     0x20 /* no window descriptor */
#define DESCRIPTOR_SIZE_SHIFT 6    /* bytes of the unpacked size: 0 (1 if SINGLE), 2, 4, 8 */

#define MAGIC_SIZE        4
#define BLOCK_HEADER_SIZE 3
#define CHECKSUM_SIZE     4

#define BLOCK_STORED     0
#define BLOCK_REPEATED   1
#define BLOCK_COMPRESSED 2

/* Added to an unpacked size of 2 bytes. */
#define SIZE_2_BASE 256

struct zstd_frame {
    bool has_checksum;
    bool has_size;
    u64 size;
};

static u64 number_read(const u8 *p, u32 size)
{
    u64 v = 0;

    for (u32 i = 0; i < size; i++)
        v |= (u64)p[i] << (8 * i);
    return v;
}

static must_check int frame_header(struct unpack *u, struct zstd_frame *frame)
{
    static const u8 dictionary_sizes[] = {0, 1, 2, 4}, content_sizes[] = {0, 2, 4, 8};
    const u8 *p = u->in + MAGIC_SIZE;
    u32 window_size, dictionary_size, content_size;
    u8 descriptor;

    if (unpack_in_left(u) < MAGIC_SIZE + 1)
        return unpack_fail(u, -EBADMSG, "zstd: truncated in the frame's header");
    descriptor = *p++;
    if (descriptor & DESCRIPTOR_RESERVED)
        return unpack_fail(u, -EOPNOTSUPP, "zstd: unknown flags of the frame");
    window_size = descriptor & DESCRIPTOR_SINGLE ? 0 : 1;
    dictionary_size = dictionary_sizes[descriptor & DESCRIPTOR_DICTIONARY];
    content_size = content_sizes[descriptor >> DESCRIPTOR_SIZE_SHIFT];
    if (content_size == 0 && (descriptor & DESCRIPTOR_SINGLE))
        content_size = 1;
    if ((size_t)(u->in_end - p) < window_size + dictionary_size + content_size)
        return unpack_fail(u, -EBADMSG, "zstd: truncated in the frame's header");

    p += window_size;
    if (number_read(p, dictionary_size) != 0)
        return unpack_fail(u, -EOPNOTSUPP, "zstd: needs a dictionary");
    p += dictionary_size;
    frame->has_checksum = descriptor & DESCRIPTOR_CHECKSUM;
    frame->has_size = content_size > 0;
    frame->size = number_read(p, content_size) + (content_size == 2 ? SIZE_2_BASE : 0);
    u->in = p + content_size;
    return 0;
}

static must_check int block_compressed(struct unpack *u, size_t size)
{
    struct zstd_literals literals;
    const u8 *in = u->in;
    const u8 *end = in + size;
    int error;

    error = zstd_literals_decode(u, &in, end, &literals);
    if (!error)
        error = zstd_sequences_decode(u, in, end, &literals);
    u->in = end;
    return error;
}

/* The contents of a block: size bytes at u->in, or one byte that is repeated size times. */
static must_check int block_decode(struct unpack *u, u32 type, size_t size)
{
    size_t in_size = type == BLOCK_REPEATED ? 1 : size;

    if (size > ZSTD_BLOCK_MAX)
        return unpack_fail(u, -EBADMSG, "zstd: a block is larger than the format allows");
    if (in_size > unpack_in_left(u))
        return unpack_fail(u, -EBADMSG, "zstd: truncated in a block");
    if (type == BLOCK_COMPRESSED)
        return block_compressed(u, size);
    if (type != BLOCK_STORED && type != BLOCK_REPEATED)
        return unpack_fail(u, -EBADMSG, "zstd: unknown kind of block");
    if (size > unpack_out_left(u))
        return unpack_fail(u, -ENOSPC, "zstd: the output buffer is too small");
    if (type == BLOCK_STORED)
        memcpy(u->out, u->in, size);
    else
        memset(u->out, *u->in, size);
    u->in += in_size;
    u->out += size;
    return 0;
}

static must_check int frame_end(struct unpack *u, const struct zstd_frame *frame)
{
    size_t size = (size_t)(u->out - u->out_start);

    if (frame->has_size && frame->size != size)
        return unpack_fail(u, -EBADMSG, "zstd: the unpacked size differs from the frame's header");
    if (!frame->has_checksum)
        return 0;
    if (unpack_in_left(u) < CHECKSUM_SIZE)
        return unpack_fail(u, -EBADMSG, "zstd: truncated in the checksum");
    if ((u32)xxh64_of(u->out_start, size) != load32(u->in))
        return unpack_fail(u, -EBADMSG, "zstd: checksum of the data differs");
    u->in += CHECKSUM_SIZE;
    return 0;
}

int zstd_unpack(struct unpack *u)
{
    struct zstd_scratch *z = u->scratch;
    struct zstd_frame frame;
    u32 header;
    int error;

    z->huffman_bits = 0;
    z->literal_lengths.valid = false;
    z->match_lengths.valid = false;
    z->offsets.valid = false;
    z->repeat[0] = 1;
    z->repeat[1] = 4;
    z->repeat[2] = 8;

    error = frame_header(u, &frame);
    if (error)
        return error;
    if (frame.has_size && frame.size > unpack_out_left(u))
        return unpack_fail(u, -ENOSPC, "zstd: the output buffer is too small");
    do {
        if (unpack_in_left(u) < BLOCK_HEADER_SIZE)
            return unpack_fail(u, -EBADMSG, "zstd: truncated between blocks");
        header = (u32)number_read(u->in, BLOCK_HEADER_SIZE);
        u->in += BLOCK_HEADER_SIZE;
        error = block_decode(u, header >> 1 & 3, header >> 3);
        if (error)
            return error;
    } while (!(header & 1));
    return frame_end(u, &frame);
}

int zstd_size(struct unpack *u, u64 *size)
{
    struct zstd_frame frame;
    int error = frame_header(u, &frame);

    if (error)
        return error;
    if (!frame.has_size)
        return unpack_fail(u, -EOPNOTSUPP, "zstd: the file does not say its unpacked size");
    *size = frame.size;
    return 0;
}
