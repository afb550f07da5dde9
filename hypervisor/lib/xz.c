/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The xz container ("The .xz File Format", version 1.1.0): a stream of a header, blocks, an index
 * of them and a footer. Called by decompress.c. The first stream is unpacked, what follows is
 * ignored. A block's whole output lies in the caller's buffer, so that the buffer is LZMA2's
 * dictionary, and the branch filter and the check run once over it.
 */
#include "xz.h"

#define STREAM_HEADER_SIZE 12
#define STREAM_FOOTER_SIZE 12
#define STREAM_FLAGS_AT    6 /* in the header */
#define FOOTER_SIZE_AT     4 /* of the index, in units of 4 bytes, less 1 */
#define FOOTER_FLAGS_AT    8
#define FOOTER_MAGIC_AT    10

#define CHECK_NONE   0
#define CHECK_CRC32  1
#define CHECK_CRC64  4
#define CHECK_SHA256 10

#define FILTER_X86   0x04
#define FILTER_LZMA2 0x21

#define BLOCK_FILTERS_MASK   0x03
#define BLOCK_RESERVED       0x3C
#define BLOCK_HAS_CODED_SIZE 0x40
#define BLOCK_HAS_SIZE       0x80

#define LZMA2_DICTIONARY_MAX 40 /* in the coding of the filter's property */

/* The longest number: 9 bytes of 7 bits. */
#define NUMBER_BYTES_MAX 9

/* What a stream needs at once. */
struct xz_scratch {
    struct lzma lzma;
    struct crc32 crc32;
    struct crc64 crc64;
};
STATIC_ASSERT(sizeof(struct xz_scratch) <= DECOMPRESS_SCRATCH_SIZE);

struct xz {
    struct unpack *u;
    struct xz_scratch *scratch;
    u8 check;
    /* Of all blocks so far, to be found again in the index. */
    u64 blocks;
    u64 coded_total; /* without the padding */
    u64 size_total;
};

/* One block, as its header describes it. */
struct xz_block {
    bool x86;
    bool has_coded_size;
    bool has_size;
    u64 coded_size;
    u64 size;
};

/* A number of variable length at *p; false if it is malformed or passes end. */
static bool number_read(const u8 **p, const u8 *end, u64 *number)
{
    u64 v = 0;

    for (u32 i = 0; i < NUMBER_BYTES_MAX && *p < end; i++) {
        u8 b = *(*p)++;

        v |= (u64)(b & 0x7F) << (7 * i);
        if (!(b & 0x80)) {
            *number = v;
            return b != 0 || i == 0;
        }
    }
    return false;
}

static int stream_header(struct xz *x)
{
    struct unpack *u = x->u;
    const u8 *flags = u->in + STREAM_FLAGS_AT;

    if (unpack_in_left(u) < STREAM_HEADER_SIZE)
        return unpack_fail(u, -EBADMSG, "xz: truncated in the stream's header");
    if (crc32_of(&x->scratch->crc32, flags, 2) != load32(flags + 2))
        return unpack_fail(u, -EBADMSG, "xz: CRC32 of the stream's header differs");
    x->check = flags[1];
    if (flags[0] != 0 || (x->check != CHECK_NONE && x->check != CHECK_CRC32 &&
                          x->check != CHECK_CRC64 && x->check != CHECK_SHA256))
        return unpack_fail(u, -EOPNOTSUPP, "xz: unknown kind of integrity check");
    if (x->check == CHECK_CRC64)
        crc64_init(&x->scratch->crc64);
    u->in += STREAM_HEADER_SIZE;
    return 0;
}

/* One filter's description at *p: its identity and its properties (at most 255 bytes). */
static bool filter_read(const u8 **p, const u8 *end, u64 *id, const u8 **props, u64 *props_size)
{
    if (!number_read(p, end, id) || !number_read(p, end, props_size) ||
        *props_size > (size_t)(end - *p))
        return false;
    *props = *p;
    *p += *props_size;
    return true;
}

/* The filters of a block: LZMA2, or x86 and LZMA2. */
static int block_filters(struct unpack *u, const u8 **p, const u8 *end, u32 count,
                         struct xz_block *block)
{
    const u8 *props;
    u64 id, size;

    for (u32 i = 0; i < count; i++) {
        bool last = i == count - 1;

        if (!filter_read(p, end, &id, &props, &size))
            return unpack_fail(u, -EBADMSG, "xz: a block's header is malformed");
        if (last && id == FILTER_LZMA2 && size == 1 && *props <= LZMA2_DICTIONARY_MAX)
            return 0;
        if (last || id != FILTER_X86 || size != 0 || block->x86)
            return unpack_fail(u, -EOPNOTSUPP, "xz: filters other than LZMA2 and x86");
        block->x86 = true;
    }
    return 0;
}

/* Parses the header at u->in, whose first byte (its size) is known not to be zero. */
static int block_header(struct xz *x, struct xz_block *block)
{
    struct unpack *u = x->u;
    size_t size = ((size_t)u->in[0] + 1) * 4;
    const u8 *end = u->in + size - 4;
    const u8 *p = u->in + 2;
    u8 flags;
    int error;

    if (unpack_in_left(u) < size)
        return unpack_fail(u, -EBADMSG, "xz: truncated in a block's header");
    if (crc32_of(&x->scratch->crc32, u->in, size - 4) != load32(end))
        return unpack_fail(u, -EBADMSG, "xz: CRC32 of a block's header differs");
    flags = u->in[1];
    if (flags & BLOCK_RESERVED)
        return unpack_fail(u, -EOPNOTSUPP, "xz: unknown flags of a block");

    *block = (struct xz_block){.has_coded_size = flags & BLOCK_HAS_CODED_SIZE,
                               .has_size = flags & BLOCK_HAS_SIZE};
    if ((block->has_coded_size && !number_read(&p, end, &block->coded_size)) ||
        (block->has_size && !number_read(&p, end, &block->size)))
        return unpack_fail(u, -EBADMSG, "xz: a block's header is malformed");
    error = block_filters(u, &p, end, (flags & BLOCK_FILTERS_MASK) + 1, block);
    if (error)
        return error;
    for (; p < end; p++) {
        if (*p != 0)
            return unpack_fail(u, -EOPNOTSUPP, "xz: a block's header has unknown fields");
    }
    u->in += size;
    return 0;
}

static size_t check_size(u8 check)
{
    switch (check) {
    case CHECK_CRC32:
        return 4;
    case CHECK_CRC64:
        return 8;
    case CHECK_SHA256:
        return SHA256_SIZE;
    default:
        return 0;
    }
}

/* Verifies the block's check at u->in over its output. */
static int block_check(struct xz *x, const u8 *data)
{
    struct unpack *u = x->u;
    size_t size = (size_t)(u->out - data);
    u8 digest[SHA256_SIZE];

    if (unpack_in_left(u) < check_size(x->check))
        return unpack_fail(u, -EBADMSG, "xz: truncated in a block's check");
    if (x->check == CHECK_CRC32 && crc32_of(&x->scratch->crc32, data, size) != load32(u->in))
        return unpack_fail(u, -EBADMSG, "xz: CRC32 of a block differs");
    if (x->check == CHECK_CRC64 && crc64_of(&x->scratch->crc64, data, size) != load64(u->in))
        return unpack_fail(u, -EBADMSG, "xz: CRC64 of a block differs");
    if (x->check == CHECK_SHA256) {
        sha256_of(data, size, digest);
        if (memcmp(digest, u->in, sizeof(digest)) != 0)
            return unpack_fail(u, -EBADMSG, "xz: SHA-256 of a block differs");
    }
    u->in += check_size(x->check);
    return 0;
}

static int block_decode(struct xz *x)
{
    struct unpack *u = x->u;
    const u8 *start = u->in;
    u8 *data = u->out;
    struct xz_block block;
    const u8 *coded;
    u64 unpadded;
    int error;

    error = block_header(x, &block);
    if (error)
        return error;
    coded = u->in;
    error = lzma2_decode(u, &x->scratch->lzma);
    if (error)
        return error;
    if ((block.has_coded_size && block.coded_size != (u64)(u->in - coded)) ||
        (block.has_size && block.size != (u64)(u->out - data)))
        return unpack_fail(u, -EBADMSG, "xz: a block's size differs from its header");
    if (block.x86)
        bcj_x86_undo(data, (size_t)(u->out - data));

    unpadded = (u64)(u->in - start) + check_size(x->check);
    for (; (u->in - start) % 4 != 0; u->in++) {
        if (unpack_in_left(u) == 0 || *u->in != 0)
            return unpack_fail(u, -EBADMSG, "xz: a block's padding is truncated or not zero");
    }
    x->blocks++;
    x->coded_total += unpadded;
    x->size_total += (u64)(u->out - data);
    return block_check(x, data);
}

/*
 * Compares the index at u->in with the blocks that were seen, and leaves its size in *index_size.
 */
static int index_check(struct xz *x, u64 *index_size)
{
    struct unpack *u = x->u;
    const u8 *p = u->in + 1;
    u64 count, coded_total = 0, size_total = 0;

    if (!number_read(&p, u->in_end, &count) || count != x->blocks)
        return unpack_fail(u, -EBADMSG, "xz: the index has another number of blocks");
    for (; count > 0; count--) {
        u64 coded, size;

        if (!number_read(&p, u->in_end, &coded) || !number_read(&p, u->in_end, &size))
            return unpack_fail(u, -EBADMSG, "xz: the index is truncated or malformed");
        coded_total += coded;
        size_total += size;
    }
    if (coded_total != x->coded_total || size_total != x->size_total)
        return unpack_fail(u, -EBADMSG, "xz: the index differs from the blocks");
    for (; (p - u->in) % 4 != 0; p++) {
        if (p == u->in_end || *p != 0)
            return unpack_fail(u, -EBADMSG, "xz: the index's padding is truncated or not zero");
    }
    if ((size_t)(u->in_end - p) < 4)
        return unpack_fail(u, -EBADMSG, "xz: the index is truncated");
    if (crc32_of(&x->scratch->crc32, u->in, (size_t)(p - u->in)) != load32(p))
        return unpack_fail(u, -EBADMSG, "xz: CRC32 of the index differs");
    *index_size = (u64)(p + 4 - u->in);
    u->in = p + 4;
    return 0;
}

static int stream_footer(struct xz *x, u64 index_size)
{
    struct unpack *u = x->u;
    const u8 *footer = u->in;

    if (unpack_in_left(u) < STREAM_FOOTER_SIZE)
        return unpack_fail(u, -EBADMSG, "xz: truncated in the stream's footer");
    if (crc32_of(&x->scratch->crc32, footer + FOOTER_SIZE_AT, 6) != load32(footer))
        return unpack_fail(u, -EBADMSG, "xz: CRC32 of the stream's footer differs");
    if (((u64)load32(footer + FOOTER_SIZE_AT) + 1) * 4 != index_size ||
        footer[FOOTER_FLAGS_AT] != 0 || footer[FOOTER_FLAGS_AT + 1] != x->check ||
        footer[FOOTER_MAGIC_AT] != 'Y' || footer[FOOTER_MAGIC_AT + 1] != 'Z')
        return unpack_fail(u, -EBADMSG, "xz: the stream's footer differs from its header");
    u->in += STREAM_FOOTER_SIZE;
    return 0;
}

int xz_unpack(struct unpack *u)
{
    struct xz x = {.u = u, .scratch = u->scratch};
    u64 index_size;
    int error;

    crc32_init(&x.scratch->crc32);
    lzma_init(&x.scratch->lzma);
    error = stream_header(&x);
    while (!error) {
        if (unpack_in_left(u) == 0)
            return unpack_fail(u, -EBADMSG, "xz: truncated between blocks");
        if (*u->in == 0)
            break;
        error = block_decode(&x);
    }
    if (!error)
        error = index_check(&x, &index_size);
    if (!error)
        error = stream_footer(&x, index_size);
    return error;
}

/*
 * The sum over the index, which the footer at the end of the input finds. Their CRCs are left to
 * xz_unpack(), which has the memory for the tables.
 */
int xz_size(struct unpack *u, u64 *size)
{
    const u8 *footer, *p;
    u64 index_size, count, coded, one, sum = 0;

    if (unpack_in_left(u) < STREAM_HEADER_SIZE + STREAM_FOOTER_SIZE)
        return unpack_fail(u, -EBADMSG, "xz: truncated");
    footer = u->in_end - STREAM_FOOTER_SIZE;
    if (footer[FOOTER_MAGIC_AT] != 'Y' || footer[FOOTER_MAGIC_AT + 1] != 'Z')
        return unpack_fail(u, -EBADMSG, "xz: truncated, the file does not end with a footer");
    index_size = ((u64)load32(footer + FOOTER_SIZE_AT) + 1) * 4;
    if (index_size > (u64)(footer - u->in) - STREAM_HEADER_SIZE)
        return unpack_fail(u, -EBADMSG, "xz: the footer says that the index is before the file");
    p = footer - index_size;
    if (*p++ != 0 || !number_read(&p, footer, &count))
        return unpack_fail(u, -EBADMSG, "xz: the index is malformed");
    for (; count > 0; count--) {
        if (!number_read(&p, footer, &coded) || !number_read(&p, footer, &one) || one > ~sum)
            return unpack_fail(u, -EBADMSG, "xz: the index is truncated or malformed");
        sum += one;
    }
    *size = sum;
    return 0;
}
