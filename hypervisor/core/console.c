/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Console output: the log's lines and domain 0's text on all devices, and the ring that keeps the
 * lines. Owns the list of devices, the ring and the levels (loglvl=, guest_loglvl=); everybody
 * calls log_line().
 *
 * The ring is written without a lock: a writer reserves its bytes by one atomic addition, so that
 * also a writer that interrupts another (NMI) finds a place of its own. The devices are under
 * LOCK_CONSOLE.
 *
 * Domain 0 writes a line in pieces. If a line of the log comes between two of them, the piece that
 * stands there is ended, the log's line shown, and the piece repeated: no line of either is torn.
 */
#include "arch/console.h"
#include "core/cmdline.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/last_words.h"
#include "core/lock.h"
#include "core/percpu.h"
#include "core/time.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

#define RING_BYTES   KIB(64) /* a power of two */
#define LINE_BYTES   256u    /* the log's longest line, with prefix, newline and end mark */
#define DEVICES_MAX  4u
#define PARTIAL_MAX  256u
#define LINE_PREFIX  "(DOMUS) "
#define LIMIT_PERIOD SECONDS(5)
#define LIMIT_LINES  10u /* in a period */
/* Of one domain, in a period, whatever guest_loglvl= says: 2 KiB a second. */
#define DOMAIN_LINES 100u
#define NR_LEVELS    (LOG_DEBUG + 1)

/* Lines of a level below always are shown, those below limited are shown at a limited rate. */
struct thresholds {
    u32 always, limited;
};
static struct thresholds own_levels = {LOG_INFO + 1, LOG_INFO + 1};
static struct thresholds guest_levels = {0, LOG_WARNING + 1};

static bool console_to_ring;
OPTION_DEFINE_BOOL("console_to_ring", console_to_ring);

static const struct console_device *devices[DEVICES_MAX];
static u32 nr_devices;
static struct spinlock console_lock = SPINLOCK_INIT(LOCK_CONSOLE);
static u32 console_owner; /* CPU + 1 that holds the lock */
static bool console_dying;

static char ring[RING_BYTES];
static u64 ring_end; /* bytes ever written */

/* Domain 0's line so far: what of it stands on the devices without a newline. */
static char partial[PARTIAL_MAX];
static size_t partial_length;
static bool partial_too_long; /* it is longer than was kept */

/* --- levels */

static const char *const level_names[] = {"none", "error", "warning", "info", "debug", "all"};

static int level_parse(const char *text, size_t length, u32 *threshold)
{
    for (u32 i = 0; i < ARRAY_SIZE(level_names); i++) {
        if (length == strlen(level_names[i]) && !strncmp(text, level_names[i], length)) {
            *threshold = MIN(i, (u32)NR_LEVELS);
            return 0;
        }
    }
    return -EINVAL;
}

/* "LEVEL" or "LEVEL/LEVEL". */
static int levels_parse(const char *value, struct thresholds *levels)
{
    struct thresholds t;
    const char *slash = strchr(value, '/');
    size_t length = slash ? (size_t)(slash - value) : strlen(value);
    if (level_parse(value, length, &t.always) < 0)
        return -EINVAL;
    t.limited = t.always;
    if (slash && level_parse(slash + 1, strlen(slash + 1), &t.limited) < 0)
        return -EINVAL;
    t.limited = MAX(t.limited, t.always);
    *levels = t;
    return 0;
}

static int option_loglvl(const char *value)
{
    return levels_parse(value, &own_levels);
}
OPTION_DEFINE_CUSTOM("loglvl", option_loglvl);

static int option_guest_loglvl(const char *value)
{
    return levels_parse(value, &guest_levels);
}
OPTION_DEFINE_CUSTOM("guest_loglvl", option_guest_loglvl);

int console_levels_set(bool guest, const char *text)
{
    return levels_parse(text, guest ? &guest_levels : &own_levels);
}

static const char *level_name(u32 threshold)
{
    return level_names[threshold < NR_LEVELS ? threshold : ARRAY_SIZE(level_names) - 1];
}

void console_levels_get(bool guest, char *out, size_t size)
{
    const struct thresholds *t = guest ? &guest_levels : &own_levels;
    text_format(out, size, "%s/%s", level_name(READ_ONCE(t->always)),
                level_name(READ_ONCE(t->limited)));
}

/* One more line, of so many in a period? Races between CPUs let a line more or less through.
 * *missed: how many were not shown in the period before. */
static bool limit_allows(struct log_limit *l, u32 lines, u32 *missed)
{
    nsec_t now = time_now();
    *missed = 0;
    if (now - READ_ONCE(l->start) >= LIMIT_PERIOD) {
        WRITE_ONCE(l->start, now);
        WRITE_ONCE(l->shown, 0);
        *missed = __atomic_exchange_n(&l->suppressed, 0, __ATOMIC_RELAXED);
    }
    if (__atomic_fetch_add(&l->shown, 1, __ATOMIC_RELAXED) < lines)
        return true;
    __atomic_fetch_add(&l->suppressed, 1, __ATOMIC_RELAXED);
    return false;
}

/* --- the ring */

static void ring_append(const char *text, size_t bytes)
{
    u64 at = __atomic_fetch_add(&ring_end, bytes, __ATOMIC_RELAXED);
    for (size_t i = 0; i < bytes; i++)
        ring[(at + i) % RING_BYTES] = text[i];
}

size_t console_ring_read(char *buf, size_t size, u64 *position)
{
    u64 end = __atomic_load_n(&ring_end, __ATOMIC_ACQUIRE);
    u64 start = end > RING_BYTES ? end - RING_BYTES : 0;
    if (*position < start || *position > end)
        *position = start;
    size_t bytes = MIN((u64)size, end - *position);
    for (size_t i = 0; i < bytes; i++)
        buf[i] = ring[(*position + i) % RING_BYTES];
    *position += bytes;
    return bytes;
}

static u64 ring_cleared;

u64 console_ring_start(u32 index, bool incremental)
{
    u64 end = __atomic_load_n(&ring_end, __ATOMIC_ACQUIRE), start = READ_ONCE(ring_cleared);
    u64 wanted = (end & ~(u64)UINT32_MAX) | index;
    if (wanted > end && wanted >> 32)
        wanted -= BIT(32);
    if (incremental && wanted <= end && wanted > start)
        start = wanted;
    return start;
}

void console_ring_clear(u64 position)
{
    WRITE_ONCE(ring_cleared, position);
}

/* --- the devices */

/*
 * False: this CPU holds the lock already, further down its stack (an NMI, or a fault of a driver).
 */
static bool console_acquire(void)
{
    if (READ_ONCE(console_dying))
        return true;
    if (READ_ONCE(console_owner) == cpu_id() + 1)
        return false;
    spin_lock(&console_lock);
    WRITE_ONCE(console_owner, cpu_id() + 1);
    return true;
}

static void console_release(void)
{
    if (READ_ONCE(console_dying))
        return;
    WRITE_ONCE(console_owner, 0);
    spin_unlock(&console_lock);
}

static void devices_write(const char *text, size_t bytes)
{
    for (u32 i = 0; i < nr_devices; i++) {
        const struct console_device *dev = devices[i];
        if (console_dying && dev->write_panic)
            dev->write_panic(text, bytes);
        else
            dev->write(text, bytes);
    }
}

void console_register(const struct console_device *dev)
{
    char piece[LINE_BYTES];
    u64 position = 0;
    size_t bytes;
    if (!console_acquire())
        return;
    if (nr_devices < DEVICES_MAX) {
        devices[nr_devices++] = dev;
        while ((bytes = console_ring_read(piece, sizeof(piece), &position)) != 0)
            dev->write(piece, bytes);
    }
    console_release();
}

void console_start_panic(void)
{
    WRITE_ONCE(console_dying, true);
    console_show_all(true);
}

/* A whole line of the log, its newline included. */
static void line_show(const char *line, size_t bytes)
{
    if (!console_acquire())
        return;
    bool torn = partial_length || partial_too_long;
    if (torn)
        devices_write("\n", 1);
    devices_write(line, bytes);
    if (torn && !partial_too_long)
        devices_write(partial, partial_length);
    else if (torn)
        partial_length = 0; /* its rest begins a line of its own */
    partial_too_long = false;
    console_release();
}

/* Remember what domain 0's text leaves of an unfinished line. */
static void partial_track(const char *text, size_t bytes)
{
    size_t start = bytes;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    if (start > 0) {
        partial_length = 0;
        partial_too_long = false;
    }
    size_t rest = bytes - start;
    if (partial_too_long || rest > PARTIAL_MAX - partial_length) {
        partial_too_long = true;
        partial_length = 0;
        return;
    }
    memcpy(partial + partial_length, text + start, rest);
    partial_length += rest;
}

/* Domain 0's lines belong to the last words too: it may say there why it died. */
static void lines_keep(const char *text, size_t bytes)
{
    static char line[LAST_WORDS_SLOT] = "dom0: ";
    static const size_t start = sizeof("dom0: ") - 1;
    static size_t length = start;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n') {
            last_words_add(line, length, false);
            length = start;
        } else if (text[i] != '\r' && length < sizeof(line)) {
            line[length++] = text[i];
        }
    }
}

void console_write(const char *text, size_t bytes)
{
    if (console_to_ring)
        ring_append(text, bytes);
    if (!console_acquire())
        return;
    lines_keep(text, bytes); /* first: whoever reads it on a device finds it after a crash too */
    devices_write(text, bytes);
    partial_track(text, bytes);
    console_release();
}

/* --- the log */

static void format_printf(3, 0) log_vline(bool show, bool is_error, const char *fmt, va_list args)
{
    char line[LINE_BYTES];
    size_t start = sizeof(LINE_PREFIX) - 1;
    memcpy(line, LINE_PREFIX, start);
    int length = text_vformat(line + start, sizeof(line) - start - 1, fmt, args);
    size_t end = MIN(start + (size_t)length, sizeof(line) - 2);
    /* What guests name things must not move the cursor of him who reads it. */
    for (size_t i = start; i < end; i++)
        if ((u8)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    last_words_add(line + start, end - start, is_error);
    line[end++] = '\n';
    ring_append(line, end);
    if (show)
        line_show(line, end);
}

void log_always(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_vline(true, false, fmt, args);
    va_end(args);
}

void log_to_ring(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_vline(false, false, fmt, args);
    va_end(args);
}

static struct log_limit own_limit;
static u32 show_all; /* who wants to read every line, whatever the levels are */

void console_show_all(bool on)
{
    __atomic_add_fetch(&show_all, on ? 1 : -1u, __ATOMIC_RELAXED);
}

/* May it be shown: always, at a limited rate, or not at all? */
static bool level_passes(enum log_level level)
{
    u32 missed = 0;
    if (level < own_levels.always || READ_ONCE(show_all))
        return true;
    if (level >= own_levels.limited || !limit_allows(&own_limit, LIMIT_LINES, &missed))
        return false;
    if (missed)
        log_always("%u lines of the log were left out", missed);
    return true;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_vline(level_passes(level), level == LOG_ERROR, fmt, args);
    va_end(args);
}

void log_guest(enum log_level level, const char *fmt, ...)
{
    static struct log_limit nobodys;
    struct domain *d = current ? current->domain : NULL;
    struct log_limit *limit = d ? &d->log_limit : &nobodys;
    u32 missed, lines = level < guest_levels.always ? DOMAIN_LINES : LIMIT_LINES;
    /* What is not shown is not even kept: a guest must not be able to fill the ring. */
    if (level >= guest_levels.limited || !limit_allows(limit, lines, &missed))
        return;
    if (missed)
        log_always("%u lines of the log about domain %u were left out", missed, d ? d->id : 0);
    va_list args;
    va_start(args, fmt);
    log_vline(true, false, fmt, args);
    va_end(args);
}

/* --- beginning */

void console_init_early(void)
{
    arch_console_init();
}

void console_init_input(void)
{
    arch_console_init_input();
}

void console_give_to_domain0(void)
{
    arch_console_give_to_domain0();
}
