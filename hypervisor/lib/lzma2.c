/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LZMA2: a sequence of chunks, each compressed by LZMA or stored, that ends with a zero byte. Each
 * chunk's control byte says what is reset before it. Called by xz.c for the contents of a block.
 */
#include "xz.h"

/* Control bytes: 0 ends; 1 and 2 are stored chunks; from 80h on compressed ones. */
#define CONTROL_END          0x00
#define CONTROL_STORED_RESET 0x01 /* stored, and the dictionary is reset */
#define CONTROL_STORED       0x02
#define CONTROL_LZMA         0x80
#define CONTROL_LZMA_STATE   0xA0 /* the state is reset */
#define CONTROL_LZMA_PROPS   0xC0 /* and has new properties */
#define CONTROL_LZMA_ALL     0xE0 /* and the dictionary is reset */

#define STORED_HEADER 3
#define LZMA_HEADER   5

/* The byte of properties is (pb * 5 + lp) * 9 + lc. */
#define PROPS_MAX (4 * 45 + 4 * 9 + 8)

/* What the next chunk must reset. */
struct lzma2_needs {
    bool dictionary;
    bool properties;
    bool state;
};

static int chunk_stored(struct unpack *u, u8 control, struct lzma *l, struct lzma2_needs *needs)
{
    size_t size;

    if (unpack_in_left(u) < STORED_HEADER)
        return unpack_fail(u, -EBADMSG, "xz: truncated in a chunk's header");
    size = ((size_t)u->in[1] << 8 | u->in[2]) + 1;
    u->in += STORED_HEADER;

    if (control == CONTROL_STORED_RESET) {
        l->dictionary = u->out;
        *needs = (struct lzma2_needs){.properties = true, .state = true};
    } else if (needs->dictionary) {
        return unpack_fail(u, -EBADMSG, "xz: the first chunk does not reset the dictionary");
    }
    if (size > unpack_in_left(u))
        return unpack_fail(u, -EBADMSG, "xz: truncated in a stored chunk");
    if (size > unpack_out_left(u))
        return unpack_fail(u, -ENOSPC, "xz: the output buffer is too small");
    memcpy(u->out, u->in, size);
    u->in += size;
    u->out += size;
    return 0;
}

/*
 * Does the resets that control asks for; *props points to the byte of properties if there is one.
 */
static int chunk_reset(struct unpack *u, u8 control, const u8 *props, struct lzma *l,
                       struct lzma2_needs *needs)
{
    if (control >= CONTROL_LZMA_ALL) {
        l->dictionary = u->out;
        needs->dictionary = false;
    }
    if (needs->dictionary)
        return unpack_fail(u, -EBADMSG, "xz: the first chunk does not reset the dictionary");
    if (control >= CONTROL_LZMA_PROPS) {
        u32 lc = *props % 9, lp = *props / 9 % 5, pb = *props / 45;

        if (*props > PROPS_MAX || lc + lp > LZMA_LC_LP_MAX)
            return unpack_fail(u, -EBADMSG, "xz: a chunk has impossible properties");
        lzma_set_properties(l, lc, lp, pb);
        needs->properties = false;
    }
    if (needs->properties)
        return unpack_fail(u, -EBADMSG, "xz: a chunk lacks properties");
    if (control >= CONTROL_LZMA_STATE) {
        lzma_reset(l);
        needs->state = false;
    }
    if (needs->state)
        return unpack_fail(u, -EBADMSG, "xz: a chunk lacks a reset of the state");
    return 0;
}

static int chunk_lzma(struct unpack *u, u8 control, struct lzma *l, struct lzma2_needs *needs)
{
    size_t header = LZMA_HEADER + (control >= CONTROL_LZMA_PROPS ? 1 : 0);
    size_t in_size, out_size;
    int error;

    if (unpack_in_left(u) < header)
        return unpack_fail(u, -EBADMSG, "xz: truncated in a chunk's header");
    out_size = ((size_t)(control & 0x1F) << 16 | (size_t)u->in[1] << 8 | u->in[2]) + 1;
    in_size = ((size_t)u->in[3] << 8 | u->in[4]) + 1;
    error = chunk_reset(u, control, u->in + LZMA_HEADER, l, needs);
    if (error)
        return error;
    u->in += header;

    if (in_size > unpack_in_left(u))
        return unpack_fail(u, -EBADMSG, "xz: truncated in a chunk");
    if (out_size > unpack_out_left(u))
        return unpack_fail(u, -ENOSPC, "xz: the output buffer is too small");
    l->in = u->in;
    l->out = u->out;
    error = lzma_decode_chunk(l, in_size, out_size, &u->why);
    u->in = l->in;
    u->out = l->out;
    return error;
}

int lzma2_decode(struct unpack *u, struct lzma *l)
{
    struct lzma2_needs needs = {true, true, true};

    for (;;) {
        u8 control;
        int error;

        if (unpack_in_left(u) == 0)
            return unpack_fail(u, -EBADMSG, "xz: truncated between chunks");
        control = *u->in;
        if (control == CONTROL_END) {
            u->in++;
            return 0;
        }
        if (control >= CONTROL_LZMA)
            error = chunk_lzma(u, control, l, &needs);
        else if (control <= CONTROL_STORED)
            error = chunk_stored(u, control, l, &needs);
        else
            error = unpack_fail(u, -EBADMSG, "xz: unknown kind of chunk");
        if (error)
            return error;
    }
}
