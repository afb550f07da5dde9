/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The literals of a zstd block (RFC 8878, section 3.1.1.3.1): stored, repeated, or Huffman-coded in
 * one or four streams. Called by zstd.c. Stored ones stay in the input; others go to the scratch
 * memory.
 */
#include "zstd.h"

/* The section's header: its type, and how its sizes are written. */
#define TYPE_STORED     0
#define TYPE_REPEATED   1
#define TYPE_COMPRESSED 2
#define TYPE_TREELESS   3 /* compressed, with the Huffman code of the block before */

#define WEIGHTS_MAX 255 /* the last symbol's weight is implied */
#define WEIGHTS_DIRECT                                                                             \
    128 /* from here on the header counts weights of 4 bits, else it is a size                     \
         */
#define WEIGHT_FSE_LOG 6

#define JUMP_TABLE_SIZE 6

/* Symbols that are decoded between two fillings: 5 of at most 11 bits. */
#define SYMBOLS_PER_FILL 5
STATIC_ASSERT(SYMBOLS_PER_FILL *ZSTD_HUFFMAN_BITS_MAX <= BACKWARD_BITS);

/*
 * Weights behind an entropy code: two state machines take turns. The stream ends when one cannot
 * go on for lack of bits; the other then has one last weight.
 */
static must_check int weights_decode(struct unpack *u, const u8 *in, const u8 *end, u8 *weights,
                                     u32 *count)
{
    struct zstd_scratch *z = u->scratch;
    struct fse_table *table = &z->weights;
    s16 counts[ZSTD_HUFFMAN_BITS_MAX + 1];
    const struct fse_state *state[2];
    struct backward b;
    u32 symbols, log, n = 0;
    int error;

    error =
        fse_counts_read(u, &in, end, counts, &symbols, ARRAY_SIZE(counts), &log, WEIGHT_FSE_LOG);
    if (!error)
        error = fse_table_make(u, table, counts, symbols, log, NULL, NULL);
    if (error)
        return error;
    if (!backward_open(&b, in, (size_t)(end - in)))
        return unpack_fail(u, -EBADMSG, "zstd: a Huffman code's weights are malformed");
    state[0] = &table->states[backward_take(&b, log)];
    state[1] = &table->states[backward_take(&b, log)];

    for (u32 turn = 0; n < WEIGHTS_MAX - 1; turn ^= 1) {
        if (!backward_fill(&b) || backward_left(&b) < 0)
            break;
        weights[n++] = (u8)state[turn]->base;
        if (backward_left(&b) < state[turn]->bits) {
            weights[n++] = (u8)state[turn ^ 1]->base;
            *count = n;
            return 0;
        }
        state[turn] = &table->states[state[turn]->next + backward_take(&b, state[turn]->bits)];
    }
    return unpack_fail(u, -EBADMSG, "zstd: a Huffman code's weights are malformed");
}

/* Reads the weights at *in: a header byte, and what it describes. */
static must_check int weights_read(struct unpack *u, const u8 **in, const u8 *end, u8 *weights,
                                   u32 *count)
{
    const u8 *p = *in;
    size_t size;
    u8 header;

    if (p == end)
        return unpack_fail(u, -EBADMSG, "zstd: truncated in a Huffman code");
    header = *p++;
    *count = header - (WEIGHTS_DIRECT - 1);
    size = header >= WEIGHTS_DIRECT ? (*count + 1) / 2 : header;
    if (size > (size_t)(end - p))
        return unpack_fail(u, -EBADMSG, "zstd: truncated in a Huffman code");
    *in = p + size;
    if (header < WEIGHTS_DIRECT)
        return weights_decode(u, p, p + size, weights, count);
    for (u32 i = 0; i < *count; i++)
        weights[i] = i % 2 == 0 ? p[i / 2] >> 4 : p[i / 2] & 0xF;
    return 0;
}

/* Reads a Huffman code and makes its table. A symbol of weight w takes 2^(w - 1) of its places. */
static must_check int huffman_read(struct unpack *u, const u8 **in, const u8 *end)
{
    struct zstd_scratch *z = u->scratch;
    u8 weights[WEIGHTS_MAX + 1];
    u32 count, total = 0, left, bits, place = 0;
    int error;

    z->huffman_bits = 0;
    error = weights_read(u, in, end, weights, &count);
    if (error)
        return error;
    for (u32 i = 0; i < count; i++) {
        if (weights[i] > ZSTD_HUFFMAN_BITS_MAX)
            return unpack_fail(u, -EBADMSG, "zstd: a Huffman code is too long");
        total += 1u << weights[i] >> 1;
    }
    if (total == 0)
        return unpack_fail(u, -EBADMSG, "zstd: a Huffman code is empty");

    /* The last symbol has what is missing to a power of two. */
    bits = 32 - (u32)__builtin_clz(total);
    left = (1u << bits) - total;
    if (bits > ZSTD_HUFFMAN_BITS_MAX || (left & (left - 1)) != 0)
        return unpack_fail(u, -EBADMSG, "zstd: a Huffman code does not add up");
    weights[count++] = (u8)(32 - __builtin_clz(left));

    for (u32 w = 1; w <= bits; w++) {
        for (u32 s = 0; s < count; s++) {
            for (u32 i = 0; weights[s] == w && i < 1u << (w - 1); i++)
                z->huffman[place++] = (u16)(s << 8 | (bits + 1 - w));
        }
    }
    z->huffman_bits = bits;
    return 0;
}

/* Decodes one stream: all of [in, in + in_size) into [out, out + out_size). */
static must_check bool stream_decode(const struct zstd_scratch *z, const u8 *in, size_t in_size,
                                     u8 *out, size_t out_size)
{
    const u16 *const table = z->huffman;
    const u32 shift = 64 - z->huffman_bits;
    u8 *const end = out + out_size;
    struct backward b;

    if (!backward_open(&b, in, in_size))
        return false;
    while (end - out >= SYMBOLS_PER_FILL) {
        if (!backward_fill(&b))
            return false;
        for (int i = 0; i < SYMBOLS_PER_FILL; i++) {
            u32 e = table[b.bits >> shift];

            b.bits <<= e & 0x3F;
            out[i] = (u8)(e >> 8);
        }
        out += SYMBOLS_PER_FILL;
    }
    if (!backward_fill(&b))
        return false;
    while (out < end) {
        u32 e = table[b.bits >> shift];

        b.bits <<= e & 0x3F;
        *out++ = (u8)(e >> 8);
    }
    return backward_left(&b) == 0;
}

/* Four streams, each with a quarter of the literals, the last with the rest; three sizes lead. */
static must_check bool streams_decode(const struct zstd_scratch *z, const u8 *in, size_t in_size,
                                      u8 *out, size_t out_size)
{
    size_t quarter = (out_size + 3) / 4;
    size_t sizes[4];

    if (in_size < JUMP_TABLE_SIZE || 3 * quarter > out_size)
        return false;
    sizes[0] = load16(in);
    sizes[1] = load16(in + 2);
    sizes[2] = load16(in + 4);
    in += JUMP_TABLE_SIZE;
    in_size -= JUMP_TABLE_SIZE;
    if (sizes[0] + sizes[1] + sizes[2] > in_size)
        return false;
    sizes[3] = in_size - sizes[0] - sizes[1] - sizes[2];
    for (u32 i = 0; i < 4; i++) {
        size_t part = i < 3 ? quarter : out_size - 3 * quarter;

        if (!stream_decode(z, in, sizes[i], out, part))
            return false;
        in += sizes[i];
        out += part;
    }
    return true;
}

/* The data behind the header of a section of in_size bytes that unpacks to out_size. */
static must_check int compressed_decode(struct unpack *u, const u8 **in, const u8 *end, u32 type,
                                        bool four_streams, size_t in_size, size_t out_size)
{
    struct zstd_scratch *z = u->scratch;
    const u8 *p = *in;
    bool ok;

    if (in_size > (size_t)(end - p))
        return unpack_fail(u, -EBADMSG, "zstd: truncated in literals");
    end = p + in_size;
    if (type == TYPE_COMPRESSED) {
        int error = huffman_read(u, &p, end);

        if (error)
            return error;
    } else if (z->huffman_bits == 0) {
        return unpack_fail(u, -EBADMSG, "zstd: literals without a Huffman code");
    }
    ok = four_streams ? streams_decode(z, p, (size_t)(end - p), z->literals, out_size)
                      : stream_decode(z, p, (size_t)(end - p), z->literals, out_size);
    if (!ok)
        return unpack_fail(u, -EBADMSG, "zstd: literals are corrupt");
    *in = end;
    return 0;
}

int zstd_literals_decode(struct unpack *u, const u8 **in, const u8 *end,
                         struct zstd_literals *literals)
{
    /* By the format of the sizes: bytes of the header, and bits of each of the one or two sizes. */
    static const u8 plain_bytes[] = {1, 2, 1, 3}, plain_shift[] = {3, 4, 3, 4};
    static const u8 coded_bytes[] = {3, 3, 4, 5}, coded_bits[] = {10, 10, 14, 18};
    struct zstd_scratch *z = u->scratch;
    u32 type, format, header_size;
    u64 mask, header = 0;
    size_t size;

    if (*in == end)
        return unpack_fail(u, -EBADMSG, "zstd: truncated before literals");
    type = **in & 3;
    format = **in >> 2 & 3;
    header_size = type < TYPE_COMPRESSED ? plain_bytes[format] : coded_bytes[format];
    if ((size_t)(end - *in) < header_size)
        return unpack_fail(u, -EBADMSG, "zstd: truncated in the header of literals");
    for (u32 i = 0; i < header_size; i++)
        header |= (u64)(*in)[i] << (8 * i);
    *in += header_size;
    mask = (1u << coded_bits[format]) - 1;
    size = type < TYPE_COMPRESSED ? header >> plain_shift[format] : header >> 4 & mask;
    if (size > ZSTD_BLOCK_MAX)
        return unpack_fail(u, -EBADMSG, "zstd: a block has too many literals");
    *literals = (struct zstd_literals){
        .data = z->literals,
        .end = z->literals + size,
        .readable_end = z->literals + sizeof(z->literals),
    };

    if (type >= TYPE_COMPRESSED)
        return compressed_decode(u, in, end, type, format != 0,
                                 header >> (4 + coded_bits[format]) & mask, size);
    if ((type == TYPE_STORED ? size : 1) > (size_t)(end - *in))
        return unpack_fail(u, -EBADMSG, "zstd: truncated in literals");
    if (type == TYPE_STORED) {
        *literals = (struct zstd_literals){*in, *in + size, u->in_end};
        *in += size;
    } else {
        memset(z->literals, **in, size);
        *in += 1;
    }
    return 0;
}
