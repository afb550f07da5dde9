/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finite-state entropy codes of zstd: reading a code's distribution and making its table of states
 * (RFC 8878, section 4.1). Called for the weights of Huffman codes and for the codes of sequences.
 */
#include "zstd.h"

#define LOG_MIN 5

/* count (1-16) bits at bit *at of [in, end), the lowest bit first; what lies behind end is zero. */
static u32 bits_peek(const u8 *in, const u8 *end, size_t at, u32 count)
{
    u32 v = 0;

    in += MIN(at / 8, (size_t)(end - in));
    for (u32 i = 0; i < 3 && in < end; i++)
        v |= (u32)*in++ << (8 * i);
    return v >> at % 8 & ((1u << count) - 1);
}

int fse_counts_read(struct unpack *u, const u8 **in, const u8 *end, s16 *counts, u32 *symbols,
                    u32 symbols_max, u32 *log, u32 log_max)
{
    size_t at = 4;
    u32 left, n = 0;

    *log = bits_peek(*in, end, 0, 4) + LOG_MIN;
    if (*log > log_max)
        return unpack_fail(u, -EBADMSG, "zstd: an entropy code is too precise");
    left = 1u << *log;

    /*
     * A count, plus one, is in 0 ... left + 1. It takes the bits of the largest of these, or one
     * less if it is so small that this cannot be mistaken.
     */
    while (left > 0) {
        u32 width = 32 - (u32)__builtin_clz(left + 1);
        u32 low_mask = (1u << (width - 1)) - 1;
        u32 short_values = (1u << width) - 1 - (left + 1);
        u32 v = bits_peek(*in, end, at, width);

        if ((v & low_mask) < short_values) {
            v &= low_mask;
            width--;
        } else if (v > low_mask) {
            v -= short_values;
        }
        at += width;
        if (n == symbols_max)
            return unpack_fail(u, -EBADMSG, "zstd: an entropy code has too many symbols");
        counts[n++] = (s16)((s32)v - 1);
        left -= v == 0 ? 1 : v - 1;
        if (v != 1)
            continue;
        /* After a zero, how many more zeros; 3 goes on. */
        for (u32 zeros = 3; zeros == 3; at += 2) {
            zeros = bits_peek(*in, end, at, 2);
            if (zeros > symbols_max - n)
                return unpack_fail(u, -EBADMSG, "zstd: an entropy code has too many symbols");
            for (u32 i = 0; i < zeros; i++)
                counts[n++] = 0;
        }
    }
    if ((at + 7) / 8 > (size_t)(end - *in))
        return unpack_fail(u, -EBADMSG, "zstd: truncated in an entropy code");
    *in += (at + 7) / 8;
    *symbols = n;
    return 0;
}

/*
 * Gives each symbol its places: rare ones (count -1) from the end, the others spread in steps. The
 * step is odd, so that every place is visited once.
 */
static must_check bool symbols_spread(u8 *symbol_at, const s16 *counts, u32 symbols, u32 log)
{
    u32 size = 1u << log;
    u32 step = (size >> 1) + (size >> 3) + 3;
    u32 rare = size, at = 0, placed = 0;

    for (u32 s = 0; s < symbols; s++) {
        if (counts[s] < 0 && rare > 0)
            symbol_at[--rare] = (u8)s;
    }
    for (u32 s = 0; s < symbols; s++) {
        for (s32 i = 0; i < counts[s]; i++) {
            if (placed++ == rare)
                return false;
            symbol_at[at] = (u8)s;
            do {
                at = (at + step) & (size - 1);
            } while (at >= rare && placed < rare);
        }
    }
    return placed == rare;
}

int fse_table_make(struct unpack *u, struct fse_table *table, const s16 *counts, u32 symbols,
                   u32 log, const u32 *bases, const u8 *extras)
{
    u8 symbol_at[1 << ZSTD_FSE_BITS_MAX];
    u16 next[256];

    table->valid = false;
    if (!symbols_spread(symbol_at, counts, symbols, log))
        return unpack_fail(u, -EBADMSG, "zstd: an entropy code does not add up");
    for (u32 s = 0; s < symbols; s++)
        next[s] = counts[s] < 0 ? 1 : (u16)counts[s];
    for (u32 i = 0; i < 1u << log; i++) {
        u32 s = symbol_at[i];
        u32 x = next[s]++;
        u32 bits = log - (31 - (u32)__builtin_clz(x));

        table->states[i] = (struct fse_state){
            .base = bases ? bases[s] : s,
            .next = (u16)((x << bits) - (1u << log)),
            .extra = extras ? extras[s] : 0,
            .bits = (u8)bits,
        };
    }
    table->log = log;
    table->valid = true;
    return 0;
}
