/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-256 (FIPS 180-4), which xz can have as a block's check: the xz decompressor is the caller.
 *
 * FIPS defines the round constants as the first 32 bits of the fractional parts of the cube roots
 * of the first 64 primes, and the initial value likewise by square roots of the first 8.
 */
#include "decompress_internal.h"

#define BLOCK_SIZE  64
#define ROUNDS      64
#define LENGTH_SIZE 8 /* the message's length in bits, at the end of the last block */

static const u32 round_constant[ROUNDS] = {
    0x428A2F98u, 0x71374491u, 0xB5C0FBCFu, 0xE9B5DBA5u, 0x3956C25Bu, 0x59F111F1u, 0x923F82A4u,
    0xAB1C5ED5u, 0xD807AA98u, 0x12835B01u, 0x243185BEu, 0x550C7DC3u, 0x72BE5D74u, 0x80DEB1FEu,
    0x9BDC06A7u, 0xC19BF174u, 0xE49B69C1u, 0xEFBE4786u, 0x0FC19DC6u, 0x240CA1CCu, 0x2DE92C6Fu,
    0x4A7484AAu, 0x5CB0A9DCu, 0x76F988DAu, 0x983E5152u, 0xA831C66Du, 0xB00327C8u, 0xBF597FC7u,
    0xC6E00BF3u, 0xD5A79147u, 0x06CA6351u, 0x14292967u, 0x27B70A85u, 0x2E1B2138u, 0x4D2C6DFCu,
    0x53380D13u, 0x650A7354u, 0x766A0ABBu, 0x81C2C92Eu, 0x92722C85u, 0xA2BFE8A1u, 0xA81A664Bu,
    0xC24B8B70u, 0xC76C51A3u, 0xD192E819u, 0xD6990624u, 0xF40E3585u, 0x106AA070u, 0x19A4C116u,
    0x1E376C08u, 0x2748774Cu, 0x34B0BCB5u, 0x391C0CB3u, 0x4ED8AA4Au, 0x5B9CCA4Fu, 0x682E6FF3u,
    0x748F82EEu, 0x78A5636Fu, 0x84C87814u, 0x8CC70208u, 0x90BEFFFAu, 0xA4506CEBu, 0xBEF9A3F7u,
    0xC67178F2u,
};

static const u32 initial_value[SHA256_SIZE / 4] = {
    0x6A09E667u, 0xBB67AE85u, 0x3C6EF372u, 0xA54FF53Au,
    0x510E527Fu, 0x9B05688Cu, 0x1F83D9ABu, 0x5BE0CD19u,
};

static always_inline u32 rotate_right(u32 v, int by)
{
    return v >> by | v << (32 - by);
}

static always_inline u32 load_big_endian(const u8 *p)
{
    return __builtin_bswap32(load32(p));
}

/* The words of the message that the rounds take: 16 of the block, and 48 made of those before. */
static void schedule_make(u32 *w, const u8 *block)
{
    for (int i = 0; i < 16; i++)
        w[i] = load_big_endian(block + 4 * i);
    for (int i = 16; i < ROUNDS; i++) {
        u32 early = w[i - 15], late = w[i - 2];

        w[i] = w[i - 16] + w[i - 7] +
               (rotate_right(early, 7) ^ rotate_right(early, 18) ^ early >> 3) +
               (rotate_right(late, 17) ^ rotate_right(late, 19) ^ late >> 10);
    }
}

/* Takes one block into the state. */
static void block_add(u32 *state, const u8 *block)
{
    u32 w[ROUNDS];
    u32 a = state[0], b = state[1], c = state[2], d = state[3];
    u32 e = state[4], f = state[5], g = state[6], h = state[7];

    schedule_make(w, block);
    for (int i = 0; i < ROUNDS; i++) {
        u32 choice = (e & f) ^ (~e & g);
        u32 majority = (a & b) ^ (a & c) ^ (b & c);
        u32 t1 = h + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) + choice +
                 round_constant[i] + w[i];
        u32 t2 = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) + majority;

        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

void sha256_of(const u8 *data, size_t size, u8 digest[SHA256_SIZE])
{
    u8 last[2 * BLOCK_SIZE] = {0};
    size_t rest = size % BLOCK_SIZE;
    size_t last_size = rest + 1 + LENGTH_SIZE <= BLOCK_SIZE ? BLOCK_SIZE : 2 * BLOCK_SIZE;
    u32 state[ARRAY_SIZE(initial_value)];

    memcpy(state, initial_value, sizeof(state));
    for (size_t left = size; left >= BLOCK_SIZE; left -= BLOCK_SIZE, data += BLOCK_SIZE)
        block_add(state, data);

    /* The end: what is left, one bit, zeros, and the length. */
    memcpy(last, data, rest);
    last[rest] = 0x80;
    store64(last + last_size - LENGTH_SIZE, __builtin_bswap64((u64)size * 8));
    for (size_t at = 0; at < last_size; at += BLOCK_SIZE)
        block_add(state, last + at);
    for (size_t i = 0; i < ARRAY_SIZE(state); i++)
        store32(digest + 4 * i, __builtin_bswap32(state[i]));
}
