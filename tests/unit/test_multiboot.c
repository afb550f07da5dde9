/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multiboot information of both kinds: what good loaders leave, and what hostile memory could hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "errno.h"
#include "lib/print.h"
#include "x86/boot_info.h"

#define MEMORY_BYTES 0x10000u

/* Physical memory from 0. Each view of it is a block of its own, of exactly the bytes asked for, so
 * that the sanitizer sees whoever reads beyond. */
static u8 memory[MEMORY_BYTES];
static void *views[4096];
static u32 nr_views;

void log_line(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

void panic(const char *fmt, ...)
{
    fail_msg("%s", fmt);
    abort();
}

static const void *physical(paddr_t pa, size_t bytes)
{
    if (pa >= MEMORY_BYTES || bytes > MEMORY_BYTES - pa)
        return NULL;
    assert_true(nr_views < ARRAY_SIZE(views));
    void *view = calloc(1, bytes);
    assert_non_null(view);
    memcpy(view, memory + pa, bytes);
    views[nr_views++] = view;
    return view;
}

static struct boot_info info;

static int parse(u32 magic, paddr_t address)
{
    const char *why = NULL;
    int error = boot_info_parse(&info, magic, address, physical, &why);
    assert_true((error != 0) == (why != NULL));
    while (nr_views)
        free(views[--nr_views]);
    /*
     * Whatever was read: every text ends inside the structure, and counts are within their arrays.
     */
    assert_true(info.nr_modules <= BOOT_MODULES_MAX && info.nr_memory <= MEMORY_RAW_MAX);
    assert_true(strlen(info.cmdline) < BOOT_TEXT_BYTES && strlen(info.loader) < BOOT_TEXT_BYTES);
    for (u32 i = 0; i < info.nr_modules; i++) {
        assert_true(info.modules[i].start < info.modules[i].end);
        assert_true(strlen(info.modules[i].cmdline) < BOOT_TEXT_BYTES);
    }
    return error;
}

static void put32(u32 at, u32 value)
{
    memcpy(memory + at, &value, sizeof(value));
}

static void put64(u32 at, u64 value)
{
    memcpy(memory + at, &value, sizeof(value));
}

static void put_text(u32 at, const char *text)
{
    memcpy(memory + at, text, strlen(text) + 1);
}

#define MB1_AT 0x1000u

/* flags: command line, modules, map, loader's name, frame buffer. */
static void mb1_build(void)
{
    memset(memory, 0xee, sizeof(memory));
    memset(memory + MB1_AT, 0, 116);
    put32(MB1_AT, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9 | 1 << 12);
    put32(MB1_AT + 4, 640);
    put32(MB1_AT + 8, 1024);
    put32(MB1_AT + 16, 0x1ff8);
    put_text(0x1ff8, "domus.elf com1=115200,8n1"); /* across a page's end */
    put32(MB1_AT + 20, 2);
    put32(MB1_AT + 24, 0x3000);
    put32(0x3000, 0x400000);
    put32(0x3004, 0x500000);
    put32(0x3008, 0x3100);
    put32(0x3010, 0x600000);
    put32(0x3014, 0x600001);
    put32(0x3018, 0);
    put_text(0x3100, "vmlinuz root=/dev/xvda");
    put32(MB1_AT + 44, 2 * 24);
    put32(MB1_AT + 48, 0x4000);
    for (u32 i = 0; i < 2; i++) {
        put32(0x4000 + 24 * i, 20);
        put64(0x4004 + 24 * i, i * 0x100000ull);
        put64(0x400c + 24 * i, 0x9f000);
        put32(0x4014 + 24 * i, 1 + i);
    }
    put32(MB1_AT + 64, 0x5000);
    put_text(0x5000, "test loader");
    put64(MB1_AT + 88, 0xb8000);
    put32(MB1_AT + 96, 160);
    put32(MB1_AT + 100, 80);
    put32(MB1_AT + 104, 25);
    memory[MB1_AT + 108] = 16;
    memory[MB1_AT + 109] = 2;
}

static void test_mb1(void **state)
{
    (void)state;
    mb1_build();
    assert_int_equal(parse(MULTIBOOT1_BOOT_MAGIC, MB1_AT), 0);
    assert_int_equal(info.notes, 0);
    assert_string_equal(info.cmdline, "domus.elf com1=115200,8n1");
    assert_string_equal(info.loader, "test loader");
    assert_true(info.named);
    assert_int_equal(info.nr_modules, 2);
    assert_int_equal(info.modules[0].end, 0x500000);
    assert_string_equal(info.modules[0].cmdline, "vmlinuz root=/dev/xvda");
    assert_string_equal(info.modules[1].cmdline, "");
    assert_int_equal(info.nr_memory, 2);
    assert_int_equal(info.memory[1].start, 0x100000);
    assert_int_equal(info.memory[1].type, MEMORY_RESERVED);
    assert_int_equal(info.screen.kind, BOOT_SCREEN_TEXT);
    assert_int_equal(info.screen.width, 80);
    /* Without a map the two sizes count. */
    put32(MB1_AT, 1);
    assert_int_equal(parse(MULTIBOOT1_BOOT_MAGIC, MB1_AT), 0);
    assert_int_equal(info.nr_memory, 2);
    assert_int_equal(info.memory[0].end, 640 << 10);
    assert_int_equal(info.memory[1].end, 2 << 20);
    assert_int_equal(parse(MULTIBOOT1_BOOT_MAGIC, MEMORY_BYTES - 8), -EFAULT);
    assert_int_equal(parse(0x12345678, MB1_AT), -EINVAL);
}

#define MB2_AT 0x800u

static u32 mb2_end;

static u32 tag_begin(u32 type, u32 size)
{
    u32 at = MB2_AT + mb2_end;
    put32(at, type);
    put32(at + 4, size);
    mb2_end += ROUND_UP(size, 8);
    return at;
}

static void mb2_finish(void)
{
    tag_begin(0, 8);
    put32(MB2_AT, mb2_end);
}

static void mb2_build(void)
{
    memset(memory, 0xee, sizeof(memory));
    put32(MB2_AT + 4, 0);
    mb2_end = 8;
    put_text(tag_begin(1, 8 + 12) + 8, "domus a=b c");
    put_text(tag_begin(2, 8 + 10) + 8, "GRUB 2.06");
    u32 at = tag_begin(3, 16 + 8);
    put32(at + 8, 0x400000);
    put32(at + 12, 0x480000);
    put_text(at + 16, "vmlinuz");
    at = tag_begin(4, 16);
    put32(at + 8, 1);
    put32(at + 12, 2);
    at = tag_begin(17, 16 + 48);
    put32(at + 8, 48);
    put32(at + 12, 1);
    put32(at + 16, 4);
    put64(at + 24, 0x100000);
    put64(at + 40, 256);
    at = tag_begin(6, 16 + 2 * 24);
    put32(at + 8, 24);
    put32(at + 12, 0);
    for (u32 i = 0; i < 2; i++) {
        put64(at + 16 + 24 * i, 0x200000 * i);
        put64(at + 24 + 24 * i, 0x100000);
        put32(at + 32 + 24 * i, 1 + 2 * i);
    }
    at = tag_begin(8, 38);
    put64(at + 8, 0xfd000000);
    put32(at + 16, 4096);
    put32(at + 20, 1024);
    put32(at + 24, 768);
    memory[at + 28] = 32;
    memory[at + 29] = 1;
    memcpy(memory + at + 32, "\20\10\10\10\0\10", 6);
    put64(tag_begin(12, 16) + 8, 0x7f000018);
    tag_begin(14, 28);
    tag_begin(15, 44);
    mb2_finish();
}

static void test_mb2(void **state)
{
    (void)state;
    mb2_build();
    assert_int_equal(parse(MULTIBOOT2_BOOT_MAGIC, MB2_AT), 0);
    assert_int_equal(info.notes, 0);
    assert_int_equal(info.end, MB2_AT + mb2_end);
    assert_string_equal(info.cmdline, "domus a=b c");
    assert_string_equal(info.loader, "GRUB 2.06");
    assert_false(info.named);
    assert_int_equal(info.nr_modules, 1);
    assert_string_equal(info.modules[0].cmdline, "vmlinuz");
    assert_int_equal(info.nr_memory, 2); /* of tag 6: better than the other two */
    assert_int_equal(info.memory[1].type, MEMORY_ACPI);
    assert_int_equal(info.screen.kind, BOOT_SCREEN_PIXELS);
    assert_int_equal(info.screen.red_position, 16);
    assert_int_equal(info.efi_system_table, 0x7f000018);
    assert_false(info.efi_services);
    assert_int_equal(info.rsdp, MB2_AT + mb2_end - 8 - 48 + 8);
    assert_int_equal(info.rsdp_bytes, 36);
    assert_int_equal(parse(MULTIBOOT2_BOOT_MAGIC, MB2_AT + 4), -EINVAL);
    put32(MB2_AT, 7);
    assert_int_equal(parse(MULTIBOOT2_BOOT_MAGIC, MB2_AT), -EINVAL);
    put32(MB2_AT, MEMORY_BYTES);
    assert_int_equal(parse(MULTIBOOT2_BOOT_MAGIC, MB2_AT), -EFAULT);
    put32(MB2_AT, 0xffffffff);
    assert_int_equal(parse(MULTIBOOT2_BOOT_MAGIC, MB2_AT), -EINVAL);
}

static void test_efi_memory(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    mb2_end = 8;
    u32 at = tag_begin(17, 16 + 2 * 48);
    put32(at + 8, 48);
    put32(at + 16, 7);
    put64(at + 24, 0x100000);
    put64(at + 40, ~0ull);
    put32(at + 64, 6);
    put64(at + 72, 0x5000);
    put64(at + 88, 1);
    tag_begin(18, 8);
    mb2_finish();
    assert_int_equal(parse(MULTIBOOT2_BOOT_MAGIC, MB2_AT), 0);
    assert_int_equal(info.nr_memory, 2);
    assert_int_equal(info.memory[0].type, MEMORY_RAM);
    assert_int_equal(info.memory[0].end, MEMORY_END);
    assert_int_equal(info.memory[1].type, MEMORY_RESERVED);
    assert_int_equal(info.memory[1].end, 0x6000);
    assert_true(info.efi_services);
}

/* Long texts fill the pool and are cut; nothing behind them is lost but text. */
static void test_long_texts(void **state)
{
    (void)state;
    memset(memory, 'x', sizeof(memory));
    put32(MB2_AT + 4, 0);
    mb2_end = 8;
    tag_begin(1, 8 + 5000);
    for (u32 i = 0; i < 10; i++) {
        u32 at = tag_begin(3, 16 + 2000);
        put32(at + 8, 0x100000 * i);
        put32(at + 12, 0x100000 * i + (i != 3));
    }
    mb2_finish();
    assert_int_equal(parse(MULTIBOOT2_BOOT_MAGIC, MB2_AT), 0);
    assert_int_equal(info.notes, BOOT_NOTE_TEXT | BOOT_NOTE_MODULES);
    assert_int_equal(strlen(info.cmdline), 5000);
    assert_int_equal(info.nr_modules, BOOT_MODULES_MAX);
    assert_int_equal(strlen(info.modules[0].cmdline), 2000);
    mb1_build();
    put32(MB1_AT, 1 << 2);
    put32(MB1_AT + 16, 0x6000);
    memset(memory + 0x6000, 'y', MEMORY_BYTES - 0x6000);
    assert_int_equal(parse(MULTIBOOT1_BOOT_MAGIC, MB1_AT), 0);
    assert_int_equal(strlen(info.cmdline), BOOT_TEXT_BYTES - 1);
}

/* Good information with some of its bytes changed, and plain noise. */
static void test_hostile(void **state)
{
    (void)state;
    for (int i = 0; i < 60000; i++) {
        bool second = random() % 2;
        u32 at = second ? MB2_AT : MB1_AT;
        if (second)
            mb2_build();
        else
            mb1_build();
        u32 span = second ? mb2_end : 116;
        for (int n = (int)(random() % 6); n >= 0; n--) {
            u32 place = at + (u32)random() % span;
            static const u32 values[] = {0,          1,          7,          8,     20,
                                         0xfffffff0, 0xffffffff, 0x7fffffff, 0xfff8};
            if (random() % 2)
                put32(place & ~3u, values[random() % ARRAY_SIZE(values)]);
            else
                memory[place] = (u8)random();
        }
        if (!second && random() % 4 == 0)
            for (u32 n = 0; n < 64; n++)
                memory[0x3000 + (u32)random() % 0x1100] = (u8)random();
        (void)parse(second ? MULTIBOOT2_BOOT_MAGIC : MULTIBOOT1_BOOT_MAGIC, at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mb1),        cmocka_unit_test(test_mb2),
        cmocka_unit_test(test_efi_memory), cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_hostile),
    };
    srandom(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
