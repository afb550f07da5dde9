/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the time-stamp counter as "DOMUS-TEST: ticks N". Under QEMU's -icount the counter is the
 * number of instructions since power-on, so this is the cost of the boot so far. It has no library,
 * so that it adds next to nothing to what it measures. Part of the quick image; run by its init.
 */
#include <stdint.h>

#define SYS_WRITE 1
#define SYS_EXIT  60
#define DIGITS    20

static long syscall3(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

void _start(void);

void _start(void)
{
    static char line[] = "DOMUS-TEST: ticks 00000000000000000000\n";
    uint32_t low, high;
    uint64_t ticks;
    char *digit = line + sizeof(line) - 3;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    ticks = (uint64_t)high << 32 | low;
    for (int i = 0; i < DIGITS; i++) {
        *digit-- = (char)('0' + ticks % 10);
        ticks /= 10;
    }
    (void)syscall3(SYS_WRITE, 1, (long)line, sizeof(line) - 1);
    (void)syscall3(SYS_EXIT, 0, 0, 0);
}
