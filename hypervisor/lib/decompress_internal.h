/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the decompressors in this folder share: the job that they work on, loads and stores of any
 * alignment, the copy of an earlier match, and the checksums. Nobody else includes this.
 */
#ifndef DOMUS_LIB_DECOMPRESS_INTERNAL_H
#define DOMUS_LIB_DECOMPRESS_INTERNAL_H

#include "types.h"
#include "errno.h"
#include "lib/decompress.h"
#include "lib/string.h"

/* One call of decompress(). in and out move forward as the stream is worked through. */
struct unpack {
    const u8 *in;
    const u8 *in_end;
    u8 *out_start; /* the caller's buffer, [out_start, out_end) */
    u8 *out;
    u8 *out_end;
    void *scratch; /* DECOMPRESS_SCRATCH_SIZE bytes, aligned to 8 */
    const char *why;
};

static inline size_t unpack_in_left(const struct unpack *u)
{
    return (size_t)(u->in_end - u->in);
}

static inline size_t unpack_out_left(const struct unpack *u)
{
    return (size_t)(u->out_end - u->out);
}

/*
 * Notes the reason (static text) and gives the error back: return unpack_fail(u, -EBADMSG, "...").
 */
static inline int unpack_fail(struct unpack *u, int error, const char *why)
{
    u->why = why;
    return error;
}

/* Each unpacks one stream that begins at u->in, whose magic number has been seen. */
must_check int gzip_unpack(struct unpack *u);
must_check int xz_unpack(struct unpack *u);
must_check int zstd_unpack(struct unpack *u);
must_check int lz4_unpack(struct unpack *u);

/* Each reads the unpacked size, in bytes, that such a stream tells, which is not verified. */
must_check int gzip_size(struct unpack *u, u64 *size);
must_check int xz_size(struct unpack *u, u64 *size);
must_check int zstd_size(struct unpack *u, u64 *size);
must_check int lz4_size(struct unpack *u, u64 *size);

/* --- Little-endian numbers at any alignment */

static always_inline u16 load16(const u8 *p)
{
    u16 v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static always_inline u32 load32(const u8 *p)
{
    u32 v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static always_inline u64 load64(const u8 *p)
{
    u64 v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static always_inline void store32(u8 *p, u32 v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

static always_inline void store64(u8 *p, u64 v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

/* --- Copies inside the output */

/* What match_copy and literal_copy may write, and literal_copy read, behind what was asked for. */
#define COPY_SLACK 8

/*
 * Repeats length bytes (at least 1) that begin distance (at least 1) bytes before out. The two may
 * overlap: that is how a run is made. Writes up to COPY_SLACK - 1 bytes more.
 */
static always_inline void match_copy(u8 *out, size_t distance, size_t length)
{
    const u8 *from = out - distance;
    const u8 *end = out + length;

    /* Too near for a word at a time: each turn doubles the bytes that repeat before out. */
    while (unlikely(distance < 8)) {
        store64(out, load64(from));
        out += distance;
        if (out >= end)
            return;
        distance += distance;
    }
    do {
        store64(out, load64(from));
        out += 8;
        from += 8;
    } while (out < end);
}

/* The same, to the byte: for the end of the buffer. */
static inline void match_copy_exact(u8 *out, size_t distance, size_t length)
{
    for (; length > 0; length--, out++)
        *out = *(out - distance);
}

/*
 * Copies length bytes from another buffer, a word at a time; touches COPY_SLACK bytes more of both.
 */
static always_inline void literal_copy(u8 *out, const u8 *from, size_t length)
{
    const u8 *end = out + length;

    do {
        store64(out, load64(from));
        out += 8;
        from += 8;
    } while (out < end);
}

/* --- Checksums */

#define CRC_SLICES 8
#define CRC32_RING 3006

/* Tables and workspace of CRC-32, made by crc32_init. */
struct crc32 {
    u32 table[CRC_SLICES][256];
    u64 ring[CRC32_RING];
};

/* Tables of CRC-64, made by crc64_init. */
struct crc64 {
    u64 table[CRC_SLICES][256];
};

void crc32_init(struct crc32 *c);
u32 crc32_of(struct crc32 *c, const u8 *data, size_t size);
void crc64_init(struct crc64 *c);
u64 crc64_of(const struct crc64 *c, const u8 *data, size_t size);

/* XXH32 and XXH64 with seed 0. */
u32 xxh32_of(const u8 *data, size_t size);
u64 xxh64_of(const u8 *data, size_t size);

#define SHA256_SIZE 32
void sha256_of(const u8 *data, size_t size, u8 digest[SHA256_SIZE]);

#endif
