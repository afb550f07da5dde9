/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much domain 0 gets: the options as they are written on the command line, and what is made of
 * them on machines of several sizes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "hypervisor/arch/x86/dom0/config.c"

#define NR_OPTIONS 3

/* The linker script makes this table of all options. */
extern struct option __options_start[];
struct option __options_start[NR_OPTIONS];
STATIC_ASSERT(sizeof(struct option) == 40);
__asm__(".globl __options_end\n.set __options_end, __options_start + 3 * 40");

static u32 warnings;

void log_line(enum log_level level, const char *fmt, ...)
{
    warnings += level <= LOG_WARNING;
}

static int setup(void **state)
{
    (void)state;
    const struct option *const rows[NR_OPTIONS] = {
        &option_parse_dom0_mem, &option_parse_dom0_max_vcpus, &option_dom0_vcpus_pin};
    for (u32 i = 0; i < NR_OPTIONS; i++)
        memcpy(&__options_start[i], rows[i], sizeof(struct option));
    mem = (struct memory_amounts){.wanted.given = false};
    vcpus_min = 0;
    vcpus_max = ~0u;
    dom0_vcpus_pin = false;
    warnings = 0;
    return 0;
}

/* MiB that domain 0 gets of so many, with that command line alone. */
static u64 choose(const char *line, u64 available)
{
    setup(NULL);
    cmdline_parse(line, false);
    cmdline_report();
    return dom0_choose_pages(available << 8) >> 8;
}

static u64 choose_max(const char *line, u64 available)
{
    u64 pages = choose(line, available) << 8;
    u64 max = dom0_choose_max_pages(pages);
    return max == ~0ull ? max : max >> 8;
}

static void test_default(void **state)
{
    (void)state;
    assert_int_equal(choose("", 1024), 960);
    assert_int_equal(choose("", 2048), 1920);
    assert_int_equal(choose("", 16384), 16384 - 128);
    assert_int_equal(choose("", 1 << 20), (1 << 20) - 128);
    assert_int_equal(choose("", 0), 0);
    assert_int_equal(choose_max("", 4096), ~0ull);
    assert_int_equal(warnings, 0);
}

static void test_wanted(void **state)
{
    (void)state;
    assert_int_equal(choose("dom0_mem=512M", 4096), 512);
    assert_int_equal(choose("dom0_mem=1G", 4096), 1024);
    assert_int_equal(choose("dom0_mem=524288", 4096), 512); /* KiB */
    assert_int_equal(choose("dom0_mem=0x80000", 4096), 512);
    assert_int_equal(choose("dom0-mem=512M", 4096), 512);
    assert_int_equal(choose("dom0_mem=512M dom0_mem=700M", 4096), 700);
    assert_int_equal(choose("dom0_mem=-512M", 4096), 3584);
    assert_int_equal(choose("dom0_mem=-8G", 4096), 0);
    /* Nothing at all is no amount, as under Xen. */
    assert_int_equal(choose("dom0_mem=0", 4096), 3968);
    assert_int_equal(choose("dom0_mem=512M dom0_mem=0%,max:2G", 4096), 2048);
    assert_int_equal(choose("dom0_mem=-0", 4096), 4096);
    assert_int_equal(choose("dom0_mem=4G", 4096), 4096);
    assert_int_equal(choose_max("dom0_mem=512M", 4096), ~0ull);
    assert_int_equal(warnings, 0);
}

static void test_bounds(void **state)
{
    (void)state;
    assert_int_equal(choose("dom0_mem=512M,min:1G", 4096), 1024);
    assert_int_equal(choose("dom0_mem=2G,min:1G", 4096), 2048);
    assert_int_equal(choose("dom0_mem=max:1G", 4096), 1024);
    assert_int_equal(choose("dom0_mem=max:8G", 4096), 3968);
    assert_int_equal(choose("dom0_mem=min:-64M", 4096), 4032);
    assert_int_equal(choose("dom0_mem=max:-1G", 4096), 3072);
    assert_int_equal(choose("dom0_mem=min:64M,2G,max:1G", 4096), 1024);
    assert_int_equal(choose("dom0_mem=512M dom0_mem=max:600M,min:256M", 4096), 512);
    assert_int_equal(choose("dom0_mem=25%", 4096), 1024);
    assert_int_equal(choose("dom0_mem=256M+25%,max:50%", 4096), 1280);
    assert_int_equal(choose("dom0_mem=-25%", 4096), 3072);
    assert_int_equal(choose("dom0_mem=min:512M+10%,max:512M+10%", 5120), 1024);
    assert_int_equal(choose_max("dom0_mem=512M,max:1G", 4096), 1024);
    assert_int_equal(choose_max("dom0_mem=512M,max:64G", 4096), 65536);
    assert_int_equal(choose_max("dom0_mem=512M,max:-1G", 4096), 3072);
    assert_int_equal(choose_max("dom0_mem=max:-1G", 4096), 3072);
    assert_int_equal(warnings, 0);
}

/* More than there is: one warning, and what is sensible. */
static void test_too_much(void **state)
{
    (void)state;
    assert_int_equal(choose("dom0_mem=8G", 4096), 3968);
    assert_int_equal(warnings, 1);
    assert_int_equal(choose("dom0_mem=min:8G", 4096), 3968);
    assert_int_equal(warnings, 1);
    assert_int_equal(choose("dom0_mem=8G,max:2G", 4096), 2048);
    assert_int_equal(warnings, 0);
}

/* What cannot be understood is said, and changes nothing. */
static void test_nonsense(void **state)
{
    (void)state;
    static const char *const lines[] = {"dom0_mem",
                                        "dom0_mem=",
                                        "dom0_mem=x",
                                        "dom0_mem=-",
                                        "dom0_mem=512M,foo",
                                        "no-dom0_mem",
                                        "dom0_mem=512Mx",
                                        "dom0_mem=min:",
                                        "dom0_mem=,512M",
                                        "dom0_mem=512M,,max:1G",
                                        "dom0_mem=99999999999999999999G",
                                        "dom0_mem=max:512M,min:",
                                        "dom0_mem=100%",
                                        "dom0_mem=1G+512M",
                                        "dom0_mem=1G+",
                                        "dom0_mem=%",
                                        "dom0_mem=10%5",
                                        "dom0_max_vcpus=4-2",
                                        "dom0_max_vcpus=-0",
                                        "dom0_max_vcpus=2-4-6",
                                        "dom0_max_vcpus=",
                                        "dom0_max_vcpus=4294967296",
                                        "dom0_max_vcpus=x",
                                        "dom0_max_vcpus"};
    for (u32 i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_int_equal(choose(lines[i], 1024), 960);
        assert_int_equal(warnings, 1);
        assert_int_equal(dom0_choose_max_pages(1), ~0ull);
        assert_int_equal(dom0_choose_vcpus(3), 3);
    }
    choose("dom0_mem=512M dom0_mem=256M,foo", 1024);
    assert_int_equal(mem.wanted.bytes, MIB(512));
}

static void test_vcpus(void **state)
{
    (void)state;
    assert_int_equal(dom0_choose_vcpus(2), 2);
    assert_false(dom0_vcpus_pin);
    cmdline_parse("dom0_max_vcpus=4 dom0_vcpus_pin", false);
    assert_int_equal(dom0_choose_vcpus(2), 4);
    assert_true(dom0_vcpus_pin);
    cmdline_parse("dom0_max_vcpus=100000", false);
    assert_int_equal(dom0_choose_vcpus(2), NR_DOMAIN_VCPUS_MAX);
    assert_int_equal(warnings, 1);
    static const struct {
        const char *line;
        u32 of_1, of_3, of_8;
    } ranges[] = {{"dom0_max_vcpus=2-4", 2, 3, 4},
                  {"dom0_max_vcpus=-4", 1, 3, 4},
                  {"dom0_max_vcpus=2-", 2, 3, 8},
                  {"dom0_max_vcpus=3-3", 3, 3, 3}};
    for (u32 i = 0; i < ARRAY_SIZE(ranges); i++) {
        cmdline_parse(ranges[i].line, false);
        assert_int_equal(dom0_choose_vcpus(1), ranges[i].of_1);
        assert_int_equal(dom0_choose_vcpus(3), ranges[i].of_3);
        assert_int_equal(dom0_choose_vcpus(8), ranges[i].of_8);
    }
    cmdline_parse("dom0_max_vcpus=0", false);
    assert_int_equal(dom0_choose_vcpus(2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_default, setup),  cmocka_unit_test_setup(test_wanted, setup),
        cmocka_unit_test_setup(test_bounds, setup),   cmocka_unit_test_setup(test_too_much, setup),
        cmocka_unit_test_setup(test_nonsense, setup), cmocka_unit_test_setup(test_vcpus, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
