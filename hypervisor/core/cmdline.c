/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: cuts it into words and gives each to the options of its name, which the linker
 * has collected (OPTION_DEFINE_*). Called on the boot CPU before anything else runs; what it could
 * not understand is kept as a list of words and reported once there is a console.
 */
#include "core/cmdline.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

/* As long as the ABI can tell (XENVER_commandline). */
#define CMDLINE_BYTES  1024u
#define COMPLAINTS_MAX 16u

extern const struct option __options_start[], __options_end[];

static char given[CMDLINE_BYTES]; /* without the image's name */
static char words[CMDLINE_BYTES]; /* the same, its words ended by zeros */
static bool cut_short;
static const char *for_domain0 = "";

struct complaint {
    const char *word;
    bool known; /* the value is what is wrong */
};
static struct complaint complaints[COMPLAINTS_MAX];
static u32 nr_complaints;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Names are equal whether they are written with - or with _. */
static bool name_equal(const char *name, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i] == '-' ? '_' : text[i];
        if (!name[i] || (name[i] == '-' ? '_' : name[i]) != c)
            return false;
    }
    return name[length] == 0;
}

static const struct option *option_find(const struct option *from, const char *text, size_t length)
{
    for (const struct option *o = from; o < __options_end; o++)
        if (name_equal(o->name, text, length))
            return o;
    return NULL;
}

/* Digits with an optional 0x; *end is the first character behind them. */
int cmdline_parse_number(const char *text, u64 *value, const char **end)
{
    u32 base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    const char *start = text;
    u64 n = 0;
    for (;; text++) {
        u32 digit;
        if (*text >= '0' && *text <= '9')
            digit = (u32)(*text - '0');
        else if (base == 16 && (*text | 0x20) >= 'a' && (*text | 0x20) <= 'f')
            digit = (u32)((*text | 0x20) - 'a') + 10;
        else
            break;
        if (__builtin_mul_overflow(n, (u64)base, &n) || __builtin_add_overflow(n, (u64)digit, &n))
            return -EINVAL;
    }
    if (text == start)
        return -EINVAL;
    *value = n;
    *end = text;
    return 0;
}

static u32 unit_shift(char unit)
{
    switch (unit | 0x20) {
    case 't':
        return 40;
    case 'g':
        return 30;
    case 'm':
        return 20;
    case 'k':
        return 10;
    case 'b':
        return 0;
    default:
        return ~0u;
    }
}

int cmdline_parse_size(const char *text, u64 *bytes, const char **end)
{
    const char *rest;
    u64 n;
    if (cmdline_parse_number(text, &n, &rest) < 0)
        return -EINVAL;
    u32 shift = *rest ? unit_shift(*rest) : ~0u;
    if (shift == ~0u)
        shift = 10;
    else
        rest++;
    if ((!end && *rest) || n > ~0ull >> shift)
        return -EINVAL;
    if (end)
        *end = rest;
    *bytes = n << shift;
    return 0;
}

static int bool_parse(const char *value)
{
    static const char *const yes[] = {"yes", "on", "true", "enable", "1"};
    static const char *const no[] = {"no", "off", "false", "disable", "0"};
    for (u32 i = 0; i < ARRAY_SIZE(yes); i++) {
        if (!strcmp(value, yes[i]))
            return 1;
        if (!strcmp(value, no[i]))
            return 0;
    }
    return -EINVAL;
}

int cmdline_parse_bool(const char *value)
{
    return *value ? bool_parse(value) : 1;
}

/* value is NULL if the word was the name alone; negated: it was no-name. */
static int option_set(const struct option *o, const char *value, bool negated)
{
    if (negated && (value || (o->kind != OPTION_BOOL && o->kind != OPTION_CUSTOM)))
        return -EINVAL;
    switch (o->kind) {
    case OPTION_BOOL: {
        int b = negated ? 0 : value ? bool_parse(value) : 1;
        if (b < 0)
            return b;
        *(bool *)o->value = b;
        return 0;
    }
    case OPTION_UINT: {
        u64 n;
        const char *end;
        if (!value || cmdline_parse_number(value, &n, &end) < 0 || *end || n > ~0u)
            return -EINVAL;
        *(u32 *)o->value = (u32)n;
        return 0;
    }
    case OPTION_STRING: {
        size_t length = value ? strlen(value) : 0;
        if (!value || length >= o->size)
            return -EINVAL;
        memcpy(o->value, value, length + 1);
        return 0;
    }
    case OPTION_CUSTOM:
        return o->parse(negated ? "no" : value ? value : "");
    }
    return -EINVAL;
}

static void complain(const char *word, bool known)
{
    if (nr_complaints < COMPLAINTS_MAX)
        complaints[nr_complaints] = (struct complaint){.word = word, .known = known};
    nr_complaints++;
}

/* Every option of that name gets the word: several parts may want one. */
static void word_apply(const char *word)
{
    const char *value = strchr(word, '=');
    size_t length = value ? (size_t)(value - word) : strlen(word);
    bool negated = false;
    const char *name = word;
    if (value)
        value++;
    const struct option *o = option_find(__options_start, name, length);
    if (!o && length > 3 && !strncmp(word, "no-", 3)) {
        negated = true;
        name += 3;
        length -= 3;
        o = option_find(__options_start, name, length);
    }
    if (!o)
        complain(word, false);
    for (; o; o = option_find(o + 1, name, length))
        if (option_set(o, value, negated) < 0)
            complain(word, true);
}

/* An image's file name is no option, and either has a slash before any =, or no = at all. */
static bool is_image_name(const char *word, size_t length)
{
    size_t name = 0;
    bool slash = false;
    while (name < length && word[name] != '=')
        slash |= word[name++] == '/';
    if (slash)
        return true;
    bool negated = name > 3 && !strncmp(word, "no-", 3);
    return name == length && !option_find(__options_start, word, name) &&
           !(negated && option_find(__options_start, word + 3, name - 3));
}

static bool word_is(const char *word, size_t length, const char *what)
{
    return length == strlen(what) && !strncmp(word, what, length);
}

static const char *spaces_skip(const char *line)
{
    while (is_space(*line))
        line++;
    return line;
}

static size_t word_length(const char *line)
{
    size_t length = 0;
    while (line[length] && !is_space(line[length]))
        length++;
    return length;
}

/* Where loaders put no name, the scripts that make GRUB's menu put this word, for old versions. */
#define NO_NAME "placeholder"

static const char *name_skip(const char *line, bool named)
{
    line = spaces_skip(line);
    size_t first = word_length(line);
    if (!first || word_is(line, first, "--"))
        return line;
    if (word_is(line, first, NO_NAME) || (named && is_image_name(line, first)))
        line = spaces_skip(line + first);
    return line;
}

/* Bytes before the word "--"; what follows that is domain 0's. */
static size_t own_length(const char *line)
{
    const char *word = line;
    for_domain0 = "";
    while (*word) {
        size_t length = word_length(word);
        if (word_is(word, length, "--")) {
            for_domain0 = spaces_skip(word + length);
            break;
        }
        word = spaces_skip(word + length);
    }
    size_t own = (size_t)(word - line);
    while (*word && own && is_space(line[own - 1]))
        own--;
    return own;
}

void cmdline_parse(const char *line, bool named)
{
    line = name_skip(line, named);
    size_t length = own_length(line);
    cut_short = length >= CMDLINE_BYTES;
    if (cut_short)
        length = CMDLINE_BYTES - 1;
    memcpy(given, line, length);
    given[length] = 0;
    memcpy(words, given, length + 1);
    nr_complaints = 0;
    for (char *word = words; *word;) {
        char *end = word + word_length(word);
        bool last = !*end;
        *end = 0;
        if (*word)
            word_apply(word);
        if (last)
            break;
        word = end + 1;
        while (is_space(*word))
            word++;
    }
}

void cmdline_report(void)
{
    if (cut_short)
        log_warning("command line: longer than %u bytes, the rest is ignored", CMDLINE_BYTES - 1);
    for (u32 i = 0; i < MIN(nr_complaints, COMPLAINTS_MAX); i++)
        log_warning("command line: %s: %s", complaints[i].word,
                    complaints[i].known ? "this option does not take such a value, ignored"
                                        : "no such option, ignored");
    if (nr_complaints > COMPLAINTS_MAX)
        log_warning("command line: %u more words were not understood",
                    nr_complaints - COMPLAINTS_MAX);
}

const char *cmdline_text(void)
{
    return given;
}

const char *cmdline_for_domain0(void)
{
    return for_domain0;
}
