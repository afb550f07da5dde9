/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CRC-32 (IEEE 802.3, as gzip and xz use it) and CRC-64 (ECMA-182, as xz uses it), both
 * bit-reflected. The callers are the decompressors, which keep the tables in their scratch memory.
 *
 * A kernel is some 60 MB, so CRC-32 has to be cheap without vector or carry-less-multiply
 * instructions. Short data goes through the usual tables, 8 bytes a step. Long data is first
 * reduced with a sparse multiple of the polynomial P. With y = x^64,
 *
 *     y^3006 + y^2866 + y^2215 + 1  is a multiple of P
 *
 * (the shortest such sum of four powers, found by search). So a 64-bit word of the message may be
 * struck out if it is added (XOR) to the words 140, 791 and 3006 places later, and the remainder
 * does not change. Doing that from the front leaves the last 3006 words, for the tables. Each word
 * thus costs three XORs: the values of the last 3006 words are kept in a ring.
 */
#include "decompress_internal.h"

#define CRC32_POLYNOMIAL 0xEDB88320u
#define CRC64_POLYNOMIAL 0xC96C5795D7870F42ull

/* How many words later a struck word comes back, besides CRC32_RING itself. */
#define ECHO_NEAR 140
#define ECHO_FAR  791

/* Below this the ring does not pay: in words. */
#define RING_WORTH (4 * CRC32_RING)

void crc32_init(struct crc32 *c)
{
    for (u32 i = 0; i < 256; i++) {
        u32 crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? CRC32_POLYNOMIAL : 0);
        c->table[0][i] = crc;
    }
    for (int s = 1; s < CRC_SLICES; s++) {
        for (int i = 0; i < 256; i++) {
            u32 before = c->table[s - 1][i];

            c->table[s][i] = before >> 8 ^ c->table[0][before & 0xFF];
        }
    }
}

static u32 crc32_by_table(const struct crc32 *c, u32 crc, const u8 *data, size_t size)
{
    for (; size >= 8; size -= 8, data += 8) {
        u64 w = load64(data) ^ crc;

        crc = c->table[7][w & 0xFF] ^ c->table[6][w >> 8 & 0xFF] ^ c->table[5][w >> 16 & 0xFF] ^
              c->table[4][w >> 24 & 0xFF] ^ c->table[3][w >> 32 & 0xFF] ^
              c->table[2][w >> 40 & 0xFF] ^ c->table[1][w >> 48 & 0xFF] ^ c->table[0][w >> 56];
    }
    for (; size > 0; size--)
        crc = crc >> 8 ^ c->table[0][(crc ^ *data++) & 0xFF];
    return crc;
}

/*
 * Strikes out count words. Their places in the ring begin at at; those of the words that echo here
 * begin at near and far. None of the three runs of count words passes the ring's end.
 */
static void ring_strike(u64 *at, const u64 *near, const u64 *far, const u8 *data, size_t count)
{
    size_t i = 0;

    for (; i + 4 <= count; i += 4) {
        at[i] ^= load64(data + 8 * i) ^ near[i] ^ far[i];
        at[i + 1] ^= load64(data + 8 * i + 8) ^ near[i + 1] ^ far[i + 1];
        at[i + 2] ^= load64(data + 8 * i + 16) ^ near[i + 2] ^ far[i + 2];
        at[i + 3] ^= load64(data + 8 * i + 24) ^ near[i + 3] ^ far[i + 3];
    }
    for (; i < count; i++)
        at[i] ^= load64(data + 8 * i) ^ near[i] ^ far[i];
}

/* Strikes out all but the last CRC32_RING of words. Returns the ring's position after the last. */
static size_t ring_run(u64 *ring, const u8 *data, size_t words)
{
    size_t at = 0;
    size_t near = CRC32_RING - ECHO_NEAR;
    size_t far = CRC32_RING - ECHO_FAR;

    words -= CRC32_RING;
    while (words > 0) {
        size_t foremost = MAX(near, far);
        size_t until_wrap = CRC32_RING - MAX(at, foremost);
        size_t count = MIN(words, until_wrap);

        ring_strike(ring + at, ring + near, ring + far, data, count);
        data += 8 * count;
        words -= count;
        at = (at + count) % CRC32_RING;
        near = (near + count) % CRC32_RING;
        far = (far + count) % CRC32_RING;
    }
    return at;
}

/*
 * Adds the last CRC32_RING words of the message to what the struck ones left for them. The words
 * must be visited from first to last: each place in the ring holds a struck value that words before
 * it want, and its own word replaces that.
 */
static void ring_finish(u64 *ring, size_t at, const u8 *last)
{
    for (size_t i = 0; i < CRC32_RING; i++) {
        u64 w = load64(last + 8 * i) ^ ring[(at + i) % CRC32_RING];

        if (i < ECHO_NEAR)
            w ^= ring[(at + i + CRC32_RING - ECHO_NEAR) % CRC32_RING];
        if (i < ECHO_FAR)
            w ^= ring[(at + i + CRC32_RING - ECHO_FAR) % CRC32_RING];
        ring[(at + i) % CRC32_RING] = w;
    }
}

/* The CRC-32 of size bytes. c comes from crc32_init, and may be used again. */
u32 crc32_of(struct crc32 *c, const u8 *data, size_t size)
{
    size_t words = size / 8;
    size_t at;
    u32 crc;

    if (words < RING_WORTH)
        return ~crc32_by_table(c, ~0u, data, size);

    memset(c->ring, 0, sizeof(c->ring));
    c->ring[0] = ~0u; /* the CRC begins as if the first 4 bytes were inverted */
    at = ring_run(c->ring, data, words);
    ring_finish(c->ring, at, data + 8 * (words - CRC32_RING));

    crc = crc32_by_table(c, 0, (const u8 *)(c->ring + at), 8 * (CRC32_RING - at));
    crc = crc32_by_table(c, crc, (const u8 *)c->ring, 8 * at);
    return ~crc32_by_table(c, crc, data + 8 * words, size % 8);
}

void crc64_init(struct crc64 *c)
{
    for (u64 i = 0; i < 256; i++) {
        u64 crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? CRC64_POLYNOMIAL : 0);
        c->table[0][i] = crc;
    }
    for (int s = 1; s < CRC_SLICES; s++) {
        for (int i = 0; i < 256; i++) {
            u64 before = c->table[s - 1][i];

            c->table[s][i] = before >> 8 ^ c->table[0][before & 0xFF];
        }
    }
}

/* The CRC-64 of size bytes. c comes from crc64_init. */
u64 crc64_of(const struct crc64 *c, const u8 *data, size_t size)
{
    u64 crc = ~0ull;

    for (; size >= 8; size -= 8, data += 8) {
        u64 w = load64(data) ^ crc;

        crc = c->table[7][w & 0xFF] ^ c->table[6][w >> 8 & 0xFF] ^ c->table[5][w >> 16 & 0xFF] ^
              c->table[4][w >> 24 & 0xFF] ^ c->table[3][w >> 32 & 0xFF] ^
              c->table[2][w >> 40 & 0xFF] ^ c->table[1][w >> 48 & 0xFF] ^ c->table[0][w >> 56];
    }
    for (; size > 0; size--)
        crc = crc >> 8 ^ c->table[0][(crc ^ *data++) & 0xFF];
    return ~crc;
}
