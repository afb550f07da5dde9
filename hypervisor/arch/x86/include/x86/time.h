/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time on x86: the processors' time-stamp counters (TSC), and what they are measured against once,
 * at boot. System time is the boot CPU's TSC, scaled; other CPUs add the difference of theirs to
 * it.
 */
#ifndef DOMUS_X86_TIME_H
#define DOMUS_X86_TIME_H

#include "types.h"

/* A counter of known frequency. */
struct time_reference {
    const char *name;
    /* Find it and start it: its frequency in Hz, 0 if it is not there. */
    u64 (*start)(void);
    u64 (*read)(void);
    u64 mask;      /* of the bits that count */
    nsec_t window; /* how long to measure; well below its wrap-around */
};
extern const struct time_reference time_hpet, time_pm_24, time_pm_32, time_pit;

/* Let the PIT's channel 0 raise its ISA interrupt 18 times a second, for the watchdog (at boot),
 * and no more (at any time). */
#define PIT_IRQ 0u
void pit_ticks_start(void);
void pit_ticks_stop(void);

/* How to turn differences of TSC values into ns: ((ticks << shift) * mul) >> 32; a negative shift
 * is one to the right. The same as in the ABI's vcpu_time_info. */
struct time_scale {
    u32 mul;
    s8 shift;
};
/* For a TSC of that many Hz, not 0. */
struct time_scale time_scale_of(u64 hz);
u64 time_scale_apply(struct time_scale scale, u64 ticks);

/*
 * On the boot CPU, after acpi_init(): system time begins. Panics if there is nothing to measure
 * against.
 */
void time_init(void);
/* On another CPU, as it starts, while the boot CPU calls time_sync_serve() in a loop: measures how
 * far its TSC is from the boot CPU's. */
void time_init_cpu(void);
void time_sync_serve(u32 cpu);

u64 tsc_khz(void);
/* How long the TSC takes for so many ticks. */
nsec_t time_of_ticks(u64 ticks);

/* The time stamp counter of a domain (time/guest_tsc.c): the processor's, or an emulated one that
 * goes on where a processor of another frequency left off. */
struct guest_tsc {
    u32 mode;        /* XEN_DOMCTL_settscinfo's */
    u32 incarnation; /* how often it was set: migrations, and the start */
    bool is_emulated;
    u32 khz;    /* emulated: its frequency */
    s64 offset; /* emulated: the system time, in ns, at which it was 0 */
};

/* What a guest's RDTSC gives just now, and how fast that counts. */
struct domain;
u64 guest_tsc_read(const struct domain *d);
u32 guest_tsc_khz(const struct domain *d);
/* The value that this CPU's TSC has, or will have, at that system time; never 0. Rounded up, so
 * that at that count time_now() has reached it. */
u64 time_to_tsc(nsec_t time);

#endif
