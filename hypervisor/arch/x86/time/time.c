/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System time from the TSC: its frequency is measured at boot against the best reference there is;
 * then nothing but the TSC is read. The same parameters go to the guests, which compute the time
 * themselves.
 */
#include "x86/time.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "core/time.h"
#include "abi/xen.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/cpu.h"

/* Eighteen years: a deadline so far away is none, and in ticks of up to 16 GHz does not overflow.
 */
#define TIME_NEVER BIT(59)

#define HZ_PER_NS_UNIT 1000000000ull

static u64 tsc_hz, tsc_base; /* of the boot CPU; tsc_base: at system time 0 */
static struct time_scale scale;
static bool all_synchronous = true; /* no CPU's TSC differs from the boot CPU's */

/* Boot CPU's TSC minus this CPU's. */
static DEFINE_PER_CPU(s64, tsc_offset);

/* --- scaling */

struct time_scale time_scale_of(u64 hz)
{
    struct time_scale s = {.shift = 0};
    /* Bring it into (1, 2] GHz, where mul has 32 significant bits. */
    while (hz > 2 * HZ_PER_NS_UNIT) {
        hz >>= 1;
        s.shift--;
    }
    while (hz <= HZ_PER_NS_UNIT) {
        hz <<= 1;
        s.shift++;
    }
    s.mul = (u32)((HZ_PER_NS_UNIT << 32) / hz);
    return s;
}

u64 time_scale_apply(struct time_scale s, u64 ticks)
{
    ticks = s.shift < 0 ? ticks >> -s.shift : ticks << s.shift;
    return (u64)(((unsigned __int128)ticks * s.mul) >> 32);
}

nsec_t time_now(void)
{
    return time_scale_apply(scale, rdtsc_ordered() + (u64)this_cpu(tsc_offset) - tsc_base);
}

u64 time_to_tsc(nsec_t time)
{
    u64 high = time >> 32, low = time << 32, ticks;
    if (time >= TIME_NEVER)
        return ~0ull;
    /* (time << 32) / mul; mul has its top bit set, so the quotient fits. */
    __asm__("divq %3" : "=a"(ticks), "+d"(high) : "0"(low), "r"((u64)scale.mul) : "cc");
    ticks = scale.shift < 0 ? (ticks + 1) << -scale.shift : (ticks >> scale.shift) + 1;
    return MAX(ticks + tsc_base - (u64)this_cpu(tsc_offset), 1ull);
}

nsec_t time_of_ticks(u64 ticks)
{
    return time_scale_apply(scale, ticks);
}

u64 cpu_cycles(void)
{
    return rdtsc();
}

u64 tsc_khz(void)
{
    return tsc_hz / 1000;
}

/* --- calibration */

#define SAMPLE_TRIES 5

struct sample {
    u64 tsc, reference;
};

/* The reference's value and the TSC's at the same moment: the narrowest of some tries, since an
 * emulated or interrupted read may take long. */
static init_text struct sample sample_take(const struct time_reference *r)
{
    struct sample best = {};
    u64 narrowest = ~0ull;
    for (u32 i = 0; i < SAMPLE_TRIES; i++) {
        u64 before = rdtsc_ordered();
        u64 value = r->read();
        u64 after = rdtsc_ordered();
        if (after - before < narrowest) {
            narrowest = after - before;
            best = (struct sample){.tsc = before + (after - before) / 2, .reference = value};
        }
    }
    return best;
}

/* 0 if the reference does not count, or not as it says. */
static init_text u64 calibrate(const struct time_reference *r, u64 reference_hz)
{
    u64 wanted = reference_hz * (r->window / 1000) / 1000000, elapsed = 0, last = 0;
    struct sample first = sample_take(r), end;
    if (wanted > r->mask / 2)
        return 0;
    for (u32 same = 0; elapsed < wanted;) {
        elapsed = (r->read() - first.reference) & r->mask;
        same = elapsed == last ? same + 1 : 0;
        last = elapsed;
        if (same > 1000000)
            return 0;
    }
    end = sample_take(r);
    elapsed = (end.reference - first.reference) & r->mask;
    return elapsed < wanted ? 0 : (end.tsc - first.tsc) * reference_hz / elapsed;
}

init_text void time_init(void)
{
    const struct time_reference *const references[] = {
        &time_hpet, acpi_info.fadt.pm_timer_32bit ? &time_pm_32 : &time_pm_24, &time_pit};
    for (u32 i = 0; i < ARRAY_SIZE(references) && !tsc_hz; i++) {
        const struct time_reference *r = references[i];
        u64 hz = r->start();
        if (!hz)
            continue;
        tsc_hz = calibrate(r, hz);
        if (!tsc_hz) {
            log_warning("time: the %s does not count; trying another reference", r->name);
            continue;
        }
        log_info("time: TSC at %lu.%03lu MHz, measured against the %s",
                 (unsigned long)(tsc_hz / 1000000), (unsigned long)(tsc_hz / 1000 % 1000), r->name);
    }
    if (!tsc_hz)
        panic("time: neither HPET, ACPI PM timer nor PIT counts: there is no clock");
    scale = time_scale_of(tsc_hz);
    tsc_base = rdtsc_ordered();
}

/* --- other CPUs */

#define SYNC_ROUNDS 16
#define SYNC_SPINS  100000000u

/*
 * One exchange: the starting CPU raises asked, the boot CPU answers with its TSC and the same
 * number.
 */
static u32 sync_asked, sync_answered;
static u64 sync_tsc;

void time_sync_serve(u32 cpu)
{
    u32 asked = __atomic_load_n(&sync_asked, __ATOMIC_ACQUIRE);
    if (asked == sync_answered)
        return;
    sync_tsc = rdtsc_ordered();
    __atomic_store_n(&sync_answered, asked, __ATOMIC_RELEASE);
}

void time_init_cpu(void)
{
    u64 narrowest = ~0ull;
    s64 offset = 0;
    for (u32 round = 0; round < SYNC_ROUNDS; round++) {
        u32 number = sync_asked + 1, spins = 0;
        u64 before = rdtsc_ordered();
        __atomic_store_n(&sync_asked, number, __ATOMIC_RELEASE);
        while (__atomic_load_n(&sync_answered, __ATOMIC_ACQUIRE) != number) {
            cpu_pause();
            if (++spins == SYNC_SPINS) {
                all_synchronous = false;
                return; /* the boot CPU has given us up */
            }
        }
        u64 after = rdtsc_ordered();
        if (after - before < narrowest) {
            narrowest = after - before;
            offset = (s64)(sync_tsc - (before + narrowest / 2));
        }
    }
    /* Within what the exchange itself takes, they are the same. */
    if ((u64)(offset < 0 ? -offset : offset) <= narrowest)
        return;
    this_cpu(tsc_offset) = offset;
    all_synchronous = false;
    log_info("time: the TSC of cpu %u is %ld ticks off the boot CPU's", cpu_id(), (long)-offset);
}

/* --- guests */

static void time_info_fill(const struct domain *d, struct vcpu_time_info *t)
{
    if (unlikely(d->arch.tsc.is_emulated)) {
        struct time_scale s = time_scale_of(d->arch.tsc.khz * 1000ull);
        t->system_time = (u64)d->arch.tsc.offset;
        t->tsc_to_system_mul = s.mul;
        t->tsc_shift = s.shift;
        return;
    }
    t->tsc_timestamp = tsc_base - (u64)this_cpu(tsc_offset);
    t->system_time = 0;
    t->tsc_to_system_mul = scale.mul;
    t->tsc_shift = scale.shift;
    t->flags = all_synchronous && cpu_features.invariant_tsc ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
}

/* The version is odd while the rest is being written. Guests may write the page: nothing is read
 * back but the version, whose value is theirs to spoil. */
static void shared_time_update(struct vcpu_time_info *shared, const struct vcpu_time_info *now)
{
    u32 version = READ_ONCE(shared->version) | 1;
    WRITE_ONCE(shared->version, version);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    shared->tsc_timestamp = now->tsc_timestamp;
    shared->system_time = now->system_time;
    shared->tsc_to_system_mul = now->tsc_to_system_mul;
    shared->tsc_shift = now->tsc_shift;
    shared->flags = now->flags;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    WRITE_ONCE(shared->version, version + 1);
}

/* The copy at an address of the guest's kernel. If its page is not mapped just now, it is tried
 * again at the next switch. */
static bool guest_time_update(struct vcpu *v, vaddr_t at, struct vcpu_time_info *now)
{
    bool entered = arch_vcpu_kernel_space_enter(v), done = false;
    if (!guest_copy_in(&now->version, at, sizeof(now->version))) {
        now->version |= 1;
        u32 final = now->version + 1;
        done = !guest_copy_out(at, &now->version, sizeof(now->version)) &&
               !guest_copy_out(at, now, sizeof(*now)) && !guest_copy_out(at, &final, sizeof(final));
    }
    arch_vcpu_kernel_space_leave(v, entered);
    return done;
}

void time_update_vcpu(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;
    /* What it was given is right as long as it stays on CPUs with the same offset. */
    if (likely(a->time_valid && a->time_offset == this_cpu(tsc_offset) && a->time_info == v->info &&
               a->time_area == v->time_area_guest))
        return;
    struct vcpu_time_info now = {};
    time_info_fill(v->domain, &now);
    if (v->info)
        shared_time_update(&v->info->time, &now);
    a->time_valid = true;
    a->time_offset = this_cpu(tsc_offset);
    a->time_info = v->info;
    vaddr_t area = READ_ONCE(v->time_area_guest);
    a->time_area = area && guest_time_update(v, area, &now) ? area : 0;
}
