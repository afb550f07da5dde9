/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text_format(): C's formatted output (C99 7.19.6.1) without floating point and without %n. Pure
 * functions, callable anywhere, on the caller's buffer only.
 */
#include "lib/print.h"
#include "lib/string.h"

#define FLAG_LEFT  BIT(0) /* - */
#define FLAG_PLUS  BIT(1) /* + */
#define FLAG_SPACE BIT(2)
#define FLAG_ALT   BIT(3) /* # */
#define FLAG_ZERO  BIT(4) /* 0 */
#define FLAG_UPPER BIT(5) /* X */

/* Octal digits of 64 bits, and the prefix. */
#define DIGITS_MAX 24

/* Widths and precisions beyond this are cut, so that lengths stay an int. */
#define WIDTH_MAX 4096

struct output {
    char *buf;
    size_t size; /* room, the end mark included */
    size_t used; /* what the text would take so far */
};

/* One conversion: %[flags][width][.precision][length]letter */
struct spec {
    u64 flags;
    int width;
    int precision; /* -1: none */
    u32 bytes;     /* of an integer argument */
};

static inline void put(struct output *o, char c)
{
    if (o->used < o->size)
        o->buf[o->used] = c;
    o->used++;
}

static void put_repeated(struct output *o, char c, int count)
{
    for (; count > 0; count--)
        put(o, c);
}

/* Sign or prefix, zeros, digits (which stand in reverse), all within the width. */
static void put_number(struct output *o, const struct spec *s, const char *prefix,
                       const char *digits, int nr_digits)
{
    int prefix_length = (int)strlen(prefix);
    int zeros = s->precision - nr_digits;
    if (s->precision < 0 && (s->flags & FLAG_ZERO) && !(s->flags & FLAG_LEFT))
        zeros = s->width - prefix_length - nr_digits;
    if (zeros < 0)
        zeros = 0;
    int pad = s->width - prefix_length - zeros - nr_digits;
    if (!(s->flags & FLAG_LEFT))
        put_repeated(o, ' ', pad);
    while (*prefix)
        put(o, *prefix++);
    put_repeated(o, '0', zeros);
    while (nr_digits > 0)
        put(o, digits[--nr_digits]);
    if (s->flags & FLAG_LEFT)
        put_repeated(o, ' ', pad);
}

static void put_unsigned(struct output *o, const struct spec *s, u64 value, u32 base,
                         const char *sign)
{
    const char *alphabet = s->flags & FLAG_UPPER ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[DIGITS_MAX];
    int n = 0;
    bool was_zero = value == 0;
    const char *prefix = sign;
    if (was_zero && s->precision != 0)
        digits[n++] = '0';
    for (; value; value /= base)
        digits[n++] = alphabet[value % base];
    if (s->flags & FLAG_ALT) {
        if (base == 16 && !was_zero)
            prefix = s->flags & FLAG_UPPER ? "0X" : "0x";
        /* Octal: the first digit is a zero; a precision may already have made it one. */
        if (base == 8 && (n == 0 || digits[n - 1] != '0') && s->precision <= n)
            digits[n++] = '0';
    }
    put_number(o, s, prefix, digits, n);
}

static void put_signed(struct output *o, const struct spec *s, s64 value)
{
    const char *sign = s->flags & FLAG_PLUS ? "+" : s->flags & FLAG_SPACE ? " " : "";
    u64 magnitude = (u64)value;
    if (value < 0) {
        sign = "-";
        magnitude = -magnitude;
    }
    struct spec plain = *s;
    plain.flags &= ~FLAG_ALT;
    put_unsigned(o, &plain, magnitude, 10, sign);
}

static void put_text(struct output *o, const struct spec *s, const char *text)
{
    if (!text)
        text = "(null)";
    size_t max = s->precision >= 0 ? (size_t)s->precision : WIDTH_MAX;
    int length = (int)strnlen(text, max);
    if (!(s->flags & FLAG_LEFT))
        put_repeated(o, ' ', s->width - length);
    for (int i = 0; i < length; i++)
        put(o, text[i]);
    if (s->flags & FLAG_LEFT)
        put_repeated(o, ' ', s->width - length);
}

static const char *parse_flags(const char *f, u64 *flags)
{
    for (;; f++) {
        switch (*f) {
        case '-':
            *flags |= FLAG_LEFT;
            break;
        case '+':
            *flags |= FLAG_PLUS;
            break;
        case ' ':
            *flags |= FLAG_SPACE;
            break;
        case '#':
            *flags |= FLAG_ALT;
            break;
        case '0':
            *flags |= FLAG_ZERO;
            break;
        default:
            return f;
        }
    }
}

static const char *parse_number(const char *f, int *number)
{
    *number = 0;
    for (; *f >= '0' && *f <= '9'; f++)
        if (*number < WIDTH_MAX)
            *number = *number * 10 + (*f - '0');
    if (*number > WIDTH_MAX)
        *number = WIDTH_MAX;
    return f;
}

/* hh h l ll z: bytes of the argument as it is used. */
static const char *parse_length(const char *f, u32 *bytes)
{
    *bytes = sizeof(int);
    if (*f == 'h') {
        f++;
        *bytes = sizeof(short);
        if (*f == 'h') {
            f++;
            *bytes = sizeof(char);
        }
    } else if (*f == 'l' || *f == 'z') {
        *bytes = sizeof(long);
        f++;
        if (f[-1] == 'l' && *f == 'l')
            f++;
    }
    return f;
}

static u64 number_truncate(u64 value, u32 bytes)
{
    return bytes == 8 ? value : value & (BIT(8 * bytes) - 1);
}

static s64 number_sign_extend(u64 value, u32 bytes)
{
    u32 shift = 64 - 8 * bytes;
    return (s64)(value << shift) >> shift;
}

/* Arguments of a variable list, which a function can take only by this pointer. */
struct arguments {
    va_list list;
};

static u64 argument_integer(struct arguments *a, u32 bytes)
{
    return bytes == 8 ? va_arg(a->list, u64) : va_arg(a->list, u32);
}

static int argument_width(struct arguments *a)
{
    int n = va_arg(a->list, int);
    return MAX(MIN(n, WIDTH_MAX), -WIDTH_MAX);
}

/* The part between % and the letter. */
static const char *parse_spec(const char *f, struct spec *s, struct arguments *a)
{
    *s = (struct spec){.precision = -1};
    f = parse_flags(f, &s->flags);
    if (*f == '*') {
        s->width = argument_width(a);
        if (s->width < 0) {
            s->flags |= FLAG_LEFT;
            s->width = -s->width;
        }
        f++;
    } else {
        f = parse_number(f, &s->width);
    }
    if (*f == '.') {
        f++;
        if (*f == '*') {
            s->precision = argument_width(a);
            f++;
        } else {
            f = parse_number(f, &s->precision);
        }
        if (s->precision < 0)
            s->precision = -1;
    }
    return parse_length(f, &s->bytes);
}

/* The conversion whose letter is *f. */
static void put_conversion(struct output *o, struct spec *s, char letter, struct arguments *a)
{
    switch (letter) {
    case 'd':
    case 'i':
        put_signed(o, s, number_sign_extend(argument_integer(a, s->bytes), s->bytes));
        break;
    case 'u':
        s->flags &= ~FLAG_ALT;
        put_unsigned(o, s, number_truncate(argument_integer(a, s->bytes), s->bytes), 10, "");
        break;
    case 'o':
        put_unsigned(o, s, number_truncate(argument_integer(a, s->bytes), s->bytes), 8, "");
        break;
    case 'X':
        s->flags |= FLAG_UPPER;
        put_unsigned(o, s, number_truncate(argument_integer(a, s->bytes), s->bytes), 16, "");
        break;
    case 'x':
        put_unsigned(o, s, number_truncate(argument_integer(a, s->bytes), s->bytes), 16, "");
        break;
    case 'p':
        s->flags |= FLAG_ALT;
        put_unsigned(o, s, (u64)va_arg(a->list, void *), 16, "");
        break;
    case 'c': {
        char text[1] = {(char)va_arg(a->list, int)};
        put_repeated(o, ' ', s->flags & FLAG_LEFT ? 0 : s->width - 1);
        put(o, text[0]);
        put_repeated(o, ' ', s->flags & FLAG_LEFT ? s->width - 1 : 0);
        break;
    }
    case 's':
        put_text(o, s, va_arg(a->list, const char *));
        break;
    case '%':
        put(o, '%');
        break;
    default: /* unknown: shown as it stands */
        put(o, '%');
        put(o, letter);
        break;
    }
}

int text_vformat(char *buf, size_t size, const char *fmt, va_list args)
{
    struct output o = {.buf = buf, .size = size};
    struct arguments a;
    va_copy(a.list, args);
    for (const char *f = fmt; *f; f++) {
        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        struct spec s;
        f = parse_spec(f + 1, &s, &a);
        if (!*f)
            break;
        put_conversion(&o, &s, *f, &a);
    }
    va_end(a.list);
    if (size)
        buf[MIN(o.used, size - 1)] = 0;
    return (int)o.used;
}

int text_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int length = text_vformat(buf, size, fmt, args);
    va_end(args);
    return length;
}
