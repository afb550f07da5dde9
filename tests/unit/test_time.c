/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System time (arch/x86/time/time.c) on simulated counters: every read takes a while, which is how
 * time passes. Frequencies are found, CPUs are brought into line, and guests compute what
 * time_now() says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The file itself, for its state. */
#include "hypervisor/arch/x86/time/guest_tsc.c"
#include "hypervisor/arch/x86/time/time.c"

#define CPUS 2u
#define AREA 0x1000ull

struct acpi_info acpi_info;
struct cpu_features cpu_features = {.invariant_tsc = true};

/* --- the machine */

static unsigned __int128 true_time;               /* in 2^-32 ns */
static u64 true_hz;                               /* of the TSCs */
static u64 read_ns = 25;                          /* what a look at a TSC takes */
static s64 ahead[CPUS];                           /* a CPU's TSC, in ticks */
static u64 counter_hz, counter_start, counter_ns; /* of the reference; ns: what a look takes */
static const char *working;                       /* the only reference that counts */
static u32 warnings;
static jmp_buf dead;
static bool boot_cpu_serves = true;

static void pass(u64 ns)
{
    true_time += (unsigned __int128)ns << 32;
}

static u64 ticks_of(u64 hz)
{
    unsigned __int128 ns = true_time >> 32;
    return (u64)(ns * hz / 1000000000);
}

u64 rdtsc_ordered(void)
{
    pass(read_ns + (u64)rand() % 8);
    return 1000000 + ticks_of(true_hz) + (u64)ahead[host_cpu];
}

void cpu_pause(void)
{
    if (!boot_cpu_serves)
        return;
    u32 self = host_cpu;
    host_cpu = 0;
    pass(60); /* the line travels */
    time_sync_serve(self);
    pass(60);
    host_cpu = self;
}

static u32 false_look; /* the look that many from now shows less than the first did; 0: none */

static u64 counter_read(void)
{
    if (false_look && --false_look == 0)
        return counter_start - 1;
    /* One look of many is disturbed. */
    pass(rand() % 7 ? counter_ns : counter_ns * 40);
    u64 value = counter_start + ticks_of(counter_hz);
    pass(counter_ns);
    return value;
}

static u64 dead_read(void)
{
    return 17;
}

static u64 reference_start(const char *name, u64 hz)
{
    counter_hz = hz;
    counter_start = 0xfffffff0; /* about to wrap around, whatever the width */
    return working && (!strcmp(name, working) || !strcmp(working, "all")) ? hz : 0;
}

static u64 hpet_start(void)
{
    return reference_start("hpet", 14318180);
}

static u64 pm_start(void)
{
    return reference_start("pm", 3579545);
}

static u64 pit_start(void)
{
    return reference_start("pit", 1193182);
}

static u64 dead_start(void)
{
    return 1000000;
}

/* What no clock has: it wraps around before the time to measure is over. */
static u64 absurd_start(void)
{
    return reference_start("hpet", 1000000000000000);
}

static u64 (*hpet_kind)(void);

static u64 hpet_any(void)
{
    return hpet_kind();
}

static u64 hpet_any_read(void)
{
    return hpet_kind == dead_start ? dead_read() : counter_read() & 0xffffffff;
}

static u64 pm_any_read(void)
{
    return counter_read() & 0xffffff;
}

static u64 pit_any_read(void)
{
    return counter_read() & 0xffff;
}

const struct time_reference time_hpet = {"hpet", hpet_any, hpet_any_read, 0xffffffff,
                                         MILLISECONDS(10)};
const struct time_reference time_pm_24 = {"pm", pm_start, pm_any_read, 0xffffff, MILLISECONDS(20)};
const struct time_reference time_pm_32 = {"pm", pm_start, counter_read, 0xffffffff,
                                          MILLISECONDS(20)};
const struct time_reference time_pit = {"pit", pit_start, pit_any_read, 0xffff, MILLISECONDS(20)};

void log_line(enum log_level level, const char *fmt, ...)
{
    warnings += level == LOG_WARNING;
}

void panic(const char *fmt, ...)
{
    longjmp(dead, 1);
}

/* --- guests' memory: one structure at AREA */

static struct vcpu_time_info area;
static bool area_mapped;
static u32 copies;

int guest_copy_in(void *to, vaddr_t from, size_t bytes)
{
    if (!area_mapped || from < AREA || from + bytes > AREA + sizeof(area))
        return -14;
    memcpy(to, (char *)&area + (from - AREA), bytes);
    return 0;
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    if (!area_mapped || to < AREA || to + bytes > AREA + sizeof(area))
        return -14;
    memcpy((char *)&area + (to - AREA), from, bytes);
    copies++;
    return 0;
}

bool arch_vcpu_kernel_space_enter(struct vcpu *v)
{
    return true;
}

void arch_vcpu_kernel_space_leave(struct vcpu *v, bool entered)
{
    assert_true(entered);
}

/* --- tests */

static int setup(void **state)
{
    host_percpu_init(CPUS);
    host_cpu = 0;
    tsc_hz = 0;
    all_synchronous = true;
    true_time = 0;
    true_hz = 2000000000;
    read_ns = 25;
    counter_ns = 250;
    memset(ahead, 0, sizeof(ahead));
    memset(&area, 0, sizeof(area));
    sync_asked = sync_answered = 0;
    working = "all";
    hpet_kind = hpet_start;
    boot_cpu_serves = area_mapped = true;
    warnings = copies = 0;
    acpi_info.fadt.pm_timer_32bit = false;
    return 0;
}

static const u64 frequencies[] = {999999,     25000000,   999999999,  1000000000,
                                  1000000001, 1999999999, 2000000000, 2000000001,
                                  2596137000, 3999999999, 5800000000, 9000000000};

static void scaling(void **state)
{
    for (u32 i = 0; i < ARRAY_SIZE(frequencies); i++) {
        struct time_scale s = time_scale_of(frequencies[i]);
        assert_true(s.mul & 1u << 31);
        u64 day = 86400, ns = time_scale_apply(s, frequencies[i] * day);
        s64 error = (s64)(ns - day * 1000000000);
        assert_in_range(llabs(error), 0, day * 4); /* 4 parts in 10^9 */
    }
}

/* Off by how many parts in a million at most. */
static void found(const char *reference, u64 hz, u64 parts)
{
    setup(NULL);
    working = reference;
    true_hz = hz;
    true_time = (unsigned __int128)((u64)rand() % 1000000) << 32;
    time_init();
    u64 error = tsc_hz > hz ? tsc_hz - hz : hz - tsc_hz;
    if (error * 1000000 > hz * parts)
        fail_msg("%s, %lu Hz: found %lu Hz", reference, (unsigned long)hz, (unsigned long)tsc_hz);
    assert_int_equal(tsc_khz(), tsc_hz / 1000);
    nsec_t start = time_now();
    assert_in_range(start, 0, 1000);
    pass(SECONDS(10));
    assert_in_range(time_now() - start, SECONDS(10) - parts * 10000,
                    SECONDS(10) + parts * 10000 + 100);
}

static void calibration(void **state)
{
    for (u32 round = 0; round < 10; round++)
        for (u32 i = 1; i < ARRAY_SIZE(frequencies); i++) {
            found("hpet", frequencies[i], 20);
            found("pm", frequencies[i], 20);
            found("pit", frequencies[i], 60); /* a tick in its 20 ms is 42 millionths */
        }
}

static void broken_references(void **state)
{
    hpet_kind = dead_start;
    time_init();
    assert_int_equal(warnings, 1);
    assert_int_equal(counter_hz, 3579545);
    setup(state);
    working = NULL;
    if (!setjmp(dead)) {
        time_init();
        fail();
    }
}

/* The TSC value for a moment is the first at which time_now() has got there. */
static void deadlines(void **state)
{
    read_ns = 0;
    for (u32 i = 0; i < ARRAY_SIZE(frequencies); i++)
        for (u32 n = 0; n < 2000; n++) {
            scale = time_scale_of(frequencies[i]);
            tsc_base = (u64)rand();
            u64 time = ((u64)rand() << 31 | (u64)rand()) >> (8 + rand() % 50);
            u64 tick = (1000000000 / frequencies[i]) + 1;
            u64 tsc = time_to_tsc(time);
            assert_true(time_scale_apply(scale, tsc - tsc_base) >= time);
            assert_true(time_scale_apply(scale, tsc - tsc_base) <= time + 4 * tick);
        }
    assert_int_equal(time_to_tsc(~0ull), ~0ull);
    /* What a guest asks for may be any number: none is in the past. */
    for (u32 i = 0; i < ARRAY_SIZE(frequencies); i++)
        for (u32 n = 0; n < 2000; n++) {
            scale = time_scale_of(frequencies[i]);
            tsc_base = (u64)rand();
            assert_true(time_to_tsc((u64)n << 53) >= time_to_tsc(n ? (u64)(n - 1) << 53 : 0));
        }
    tsc_base = 0;
    assert_true(time_to_tsc(0) > 0);
}

static void other_cpu_starts(void)
{
    host_cpu = 1;
    time_init_cpu();
    host_cpu = 0;
}

static void synchronising(void **state)
{
    static const s64 differences[] = {0, 50, 5000, -5000, 123456789012, -900000};
    for (u32 i = 0; i < ARRAY_SIZE(differences); i++) {
        setup(state);
        time_init();
        ahead[1] = differences[i];
        other_cpu_starts();
        s64 off = per_cpu(tsc_offset, 1) + differences[i];
        assert_in_range(llabs(off), 0, 400); /* ticks: 200 ns */
        assert_int_equal(all_synchronous, llabs(differences[i]) < 100);
        /* The CPUs agree, and deadlines are in their own ticks. */
        for (u32 n = 0; n < 100; n++) {
            pass(MILLISECONDS(7));
            nsec_t here = time_now();
            host_cpu = 1;
            nsec_t there = time_now();
            assert_in_range(llabs((s64)(there - here)), 0, 400);
            u64 tsc = time_to_tsc(there + MILLISECONDS(1));
            assert_in_range(tsc - rdtsc_ordered(), true_hz / 1000 - 1000, true_hz / 1000 + 1000);
            host_cpu = 0;
        }
    }
}

static void boot_cpu_is_silent(void **state)
{
    time_init();
    boot_cpu_serves = false;
    other_cpu_starts();
    assert_int_equal(per_cpu(tsc_offset, 1), 0);
}

/* What a guest makes of it (public ABI: vcpu_time_info), on the CPU that it runs on. */
static nsec_t guest_time(const struct vcpu_time_info *t)
{
    assert_int_equal(t->version & 1, 0);
    u64 ticks = rdtsc_ordered() - t->tsc_timestamp;
    ticks = t->tsc_shift < 0 ? ticks >> -t->tsc_shift : ticks << t->tsc_shift;
    return t->system_time + (u64)(((unsigned __int128)ticks * t->tsc_to_system_mul) >> 32);
}

static void agrees(const struct vcpu_time_info *t)
{
    pass(SECONDS(3));
    nsec_t before = time_now(), guest = guest_time(t), after = time_now();
    assert_in_range(guest, before, after);
}

static struct domain caller;

void domain_pause(struct domain *d)
{
    d->pause_count++;
}

void domain_unpause(struct domain *d)
{
    d->pause_count--;
}

u64 rdtsc(void)
{
    return rdtsc_ordered();
}

static long tsc_set(struct domain *d, u32 mode, u64 khz, u64 elapsed)
{
    struct domctl_call c = {.d = d};
    struct vcpu v = {.domain = &caller};
    c.op.u.tsc_info = (struct xen_domctl_tsc_info){
        .tsc_mode = mode, .gtsc_khz = (u32)khz, .incarnation = 4, .elapsed_nsec = elapsed};
    return domctl_settscinfo(&v, &c);
}

static struct xen_domctl_tsc_info tsc_get(struct domain *d)
{
    struct domctl_call c = {.d = d};
    struct vcpu v = {.domain = &caller};
    assert_int_equal(domctl_gettscinfo(&v, &c), 0);
    return c.op.u.tsc_info;
}

/* The guest came from a machine of another frequency: its counter goes on as it was there. */
static void emulated_counters(void **state)
{
    struct vcpu v = {0}, *vcpus[] = {&v};
    struct domain d = {.vcpus = vcpus, .max_vcpus = 1};
    struct vcpu_info info = {0};
    time_init();
    v.domain = &d;
    v.info = &info;
    time_update_vcpu(&v);
    u64 khz = tsc_khz(), elsewhere = khz / 2 + 12345;
    assert_int_equal(tsc_set(&d, 3, 0, 0), -EINVAL);
    /* That of the machine, or near it: the processor's own. */
    for (s32 more = -100; more <= 100; more += 100) {
        assert_int_equal(tsc_set(&d, 0, khz + (u64)(s64)more, SECONDS(1000)), 0);
        assert_false(d.arch.tsc.is_emulated);
        assert_int_equal(guest_tsc_khz(&d), khz);
    }
    assert_int_equal(tsc_set(&d, 2, elsewhere, SECONDS(1000)), 0);
    assert_false(d.arch.tsc.is_emulated);
    assert_int_equal(tsc_get(&d).gtsc_khz, 0);
    /* Longer ago than this machine runs. */
    for (u32 mode = 0; mode < 2; mode++) {
        assert_int_equal(tsc_set(&d, mode, elsewhere, SECONDS(1000)), 0);
        assert_true(d.arch.tsc.is_emulated);
        assert_int_equal(tsc_get(&d).incarnation, 5);
        assert_int_equal(tsc_get(&d).gtsc_khz, elsewhere);
        assert_in_range(tsc_get(&d).elapsed_nsec, SECONDS(1000), SECONDS(1000) + 10000);
        assert_in_range(guest_tsc_read(&d), elsewhere * 1000000, elsewhere * 1000000 + 100000);
        pass(SECONDS(7));
        assert_in_range(guest_tsc_read(&d), elsewhere * 1007000, elsewhere * 1007000 + 100000);
        /* And its clock is the hypervisor's. */
        time_update_vcpu(&v);
        const struct vcpu_time_info *t = &info.time;
        nsec_t before = time_now();
        u64 ticks = guest_tsc_read(&d) - t->tsc_timestamp;
        ticks = t->tsc_shift < 0 ? ticks >> -t->tsc_shift : ticks << t->tsc_shift;
        nsec_t guest =
            t->system_time + (u64)(((unsigned __int128)ticks * t->tsc_to_system_mul) >> 32);
        /* As exactly as the multiplier's 32 bits can say in a thousand seconds. */
        assert_in_range(guest + 1000, before, time_now() + 2000);
        assert_int_equal(t->flags, 0);
    }
    assert_int_equal(tsc_set(&d, 1, 0, 0), 0);
    assert_int_equal(guest_tsc_khz(&d), khz);
}

static void guests(void **state)
{
    struct domain d = {0};
    struct vcpu v = {.domain = &d};
    struct vcpu_info info[2] = {0};
    time_init();
    ahead[1] = 1234567;
    other_cpu_starts();
    v.info = &info[0];
    info[0].time.version = 7; /* the guest's own doing */
    time_update_vcpu(&v);
    agrees(&info[0].time);
    assert_int_equal(info[0].time.flags, 0); /* not the same TSC everywhere */
    u32 version = info[0].time.version;
    time_update_vcpu(&v);
    assert_int_equal(info[0].time.version, version);

    host_cpu = 1;
    time_update_vcpu(&v);
    assert_int_not_equal(info[0].time.version, version);
    agrees(&info[0].time);
    v.info = &info[1]; /* registered elsewhere */
    time_update_vcpu(&v);
    agrees(&info[1].time);

    /* A second copy, whose page is not there at first. */
    v.time_area_guest = AREA;
    area_mapped = false;
    time_update_vcpu(&v);
    assert_int_equal(copies, 0);
    area_mapped = true;
    time_update_vcpu(&v);
    agrees(&area);
    u32 done = copies;
    time_update_vcpu(&v);
    assert_int_equal(copies, done);
    host_cpu = 0;
    time_update_vcpu(&v);
    agrees(&area);
    agrees(&info[1].time);
    /* Given up, cleared, and registered again, as kernels do that are suspended. */
    v.time_area_guest = 0;
    time_update_vcpu(&v);
    memset(&area, 0, sizeof(area));
    v.time_area_guest = AREA;
    time_update_vcpu(&v);
    agrees(&area);
}

static void stable_flag(void **state)
{
    struct domain d = {0};
    struct vcpu v = {.domain = &d};
    struct vcpu_info info = {0};
    time_init();
    other_cpu_starts();
    v.info = &info;
    time_update_vcpu(&v);
    assert_int_equal(info.time.flags, XEN_PVCLOCK_TSC_STABLE_BIT);
}

/* References that count, but not as they say. */
static void lying_references(void **state)
{
    hpet_kind = absurd_start;
    time_init();
    assert_int_equal(warnings, 1);
    assert_int_equal(counter_hz, 3579545);
    setup(state);
    /* A look that goes wrong ends the waiting: what was measured till then is nothing. */
    hpet_kind = hpet_start;
    false_look = SAMPLE_TRIES + 1;
    time_init();
    assert_int_equal(warnings, 1);
    assert_int_equal(counter_hz, 3579545);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(scaling, setup),
        cmocka_unit_test_setup(calibration, setup),
        cmocka_unit_test_setup(broken_references, setup),
        cmocka_unit_test_setup(deadlines, setup),
        cmocka_unit_test_setup(synchronising, setup),
        cmocka_unit_test_setup(boot_cpu_is_silent, setup),
        cmocka_unit_test_setup(guests, setup),
        cmocka_unit_test_setup(stable_flag, setup),
        cmocka_unit_test_setup(emulated_counters, setup),
        cmocka_unit_test_setup(lying_references, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
