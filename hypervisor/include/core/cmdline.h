/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command line options: each is declared where it is used, collected by the linker, and set before
 * anything else runs. What no row names is reported.
 */
#ifndef DOMUS_CORE_CMDLINE_H
#define DOMUS_CORE_CMDLINE_H

#include "errno.h"
#include "lib/string.h"
#include "types.h"

enum option_kind {
    OPTION_BOOL,   /* bool: name, no-name, name=yes|no|on|off|true|false|enable|disable|1|0 */
    OPTION_UINT,   /* u32: decimal, 0x hexadecimal */
    OPTION_STRING, /* char[size] */
    OPTION_CUSTOM, /* parse(value): 0 or -EINVAL */
};

struct option {
    const char *name;
    enum option_kind kind;
    void *value;
    size_t size;
    int (*parse)(const char *value);
};

#define OPTION_ROW(id, ...)                                                                        \
    static const struct option option_##id section(".options")                                     \
        __attribute__((used, __aligned__(8))) = {__VA_ARGS__}
#define OPTION_DEFINE_BOOL(n, var)                                                                 \
    OPTION_ROW(var, .name = (n), .kind = OPTION_BOOL, .value = &(var), .size = sizeof(var))
#define OPTION_DEFINE_UINT(n, var)                                                                 \
    OPTION_ROW(var, .name = (n), .kind = OPTION_UINT, .value = &(var), .size = sizeof(var))
#define OPTION_DEFINE_STRING(n, var)                                                               \
    OPTION_ROW(var, .name = (n), .kind = OPTION_STRING, .value = (var), .size = sizeof(var))
#define OPTION_DEFINE_CUSTOM(n, function)                                                          \
    OPTION_ROW(function, .name = (n), .kind = OPTION_CUSTOM, .parse = (function))

/*
 * Parse the boot loader's command line, which must stay. named: its first word is the image's file
 * name, if it looks like one. Complaints are kept and printed by cmdline_report() once the console
 * is there.
 */
void cmdline_parse(const char *line, bool named);
void cmdline_report(void);
/* The line as it was given, without the image's name and what is for domain 0. */
const char *cmdline_text(void);
/* What follows the word "--": more arguments of domain 0's kernel. Never NULL. */
const char *cmdline_for_domain0(void);

/* What a flag may be, "" (the name alone) among it: 1 or 0; -EINVAL. */
must_check int cmdline_parse_bool(const char *value);
/* Which of the words it is, or -EINVAL. */
static inline int cmdline_parse_word(const char *value, const char *const *words, u32 count)
{
    for (u32 i = 0; i < count; i++)
        if (!strcmp(value, words[i]))
            return (int)i;
    return -EINVAL;
}

/* Decimal, or hexadecimal after 0x; *end is set past it. -EINVAL. */
must_check int cmdline_parse_number(const char *text, u64 *number, const char **end);
/* "512M", "2G", "1024K", "4096" (KiB without suffix, as Xen's dom0_mem), "0x..": bytes. -EINVAL.
 * *end is set past the number if end is not NULL, else the whole text must be used. */
must_check int cmdline_parse_size(const char *text, u64 *bytes, const char **end);

#endif
