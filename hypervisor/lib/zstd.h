/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the parts of the zstd decompressor (RFC 8878): frames and blocks (zstd.c), literals and
 * their Huffman codes (zstd_literals.c), the tables of finite-state entropy codes (zstd_fse.c), and
 * sequences (zstd_sequences.c).
 */
#ifndef DOMUS_LIB_ZSTD_H
#define DOMUS_LIB_ZSTD_H

#include "decompress_internal.h"

#define ZSTD_BLOCK_MAX KIB(128)

#define ZSTD_HUFFMAN_BITS_MAX 11
#define ZSTD_FSE_BITS_MAX     9
#define ZSTD_FSE_SYMBOLS_MAX  53 /* the largest alphabet: match lengths */

/* A place in a state machine of an entropy code: what it decodes to, and how it goes on. */
struct fse_state {
    u32 base; /* the value is base + extra bits */
    u16 next; /* the next state is next + bits bits */
    u8 extra;
    u8 bits;
};

struct fse_table {
    u32 log;    /* the number of states is 1 << log; a block begins by reading log bits */
    bool valid; /* a later block may repeat it */
    struct fse_state states[1 << ZSTD_FSE_BITS_MAX];
};

/* The bytes to be put in front of matches, and where they stand. */
struct zstd_literals {
    const u8 *data;
    const u8 *end;
    const u8 *readable_end; /* memory that may be read goes on to here */
};

struct zstd_scratch {
    u16 huffman[1 << ZSTD_HUFFMAN_BITS_MAX]; /* length of the code, and the symbol << 8 */
    u32 huffman_bits;                        /* of the table's index; 0: no table yet */
    struct fse_table weights;                /* of a Huffman code, while it is read */
    struct fse_table literal_lengths;
    struct fse_table match_lengths;
    struct fse_table offsets;
    u32 repeat[3]; /* the latest offsets */
    u8 literals[ZSTD_BLOCK_MAX + COPY_SLACK];
};
STATIC_ASSERT(sizeof(struct zstd_scratch) <= DECOMPRESS_SCRATCH_SIZE);

/* --- Bit streams that are read from their end to their start */

/*
 * bits holds the next bits at its top. Its lowest bit is set when it is loaded, and so marks, as
 * what has been used is shifted out, how much that is: the number of zeros below. A stream has at
 * least BACKWARD_MARGIN bytes of readable memory before it, so that loads at its start need no
 * care.
 */
struct backward {
    u64 bits;
    const u8 *at; /* where bits was loaded */
    const u8 *start;
};

#define BACKWARD_MARGIN 8
#define BACKWARD_BITS   56 /* there after backward_fill */

/* False if more bits have been used than there were. */
static always_inline bool backward_fill(struct backward *b)
{
    u32 used = (u32)__builtin_ctzll(b->bits);

    b->at -= used >> 3;
    if (unlikely(b->start - b->at > BACKWARD_MARGIN))
        return false;
    b->bits = (load64(b->at) | 1) << (used & 7);
    return true;
}

/* How many bits are left before the start; negative if too many were used. */
static inline s64 backward_left(const struct backward *b)
{
    return (b->at - b->start) * 8 + 64 - __builtin_ctzll(b->bits);
}

/* The highest bit set in the last byte marks the end. */
static inline must_check bool backward_open(struct backward *b, const u8 *start, size_t size)
{
    u8 last = size > 0 ? start[size - 1] : 0;

    if (last == 0)
        return false;
    b->start = start;
    b->at = start + size - 8;
    b->bits = (load64(b->at) | 1) << (__builtin_clz(last) - 24 + 1);
    return backward_fill(b);
}

/* The next count (0-31) bits, which have to be there, as a number. */
static always_inline u32 backward_take(struct backward *b, u32 count)
{
    u64 v = b->bits >> 1 >> (~count & 63);

    b->bits <<= count;
    return (u32)v;
}

/*
 * Reads the distribution of a code of at most symbols_max symbols and log_max bits from *in, and
 * moves *in behind it. counts has a place for each symbol; -1 is less than one.
 */
must_check int fse_counts_read(struct unpack *u, const u8 **in, const u8 *end, s16 *counts,
                               u32 *symbols, u32 symbols_max, u32 *log, u32 log_max);
/* Makes the states; value n is bases[n] + extras[n] bits, or just n if both are NULL. */
must_check int fse_table_make(struct unpack *u, struct fse_table *table, const s16 *counts,
                              u32 symbols, u32 log, const u32 *bases, const u8 *extras);

/* Unpacks the literals of the block [*in, end), and moves *in behind them. */
must_check int zstd_literals_decode(struct unpack *u, const u8 **in, const u8 *end,
                                    struct zstd_literals *literals);
/* Unpacks the sequences [in, end) to u->out, and the literals with them. */
must_check int zstd_sequences_decode(struct unpack *u, const u8 *in, const u8 *end,
                                     struct zstd_literals *literals);

#endif
