/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory and string functions of the C library that the hypervisor uses, with its prototypes.
 */
#ifndef DOMUS_LIB_STRING_H
#define DOMUS_LIB_STRING_H

#include "types.h"

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
/* First occurrence, or NULL. */
char *strchr(const char *s, int c);

/* Freestanding code has no builtin functions by those names: ask for them, so that small copies of
 * known size become plain moves. */
#if !__STDC_HOSTED__ && !defined(STRING_NO_BUILTINS)
#define memcpy(to, from, size) __builtin_memcpy(to, from, size)
#define memset(to, byte, size) __builtin_memset(to, byte, size)
#define memcmp(a, b, size)     __builtin_memcmp(a, b, size)
#define strlen(s)              __builtin_strlen(s)
#endif

#endif
