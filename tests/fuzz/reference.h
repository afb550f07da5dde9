/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See reference.c: each unpacks one stream, true if that worked, with its size in *out_len. */
#ifndef DOMUS_TESTS_FUZZ_REFERENCE_H
#define DOMUS_TESTS_FUZZ_REFERENCE_H

#include "types.h"

typedef bool (*reference_t)(const u8 *in, size_t in_size, u8 *out, size_t out_size,
                            size_t *out_len);

bool reference_gzip(const u8 *in, size_t in_size, u8 *out, size_t out_size, size_t *out_len);
bool reference_xz(const u8 *in, size_t in_size, u8 *out, size_t out_size, size_t *out_len);
bool reference_zstd(const u8 *in, size_t in_size, u8 *out, size_t out_size, size_t *out_len);
bool reference_lz4(const u8 *in, size_t in_size, u8 *out, size_t out_size, size_t *out_len);

#endif
