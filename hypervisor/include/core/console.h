/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console: what the hypervisor and domain 0 print, interleaved by line, on the serial line and
 * the VGA screen; a ring that keeps the last of it (XEN_SYSCTL_readconsole); and input, which goes
 * to domain 0 or, after Ctrl-A three times, to the debug keys.
 */
#ifndef DOMUS_CORE_CONSOLE_H
#define DOMUS_CORE_CONSOLE_H

#include "types.h"

/* How many lines were shown since the period's start, and how many not. */
struct log_limit {
    nsec_t start;
    u32 shown, suppressed;
};

/* A device that shows text. */
struct console_device {
    const char *name;
    void (*write)(const char *text, size_t bytes);
    /* Last words: from panic, on any CPU, no locks. NULL: the same as write. */
    void (*write_panic)(const char *text, size_t bytes);
};

/* As early as possible, from the command line (console=, com1=). */
void console_init_early(void);
/* Once interrupts, timers and domain 0 exist: input on, and the screen left to domain 0. */
void console_init_input(void);
void console_give_to_domain0(void);

void console_register(const struct console_device *dev);
/* A character that came in on a device; from interrupt or timer context. */
void console_input(char c);
/* Raw text to all devices, by whole lines where it can be; LOCK_CONSOLE. */
void console_write(const char *text, size_t bytes);
/* Until it is called with false, too, show all lines of the log, whatever the option loglvl says:
 * somebody has asked for them. Calls nest. */
void console_show_all(bool on);
/* From now on nobody waits for locks, and all lines are shown: the machine is dying. */
void console_start_panic(void);

/* A character for domain 0 (console_input() decides who gets it); any context. Lost if domain 0
 * does not read. */
void console_io_input(char c);

/* Read the ring from *position (a count of bytes ever written) on; returns bytes copied. */
size_t console_ring_read(char *buf, size_t size, u64 *position);
/* Where a reader begins: after what was cleared, or at the count whose low half is index if that
 * comes later. */
u64 console_ring_start(u32 index, bool incremental);
/* What was read up to position is not shown to those who begin. */
void console_ring_clear(u64 position);

/* Debug keys. */
struct regs;
typedef void (*key_handler_t)(u8 key);
void key_register(u8 key, const char *help, key_handler_t handler);
void key_handle(u8 key);
/* Is a handler at work on some CPU, which it may keep for long? */
bool key_is_running(void);
void keys_init(void);
/* Those that show the state of the core (core/keys_state.c); once, after keys_init(). */
void keys_state_init(void);

/*
 * Which lines of ours, or about guests, are shown: "LEVEL/LEVEL", the second for those that are
 * limited in their rate; or one for both. -EINVAL.
 */
must_check int console_levels_set(bool guest, const char *text);
void console_levels_get(bool guest, char *out, size_t size);

#endif
