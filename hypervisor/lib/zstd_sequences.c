/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sequences of a zstd block (RFC 8878, section 3.1.1.3.2): each copies some literals and then a
 * match. Their three numbers come from three entropy codes in one stream of bits. Called by zstd.c.
 */
#include "zstd.h"

/* How a code is given, 2 bits for each of the three. */
#define MODE_PREDEFINED 0
#define MODE_SINGLE     1 /* one symbol only */
#define MODE_DESCRIBED  2
#define MODE_REPEATED   3 /* the block before has it */

#define LITERAL_LENGTH_CODES 36
#define MATCH_LENGTH_CODES   53
#define OFFSET_CODES         32
#define LITERAL_LENGTH_LOG   9
#define MATCH_LENGTH_LOG     9
#define OFFSET_LOG           8
#define STATES_BITS_MAX      (LITERAL_LENGTH_LOG + MATCH_LENGTH_LOG + OFFSET_LOG)

#define REPEAT_OFFSETS 3

/* What distinguishes the three codes. */
struct sequence_code {
    u32 symbols;
    u32 log_max;
    u32 default_log;
    u32 default_symbols;
    const s16 *default_counts;
    const u32 *bases;
    const u8 *extras;
};

static const u32 literal_length_bases[LITERAL_LENGTH_CODES] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,   9,   10,  11,   12,   13,   14,   15,    16,    18,
    20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
static const u8 literal_length_extras[LITERAL_LENGTH_CODES] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  1,  1,
    1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const s16 literal_length_counts[LITERAL_LENGTH_CODES] = {
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
    2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1};

static const u32 match_length_bases[MATCH_LENGTH_CODES] = {
    3,  4,  5,  6,  7,  8,  9,  10,  11,  12,  13,   14,   15,   16,   17,    18,    19,   20,
    21, 22, 23, 24, 25, 26, 27, 28,  29,  30,  31,   32,   33,   34,   35,    37,    39,   41,
    43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539};
static const u8 match_length_extras[MATCH_LENGTH_CODES] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  0,  0, 0,
    0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const s16 match_length_counts[MATCH_LENGTH_CODES] = {
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1};

static const u32 offset_bases[OFFSET_CODES] = {
    1u << 0,  1u << 1,  1u << 2,  1u << 3,  1u << 4,  1u << 5,  1u << 6,  1u << 7,
    1u << 8,  1u << 9,  1u << 10, 1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15,
    1u << 16, 1u << 17, 1u << 18, 1u << 19, 1u << 20, 1u << 21, 1u << 22, 1u << 23,
    1u << 24, 1u << 25, 1u << 26, 1u << 27, 1u << 28, 1u << 29, 1u << 30, 1u << 31};
static const u8 offset_extras[OFFSET_CODES] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                               11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                               22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
static const s16 offset_counts[] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                                    1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};

static const struct sequence_code literal_length_code = {
    LITERAL_LENGTH_CODES, LITERAL_LENGTH_LOG,    6, LITERAL_LENGTH_CODES, literal_length_counts,
    literal_length_bases, literal_length_extras,
};
static const struct sequence_code match_length_code = {
    MATCH_LENGTH_CODES, MATCH_LENGTH_LOG,    6, MATCH_LENGTH_CODES, match_length_counts,
    match_length_bases, match_length_extras,
};
static const struct sequence_code offset_code = {
    OFFSET_CODES, OFFSET_LOG,    5, ARRAY_SIZE(offset_counts), offset_counts,
    offset_bases, offset_extras,
};

/* Makes the table of one code as mode says; *in moves behind its description. */
static must_check int code_read(struct unpack *u, const u8 **in, const u8 *end,
                                const struct sequence_code *code, u32 mode, struct fse_table *table)
{
    s16 counts[ZSTD_FSE_SYMBOLS_MAX];
    u32 symbols, log;
    int error;

    switch (mode) {
    case MODE_PREDEFINED:
        return fse_table_make(u, table, code->default_counts, code->default_symbols,
                              code->default_log, code->bases, code->extras);
    case MODE_SINGLE:
        if (*in == end || **in >= code->symbols)
            return unpack_fail(u, -EBADMSG, "zstd: a code's only symbol is unknown");
        table->states[0] =
            (struct fse_state){.base = code->bases[**in], .extra = code->extras[**in]};
        table->log = 0;
        table->valid = true;
        *in += 1;
        return 0;
    case MODE_DESCRIBED:
        error = fse_counts_read(u, in, end, counts, &symbols, code->symbols, &log, code->log_max);
        if (error)
            return error;
        return fse_table_make(u, table, counts, symbols, log, code->bases, code->extras);
    default:
        if (!table->valid)
            return unpack_fail(u, -EBADMSG, "zstd: a code is repeated before it was given");
        return 0;
    }
}

/* The number of sequences and the three codes. With none, the codes stay as they are. */
static must_check int header_read(struct unpack *u, const u8 **in, const u8 *end, u32 *count)
{
    struct zstd_scratch *z = u->scratch;
    const u8 *p = *in;
    size_t left = (size_t)(end - p);
    u8 modes;
    int error;

    if (left < 1 || (p[0] >= 128 && left < 2) || (p[0] == 255 && left < 3))
        return unpack_fail(u, -EBADMSG, "zstd: truncated before sequences");
    if (p[0] < 128) {
        *count = p[0];
        p += 1;
    } else if (p[0] < 255) {
        *count = (u32)(p[0] - 128) << 8 | p[1];
        p += 2;
    } else {
        *count = load16(p + 1) + 0x7F00u;
        p += 3;
    }
    *in = p;
    if (*count == 0)
        return 0;
    if (p == end)
        return unpack_fail(u, -EBADMSG, "zstd: truncated before sequences");
    modes = *p++;
    if (modes & 3)
        return unpack_fail(u, -EBADMSG, "zstd: unknown modes of sequences");
    error = code_read(u, &p, end, &literal_length_code, modes >> 6, &z->literal_lengths);
    if (!error)
        error = code_read(u, &p, end, &offset_code, modes >> 4 & 3, &z->offsets);
    if (!error)
        error = code_read(u, &p, end, &match_length_code, modes >> 2 & 3, &z->match_lengths);
    *in = p;
    return error;
}

/*
 * The distance that an offset's value stands for: 1-3 repeat the latest three, which are kept in
 * order. Without literals (skip_first) 1 and 2 mean the second and third, and 3 the first less one.
 * 0 is no distance.
 */
static always_inline u32 offset_resolve(u32 *repeat, u32 value, bool skip_first)
{
    u32 which, offset;

    if (likely(value > REPEAT_OFFSETS)) {
        offset = value - REPEAT_OFFSETS;
        repeat[2] = repeat[1];
        repeat[1] = repeat[0];
        repeat[0] = offset;
        return offset;
    }
    which = value - 1 + skip_first;
    if (which == 0)
        return repeat[0];
    offset = which == 3 ? repeat[0] - 1 : repeat[which];
    if (which > 1)
        repeat[2] = repeat[1];
    repeat[1] = repeat[0];
    repeat[0] = offset;
    return offset;
}

/* Copies the literals of a sequence to out, and its match behind them. */
static always_inline int sequence_execute(struct unpack *u, struct zstd_literals *literals, u8 *out,
                                          size_t literal_length, size_t offset, size_t length)
{
    size_t readable = (size_t)(literals->readable_end - literals->data);
    size_t out_left = (size_t)(u->out_end - out);

    if (unlikely(literal_length > (size_t)(literals->end - literals->data)))
        return unpack_fail(u, -EBADMSG, "zstd: a sequence wants more literals than there are");
    if (unlikely(offset - 1 >= (size_t)(out - u->out_start) + literal_length))
        return unpack_fail(u, -EBADMSG, "zstd: a match begins before the data");
    if (likely(literal_length + length + COPY_SLACK <= out_left &&
               literal_length + COPY_SLACK <= readable)) {
        literal_copy(out, literals->data, literal_length);
        match_copy(out + literal_length, offset, length);
    } else if (literal_length + length <= out_left) {
        memcpy(out, literals->data, literal_length);
        match_copy_exact(out + literal_length, offset, length);
    } else {
        return unpack_fail(u, -ENOSPC, "zstd: the output buffer is too small");
    }
    literals->data += literal_length;
    return 0;
}

static always_inline const struct fse_state *
state_next(struct backward *b, const struct fse_table *table, const struct fse_state *state)
{
    return &table->states[state->next + backward_take(b, state->bits)];
}

/* The three state machines of a block. */
struct sequence_states {
    const struct fse_state *literal, *offset, *match;
};

static must_check bool states_open(const struct zstd_scratch *z, struct backward *b,
                                   struct sequence_states *states)
{
    states->literal = &z->literal_lengths.states[backward_take(b, z->literal_lengths.log)];
    states->offset = &z->offsets.states[backward_take(b, z->offsets.log)];
    states->match = &z->match_lengths.states[backward_take(b, z->match_lengths.log)];
    return backward_left(b) >= 0;
}

/* Decodes and executes count sequences from the stream [in, end). */
static must_check int sequences_run(struct unpack *u, const u8 *in, const u8 *end, u32 count,
                                    struct zstd_literals *literals)
{
    struct zstd_scratch *z = u->scratch;
    struct zstd_literals left = *literals;
    u32 repeat[REPEAT_OFFSETS] = {z->repeat[0], z->repeat[1], z->repeat[2]};
    struct sequence_states s;
    struct backward b;
    u8 *out = u->out;

    if (!backward_open(&b, in, (size_t)(end - in)) || !states_open(z, &b, &s))
        return unpack_fail(u, -EBADMSG, "zstd: sequences are corrupt");
    for (;;) {
        u32 offset, length, literal_length;
        int error;

        if (unlikely(!backward_fill(&b)))
            return unpack_fail(u, -EBADMSG, "zstd: sequences are corrupt");
        offset = s.offset->base + backward_take(&b, s.offset->extra);
        length = s.match->base + backward_take(&b, s.match->extra);
        if (unlikely(s.offset->extra + s.match->extra + s.literal->extra >
                     BACKWARD_BITS - STATES_BITS_MAX) &&
            !backward_fill(&b))
            return unpack_fail(u, -EBADMSG, "zstd: sequences are corrupt");
        literal_length = s.literal->base + backward_take(&b, s.literal->extra);

        offset = offset_resolve(repeat, offset, literal_length == 0);
        error = sequence_execute(u, &left, out, literal_length, offset, length);
        if (unlikely(error))
            return error;
        out += literal_length + length;
        if (--count == 0)
            break;
        s.literal = state_next(&b, &z->literal_lengths, s.literal);
        s.match = state_next(&b, &z->match_lengths, s.match);
        s.offset = state_next(&b, &z->offsets, s.offset);
    }
    if (backward_left(&b) != 0)
        return unpack_fail(u, -EBADMSG, "zstd: sequences are corrupt");
    memcpy(z->repeat, repeat, sizeof(repeat));
    *literals = left;
    u->out = out;
    return 0;
}

int zstd_sequences_decode(struct unpack *u, const u8 *in, const u8 *end,
                          struct zstd_literals *literals)
{
    size_t rest;
    u32 count;
    int error;

    error = header_read(u, &in, end, &count);
    if (!error && count > 0)
        error = sequences_run(u, in, end, count, literals);
    else if (!error && in != end)
        error = unpack_fail(u, -EBADMSG, "zstd: a block without sequences goes on");
    if (error)
        return error;

    rest = (size_t)(literals->end - literals->data);
    if (rest > unpack_out_left(u))
        return unpack_fail(u, -ENOSPC, "zstd: the output buffer is too small");
    memcpy(u->out, literals->data, rest);
    u->out += rest;
    return 0;
}
