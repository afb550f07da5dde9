/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what each kind of option takes, the image's name, complaints, sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/cmdline.h"
#include "errno.h"
#include "lib/print.h"

static bool flag;
static u32 number;
static char text[8];
static char custom[64];

static int custom_parse(const char *value)
{
    snprintf(custom, sizeof(custom), "<%s>", value);
    return strcmp(value, "bad") ? 0 : -EINVAL;
}

/* The linker script makes this table of all options. */
extern const struct option __options_start[];
#define NR_OPTIONS 5
const struct option __options_start[NR_OPTIONS] = {
    {.name = "flag", .kind = OPTION_BOOL, .value = &flag, .size = sizeof(flag)},
    {.name = "num_ber", .kind = OPTION_UINT, .value = &number, .size = sizeof(number)},
    {.name = "text", .kind = OPTION_STRING, .value = text, .size = sizeof(text)},
    {.name = "custom", .kind = OPTION_CUSTOM, .parse = custom_parse},
    {.name = "custom", .kind = OPTION_CUSTOM, .parse = custom_parse},
};
STATIC_ASSERT(sizeof(struct option) == 40);
__asm__(".globl __options_end\n.set __options_end, __options_start + 5 * 40");

static char complaints[4096];

void log_line(enum log_level level, const char *fmt, ...)
{
    size_t used = strlen(complaints);
    va_list args;
    (void)level;
    va_start(args, fmt);
    vsnprintf(complaints + used, sizeof(complaints) - used, fmt, args);
    va_end(args);
    strcat(complaints, "\n");
}

static void parse_from(const char *line, bool named)
{
    flag = false;
    number = 0;
    memset(text, 0, sizeof(text));
    memset(custom, 0, sizeof(custom));
    memset(complaints, 0, sizeof(complaints));
    cmdline_parse(line, named);
    cmdline_report();
}

/* As a loader passes it that puts the image's name first. */
static void parse(const char *line)
{
    parse_from(line, true);
}

static void test_kinds(void **state)
{
    (void)state;
    parse("flag num-ber=0x20 text=hello custom=a=b");
    assert_true(flag);
    assert_int_equal(number, 32);
    assert_string_equal(text, "hello");
    assert_string_equal(custom, "<a=b>");
    assert_string_equal(complaints, "");
    parse("flag no-flag custom");
    assert_false(flag);
    assert_string_equal(custom, "<>");
    parse("no-custom");
    assert_string_equal(custom, "<no>");
    static const char *const yes[] = {"yes", "on", "true", "enable", "1"};
    static const char *const no[] = {"no", "off", "false", "disable", "0"};
    for (u32 i = 0; i < ARRAY_SIZE(yes); i++) {
        char line[32];
        snprintf(line, sizeof(line), "flag=%s", yes[i]);
        parse(line);
        assert_true(flag);
        snprintf(line, sizeof(line), "flag flag=%s", no[i]);
        parse(line);
        assert_false(flag);
    }
}

static void test_complaints(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "num_ber=",   "num_ber=12x", "num_ber=4294967296", "num_ber",  "text=12345678", "text",
        "flag=maybe", "no-text",     "custom=bad",         "no-flag=1"};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        parse(bad[i]);
        assert_non_null(strstr(complaints, "does not take such a value"));
        assert_int_equal(number, 0);
        assert_string_equal(text, "");
    }
    parse("flag flags=1 fla nothing=3");
    assert_non_null(strstr(complaints, "flags=1: no such option"));
    assert_non_null(strstr(complaints, "fla: no such option"));
    assert_non_null(strstr(complaints, "nothing=3: no such option"));
    char line[600] = "flag ";
    for (int i = 0; i < 100; i++)
        strcat(line, "a b ");

    parse(line);
    assert_non_null(strstr(complaints, "more words"));
}

static void test_image_name(void **state)
{
    (void)state;
    parse("/boot/domus.elf flag");
    assert_true(flag);
    assert_string_equal(cmdline_text(), "flag");
    assert_string_equal(complaints, "");
    parse("  domus.elf   flag  text=x ");
    assert_true(flag);
    assert_string_equal(complaints, "");
    parse("flag text=/a/b");
    assert_string_equal(cmdline_text(), "flag text=/a/b");
    parse("text=/a");
    assert_string_equal(text, "/a");
    parse("no-flag");
    assert_string_equal(cmdline_text(), "no-flag");
    parse("");
    assert_string_equal(cmdline_text(), "");
    parse("domus");
    assert_string_equal(cmdline_text(), "");
}

static void test_no_image_name(void **state)
{
    (void)state;
    parse_from(" nonsense flag", false);
    assert_true(flag);
    assert_string_equal(complaints, "command line: nonsense: no such option, ignored\n");
    assert_string_equal(cmdline_text(), "nonsense flag");
    parse_from("/boot/domus.elf flag", false);
    assert_non_null(strstr(complaints, "/boot/domus.elf: no such option"));
    parse_from("no-foo", false);
    assert_non_null(strstr(complaints, "no-foo: no such option"));
    /* grub-mkconfig writes this for every hypervisor; elsewhere it is a word like any other. */
    parse_from("placeholder flag", false);
    assert_string_equal(complaints, "");
    assert_string_equal(cmdline_text(), "flag");
    parse_from("flag placeholder", false);
    assert_non_null(strstr(complaints, "placeholder: no such option"));
}

static void test_for_domain0(void **state)
{
    (void)state;
    static const struct {
        const char *line, *own, *rest;
    } rows[] = {
        {"domus flag -- quiet nosuch=1  x", "flag", "quiet nosuch=1  x"},
        {"domus flag  --   quiet -- x", "flag", "quiet -- x"},
        {"domus -- quiet", "", "quiet"},
        {"-- quiet", "", "quiet"},
        {"domus flag --", "flag", ""},
        {"domus flag", "flag", ""},
        {"domus flag --- text=--", "flag --- text=--", ""},
    };
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        parse(rows[i].line);
        assert_string_equal(cmdline_text(), rows[i].own);
        assert_string_equal(cmdline_for_domain0(), rows[i].rest);
        assert_null(strstr(complaints, "quiet"));
        assert_null(strstr(complaints, "nosuch"));
    }
}

static void test_long_line(void **state)
{
    (void)state;
    char line[3000];
    memset(line, 'x', sizeof(line));
    memcpy(line, "flag ", 5);
    line[sizeof(line) - 1] = 0;
    parse(line);
    assert_true(flag);
    assert_int_equal(strlen(cmdline_text()), 1023);
    assert_non_null(strstr(complaints, "longer than"));
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        u64 bytes;
    } good[] = {
        {"512M", 512ull << 20}, {"2g", 2ull << 30}, {"1024K", 1 << 20}, {"4096", 4096 << 10},
        {"0x10k", 16 << 10},    {"1T", 1ull << 40}, {"7B", 7},          {"0", 0}};
    static const char *const bad[] = {"",         "M", "-1", "12Q", "1M2", "99999999999999999999",
                                      "16777216T"};
    u64 bytes;
    const char *end;
    for (u32 i = 0; i < ARRAY_SIZE(good); i++) {
        assert_int_equal(cmdline_parse_size(good[i].text, &bytes, NULL), 0);
        assert_int_equal(bytes, good[i].bytes);
    }
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(cmdline_parse_size(bad[i], &bytes, NULL), -EINVAL);
    assert_int_equal(cmdline_parse_size("3M,max:4M", &bytes, &end), 0);
    assert_string_equal(end, ",max:4M");
    assert_int_equal(bytes, 3 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),       cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_image_name),  cmocka_unit_test(test_no_image_name),
        cmocka_unit_test(test_for_domain0), cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
