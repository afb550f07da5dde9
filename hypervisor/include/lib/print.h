/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatted text: into buffers, to the console's log, and the ends that do not return. */
#ifndef DOMUS_LIB_PRINT_H
#define DOMUS_LIB_PRINT_H

#include "types.h"

/*
 * C99 formats without floating point: d i u x X o c s p % with flags, width, precision, hh h l ll
 * z. Write at most size bytes including the terminating zero; return the length that the whole text
 * would have had.
 */
int text_format(char *buf, size_t size, const char *fmt, ...) format_printf(3, 4);
int text_vformat(char *buf, size_t size, const char *fmt, va_list args);

/* Levels of the log; loglvl= chooses what reaches the console. */
enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/*
 * One line to the console ring and, if the level passes, to the consoles. No newline at the end of
 * fmt. Callable with any lock held except the console's own, and from NMI context (then only the
 * ring is written).
 */
void log_line(enum log_level level, const char *fmt, ...) format_printf(2, 3);
/* The same, for what a guest's action causes: subject to guest_loglvl= and rate-limited. */
void log_guest(enum log_level level, const char *fmt, ...) format_printf(2, 3);

/* The same, whatever the levels are: answers to somebody at the console. */
void log_always(const char *fmt, ...) format_printf(1, 2);
/* To the ring only. */
void log_to_ring(const char *fmt, ...) format_printf(1, 2);

#define log_error(...)   log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)

/* Print the reason, registers and a backtrace, stop all CPUs, then reboot or halt (noreboot). */
noreturn void panic(const char *fmt, ...) format_printf(1, 2);

/* A condition that only a fault of Domus itself can break; checked in all builds. */
#define BUG_ON(c)                                                                                  \
    do {                                                                                           \
        if (unlikely(c))                                                                           \
            panic("BUG at %s:%d: %s", __FILE__, __LINE__, #c);                                     \
    } while (0)

/* The same, checked in debug builds only. */
#ifdef DOMUS_DEBUG
#define ASSERT(c) BUG_ON(!(c))
#else
#define ASSERT(c)                                                                                  \
    do {                                                                                           \
        if (0)                                                                                     \
            (void)(c);                                                                             \
    } while (0)
#endif

#endif
