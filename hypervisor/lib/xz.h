/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the parts of the xz decompressor: the container (xz.c), LZMA2's chunks (lzma2.c), the
 * LZMA decoder (lzma.c) and the x86 branch filter (bcj.c).
 */
#ifndef DOMUS_LIB_XZ_H
#define DOMUS_LIB_XZ_H

#include "decompress_internal.h"

/* --- LZMA: the model, and where its decoder stands between two symbols */

#define LZMA_STATES          12
#define LZMA_POSITIONS       16 /* 2^pb, pb <= 4 */
#define LZMA_LC_LP_MAX       4  /* lc + lp, as LZMA2 bounds it */
#define LZMA_LITERAL_PROBS   0x300
#define LZMA_PROB_BITS       11
#define LZMA_LENGTH_CONTEXTS 4 /* match lengths 2, 3, 4 and more choose the distance's tree */

/* Probabilities of what follows in one of the 12 states, and the states that come next. */
struct lzma_state {
    struct lzma_state *after_literal;
    struct lzma_state *after_match;
    struct lzma_state *after_rep;
    struct lzma_state *after_short_rep;
    u16 is_match[LZMA_POSITIONS];
    u16 is_rep0_long[LZMA_POSITIONS];
    u16 is_rep;
    u16 is_rep0;
    u16 is_rep1;
    u16 is_rep2;
};

/* Probabilities of a match's length: 2-9 from low, 10-17 from middle, 18-273 from high. */
struct lzma_length {
    u16 beyond_low;
    u16 beyond_middle;
    u16 low[LZMA_POSITIONS][8];
    u16 middle[LZMA_POSITIONS][8];
    u16 high[256];
};

struct lzma {
    /* A probability's next value after a 0 and after a 1. */
    u16 next0[1 << LZMA_PROB_BITS];
    u16 next1[1 << LZMA_PROB_BITS];

    struct lzma_state state[LZMA_STATES];

    /* From here on everything is a probability. */
    struct lzma_length match_length;
    struct lzma_length rep_length;
    u16 distance_slot[LZMA_LENGTH_CONTEXTS][64];
    u16 distance_middle[10][32]; /* the low bits of slots 4-13 */
    u16 distance_align[16];
    u16 literal[LZMA_LITERAL_PROBS << LZMA_LC_LP_MAX];

    /* A literal's tree is (position << 8 | byte before) & literal_mask, >> literal_shift. */
    u32 literal_shift;
    u32 literal_mask;
    u32 position_mask;

    /* The decoder between two symbols. */
    u32 range; /* of the range coder, normalised: >= 2^24 */
    u32 code;
    const u8 *in;
    u8 *out;
    const u8 *dictionary; /* the oldest byte that a match may name; positions count from here */
    struct lzma_state *now;
    bool after_match;
    u32 rep[4]; /* latest distances, less 1 */
};

/* Once before the rest. */
void lzma_init(struct lzma *l);
/* lc + lp <= LZMA_LC_LP_MAX, pb <= 4. */
void lzma_set_properties(struct lzma *l, u32 lc, u32 lp, u32 pb);
/* Forgets all that was learnt: state, distances and probabilities. */
void lzma_reset(struct lzma *l);
/*
 * Decodes one chunk: exactly in_size bytes of range-coded input at l->in, into exactly out_size
 * bytes at l->out; both are moved. The caller has checked that both fit. 0, or -EBADMSG and *why.
 */
must_check int lzma_decode_chunk(struct lzma *l, size_t in_size, size_t out_size, const char **why);

/* --- LZMA2: decodes from u->in to u->out up to its end mark */

must_check int lzma2_decode(struct unpack *u, struct lzma *l);

/* --- The branch filter: data is a whole block */

void bcj_x86_undo(u8 *data, size_t size);

#endif
