/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine's memory with ACPI's tables in it, for the tests of arch/x86/platform/acpi*.c; each is
 * one program that includes this. Each mapping is a copy of exactly its size, so the sanitizers see
 * every byte read beyond.
 */
#ifndef DOMUS_ACPI_WORLD_H
#define DOMUS_ACPI_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/page.h"
#include "hypervisor/arch/x86/platform/acpi_tables.h"

#define MEMORY_BYTES MIB(2)
#define RSDP_AT      0xf5a40u
#define XSDT_AT      0x100000u
#define RSDT_AT      0x101000u
#define TABLES_AT    0x102000u
#define DSDT_AT      0x180000u

static u8 memory[MEMORY_BYTES];
static u32 tables_end, nr_tables, warnings, mappings;
static char last_warning[256];

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list args;
    if (level != LOG_WARNING)
        return;
    va_start(args, fmt);
    (void)vsnprintf(last_warning, sizeof(last_warning), fmt, args);
    va_end(args);
    warnings++;
}

void panic(const char *fmt, ...)
{
    fail_msg("%s", fmt);
    abort();
}

void reset_init(void)
{
}

void *map_firmware(paddr_t pa, size_t bytes)
{
    if (!bytes || pa > MEMORY_BYTES || bytes > MEMORY_BYTES - pa)
        return NULL;
    void *p = malloc(bytes);
    assert_non_null(p);
    memcpy(p, memory + pa, bytes);
    mappings++;
    return p;
}

void map_remove(void *p, size_t bytes)
{
    (void)bytes;
    mappings--;
    free(p);
}

static void put(u32 at, u32 bytes, u64 value)
{
    memcpy(memory + at, &value, bytes);
}

static void checksum(u32 at, u32 bytes, u32 where)
{
    u8 sum = 0;
    memory[at + where] = 0;
    for (u32 i = 0; i < bytes; i++)
        sum += memory[at + i];
    memory[at + where] = (u8)-sum;
}

/* Give the table that was written at that place its head. */
static void seal(u32 at, const char *signature, u32 bytes, u8 revision)
{
    memcpy(memory + at, signature, ACPI_SIGNATURE_BYTES);
    put(at + 4, 4, bytes);
    memory[at + 8] = revision;
    checksum(at, bytes, 9);
}

static void roots_seal(void)
{
    seal(XSDT_AT, "XSDT", 36 + nr_tables * 8, 1);
    seal(RSDT_AT, "RSDT", 36 + nr_tables * 4, 1);
    memcpy(memory + RSDP_AT, "RSD PTR ", 8);
    memory[RSDP_AT + 15] = 2;
    put(RSDP_AT + 16, 4, RSDT_AT);
    put(RSDP_AT + 20, 4, 36);
    put(RSDP_AT + 24, 8, XSDT_AT);
    checksum(RSDP_AT, 20, 8);
    checksum(RSDP_AT, 36, 32);
}

/* A table of these bytes behind its head; returns where it lies. */
static u32 add(const char *signature, const void *body, u32 bytes, u8 revision)
{
    u32 at = tables_end;
    memcpy(memory + at + 36, body, bytes);
    seal(at, signature, 36 + bytes, revision);
    put(XSDT_AT + 36 + nr_tables * 8, 8, at);
    put(RSDT_AT + 36 + nr_tables * 4, 4, at);
    nr_tables++;
    tables_end = (u32)ROUND_UP(at + 36 + bytes + 3, 4u) + 4;
    roots_seal();
    return at;
}

static int setup(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    memset(&acpi_info, 0, sizeof(acpi_info));
    tables_end = TABLES_AT;
    nr_tables = warnings = 0;
    last_warning[0] = 0;
    roots_seal();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(mappings, 0);
    return 0;
}

/* Of every kind of entry. */
static const u8 madt[] = {
    0x00, 0x00, 0xe0, 0xfe, 1,    0,    0,    0, /* APIC address, 8259s */
    0,    8,    1,    0,    1,    0,    0,    0, /* CPUs 0, 2 enabled */
    0,    8,    2,    2,    1,    0,    0,    0, /* */
    0,    8,    3,    2,    0,    0,    0,    0, /* unused, with a used id */
    0,    8,    4,    0xff, 0,    0,    0,    0, /* unused, with no id */
    0,    8,    5,    4,    2,    0,    0,    0, /* may come later */
    9,    16,   0,    0,    2,    0,    0,    0,    1,    0, 0, 0, 2,  0, 0, 0, /* 2 again */
    9,    16,   0,    0,    0,    1,    0,    0,    1,    0, 0, 0, 44, 0, 0, 0, /* id 256 */
    1,    12,   7,    0,    0x00, 0x00, 0xc0, 0xfe, 0,    0, 0, 0,              /* I/O APICs */
    1,    12,   8,    0,    0x00, 0x10, 0xc0, 0xfe, 24,   0, 0, 0,              /* */
    2,    10,   0,    0,    2,    0,    0,    0,    0,    0,                    /* IRQ 0 at GSI 2 */
    2,    10,   0,    9,    9,    0,    0,    0,    0x0f, 0,       /* IRQ 9 low, level */
    2,    10,   0,    10,   10,   0,    0,    0,    0x0a, 0,       /* reserved values */
    2,    10,   3,    11,   11,   0,    0,    0,    0,    0,       /* not ISA */
    3,    8,    5,    0,    23,   0,    0,    0,                   /* NMI, high, edge */
    4,    6,    0xff, 0,    0,    1,                               /* all: LINT1 */
    10,   12,   3,    0,    44,   0,    0,    0,    0,    0, 0, 0, /* 44: LINT0 low */
    5,    12,   0,    0,    0x00, 0x00, 0xd0, 0xfe, 1,    0, 0, 0, /* APIC at 1fed00000 */
    0x7f, 6,    1,    2,    3,    4,                               /* unknown */
};

#endif
