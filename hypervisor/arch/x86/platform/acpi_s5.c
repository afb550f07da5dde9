/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How to turn the machine off without an interpreter of ACPI's programs: the object \_S5 is in
 * practice always a constant package, Name (_S5, Package () {type a, type b, ...}), whose bytes can
 * be recognised wherever they lie (ACPI 6.4, 7.4.2.6; the encoding: 20.2). Called by acpi.c for the
 * DSDT and the SSDTs. Normally domain 0, which interprets them, tells the values.
 */
#include "acpi_tables.h"
#include "errno.h"
#include "lib/string.h"

#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_NAME    0x08
#define AML_BYTE    0x0a
#define AML_WORD    0x0b
#define AML_DWORD   0x0c
#define AML_PACKAGE 0x12
#define AML_ROOT    '\\'

/* PkgLength: how many bytes follow the first, and what each holds. */
#define LENGTH_MORE_SHIFT 6
#define LENGTH_ALONE_MASK 0x3fu
#define LENGTH_LOW_MASK   0x0fu
#define LENGTH_LOW_BITS   4
#define LENGTH_BITS       8

#define SLEEP_TYPE_MAX 7u
#define TYPES_NEEDED   2u

/* What is left to read; next == end: nothing. */
struct aml {
    const u8 *next, *end;
};

static init_text bool aml_byte(struct aml *a, u8 *byte)
{
    if (a->next == a->end)
        return false;
    *byte = *a->next++;
    return true;
}

/* Cuts a down to the package that starts there. */
static init_text bool aml_package(struct aml *a)
{
    u8 op, first, byte;
    if (!aml_byte(a, &op) || op != AML_PACKAGE)
        return false;
    const u8 *start = a->next; /* the length counts itself */
    if (!aml_byte(a, &first))
        return false;
    u32 more = first >> LENGTH_MORE_SHIFT;
    u32 length = first & (more ? LENGTH_LOW_MASK : LENGTH_ALONE_MASK);
    for (u32 i = 0; i < more; i++) {
        if (!aml_byte(a, &byte))
            return false;
        length |= (u32)byte << (LENGTH_LOW_BITS + LENGTH_BITS * i);
    }
    if (length > (size_t)(a->end - start) || start + length < a->next)
        return false;
    a->end = start + length;
    return true;
}

static init_text bool aml_integer(struct aml *a, u32 *value)
{
    u8 op, byte;
    if (!aml_byte(a, &op))
        return false;
    u32 bytes = op == AML_BYTE ? 1 : op == AML_WORD ? 2 : op == AML_DWORD ? 4 : 0;
    if (!bytes && op != AML_ZERO && op != AML_ONE)
        return false;
    *value = op == AML_ONE;
    for (u32 i = 0; i < bytes; i++) {
        if (!aml_byte(a, &byte))
            return false;
        *value |= (u32)byte << (LENGTH_BITS * i);
    }
    return true;
}

/* The package behind the name. */
static init_text bool s5_decode(struct aml a, struct acpi_info *out)
{
    u8 elements;
    u32 type_a, type_b;
    if (!aml_package(&a) || !aml_byte(&a, &elements) || elements < TYPES_NEEDED ||
        !aml_integer(&a, &type_a) || !aml_integer(&a, &type_b) || type_a > SLEEP_TYPE_MAX ||
        type_b > SLEEP_TYPE_MAX)
        return false;
    out->has_s5 = true;
    out->s5_type_a = (u8)type_a;
    out->s5_type_b = (u8)type_b;
    return true;
}

/* True if the name at p, in a program that begins at start, is being given to something. */
static init_text bool is_defined(const u8 *start, const u8 *p)
{
    if (p > start && p[-1] == AML_ROOT)
        p--;
    return p > start && p[-1] == AML_NAME;
}

init_text int acpi_s5_read(const void *table, size_t length, struct acpi_info *out,
                           const char **why)
{
    static const char name[] = {'_', 'S', '5', '_'};
    if (length < sizeof(struct acpi_header)) {
        *why = "it is too short";
        return -EINVAL;
    }
    const u8 *start = (const u8 *)table + sizeof(struct acpi_header);
    const u8 *end = (const u8 *)table + length;
    for (const u8 *p = start; (size_t)(end - p) > sizeof(name); p++)
        if (*p == (u8)name[0] && !memcmp(p, name, sizeof(name)) && is_defined(start, p) &&
            s5_decode((struct aml){.next = p + sizeof(name), .end = end}, out))
            return 0;
    return 0;
}
