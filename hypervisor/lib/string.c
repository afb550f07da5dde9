/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory and string functions of the C library that the hypervisor uses: called by everybody,
 * and by code that the compiler makes of structure assignments. No state. Long copies go in words
 * of 8 bytes, by the machine's own instructions (machine/string.h).
 */
#define STRING_NO_BUILTINS
#include "lib/string.h"
#include "machine/string.h"

#define WORD_BYTES sizeof(u64)

/* The compiler must not turn the loops of these functions into calls of themselves. */
#if __has_attribute(no_builtin) /* clang */
#define no_loop_calls __attribute__((no_builtin))
#else
#define no_loop_calls __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif

/* A word at any address, which may be of any type. */
typedef u64 __attribute__((may_alias, __aligned__(1))) loose_u64;

no_loop_calls void *memcpy(void *to, const void *from, size_t size)
{
    u8 *t = to;
    const u8 *f = from;
    if (size >= WORD_BYTES) {
        /* The last word first; it may overlap the others, and no rest remains. */
        loose_u64 tail = *(const loose_u64 *)(f + size - WORD_BYTES);
        loose_u64 *end = (loose_u64 *)(t + size - WORD_BYTES);
        if (size <= 2 * WORD_BYTES)
            *(loose_u64 *)t = *(const loose_u64 *)f;
        else
            string_copy_words(&t, &f, size / WORD_BYTES);
        *end = tail;
        return to;
    }
    for (; size; size--)
        *t++ = *f++;
    return to;
}

no_loop_calls void *memmove(void *to, const void *from, size_t size)
{
    u8 *t = to;
    const u8 *f = from;
    if (t == f)
        return to;
    if (t < f || t >= f + size) {
        /* Ascending, by words if a word is written only where it was read before. */
        if (t > f || (size_t)(f - t) >= WORD_BYTES) {
            string_copy_words(&t, &f, size / WORD_BYTES);
            size %= WORD_BYTES;
        }
        for (; size; size--)
            *t++ = *f++;
        return to;
    }
    if ((size_t)(t - f) >= WORD_BYTES)
        for (; size >= WORD_BYTES; size -= WORD_BYTES)
            *(loose_u64 *)(t + size - WORD_BYTES) = *(const loose_u64 *)(f + size - WORD_BYTES);
    for (; size; size--)
        t[size - 1] = f[size - 1];
    return to;
}

no_loop_calls void *memset(void *to, int byte, size_t size)
{
    u8 *t = to;
    u64 word = (u8)byte * 0x0101010101010101ull;
    if (size >= WORD_BYTES) {
        loose_u64 *end = (loose_u64 *)(t + size - WORD_BYTES);
        string_fill_words(&t, word, size / WORD_BYTES);
        *end = word;
        return to;
    }
    for (; size; size--)
        *t++ = (u8)byte;
    return to;
}

no_loop_calls int memcmp(const void *a, const void *b, size_t size)
{
    const u8 *p = a, *q = b;
    while (size >= WORD_BYTES && *(const loose_u64 *)p == *(const loose_u64 *)q) {
        p += WORD_BYTES;
        q += WORD_BYTES;
        size -= WORD_BYTES;
    }
    for (; size; size--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}

no_loop_calls size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;
    while (n < max && s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t max)
{
    for (; max; max--, a++, b++) {
        if (*a != *b)
            return (u8)*a - (u8)*b;
        if (!*a)
            break;
    }
    return 0;
}

char *strchr(const char *s, int c)
{
    for (; *s != (char)c; s++)
        if (!*s)
            return NULL;
    return (char *)s;
}
