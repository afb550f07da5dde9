/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug keys: functions that a key on the console, or a tool in domain 0 (XEN_SYSCTL_debug_keys),
 * calls. Each subsystem registers its own at boot. Also who gets what is typed: Ctrl-A three times
 * switches between domain 0 and the keys.
 */
#include "arch/cpu.h"
#include "core/console.h"
#include "core/domain.h"
#include "lib/print.h"

#define NR_KEYS        128u
#define SWITCH_KEY     ('A' & 0x1f) /* Ctrl-A */
#define SWITCH_PRESSES 3u

struct key {
    const char *help;
    key_handler_t handler;
};

static struct key keys[NR_KEYS];
static u32 running; /* handlers, on all CPUs */

/* Of console_input(): several lines may be read at once, each by its own interrupt or timer. */
static bool keys_have_input;
static u32 presses;

void key_register(u8 key, const char *help, key_handler_t handler)
{
    BUG_ON(key >= NR_KEYS || keys[key].handler);
    keys[key] = (struct key){.help = help, .handler = handler};
}

void key_handle(u8 key)
{
    __atomic_add_fetch(&running, 1, __ATOMIC_RELAXED);
    if (key < NR_KEYS && keys[key].handler) {
        log_always("key '%c': %s", key, keys[key].help);
        console_show_all(true);
        keys[key].handler(key);
        console_show_all(false);
    } else if (key > ' ' && key < NR_KEYS) {
        log_always("key '%c' does nothing; 'h' lists those that do", key);
    }
    __atomic_sub_fetch(&running, 1, __ATOMIC_RELAXED);
}

bool key_is_running(void)
{
    return READ_ONCE(running) != 0;
}

static void key_help(u8 key)
{
    for (u32 i = 0; i < NR_KEYS; i++)
        if (keys[i].handler)
            log_always("  %c  %s", (char)i, keys[i].help);
    log_always("Ctrl-A three times switches between domain 0 and these keys");
}

static void key_reboot(u8 key)
{
    machine_restart();
}

void keys_init(void)
{
    key_register('h', "list the keys", key_help);
    key_register('R', "reboot the machine at once", key_reboot);
}

static void input_switch(void)
{
    keys_have_input = !keys_have_input;
    log_always("input goes to %s now; Ctrl-A three times switches back",
               keys_have_input ? "the debug keys (h: help)" : "domain 0");
}

static void input_deliver(char c)
{
    if (keys_have_input || !hardware_domain)
        key_handle((u8)c);
    else
        console_io_input(c);
}

void console_input(char c)
{
    if (c == SWITCH_KEY) {
        if (__atomic_add_fetch(&presses, 1, __ATOMIC_RELAXED) == SWITCH_PRESSES) {
            __atomic_store_n(&presses, 0, __ATOMIC_RELAXED);
            input_switch();
        }
        return;
    }
    /* It was not a switch: who is typed to gets the presses too. */
    for (u32 n = __atomic_exchange_n(&presses, 0, __ATOMIC_RELAXED); n; n--)
        input_deliver(SWITCH_KEY);
    input_deliver(c);
}
