/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LZMA decoder: a range coder with adaptive probabilities, and the model of literals, matches
 * and repeated matches that it serves (the LZMA specification in the LZMA SDK,
 * lzma-specification.txt). lzma2.c calls it for each compressed chunk; struct lzma, in the caller's
 * scratch, is all its state.
 *
 * Most of a host's boot is spent here, so it is written for few executed instructions:
 * - The coder's registers are locals. The range is kept less TOP, so that the subtraction that
 *   shrinks it also tells, by its borrow, that a byte must be fetched.
 * - A probability's next value is looked up, not computed. Tree nodes are size_t: no widening.
 * - States are pointers to their own probabilities and to the states that follow.
 * - Trees are unrolled. Code that runs after a literal and code that runs after a match are apart,
 *   as only the latter looks at the byte that the latest match would have gone on with.
 * - Input and output are not checked per symbol: the fast decoder gets a number of symbols that
 *   cannot pass the end of either. What remains of a chunk goes through the same code with the
 *   output checked, one symbol at a time, its input copied to where it may be overread.
 */
#include "xz.h"

#define TOP 0x1000000u

#define MATCH_MIN       2
#define MATCH_MAX       273
#define PROB_HALF       (1u << (LZMA_PROB_BITS - 1))
#define PROB_MOVE_BITS  5
#define CODER_INIT_SIZE 5

/* More than a symbol can use: 22 modelled bits of at most one byte each, and 26 direct bits. */
#define SYMBOL_IN_MAX  32
#define SYMBOL_OUT_MAX (MATCH_MAX + COPY_SLACK)

#define SLOT_MIDDLE       4  /* from here on a distance has bits of its own... */
#define SLOT_DIRECT       14 /* ...and from here on unmodelled ones above the lowest four */
#define SLOT_DIRECT_ALIGN 4

/* The range coder's registers. */
struct coder {
    u32 range_less_top;
    u32 code;
    const u8 *in;
};

/* Brings the range back to TOP or more: ((range << 8) - TOP), as TOP << 8 is 0 in 32 bits. */
static always_inline void coder_fetch(struct coder *c)
{
    c->range_less_top = (c->range_less_top << 8) - TOP;
    c->code = c->code << 8 | *c->in++;
}

/* Decodes one bit with the probability at prob, and does what belongs to its value. */
#define CODER_DECIDE(c, l, prob, if_zero, if_one)                                                  \
    do {                                                                                           \
        u32 p_ = *(prob);                                                                          \
        u32 bound_ = (((c)->range_less_top + TOP) >> LZMA_PROB_BITS) * p_;                         \
        if ((c)->code < bound_) {                                                                  \
            *(prob) = (l)->next0[p_];                                                              \
            if_zero;                                                                               \
            if (__builtin_sub_overflow(bound_, TOP, &(c)->range_less_top))                         \
                coder_fetch(c);                                                                    \
        } else {                                                                                   \
            (c)->code -= bound_;                                                                   \
            *(prob) = (l)->next1[p_];                                                              \
            if_one;                                                                                \
            if (__builtin_sub_overflow((c)->range_less_top, bound_, &(c)->range_less_top))         \
                coder_fetch(c);                                                                    \
        }                                                                                          \
    } while (0)

static always_inline bool coder_bit(struct coder *c, struct lzma *l, u16 *prob)
{
    bool bit;

    CODER_DECIDE(c, l, prob, bit = false, bit = true);
    return bit;
}

/* One level of a tree whose root is tree[1]; the most significant bit comes first. */
static always_inline size_t tree_step(struct coder *c, struct lzma *l, u16 *tree, size_t node)
{
    u16 *prob = &tree[node];

    CODER_DECIDE(c, l, prob, node += node, node += node + 1);
    return node;
}

/*
 * One level of a tree that gives the least significant bit first. Its nodes are numbered such that
 * the node reached, less its leading bit, is the value: level must be 1 << the number of bits so
 * far.
 */
static always_inline u32 reverse_step(struct coder *c, struct lzma *l, u16 *tree, u32 node,
                                      u32 level)
{
    u16 *prob = &tree[node];

    CODER_DECIDE(c, l, prob, node += level, node += 2 * level);
    return node;
}

static always_inline size_t tree_3(struct coder *c, struct lzma *l, u16 *tree)
{
    size_t node = tree_step(c, l, tree, 1);

    node = tree_step(c, l, tree, node);
    return tree_step(c, l, tree, node);
}

/* A literal that does not follow a match. */
static always_inline u8 literal_plain(struct coder *c, struct lzma *l, u16 *tree)
{
    size_t node = tree_step(c, l, tree, 1);

    node = tree_step(c, l, tree, node);
    node = tree_step(c, l, tree, node);
    node = tree_step(c, l, tree, node);
    node = tree_step(c, l, tree, node);
    node = tree_step(c, l, tree, node);
    node = tree_step(c, l, tree, node);
    return (u8)tree_step(c, l, tree, node);
}

/*
 * Level n of a literal after a match, as long as it has been equal to the byte expected: the tree
 * to use depends on the bit expected. Goes on with the next statement, or to differs when it is
 * unequal.
 */
#define LITERAL_MATCHED_STEP(n, differs)                                                           \
    node = (expected | 0x100) >> (8 - (n));                                                        \
    if (expected & (0x80 >> (n)))                                                                  \
        CODER_DECIDE(                                                                              \
            c, l, &tree[0x200 + node],                                                             \
            {                                                                                      \
                node += node;                                                                      \
                equal = false;                                                                     \
            },                                                                                     \
            equal = true);                                                                         \
    else                                                                                           \
        CODER_DECIDE(c, l, &tree[0x100 + node], equal = true, {                                    \
            node += node + 1;                                                                      \
            equal = false;                                                                         \
        });                                                                                        \
    if (!equal)                                                                                    \
    goto differs

/* A literal after a match: expected is the byte that the match would have gone on with. */
static always_inline u8 literal_matched(struct coder *c, struct lzma *l, u16 *tree, u32 expected)
{
    size_t node;
    bool equal;

    LITERAL_MATCHED_STEP(0, differs_0);
    LITERAL_MATCHED_STEP(1, differs_1);
    LITERAL_MATCHED_STEP(2, differs_2);
    LITERAL_MATCHED_STEP(3, differs_3);
    LITERAL_MATCHED_STEP(4, differs_4);
    LITERAL_MATCHED_STEP(5, differs_5);
    LITERAL_MATCHED_STEP(6, differs_6);
    LITERAL_MATCHED_STEP(7, differs_7);
    return (u8)expected;

differs_0:
    node = tree_step(c, l, tree, node);
differs_1:
    node = tree_step(c, l, tree, node);
differs_2:
    node = tree_step(c, l, tree, node);
differs_3:
    node = tree_step(c, l, tree, node);
differs_4:
    node = tree_step(c, l, tree, node);
differs_5:
    node = tree_step(c, l, tree, node);
differs_6:
    node = tree_step(c, l, tree, node);
differs_7:
    return (u8)node;
}

static always_inline u32 length_decode(struct coder *c, struct lzma *l, struct lzma_length *lengths,
                                       u32 position)
{
    size_t node;

    if (!coder_bit(c, l, &lengths->beyond_low))
        return tree_3(c, l, lengths->low[position]) - 8 + MATCH_MIN;
    if (!coder_bit(c, l, &lengths->beyond_middle))
        return tree_3(c, l, lengths->middle[position]) - 8 + MATCH_MIN + 8;
    node = tree_3(c, l, lengths->high);
    for (int level = 3; level < 8; level++)
        node = tree_step(c, l, lengths->high, node);
    return node - 256 + MATCH_MIN + 16;
}

/* count bits that have no probabilities, below those of value. */
static always_inline u32 direct_bits(struct coder *c, u32 value, u32 count)
{
    do {
        u32 half = (c->range_less_top + TOP) >> 1;

        value += value;
        if (c->code >= half) {
            c->code -= half;
            value++;
        }
        if (__builtin_sub_overflow(half, TOP, &c->range_less_top))
            coder_fetch(c);
    } while (--count > 0);
    return value;
}

/* The distance, less 1, of a match of this length. */
static always_inline u32 distance_decode(struct coder *c, struct lzma *l, u32 length)
{
    u16 *tree = l->distance_slot[MIN(length - MATCH_MIN, LZMA_LENGTH_CONTEXTS - 1u)];
    u32 slot = tree_3(c, l, tree);
    u32 bits, high, node;

    slot = tree_step(c, l, tree, slot);
    slot = tree_step(c, l, tree, slot);
    slot = tree_step(c, l, tree, slot) - 64;
    if (slot < SLOT_MIDDLE)
        return slot;

    bits = (slot >> 1) - 1;
    high = 2 | (slot & 1);
    if (slot < SLOT_DIRECT) {
        u32 level = 1;

        tree = l->distance_middle[slot - SLOT_MIDDLE];
        node = 1;
        do {
            node = reverse_step(c, l, tree, node, level);
            level += level;
        } while (--bits > 0);
        return (high - 1) * level + node;
    }
    high = direct_bits(c, high, bits - SLOT_DIRECT_ALIGN);
    node = reverse_step(c, l, l->distance_align, 1, 1);
    node = reverse_step(c, l, l->distance_align, node, 2);
    node = reverse_step(c, l, l->distance_align, node, 4);
    node = reverse_step(c, l, l->distance_align, node, 8);
    return (high << SLOT_DIRECT_ALIGN) + node - 16;
}

/* The probabilities of a literal at out: they depend on the position and the byte before. */
static always_inline u16 *literal_tree(struct lzma *l, u32 position, u32 before)
{
    return l->literal +
           LZMA_LITERAL_PROBS * (((position << 8 | before) & l->literal_mask) >> l->literal_shift);
}

/* What else the decoder of symbols keeps in registers. */
struct walk {
    u8 *out;
    struct lzma_state *now;
    u32 rep0, rep1, rep2, rep3;
};

/* The probability that a match follows. */
static always_inline u16 *is_match(const struct lzma *l, const struct walk *w)
{
    return &w->now->is_match[(u32)(w->out - l->dictionary) & l->position_mask];
}

/* A repeated match: brings its distance to the front. Returns the length. */
static always_inline u32 rep_decode(struct coder *c, struct lzma *l, struct walk *w, u32 position)
{
    struct lzma_state *now = w->now;
    u32 latest = w->rep0;

    if (!coder_bit(c, l, &now->is_rep0)) {
        if (!coder_bit(c, l, &now->is_rep0_long[position])) {
            w->now = now->after_short_rep;
            return 1;
        }
    } else {
        if (!coder_bit(c, l, &now->is_rep1)) {
            latest = w->rep1;
        } else {
            if (!coder_bit(c, l, &now->is_rep2)) {
                latest = w->rep2;
            } else {
                latest = w->rep3;
                w->rep3 = w->rep2;
            }
            w->rep2 = w->rep1;
        }
        w->rep1 = w->rep0;
        w->rep0 = latest;
    }
    w->now = now->after_rep;
    return length_decode(c, l, &l->rep_length, position);
}

/* A match of either kind. Returns its length; its distance is in rep0 then. */
static always_inline u32 match_decode(struct coder *c, struct lzma *l, struct walk *w)
{
    u32 position = (u32)(w->out - l->dictionary) & l->position_mask;
    u32 length;

    if (coder_bit(c, l, &w->now->is_rep))
        return rep_decode(c, l, w, position);
    w->rep3 = w->rep2;
    w->rep2 = w->rep1;
    w->rep1 = w->rep0;
    length = length_decode(c, l, &l->match_length, position);
    w->rep0 = distance_decode(c, l, length);
    w->now = w->now->after_match;
    return length;
}

/*
 * Decodes budget symbols (at least one). careful: checks a match against out_end, and the output
 * may be empty so far. Otherwise the caller knows that this many symbols pass the end neither of
 * the input nor of the output, and that there is a byte before l->out.
 */
static always_inline int symbols_decode(struct lzma *l, size_t budget, const u8 *out_end,
                                        bool careful, const char **why)
{
    struct coder c = {l->range - TOP, l->code, l->in};
    struct walk w = {l->out, l->now, l->rep[0], l->rep[1], l->rep[2], l->rep[3]};
    bool after_match = l->after_match;

    if (after_match)
        goto after_match;
    for (;;) {
        while (!coder_bit(&c, l, is_match(l, &w))) {
            u32 position = (u32)(w.out - l->dictionary);
            u32 before = !careful || position > 0 ? w.out[-1] : 0;

            *w.out++ = literal_plain(&c, l, literal_tree(l, position, before));
            w.now = w.now->after_literal;
            after_match = false;
            if (--budget == 0)
                goto pause;
        }
        do {
            u32 length = match_decode(&c, l, &w);

            if (unlikely(w.rep0 >= (size_t)(w.out - l->dictionary))) {
                *why = "xz: a match begins before the data";
                return -EBADMSG;
            }
            if (!careful) {
                match_copy(w.out, (size_t)w.rep0 + 1, length);
            } else if (length <= (size_t)(out_end - w.out)) {
                match_copy_exact(w.out, (size_t)w.rep0 + 1, length);
            } else {
                *why = "xz: a match passes the end of its chunk";
                return -EBADMSG;
            }
            w.out += length;
            after_match = true;
            if (--budget == 0)
                goto pause;
        after_match:;
        } while (coder_bit(&c, l, is_match(l, &w)));

        *w.out = literal_matched(&c, l, literal_tree(l, (u32)(w.out - l->dictionary), w.out[-1]),
                                 *(w.out - w.rep0 - 1));
        w.out++;
        w.now = w.now->after_literal;
        after_match = false;
        if (--budget == 0)
            goto pause;
    }
pause:
    l->range = c.range_less_top + TOP;
    l->code = c.code;
    l->in = c.in;
    l->out = w.out;
    l->now = w.now;
    l->after_match = after_match;
    l->rep[0] = w.rep0;
    l->rep[1] = w.rep1;
    l->rep[2] = w.rep2;
    l->rep[3] = w.rep3;
    return 0;
}

static must_check int symbols_decode_fast(struct lzma *l, size_t budget, const char **why)
{
    return symbols_decode(l, budget, NULL, false, why);
}

static must_check int symbol_decode_careful(struct lzma *l, const u8 *out_end, const char **why)
{
    return symbols_decode(l, 1, out_end, true, why);
}

/* As many symbols as surely fit in the input and output left. */
static size_t symbols_budget(const struct lzma *l, const u8 *in_end, const u8 *out_end)
{
    size_t by_in = (size_t)(in_end - l->in) / SYMBOL_IN_MAX;
    size_t by_out = (size_t)(out_end - l->out) / SYMBOL_OUT_MAX;

    return l->out == l->dictionary ? 0 : MIN(by_in, by_out);
}

int lzma_decode_chunk(struct lzma *l, size_t in_size, size_t out_size, const char **why)
{
    const u8 *const chunk_end = l->in + in_size;
    const u8 *const out_end = l->out + out_size;
    const u8 *in_end = chunk_end;
    u8 tail[2 * SYMBOL_IN_MAX] = {0};

    *why = "xz: a compressed chunk is corrupt";
    if (in_size < CODER_INIT_SIZE || l->in[0] != 0)
        return -EBADMSG;
    l->range = ~0u;
    l->code = __builtin_bswap32(load32(l->in + 1));
    l->in += CODER_INIT_SIZE;

    while (l->out < out_end) {
        size_t budget = symbols_budget(l, in_end, out_end);
        size_t in_left = (size_t)(in_end - l->in);
        int error;

        if (in_left < SYMBOL_IN_MAX && in_end == chunk_end) {
            memcpy(tail, l->in, in_left);
            l->in = tail;
            in_end = tail + in_left;
        }
        error = budget > 0 ? symbols_decode_fast(l, budget, why)
                           : symbol_decode_careful(l, out_end, why);
        if (error)
            return error;
        if (l->in > in_end)
            return -EBADMSG;
    }
    /* The packer leaves the coder empty, and every byte used. */
    if (l->in != in_end || l->code != 0)
        return -EBADMSG;
    l->in = chunk_end;
    return 0;
}

void lzma_init(struct lzma *l)
{
    for (u32 p = 0; p < ARRAY_SIZE(l->next0); p++) {
        l->next0[p] = (u16)(p + ((ARRAY_SIZE(l->next0) - p) >> PROB_MOVE_BITS));
        l->next1[p] = (u16)(p - (p >> PROB_MOVE_BITS));
    }
    /* States 0-6 follow a literal: 7 + what came before it. */
    for (u32 s = 0; s < LZMA_STATES; s++) {
        bool literal = s < 7;

        l->state[s].after_literal = &l->state[s < 4 ? 0 : s < 10 ? s - 3 : s - 6];
        l->state[s].after_match = &l->state[literal ? 7 : 10];
        l->state[s].after_rep = &l->state[literal ? 8 : 11];
        l->state[s].after_short_rep = &l->state[literal ? 9 : 11];
    }
}

void lzma_set_properties(struct lzma *l, u32 lc, u32 lp, u32 pb)
{
    l->literal_shift = 8 - lc;
    l->literal_mask = ((1u << lp) - 1) << 8 | (0xFF & ~(0xFFu >> lc));
    l->position_mask = (1u << pb) - 1;
}

static void probabilities_reset(u16 *prob, const void *end)
{
    for (; prob < (const u16 *)end; prob++)
        *prob = PROB_HALF;
}

void lzma_reset(struct lzma *l)
{
    for (u32 s = 0; s < LZMA_STATES; s++)
        probabilities_reset(l->state[s].is_match, &l->state[s] + 1);
    probabilities_reset(&l->match_length.beyond_low, &l->literal_shift);
    l->now = &l->state[0];
    l->after_match = false;
    memset(l->rep, 0, sizeof(l->rep));
}
