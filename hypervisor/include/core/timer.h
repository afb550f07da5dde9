/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timers: a function called once when system time reaches a moment, on the timer's CPU, from
 * softirq context. One heap per CPU, linked through the timers themselves, so that arming needs no
 * memory and cannot fail; the CPU's one-shot hardware timer is set to the earliest.
 */
#ifndef DOMUS_CORE_TIMER_H
#define DOMUS_CORE_TIMER_H

#include "types.h"

struct timer {
    nsec_t expires;
    void (*function)(void *data);
    void *data;
    u32 cpu;
    u32 heap_index; /* 1 while it is in its CPU's heap, else 0: not active */
    bool killed;
    u32 running;                          /* calls of its function under way; atomic */
    struct timer *child, *sibling, *prev; /* the heap: prev is the left sibling, or the parent */
};

void timers_init(void);                  /* once, on the boot CPU, whose heap it prepares too */
must_check int timers_init_cpu(u32 cpu); /* before a CPU comes up */

void timer_init(struct timer *t, void (*function)(void *), void *data, u32 cpu);
/* Arm or re-arm. A moment in the past fires at once. Does nothing once killed. */
void timer_set(struct timer *t, nsec_t expires);
void timer_stop(struct timer *t);
/* Move it, armed or not, to another CPU. */
void timer_migrate(struct timer *t, u32 cpu);
/*
 * Stop for good, and wait until its function does not run any more (not from the function itself).
 */
void timer_kill(struct timer *t);
bool timer_is_active(const struct timer *t);
/* Debug key: each CPU's earliest timer. */
void timers_dump(void);

#endif
