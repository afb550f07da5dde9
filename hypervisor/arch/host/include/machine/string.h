/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's long copies, for lib/string.c: plain loops. */
#ifndef DOMUS_MACHINE_STRING_H
#define DOMUS_MACHINE_STRING_H

#include "types.h"

static inline void string_copy_words(u8 **to, const u8 **from, size_t words)
{
    for (; words; words--, *to += 8, *from += 8)
        for (u32 i = 0; i < 8; i++)
            (*to)[i] = (*from)[i];
}

static inline void string_fill_words(u8 **to, u64 word, size_t words)
{
    for (; words; words--, *to += 8)
        for (u32 i = 0; i < 8; i++)
            (*to)[i] = (u8)word;
}

#endif
