/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watchdog (option watchdog): each CPU's timer counts a heartbeat every second. A CPU whose
 * heart stands still for watchdog_timeout= seconds is stuck in the hypervisor with interrupts
 * disabled: the state of all CPUs is logged, and the machine ends in a panic, which restarts it.
 *
 * Who looks: each CPU at the next one, by its timer; and the boot CPU at itself, by an NMI. That
 * finds a machine with one CPU, and one whose CPUs all wait for each other. The NMI is the tick of
 * the PIT, which nobody else uses, sent through the I/O APIC; where the chipset has turned the PIT
 * off, the log says so.
 */
#include "core/cmdline.h"
#include "core/console.h"
#include "core/cpumask.h"
#include "core/lock.h"
#include "core/time.h"
#include "core/timer.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/irq.h"
#include "x86/panic.h"
#include "x86/time.h"

#define PERIOD       SECONDS(1)
#define TICK_WAIT    MILLISECONDS(200) /* of a tick that comes every 55 */
#define KEY_PATIENCE SECONDS(60)       /* debug keys print for long, with interrupts disabled */
#define TIMEOUT_MIN  3u                /* seconds: beats and looks may be that far apart */

static bool watchdog;
static u32 watchdog_over; /* nobody looks any more */

/* "force", Xen's word for a watchdog that it has not seen work, is what happens here in any case.
 */
static int option_watchdog(const char *value)
{
    int on = strcmp(value, "force") ? cmdline_parse_bool(value) : 1;
    if (on < 0)
        return on;
    watchdog = on;
    return 0;
}
OPTION_DEFINE_CUSTOM("watchdog", option_watchdog);

static u32 watchdog_timeout = 10; /* seconds */
OPTION_DEFINE_UINT("watchdog_timeout", watchdog_timeout);

/* What is known of a CPU by him who looks at it. */
struct observation {
    u32 cpu, beats;
    nsec_t last;    /* look */
    nsec_t still;   /* for how long its heart did not beat, as far as that was looked at ... */
    nsec_t excused; /* ... and beside that, while debug keys ran */
};

struct watch {
    struct timer timer;
    u32 beats; /* of this CPU; 0: its timers do not run yet */
    struct observation neighbour;
};
static DEFINE_PER_CPU(struct watch, watch);

static struct observation boot_cpu; /* of the NMI handler */
static u32 nmi_ticks;

static u32 next_online(u32 cpu)
{
    u32 next = cpumask_next(&cpu_online_mask, cpu + 1);
    return next < NR_CPUS ? next : cpumask_first(&cpu_online_mask);
}

/* own: NULL, or the registers with which the NMI came whose handler looks. */
static void look_at(u32 cpu, struct observation *o, const struct regs *own)
{
    u32 beats = READ_ONCE(per_cpu(watch, cpu).beats);
    nsec_t now = time_now();
    if (!beats || cpu != o->cpu || beats != o->beats) {
        *o = (struct observation){.cpu = cpu, .beats = beats, .last = now};
        return;
    }
    bool excused = key_is_running() && o->excused < KEY_PATIENCE;
    /* The whole machine may have stood still for longer. */
    *(excused ? &o->excused : &o->still) += MIN(now - o->last, PERIOD);
    o->last = now;
    if (o->still < SECONDS(watchdog_timeout) || READ_ONCE(watchdog_over) || !panic_claim())
        return;
    watchdog_stop();
    /* It may be stuck with the lock of the console, or be waiting for it below this handler. */
    lock_debug_stop();
    console_start_panic();
    log_error("watchdog: CPU %u has not run its timers for %u seconds", cpu, watchdog_timeout);
    cpus_dump(own);
    panic("CPU %u is stuck", cpu);
}

static void watch_tick(void *data)
{
    struct watch *w = data;
    u32 next = next_online(cpu_id());
    WRITE_ONCE(w->beats, w->beats + 1);
    if (next != cpu_id())
        look_at(next, &w->neighbour, NULL);
    timer_set(&w->timer, time_now() + PERIOD);
}

void watchdog_stop(void)
{
    if (!watchdog)
        return;
    WRITE_ONCE(watchdog_over, 1);
    pit_ticks_stop();
}

bool watchdog_nmi(const struct regs *regs)
{
    if (!watchdog || cpu_id() != 0)
        return false;
    WRITE_ONCE(nmi_ticks, nmi_ticks + 1);
    look_at(0, &boot_cpu, regs);
    return true;
}

/* Do the PIT's ticks come as NMIs? */
static init_text bool ticks_start(void)
{
    u32 before = nmi_ticks;
    nsec_t start = time_now();
    if (!ioapic_isa_to_nmi(PIT_IRQ))
        return false;
    pit_ticks_start();
    while (READ_ONCE(nmi_ticks) - before < 2 && time_now() - start < TICK_WAIT)
        cpu_pause();
    return nmi_ticks - before >= 2;
}

static void key_cpus(u8 key)
{
    cpus_dump(NULL);
}

init_text void watchdog_init(void)
{
    u32 cpu;
    key_register('d', "show where all CPUs are", key_cpus);
    watchdog = watchdog && watchdog_timeout;
    if (!watchdog)
        return;
    if (watchdog_timeout < TIMEOUT_MIN) {
        log_warning("watchdog_timeout=%u is too short: it is %u seconds", watchdog_timeout,
                    TIMEOUT_MIN);
        watchdog_timeout = TIMEOUT_MIN;
    }
    for_each_online_cpu (cpu) {
        struct watch *w = &per_cpu(watch, cpu);
        timer_init(&w->timer, watch_tick, w, cpu);
        timer_set(&w->timer, time_now() + PERIOD);
    }
    log_info("watchdog: a CPU that stands still for %u seconds ends in a panic", watchdog_timeout);
    if (!ticks_start())
        log_warning("watchdog: this machine's PIT does not tick: CPU 0 is watched %s",
                    cpumask_count(&cpu_online_mask) > 1 ? "by another CPU only" : "by nobody");
}
