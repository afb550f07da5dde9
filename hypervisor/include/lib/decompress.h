/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decompression of a whole stream, from memory to memory: what kernel images and initial RAM disks
 * are packed with. gzip (RFC 1952), xz (LZMA2, alone or behind the x86 branch filter), zstd
 * (RFC 8878, no dictionaries) and lz4 (the legacy frame of the lz4 tool, and the modern frame).
 */
#ifndef DOMUS_LIB_DECOMPRESS_H
#define DOMUS_LIB_DECOMPRESS_H

#include "types.h"

/* Bytes of working memory that every format is content with; aligned to 8 bytes. */
#define DECOMPRESS_SCRATCH_SIZE KIB(192)

/*
 * Unpacks the stream at in (in_size bytes), whose format is recognised by its first bytes, into
 * out, and tells its unpacked size, in bytes, in *out_len. What follows the stream in in is
 * ignored. The three buffers are the caller's and must not overlap; scratch needs
 * DECOMPRESS_SCRATCH_SIZE bytes, and its contents do not matter before or after. Time and memory
 * are bounded by the sizes of the buffers, whatever the input holds. Takes no locks; can run on
 * several CPUs at once.
 *
 * The integrity checks of the formats are verified where the stream has them (CRC-32 of gzip and
 * xz, CRC-64 and SHA-256 of xz, XXH64 of zstd, XXH32 of lz4). xz and zstd streams may be made
 * without one, and lz4's legacy frame has neither a check nor an end mark: compare *out_len with
 * the size that you expect.
 *
 * 0: done. Else *why is a short English reason in static memory, *out_len is untouched and out
 * holds rubbish:
 * -EINVAL      no known format, or scratch is too small or not aligned
 * -EBADMSG     the stream is truncated or corrupt
 * -ENOSPC      the unpacked data does not fit in out_size bytes
 * -EOPNOTSUPP  a valid stream that uses what is not supported (a filter, a dictionary, ...)
 */
must_check int decompress(const void *in, size_t in_size, void *out, size_t out_size,
                          size_t *out_len, void *scratch, size_t scratch_size, const char **why);

/*
 * Reads from the stream, which fills all of in, the size in bytes that it says to unpack to: from
 * gzip's trailer (modulo 2^32), xz's index, or zstd's or lz4's frame header. Nothing vouches for
 * it: take it as a bound of the buffer, and of that only what you can spare. 0; or, with a reason
 * (static text) in *why, -EINVAL for no known format, -EBADMSG, or -EOPNOTSUPP when the stream does
 * not say (lz4's legacy frame never does) or decompress() would not take it.
 */
must_check int decompress_size(const void *in, size_t in_size, u64 *size, const char **why);

#endif
