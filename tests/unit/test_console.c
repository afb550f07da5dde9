/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console: lines of the log and of domain 0 stay whole, levels and rates, the ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "hypervisor/core/console.c"

static nsec_t now;
static char shown[1 << 20];
static size_t shown_bytes;
static bool interrupt; /* the next write of the device is interrupted by a line of the log */

nsec_t time_now(void)
{
    return now;
}

static char newest_words[256];
static char words_at_write[256]; /* the newest at the last write of the device */

static bool newest_is_error;

void last_words_add(const char *line, size_t bytes, bool is_error)
{
    newest_is_error = is_error;
    snprintf(newest_words, sizeof(newest_words), "%.*s", (int)bytes, line);
}

void cpu_wait(void)
{
}

void arch_console_init(void)
{
}

void arch_console_init_input(void)
{
}

void arch_console_give_to_domain0(void)
{
}

static void device_write(const char *bytes, size_t count)
{
    assert_true(shown_bytes + count < sizeof(shown));
    memcpy(shown + shown_bytes, bytes, count);
    shown_bytes += count;
    shown[shown_bytes] = 0;
    memcpy(words_at_write, newest_words, sizeof(words_at_write));
    if (interrupt) {
        interrupt = false;
        log_error("from an NMI");
    }
}

static const struct console_device device = {.name = "test", .write = device_write};

static int setup(void **state)
{
    (void)state;
    nr_devices = 0;
    shown_bytes = 0;
    shown[0] = 0;
    ring_end = 0;
    partial_length = 0;
    partial_too_long = false;
    own_levels = (struct thresholds){LOG_INFO + 1, LOG_INFO + 1};
    guest_levels = (struct thresholds){0, LOG_WARNING + 1};
    now += SECONDS(100);
    console_register(&device);
    return 0;
}

static void guest(const char *bytes)
{
    console_write(bytes, strlen(bytes));
}

static void test_interleaving(void **state)
{
    (void)state;
    guest("one ");
    log_info("a %d", 1);
    guest("two\nth");
    log_info("b");
    log_info("c");
    guest("ree\n");
    log_info("d");
    assert_string_equal(shown, "one \n(DOMUS) a 1\none two\nth\n(DOMUS) b\nth\n(DOMUS) c\nthree\n"
                               "(DOMUS) d\n");
}

static void test_long_partial(void **state)
{
    (void)state;
    char line[PARTIAL_MAX + 10];
    memset(line, 'x', sizeof(line));
    console_write(line, sizeof(line));
    log_info("a");
    guest("rest");
    log_info("b");
    guest("\n");
    const char *tail = shown + sizeof(line);
    assert_string_equal(tail, "\n(DOMUS) a\nrest\n(DOMUS) b\nrest\n");
}

/*
 * Whatever the pieces: every line of the log and, last of all that begin it, every line of domain 0
 * is there.
 */
static void test_random_pieces(void **state)
{
    (void)state;
    char expected[80], line[64];
    for (int i = 0; i < 500; i++) {
        int length = sprintf(line, "guest line number %d\r\n", i);
        for (int at = 0; at < length;) {
            int piece = MIN((int)(1 + random() % 8), length - at);
            console_write(line + at, (size_t)piece);
            at += piece;
            if (random() % 10 == 0)
                log_info("log");
        }
        assert_true(shown_bytes >= (size_t)length);
        sprintf(expected, "\n%s", line);
        assert_non_null(strstr(i ? shown : "\nguest line number 0\r\n", expected));
    }
    for (char *p = strstr(shown, "(DOMUS)"); p; p = strstr(p + 1, "(DOMUS)"))
        assert_true(p[-1] == '\n' && !strncmp(p, "(DOMUS) log\n", 12));
}

static void test_levels(void **state)
{
    (void)state;
    log_debug("hidden");
    assert_string_equal(shown, "");
    char kept[64] = "";
    u64 position = 0;
    console_ring_read(kept, sizeof(kept) - 1, &position);
    assert_string_equal(kept, "(DOMUS) hidden\n");
    assert_int_equal(option_loglvl("all"), 0);
    log_debug("shown");
    assert_string_equal(shown, "(DOMUS) shown\n");
    assert_int_equal(option_loglvl("none"), 0);
    log_error("no");
    assert_string_equal(shown, "(DOMUS) shown\n");
    log_always("yes");
    assert_string_equal(shown, "(DOMUS) shown\n(DOMUS) yes\n");
    static const char *const bad[] = {"", "loud", "info/", "/info", "error/x", "errors"};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(option_guest_loglvl(bad[i]), -EINVAL);
    assert_int_equal(option_guest_loglvl("error/debug"), 0);
    assert_int_equal(guest_levels.always, 1);
    assert_int_equal(guest_levels.limited, 4);
}

/* What a debug key was asked for is shown whatever the levels are, and so is a panic. */
static void test_show_all(void **state)
{
    (void)state;
    own_levels = (struct thresholds){0, 0};
    log_error("hidden");
    console_show_all(true);
    console_show_all(true);
    log_debug("asked for");
    console_show_all(false);
    log_debug("and this");
    console_show_all(false);
    log_error("hidden again");
    assert_string_equal(shown, "(DOMUS) asked for\n(DOMUS) and this\n");
    shown_bytes = 0;
    console_start_panic();
    log_error("dying");
    assert_string_equal(shown, "(DOMUS) dying\n");
    console_dying = false;
    console_show_all(false);
}

static void test_rate(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        log_guest(LOG_WARNING, "w");
    assert_int_equal(shown_bytes, LIMIT_LINES * strlen("(DOMUS) w\n"));
    assert_int_equal(ring_end, shown_bytes);
    now += LIMIT_PERIOD;
    log_guest(LOG_WARNING, "again");
    assert_non_null(strstr(
        shown, "(DOMUS) 990 lines of the log about domain 0 were left out\n(DOMUS) again\n"));
}

/* Also where all lines are wanted, a domain has a share, and one's flood does not cost another's.
 */
static void test_rate_of_domains(void **state)
{
    (void)state;
    static struct domain domains[2] = {{.id = 7}, {.id = 8}};
    static struct vcpu vcpus[2] = {{.domain = &domains[0]}, {.domain = &domains[1]}};
    assert_int_equal(option_guest_loglvl("all"), 0);
    current = &vcpus[0];
    for (int i = 0; i < 1000; i++)
        log_guest(LOG_DEBUG, "w");
    assert_int_equal(shown_bytes, DOMAIN_LINES * strlen("(DOMUS) w\n"));
    current = &vcpus[1];
    log_guest(LOG_DEBUG, "mine");
    assert_non_null(strstr(shown, "(DOMUS) mine\n"));
    now += LIMIT_PERIOD;
    log_guest(LOG_DEBUG, "more");
    assert_null(strstr(shown, "left out"));
    current = &vcpus[0];
    log_guest(LOG_DEBUG, "again");
    assert_non_null(strstr(
        shown, "(DOMUS) 900 lines of the log about domain 7 were left out\n(DOMUS) again\n"));
    current = NULL;
}

static void test_lines(void **state)
{
    (void)state;
    char long_text[2 * LINE_BYTES];
    memset(long_text, 'y', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = 0;
    log_info("%s", long_text);
    assert_int_equal(shown_bytes, LINE_BYTES - 1);
    assert_int_equal(shown[shown_bytes - 1], '\n');
    shown_bytes = 0;
    log_info("a\nb\033[2Jc");
    assert_string_equal(shown, "(DOMUS) a?b?[2Jc\n");
}

static void test_nested(void **state)
{
    (void)state;
    interrupt = true;
    log_info("outer");
    assert_string_equal(shown, "(DOMUS) outer\n");
    char kept[64] = "";
    u64 position = 0;
    console_ring_read(kept, sizeof(kept) - 1, &position);
    assert_string_equal(kept, "(DOMUS) outer\n(DOMUS) from an NMI\n");
}

/* Whoever reads a line on the console finds it among the last words, even if the machine dies then.
 */
static void test_kept_before_shown(void **state)
{
    (void)state;
    log_info("of the log");
    assert_string_equal(words_at_write, "of the log");
    assert_false(newest_is_error);
    log_error("an error");
    assert_true(newest_is_error);
    size_t bytes = shown_bytes;
    log_to_ring("of the log");
    assert_int_equal(shown_bytes, bytes);
    assert_string_equal(newest_words, "of the log");
    assert_false(newest_is_error);
    log_info("of the log");
    guest("from domain 0");
    assert_string_equal(words_at_write, "of the log");
    guest("\r\n");
    assert_string_equal(words_at_write, "dom0: from domain 0");
}

static void test_ring(void **state)
{
    (void)state;
    char line[64], *all = malloc(RING_BYTES + 1);
    u64 position = 0;
    for (int i = 0; i < 5000; i++)
        log_debug("line %06d", i);
    size_t bytes = console_ring_read(all, RING_BYTES, &position);
    assert_int_equal(bytes, RING_BYTES);
    all[bytes] = 0;
    sprintf(line, "(DOMUS) line %06d\n", 4999);
    assert_string_equal(all + bytes - strlen(line), line);
    assert_int_equal(console_ring_read(all, RING_BYTES, &position), 0);
    free(all);
    /* A device that comes later shows what is there. */
    nr_devices = 0;
    console_register(&device);
    assert_int_equal(shown_bytes, RING_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_interleaving, setup),
        cmocka_unit_test_setup(test_long_partial, setup),
        cmocka_unit_test_setup(test_random_pieces, setup),
        cmocka_unit_test_setup(test_levels, setup),
        cmocka_unit_test_setup(test_show_all, setup),
        cmocka_unit_test_setup(test_rate, setup),
        cmocka_unit_test_setup(test_rate_of_domains, setup),
        cmocka_unit_test_setup(test_lines, setup),
        cmocka_unit_test_setup(test_nested, setup),
        cmocka_unit_test_setup(test_kept_before_shown, setup),
        cmocka_unit_test_setup(test_ring, setup),
    };
    srandom(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
