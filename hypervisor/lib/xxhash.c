/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XXH32 and XXH64 ("xxHash fast digest algorithm", version 0.1.1) with seed 0: the checksums of
 * lz4's and zstd's frames. Their decompressors are the callers.
 */
#include "decompress_internal.h"

#define P32_1 0x9E3779B1u
#define P32_2 0x85EBCA77u
#define P32_3 0xC2B2AE3Du
#define P32_4 0x27D4EB2Fu
#define P32_5 0x165667B1u

#define P64_1 0x9E3779B185EBCA87ull
#define P64_2 0xC2B2AE3D27D4EB4Full
#define P64_3 0x165667B19E3779F9ull
#define P64_4 0x85EBCA77C2B2AE63ull
#define P64_5 0x27D4EB2F165667C5ull

static always_inline u32 rotate32(u32 v, int by)
{
    return v << by | v >> (32 - by);
}

static always_inline u64 rotate64(u64 v, int by)
{
    return v << by | v >> (64 - by);
}

static always_inline u32 round32(u32 lane, u32 input)
{
    return rotate32(lane + input * P32_2, 13) * P32_1;
}

static always_inline u64 round64(u64 lane, u64 input)
{
    return rotate64(lane + input * P64_2, 31) * P64_1;
}

u32 xxh32_of(const u8 *data, size_t size)
{
    const u8 *end = data + size;
    u32 h = P32_5;

    if (size >= 16) {
        u32 a = P32_1 + P32_2, b = P32_2, c = 0, d = 0 - P32_1;

        for (; end - data >= 16; data += 16) {
            a = round32(a, load32(data));
            b = round32(b, load32(data + 4));
            c = round32(c, load32(data + 8));
            d = round32(d, load32(data + 12));
        }
        h = rotate32(a, 1) + rotate32(b, 7) + rotate32(c, 12) + rotate32(d, 18);
    }
    h += (u32)size;
    for (; end - data >= 4; data += 4)
        h = rotate32(h + load32(data) * P32_3, 17) * P32_4;
    for (; data < end; data++)
        h = rotate32(h + *data * P32_5, 11) * P32_1;
    h = (h ^ h >> 15) * P32_2;
    h = (h ^ h >> 13) * P32_3;
    return h ^ h >> 16;
}

static u64 merge64(u64 h, u64 lane)
{
    return (h ^ round64(0, lane)) * P64_1 + P64_4;
}

u64 xxh64_of(const u8 *data, size_t size)
{
    const u8 *end = data + size;
    u64 h = P64_5;

    if (size >= 32) {
        u64 a = P64_1 + P64_2, b = P64_2, c = 0, d = 0 - P64_1;

        for (; end - data >= 32; data += 32) {
            a = round64(a, load64(data));
            b = round64(b, load64(data + 8));
            c = round64(c, load64(data + 16));
            d = round64(d, load64(data + 24));
        }
        h = rotate64(a, 1) + rotate64(b, 7) + rotate64(c, 12) + rotate64(d, 18);
        h = merge64(merge64(merge64(merge64(h, a), b), c), d);
    }
    h += size;
    for (; end - data >= 8; data += 8)
        h = rotate64(h ^ round64(0, load64(data)), 27) * P64_1 + P64_4;
    if (end - data >= 4) {
        h = rotate64(h ^ load32(data) * P64_1, 23) * P64_2 + P64_3;
        data += 4;
    }
    for (; data < end; data++)
        h = rotate64(h ^ *data * P64_5, 11) * P64_1;
    h = (h ^ h >> 33) * P64_2;
    h = (h ^ h >> 29) * P64_3;
    return h ^ h >> 32;
}
