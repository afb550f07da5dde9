/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gzip (RFC 1952) and the deflate format in it (RFC 1951). Called by decompress.c. The first member
 * is unpacked, what follows is ignored. Codes are looked up in a table by the next bits of the
 * input; those longer than the table's index go on in a second table.
 */
#include "decompress_internal.h"

#define GZIP_HEADER_SIZE  10
#define GZIP_TRAILER_SIZE 8
#define GZIP_METHOD_AT    2
#define GZIP_FLAGS_AT     3
#define GZIP_DEFLATE      8
#define GZIP_FHCRC        0x02
#define GZIP_FEXTRA       0x04
#define GZIP_FNAME        0x08
#define GZIP_FCOMMENT     0x10
#define GZIP_RESERVED     0xE0

#define BLOCK_STORED  0
#define BLOCK_FIXED   1
#define BLOCK_DYNAMIC 2

#define CODE_BITS_MAX 15
#define LENGTH_CODES  19 /* symbols of the code in which the code lengths are written */
#define LITERALS      288
#define DISTANCES     32
#define SYMBOL_END    256
#define SYMBOL_LENGTH 257
#define MATCH_MAX     258

/*
 * Index bits of the first tables. A second table of 2^k places holds at least k + 1 symbols, so all
 * of them together take at most 288 * 16 / 5 places for literals and 32 * 128 / 8 for distances.
 */
#define LITERAL_ROOT        11
#define DISTANCE_ROOT       8
#define LENGTH_ROOT         7
#define LITERAL_TABLE_SIZE  (2048 + 922)
#define DISTANCE_TABLE_SIZE (256 + 512)

/*
 * A place in a table: bits 0-7 the bits that it uses up, 8-12 the number of extra bits that follow,
 * 16-31 a literal, or the base of a length or distance, or where the second table begins (its index
 * bits are then in 8-12).
 */
#define ENTRY_SECOND  (1u << 13)
#define ENTRY_LITERAL (1u << 14)
#define ENTRY_SPECIAL                                                                              \
    (1u << 15) /* the end of the block if ENTRY_LITERAL too, else an invalid code */

#define ENTRY_BITS(e)       ((e)&0xFF)
#define ENTRY_EXTRA(e)      ((e) >> 8 & 0x1F)
#define ENTRY_VALUE(e)      ((e) >> 16)
#define ENTRY(value, extra) ((u32)(value) << 16 | (u32)(extra) << 8)
#define ENTRY_INVALID       ENTRY_SPECIAL
#define ENTRY_END           (ENTRY_SPECIAL | ENTRY_LITERAL)

struct inflate_scratch {
    struct crc32 crc32;
    u32 literal_table[LITERAL_TABLE_SIZE];
    u32 distance_table[DISTANCE_TABLE_SIZE];
    u32 length_table[1 << LENGTH_ROOT];
    u32 symbols[LITERALS]; /* entries of the symbols of the table under construction */
    u8 lengths[LITERALS + DISTANCES];
};
STATIC_ASSERT(sizeof(struct inflate_scratch) <= DECOMPRESS_SCRATCH_SIZE);

/* The input as bits, the lowest of a byte first. */
struct bits {
    u64 buffer; /* its low count bits are valid; those above are zero or input not yet counted */
    u32 count;
    u32 missing; /* bytes that were asked for behind the end of the input, and read as zero */
    const u8 *in;
    const u8 *end;
};

/* At least 56 bits will be there. */
static always_inline void bits_fill(struct bits *b)
{
    if (likely(b->end - b->in >= 8)) {
        b->buffer |= load64(b->in) << b->count;
        b->in += (63 - b->count) >> 3;
        b->count |= 56;
        return;
    }
    for (; b->count < 56; b->count += 8) {
        if (b->in < b->end)
            b->buffer |= (u64)*b->in++ << b->count;
        else
            b->missing++;
    }
}

static always_inline u32 bits_take(struct bits *b, u32 count)
{
    u32 v = (u32)(b->buffer & ((1ull << count) - 1));

    b->buffer >>= count;
    b->count -= count;
    return v;
}

/* More bits have been taken than there were. */
static inline bool bits_overrun(const struct bits *b)
{
    return b->missing > b->count / 8;
}

/* Goes on at the next whole byte, and gives the unused bytes back. */
static must_check bool bits_align(struct bits *b)
{
    if (bits_overrun(b))
        return false;
    b->in -= b->count / 8 - b->missing;
    b->buffer = 0;
    b->count = 0;
    b->missing = 0;
    return true;
}

/* Fills the places of a table of 2^width that end, in index bits, with code. */
static void table_fill(u32 *table, u32 width, u32 code, u32 code_bits, u32 entry)
{
    for (u32 i = code; i < 1u << width; i += 1u << code_bits)
        table[i] = entry;
}

/* The code after this one, of the same length, the first bit being the lowest. */
static u32 code_next(u32 code, u32 code_bits)
{
    u32 bit = 1u << (code_bits - 1);

    while (code & bit) {
        code ^= bit;
        bit >>= 1;
    }
    return code | bit;
}

/* Index bits of the second table for codes from length on, of which each has count[] to come. */
static u32 second_width(const u16 *count, u32 length, u32 root)
{
    u32 width = length - root;
    s32 free = 1 << width;

    for (; length < CODE_BITS_MAX; length++) {
        free -= count[length];
        if (free <= 0)
            break;
        free <<= 1;
        width++;
    }
    return width;
}

/*
 * Makes the table for the canonical code with these lengths (0: not used). Fails if they
 * over-subscribe the code, or leave places of it unused. An unused code, and a code of one symbol
 * of one bit, are allowed: that is how a block without, or with a single, distance is written.
 */
static must_check bool table_make(u32 *table, u32 size, u32 root, const u8 *lengths, u32 symbols,
                                  const u32 *entries)
{
    u16 count[CODE_BITS_MAX + 1] = {0};
    u16 sorted[LITERALS];
    u16 place[CODE_BITS_MAX + 2] = {0};
    u32 left = 1, code = 0, next = 1u << root;
    u32 prefix = ~0u, second = 0, width = 0;
    u32 used;

    for (u32 s = 0; s < symbols; s++)
        count[lengths[s]]++;
    count[0] = 0;
    for (u32 n = 1; n <= CODE_BITS_MAX; n++) {
        left <<= 1;
        if (count[n] > left)
            return false;
        left -= count[n];
        place[n + 1] = (u16)(place[n] + count[n]);
    }
    used = place[CODE_BITS_MAX + 1];
    if (left > 0 && (used > 1 || count[1] != used))
        return false;
    for (u32 s = 0; s < symbols; s++) {
        if (lengths[s])
            sorted[place[lengths[s]]++] = (u16)s;
    }
    for (u32 i = 0; i < 1u << root; i++)
        table[i] = ENTRY_INVALID | 1;

    for (u32 i = 0; i < used; i++) {
        u32 symbol = sorted[i], length = lengths[symbol];

        if (length <= root) {
            table_fill(table, root, code, length, entries[symbol] | length);
        } else {
            if ((code & ((1u << root) - 1)) != prefix) {
                prefix = code & ((1u << root) - 1);
                second = next;
                width = second_width(count, length, root);
                next += 1u << width;
                if (next > size)
                    return false;
                table[prefix] = ENTRY(second, width) | ENTRY_SECOND | root;
            }
            table_fill(table + second, width, code >> root, length - root,
                       entries[symbol] | (length - root));
        }
        count[length]--;
        code = code_next(code,
                         length); /* also for a longer code: it has zeros behind, which come last */
    }
    return true;
}

/*
 * Extra bits and bases of the symbols of lengths, from 257 on, and of distances (RFC 1951, 3.2.5).
 */
static const u8 length_extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                  2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const u16 length_base[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                  31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const u8 distance_extra[] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                    6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
static const u16 distance_base[] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                    33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                    1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};

/* Makes both tables of a block from the lengths in s->lengths: literals first, then distances. */
static must_check int tables_make(struct unpack *u, u32 literals, u32 distances)
{
    struct inflate_scratch *s = u->scratch;
    u32 *e = s->symbols;

    for (u32 i = 0; i < literals; i++) {
        u32 length = i - SYMBOL_LENGTH;

        if (i < SYMBOL_END)
            e[i] = ENTRY(i, 0) | ENTRY_LITERAL;
        else if (i == SYMBOL_END)
            e[i] = ENTRY_END;
        else if (length < ARRAY_SIZE(length_base))
            e[i] = ENTRY(length_base[length], length_extra[length]);
        else
            e[i] = ENTRY_INVALID;
    }
    if (!table_make(s->literal_table, LITERAL_TABLE_SIZE, LITERAL_ROOT, s->lengths, literals, e))
        return unpack_fail(u, -EBADMSG, "gzip: the code of literals is malformed");

    for (u32 i = 0; i < distances; i++)
        e[i] = i < ARRAY_SIZE(distance_base) ? ENTRY(distance_base[i], distance_extra[i])
                                             : ENTRY_INVALID;
    if (!table_make(s->distance_table, DISTANCE_TABLE_SIZE, DISTANCE_ROOT, s->lengths + literals,
                    distances, e))
        return unpack_fail(u, -EBADMSG, "gzip: the code of distances is malformed");
    return 0;
}

static must_check int tables_fixed(struct unpack *u)
{
    struct inflate_scratch *s = u->scratch;

    memset(s->lengths, 8, 144);
    memset(s->lengths + 144, 9, 112);
    memset(s->lengths + 256, 7, 24);
    memset(s->lengths + 280, 8, 8);
    memset(s->lengths + LITERALS, 5, DISTANCES);
    return tables_make(u, LITERALS, DISTANCES);
}

/* Reads count code lengths, run-length coded, with the code of lengths. */
static must_check int lengths_read(struct unpack *u, struct bits *b, u32 count)
{
    struct inflate_scratch *s = u->scratch;
    u32 n = 0;

    while (n < count) {
        u32 e, symbol, repeat;
        u8 value = 0;

        bits_fill(b);
        e = s->length_table[b->buffer & ((1u << LENGTH_ROOT) - 1)];
        if (e & ENTRY_SPECIAL || bits_overrun(b))
            return unpack_fail(u, -EBADMSG, "gzip: the code of code lengths is malformed");
        (void)bits_take(b, ENTRY_BITS(e));
        symbol = ENTRY_VALUE(e);
        if (symbol <= CODE_BITS_MAX) {
            s->lengths[n++] = (u8)symbol;
            continue;
        }
        /* 16: the length before, 3-6 times; 17: zero, 3-10 times; 18: zero, 11-138 times. */
        repeat = symbol == 18 ? 11 + bits_take(b, 7) : 3 + bits_take(b, symbol == 16 ? 2 : 3);
        if (repeat > count - n || (symbol == 16 && n == 0))
            return unpack_fail(u, -EBADMSG, "gzip: a repeated code length is out of place");
        if (symbol == 16)
            value = s->lengths[n - 1];
        memset(s->lengths + n, value, repeat);
        n += repeat;
    }
    return 0;
}

static must_check int tables_dynamic(struct unpack *u, struct bits *b)
{
    static const u8 order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                           11, 4,  12, 3, 13, 2, 14, 1, 15};
    struct inflate_scratch *s = u->scratch;
    u8 lengths[LENGTH_CODES] = {0};
    u32 literals, distances, codes;
    int error;

    bits_fill(b);
    literals = bits_take(b, 5) + 257;
    distances = bits_take(b, 5) + 1;
    codes = bits_take(b, 4) + 4;
    if (literals > LITERALS - 2 || distances > DISTANCES - 2)
        return unpack_fail(u, -EBADMSG, "gzip: a block has too many symbols");
    for (u32 i = 0; i < codes; i++) {
        bits_fill(b);
        lengths[order[i]] = (u8)bits_take(b, 3);
    }
    for (u32 i = 0; i < LENGTH_CODES; i++)
        s->symbols[i] = ENTRY(i, 0);
    if (!table_make(s->length_table, ARRAY_SIZE(s->length_table), LENGTH_ROOT, lengths,
                    LENGTH_CODES, s->symbols))
        return unpack_fail(u, -EBADMSG, "gzip: the code of code lengths is malformed");

    error = lengths_read(u, b, literals + distances);
    if (error)
        return error;
    if (s->lengths[SYMBOL_END] == 0)
        return unpack_fail(u, -EBADMSG, "gzip: a block has no end");
    return tables_make(u, literals, distances);
}

/* The entry for the next bits, which are used up, in a table and its second tables. */
static always_inline u32 table_lookup(struct bits *b, const u32 *table, u32 root)
{
    u32 e = table[b->buffer & ((1u << root) - 1)];

    if (unlikely(e & ENTRY_SECOND)) {
        b->buffer >>= root;
        b->count -= root;
        e = table[ENTRY_VALUE(e) + (b->buffer & ((1u << ENTRY_EXTRA(e)) - 1))];
    }
    b->buffer >>= ENTRY_BITS(e);
    b->count -= ENTRY_BITS(e);
    return e;
}

static must_check int match_unpack(struct unpack *u, u8 *out, size_t distance, size_t length)
{
    size_t left = (size_t)(u->out_end - out);

    if (distance > (size_t)(out - u->out_start))
        return unpack_fail(u, -EBADMSG, "gzip: a match begins before the data");
    if (likely(left >= MATCH_MAX + COPY_SLACK)) {
        match_copy(out, distance, length);
        return 0;
    }
    if (length > left)
        return unpack_fail(u, -ENOSPC, "gzip: the output buffer is too small");
    match_copy_exact(out, distance, length);
    return 0;
}

/*
 * The symbols of a block, with the tables that have been made. One filling of the buffer serves a
 * length of 15 bits and 5 extra ones and a distance of 15 and 13.
 */
static must_check int block_coded(struct unpack *u, struct bits *bits)
{
    const struct inflate_scratch *s = u->scratch;
    struct bits b = *bits;
    u8 *out = u->out;

    for (;;) {
        u32 e, distance, length;
        int error;

        bits_fill(&b);
        e = table_lookup(&b, s->literal_table, LITERAL_ROOT);
        if (unlikely(e & ENTRY_SPECIAL))
            break;
        if (unlikely(bits_overrun(&b)))
            return unpack_fail(u, -EBADMSG, "gzip: truncated in a block");
        if (e & ENTRY_LITERAL) {
            if (unlikely(out == u->out_end))
                return unpack_fail(u, -ENOSPC, "gzip: the output buffer is too small");
            *out++ = (u8)ENTRY_VALUE(e);
            continue;
        }
        length = ENTRY_VALUE(e) + bits_take(&b, ENTRY_EXTRA(e));
        e = table_lookup(&b, s->distance_table, DISTANCE_ROOT);
        if (unlikely(e & ENTRY_SPECIAL))
            return unpack_fail(u, -EBADMSG, "gzip: invalid code of a distance");
        distance = ENTRY_VALUE(e) + bits_take(&b, ENTRY_EXTRA(e));
        error = match_unpack(u, out, distance, length);
        if (unlikely(error))
            return error;
        out += length;
    }
    u->out = out;
    *bits = b;
    if (bits_overrun(&b))
        return unpack_fail(u, -EBADMSG, "gzip: truncated in a block");
    return 0;
}

static must_check int block_stored(struct unpack *u, struct bits *b)
{
    size_t size;

    if (!bits_align(b) || b->end - b->in < 4)
        return unpack_fail(u, -EBADMSG, "gzip: truncated in a stored block");
    size = load16(b->in);
    if ((size ^ load16(b->in + 2)) != 0xFFFF)
        return unpack_fail(u, -EBADMSG, "gzip: a stored block's size is malformed");
    b->in += 4;
    if (size > (size_t)(b->end - b->in))
        return unpack_fail(u, -EBADMSG, "gzip: truncated in a stored block");
    if (size > unpack_out_left(u))
        return unpack_fail(u, -ENOSPC, "gzip: the output buffer is too small");
    memcpy(u->out, b->in, size);
    b->in += size;
    u->out += size;
    return 0;
}

static must_check int inflate(struct unpack *u)
{
    struct bits b = {.in = u->in, .end = u->in_end};
    bool last;

    do {
        int error;
        u32 type;

        bits_fill(&b);
        last = bits_take(&b, 1);
        type = bits_take(&b, 2);
        if (type == BLOCK_STORED)
            error = block_stored(u, &b);
        else if (type == BLOCK_FIXED)
            error = tables_fixed(u);
        else if (type == BLOCK_DYNAMIC)
            error = tables_dynamic(u, &b);
        else
            error = unpack_fail(u, -EBADMSG, "gzip: unknown kind of block");
        if (!error && type != BLOCK_STORED)
            error = block_coded(u, &b);
        if (error)
            return error;
    } while (!last);
    if (!bits_align(&b))
        return unpack_fail(u, -EBADMSG, "gzip: truncated in a block");
    u->in = b.in;
    return 0;
}

/* Moves *in behind a text that ends with a zero byte. */
static must_check bool text_skip(const u8 **in, const u8 *end)
{
    while (*in < end) {
        if (*(*in)++ == 0)
            return true;
    }
    return false;
}

static must_check int gzip_header(struct unpack *u)
{
    const u8 *p = u->in + GZIP_HEADER_SIZE;
    u8 flags;

    if (unpack_in_left(u) < GZIP_HEADER_SIZE)
        return unpack_fail(u, -EBADMSG, "gzip: truncated in the header");
    flags = u->in[GZIP_FLAGS_AT];
    if (u->in[GZIP_METHOD_AT] != GZIP_DEFLATE || flags & GZIP_RESERVED)
        return unpack_fail(u, -EOPNOTSUPP, "gzip: unknown method or flags");
    if (flags & GZIP_FEXTRA) {
        if (u->in_end - p < 2 || u->in_end - p - 2 < load16(p))
            return unpack_fail(u, -EBADMSG, "gzip: truncated in the header");
        p += 2 + load16(p);
    }
    if ((flags & GZIP_FNAME && !text_skip(&p, u->in_end)) ||
        (flags & GZIP_FCOMMENT && !text_skip(&p, u->in_end)) ||
        (flags & GZIP_FHCRC && u->in_end - p < 2))
        return unpack_fail(u, -EBADMSG, "gzip: truncated in the header");
    if (flags & GZIP_FHCRC)
        p += 2;
    u->in = p;
    return 0;
}

int gzip_unpack(struct unpack *u)
{
    struct inflate_scratch *s = u->scratch;
    size_t size;
    int error;

    error = gzip_header(u);
    if (!error)
        error = inflate(u);
    if (error)
        return error;
    if (unpack_in_left(u) < GZIP_TRAILER_SIZE)
        return unpack_fail(u, -EBADMSG, "gzip: truncated in the trailer");

    size = (size_t)(u->out - u->out_start);
    crc32_init(&s->crc32);
    if (crc32_of(&s->crc32, u->out_start, size) != load32(u->in))
        return unpack_fail(u, -EBADMSG, "gzip: CRC32 of the data differs");
    if ((u32)size != load32(u->in + 4))
        return unpack_fail(u, -EBADMSG, "gzip: the unpacked size differs from the trailer");
    u->in += GZIP_TRAILER_SIZE;
    return 0;
}

/* The trailer's second half. It counts what the last member unpacks to; others have one. */
int gzip_size(struct unpack *u, u64 *size)
{
    if (unpack_in_left(u) < GZIP_HEADER_SIZE + GZIP_TRAILER_SIZE)
        return unpack_fail(u, -EBADMSG, "gzip: truncated");
    *size = load32(u->in_end - 4);
    return 0;
}
