/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lz4: blocks of literals and matches without entropy coding ("LZ4 Block Format"), in the legacy
 * frame, which Linux's build makes, or the modern one ("LZ4 Frame Format", version 1.6). Called by
 * decompress.c. The caller's output buffer serves as the window.
 */
#include "decompress_internal.h"

#define LEGACY_MAGIC      0x184C2102u
#define LEGACY_BLOCK_SIZE MIB(8) /* unpacked, of every block but the last */

#define FLG_VERSION_MASK     0xC0
#define FLG_VERSION          0x40
#define FLG_INDEPENDENT      0x20
#define FLG_BLOCK_CHECKSUM   0x10
#define FLG_CONTENT_SIZE     0x08
#define FLG_CONTENT_CHECKSUM 0x04
#define FLG_RESERVED         0x02
#define FLG_DICTIONARY       0x01
#define BD_RESERVED          0x8F
#define BD_SIZE_SHIFT        4
#define BD_SIZE_MIN          4 /* 64 KiB, each step four times that */

#define BLOCK_STORED 0x80000000u

#define MATCH_MIN     4
#define LENGTH_ESCAPE 15 /* a length of 4 bits that goes on in the next bytes */

/* A length whose first 4 bits are at hand; the bytes of 255 go on. False if they pass end. */
static inline bool length_read(const u8 **in, const u8 *end, size_t *length)
{
    u8 b;

    if (*length != LENGTH_ESCAPE)
        return true;
    do {
        if (*in == end)
            return false;
        b = *(*in)++;
        *length += b;
    } while (b == 0xFF);
    return true;
}

static must_check int literals_copy(struct unpack *u, const u8 *in, const u8 *end, size_t length)
{
    if (length > (size_t)(end - in))
        return unpack_fail(u, -EBADMSG, "lz4: literals pass the end of their block");
    if (length > unpack_out_left(u))
        return unpack_fail(u, -ENOSPC, "lz4: the output buffer is too small");
    if (unpack_out_left(u) - length >= COPY_SLACK &&
        (size_t)(u->in_end - in) - length >= COPY_SLACK)
        literal_copy(u->out, in, length);
    else
        memcpy(u->out, in, length);
    u->out += length;
    return 0;
}

/* Unpacks the block of size bytes at u->in. Matches may begin at window or later. */
static must_check int block_unpack(struct unpack *u, size_t size, const u8 *window)
{
    const u8 *in = u->in;
    const u8 *end = in + size;

    while (in < end) {
        u8 token = *in++;
        size_t literals = token >> 4;
        size_t length = token & LENGTH_ESCAPE;
        size_t distance;
        int error;

        if (!length_read(&in, end, &literals))
            return unpack_fail(u, -EBADMSG, "lz4: truncated in a length");
        error = literals_copy(u, in, end, literals);
        if (error)
            return error;
        in += literals;
        if (in == end) {
            u->in = end;
            return 0;
        }

        if (end - in < 2)
            return unpack_fail(u, -EBADMSG, "lz4: truncated in a match's distance");
        distance = load16(in);
        in += 2;
        if (!length_read(&in, end, &length))
            return unpack_fail(u, -EBADMSG, "lz4: truncated in a length");
        length += MATCH_MIN;
        if (distance == 0 || distance > (size_t)(u->out - window))
            return unpack_fail(u, -EBADMSG, "lz4: a match begins before the data");
        if (length > unpack_out_left(u))
            return unpack_fail(u, -ENOSPC, "lz4: the output buffer is too small");
        if (unpack_out_left(u) - length >= COPY_SLACK)
            match_copy(u->out, distance, length);
        else
            match_copy_exact(u->out, distance, length);
        u->out += length;
    }
    return unpack_fail(u, -EBADMSG, "lz4: a block does not end with literals");
}

/*
 * Blocks, each behind its size, without an end mark. The last one is the first that holds less than
 * 8 MiB. When all are full, the end of the input ends it, or the unpacked size: 4 bytes that
 * Linux's build appends, and which are no block as nothing follows them.
 */
static must_check int legacy_unpack(struct unpack *u)
{
    u8 *block;

    u->in += 4;
    do {
        u32 size;
        int error;

        if (unpack_in_left(u) < 4) {
            if (u->out == u->out_start || unpack_in_left(u) > 0)
                return unpack_fail(u, -EBADMSG, "lz4: truncated between blocks");
            return 0;
        }
        size = load32(u->in);
        if (unpack_in_left(u) == 4 && u->out > u->out_start && size == (u32)(u->out - u->out_start))
            return 0;
        u->in += 4;
        if (size > unpack_in_left(u))
            return unpack_fail(u, -EBADMSG, "lz4: truncated in a block");
        block = u->out;
        error = block_unpack(u, size, block);
        if (error)
            return error;
        if ((size_t)(u->out - block) > LEGACY_BLOCK_SIZE)
            return unpack_fail(u, -EBADMSG, "lz4: a block is larger than the format allows");
    } while (u->out - block == LEGACY_BLOCK_SIZE);
    return 0;
}

/* What a modern frame's descriptor says. */
struct lz4_frame {
    u8 flags;
    size_t block_max;
    u64 content_size; /* if FLG_CONTENT_SIZE */
};

static must_check int frame_header(struct unpack *u, struct lz4_frame *frame)
{
    const u8 *p = u->in + 4;
    size_t size = 2; /* of the descriptor, without the byte of its checksum */
    u8 bd;

    if (unpack_in_left(u) < 4 + 2)
        return unpack_fail(u, -EBADMSG, "lz4: truncated in the frame's header");
    frame->flags = p[0];
    bd = p[1];
    if ((frame->flags & FLG_VERSION_MASK) != FLG_VERSION || (frame->flags & FLG_RESERVED) ||
        (bd & BD_RESERVED) || bd >> BD_SIZE_SHIFT < BD_SIZE_MIN)
        return unpack_fail(u, -EBADMSG, "lz4: the frame's header is malformed");
    if (frame->flags & FLG_DICTIONARY)
        return unpack_fail(u, -EOPNOTSUPP, "lz4: needs a dictionary");
    frame->block_max = KIB(64) << (2 * ((bd >> BD_SIZE_SHIFT) - BD_SIZE_MIN));
    if (frame->flags & FLG_CONTENT_SIZE)
        size += 8;
    if (unpack_in_left(u) < 4 + size + 1)
        return unpack_fail(u, -EBADMSG, "lz4: truncated in the frame's header");
    if (frame->flags & FLG_CONTENT_SIZE)
        frame->content_size = load64(p + 2);
    if ((u8)(xxh32_of(p, size) >> 8) != p[size])
        return unpack_fail(u, -EBADMSG, "lz4: checksum of the frame's header differs");
    u->in = p + size + 1;
    return 0;
}

/* The data of one block, whose size field has been read. */
static must_check int frame_block(struct unpack *u, const struct lz4_frame *frame, u32 field)
{
    u32 size = field & ~BLOCK_STORED;
    u32 checksum_size = frame->flags & FLG_BLOCK_CHECKSUM ? 4 : 0;
    u8 *block = u->out;
    int error;

    if (size > frame->block_max)
        return unpack_fail(u, -EBADMSG, "lz4: a block is larger than the frame allows");
    if ((size_t)size + checksum_size > unpack_in_left(u))
        return unpack_fail(u, -EBADMSG, "lz4: truncated in a block");
    if (checksum_size && xxh32_of(u->in, size) != load32(u->in + size))
        return unpack_fail(u, -EBADMSG, "lz4: checksum of a block differs");
    if (field & BLOCK_STORED) {
        error = literals_copy(u, u->in, u->in + size, size);
        u->in += size;
    } else {
        error = block_unpack(u, size, frame->flags & FLG_INDEPENDENT ? block : u->out_start);
    }
    if (error)
        return error;
    if ((size_t)(u->out - block) > frame->block_max)
        return unpack_fail(u, -EBADMSG, "lz4: a block is larger than the frame allows");
    u->in += checksum_size;
    return 0;
}

static must_check int frame_unpack(struct unpack *u)
{
    struct lz4_frame frame = {0};
    size_t size;
    int error = frame_header(u, &frame);

    while (!error) {
        u32 field;

        if (unpack_in_left(u) < 4)
            return unpack_fail(u, -EBADMSG, "lz4: truncated between blocks");
        field = load32(u->in);
        u->in += 4;
        if (field == 0)
            break;
        error = frame_block(u, &frame, field);
    }
    if (error)
        return error;

    size = (size_t)(u->out - u->out_start);
    if ((frame.flags & FLG_CONTENT_SIZE) && frame.content_size != size)
        return unpack_fail(u, -EBADMSG, "lz4: the unpacked size differs from the frame's header");
    if (frame.flags & FLG_CONTENT_CHECKSUM) {
        if (unpack_in_left(u) < 4)
            return unpack_fail(u, -EBADMSG, "lz4: truncated in the checksum");
        if (xxh32_of(u->out_start, size) != load32(u->in))
            return unpack_fail(u, -EBADMSG, "lz4: checksum of the data differs");
        u->in += 4;
    }
    return 0;
}

int lz4_unpack(struct unpack *u)
{
    return load32(u->in) == LEGACY_MAGIC ? legacy_unpack(u) : frame_unpack(u);
}

int lz4_size(struct unpack *u, u64 *size)
{
    struct lz4_frame frame = {0};
    int error = load32(u->in) == LEGACY_MAGIC ? 0 : frame_header(u, &frame);

    if (error)
        return error;
    if (!(frame.flags & FLG_CONTENT_SIZE))
        return unpack_fail(u, -EOPNOTSUPP,
                           "lz4: the file does not say its unpacked size (lz4 --content-size)");
    *size = frame.content_size;
    return 0;
}
