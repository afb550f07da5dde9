/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the log shows of a stack (arch/x86/cpu/backtrace.c), also of one that has overflowed: its
 * pointer is then in the guard page below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "errno.h"
#include "machine/percpu.h"
#include "x86/boot.h"
#include "x86/panic.h"

#define TEXT_BYTES 4096
#define GUARD_PAGE 11u
#define MAIN_PAGE  12u
#define CALL_AT    0x100u

/* Two functions; the first has a call, which ends at CALL_AT. */
u8 image_start[TEXT_BYTES] = {[CALL_AT - 5] = 0xe8};
__asm__(".globl text_end\n.set text_end, image_start + 4096");

struct symbol {
    u32 offset, name;
};
extern const struct symbol symbol_table[];
extern const char symbol_names[];
extern const u64 symbol_count;
const struct symbol symbol_table[] = {{0, 0}, {0x800, 6}};
const char symbol_names[] = "first\0second";
const u64 symbol_count = 2;

static u8 block[STACK_BLOCK] aligned(STACK_BLOCK);
static char printed[4096];

int copy_faultable(void *to, const void *from, size_t bytes);

int copy_faultable(void *to, const void *from, size_t bytes)
{
    u64 at = (u64)from - (u64)block;
    if (at >= sizeof(block) || at / PAGE_SIZE < MAIN_PAGE)
        return -EFAULT;
    memcpy(to, from, bytes);
    return 0;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    size_t used = strlen(printed);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(printed + used, sizeof(printed) - used, fmt, args);
    va_end(args);
}

void panic(const char *fmt, ...)
{
    abort();
}

/* --- */

static int setup(void **state)
{
    memset(block, 0, sizeof(block));
    printed[0] = 0;
    return 0;
}

static void push(u32 page, u32 offset, u64 value)
{
    memcpy(block + page * PAGE_SIZE + offset, &value, sizeof(value));
}

static void dump(u32 page, u32 offset)
{
    backtrace_dump((u64)image_start + 0x810, (u64)block + page * PAGE_SIZE + offset);
}

static void test_sound(void **state)
{
    push(MAIN_PAGE, 0x40, (u64)image_start + CALL_AT);
    push(MAIN_PAGE, 0x48, (u64)image_start + CALL_AT + 1); /* behind no call */
    dump(MAIN_PAGE, 0x20);
    assert_non_null(strstr(printed, "second+0x10"));
    assert_non_null(strstr(printed, "first+0x100"));
    assert_null(strstr(printed, "first+0x101"));
    setup(state);
    push(MAIN_PAGE, 0x40, (u64)image_start + CALL_AT);
    dump(MAIN_PAGE, 0x41); /* not aligned; what is above counts */
    assert_null(strstr(printed, "first"));
}

/* Who filled the stack is what is to be found out. */
static void test_overflow(void **state)
{
    push(MAIN_PAGE, 0x40, (u64)image_start + CALL_AT);
    dump(GUARD_PAGE, PAGE_SIZE - 0x18);
    assert_non_null(strstr(printed, "second+0x10"));
    assert_non_null(strstr(printed, "first+0x100"));
}

/* A pointer to nowhere ends it, too. */
static void test_wild(void **state)
{
    dump(2, 0x10);
    assert_non_null(strstr(printed, "second+0x10"));
    assert_null(strstr(printed, "first"));
    backtrace_dump(0, ~0ull - 0x20);
    backtrace_dump(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sound, setup),
        cmocka_unit_test_setup(test_overflow, setup),
        cmocka_unit_test_setup(test_wild, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
