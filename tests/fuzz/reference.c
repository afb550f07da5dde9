/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The formats' own libraries, for fuzz_decompress.c: the same stream to the same size. They may be
 * stricter or more lenient than ours, so that only what both accept can be compared.
 */
#define LZ4F_STATIC_LINKING_ONLY
#include "reference.h"

#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "demand.h"

#define GZIP_WINDOW  (15 + 16) /* the largest, and a gzip header */
#define MEMORY_LIMIT (64 << 20)

bool reference_gzip(const u8 *in, size_t in_size, u8 *out, size_t out_size, size_t *out_len)
{
    z_stream z = {.next_in = (u8 *)in,
                  .avail_in = (uInt)in_size,
                  .next_out = out,
                  .avail_out = (uInt)out_size};
    demand(inflateInit2(&z, GZIP_WINDOW) == Z_OK);
    bool done = inflate(&z, Z_FINISH) == Z_STREAM_END;
    *out_len = z.total_out;
    inflateEnd(&z);
    return done;
}

bool reference_xz(const u8 *in, size_t in_size, u8 *out, size_t out_size, size_t *out_len)
{
    uint64_t limit = MEMORY_LIMIT;
    size_t in_at = 0;
    *out_len = 0;
    return lzma_stream_buffer_decode(&limit, LZMA_IGNORE_CHECK, NULL, in, &in_at, in_size, out,
                                     out_len, out_size) == LZMA_OK;
}

bool reference_zstd(const u8 *in, size_t in_size, u8 *out, size_t out_size, size_t *out_len)
{
    size_t frame = ZSTD_findFrameCompressedSize(in, in_size);
    if (ZSTD_isError(frame))
        return false;
    *out_len = ZSTD_decompress(out, out_size, in, frame);
    return !ZSTD_isError(*out_len);
}

/* Modern frames; the library knows nothing of legacy ones. */
bool reference_lz4(const u8 *in, size_t in_size, u8 *out, size_t out_size, size_t *out_len)
{
    LZ4F_dctx *context;
    size_t more = 1;
    *out_len = 0;
    demand(!LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)));
    while (in_size) {
        size_t taken = in_size, given = out_size - *out_len;
        more = LZ4F_decompress(context, out + *out_len, &given, in, &taken, NULL);
        *out_len += given;
        in += taken;
        in_size -= taken;
        if (!more || LZ4F_isError(more) || (!taken && !given))
            break;
    }
    LZ4F_freeDecompressionContext(context);
    return !more;
}
