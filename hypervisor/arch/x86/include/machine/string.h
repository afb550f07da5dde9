/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's own instructions for long copies, for lib/string.c. */
#ifndef DOMUS_MACHINE_STRING_H
#define DOMUS_MACHINE_STRING_H

#include "types.h"

/* Copy or store words of 8 bytes, ascending, and step the pointers past them. */
static inline void string_copy_words(u8 **to, const u8 **from, size_t words)
{
    __asm__ volatile("rep movsq" : "+D"(*to), "+S"(*from), "+c"(words) : : "memory");
}

static inline void string_fill_words(u8 **to, u64 word, size_t words)
{
    __asm__ volatile("rep stosq" : "+D"(*to), "+c"(words) : "a"(word) : "memory");
}

#endif
