/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time: the clocks of the shared page, timers of every kind with good and bad arguments, what they
 * raise, and the runstates. Times themselves are never printed, only whether they are as they must
 * be.
 */
#define SUBJECT "time"
#include "subject.h"

#define MS 1000000ull

static s64 vcpu(u32 cmd, u64 id, const void *arg)
{
    return HYPERCALL3(vcpu_op, cmd, id, arg);
}

static bool timer_pending(u32 port)
{
    bool pending = shared_info->evtchn_pending[port / 64] >> port % 64 & 1;
    __atomic_and_fetch(&shared_info->evtchn_pending[port / 64], ~(1ull << port % 64),
                       __ATOMIC_SEQ_CST);
    shared_info->vcpu_info[0].evtchn_pending_sel = 0;
    shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
    return pending;
}

/* True if the timer's event comes within a second, and not before `earliest`. */
static bool comes(u32 port, u64 earliest)
{
    struct sched_poll poll = {
        .ports.va = (u64)&port, .nr_ports = 1, .timeout = system_time() + 1000 * MS};
    bool came, early;
    /* A guest's other events, of its console, end a poll too. */
    do {
        HYPERCALL2(sched_op, SCHEDOP_poll, &poll);
        early = system_time() < earliest;
        came = timer_pending(port);
    } while (!came && system_time() < poll.timeout);
    return came && !early;
}

static void clocks(void)
{
    volatile struct vcpu_time_info *t = &shared_info->vcpu_info[0].time;
    u64 before = system_time();
    sleep_ns(5 * MS);
    u64 after = system_time();
    SAY("time goes on -> %u", after >= before + 5 * MS && after < before + 60000 * MS);
    SAY("time flags, even version -> %u %u", t->flags & ~1, t->version & 1);
    SAY("wall clock -> %u %u", shared_info->wc_sec > 1700000000, shared_info->wc_version & 1);
    /* Each time-stamp is taken together with its system time. */
    SAY("time-stamp is not ahead -> %u", t->tsc_timestamp <= rdtsc());
}

static void singleshots(u32 port)
{
    u64 far = system_time() + 3600000 * MS;
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = system_time() + 10 * MS};
    u64 due = timer.timeout_abs_ns;
    RESULT("singleshot", vcpu(VCPUOP_set_singleshot_timer, 0, &timer));
    SAY("comes -> %u", comes(port, due));
    timer.flags = VCPU_SSHOTTMR_future;
    RESULT("singleshot in the past, future only", vcpu(VCPUOP_set_singleshot_timer, 0, &timer));
    SAY("comes -> %u", timer_pending(port));
    timer.flags = 0;
    RESULT("singleshot in the past", vcpu(VCPUOP_set_singleshot_timer, 0, &timer));
    SAY("comes -> %u", comes(port, 0));
    timer.timeout_abs_ns = far;
    RESULT("singleshot far away", vcpu(VCPUOP_set_singleshot_timer, 0, &timer));
    RESULT("stopped", vcpu(VCPUOP_stop_singleshot_timer, 0, NULL));
    RESULT("stopped again", vcpu(VCPUOP_stop_singleshot_timer, 0, NULL));
    timer.flags = ~0u;
    RESULT("singleshot with all flags", vcpu(VCPUOP_set_singleshot_timer, 0, &timer));
    timer.timeout_abs_ns = ~0ull;
    RESULT("singleshot at the end of time", vcpu(VCPUOP_set_singleshot_timer, 0, &timer));
    timer.timeout_abs_ns = 1ull << 63;
    RESULT("singleshot at 2^63", vcpu(VCPUOP_set_singleshot_timer, 0, &timer));
    timer.timeout_abs_ns = 0;
    timer.flags = 0;
    RESULT("singleshot at 0", vcpu(VCPUOP_set_singleshot_timer, 0, &timer));
    SAY("comes -> %u", comes(port, 0));
    RESULT("singleshot of another vCPU", vcpu(VCPUOP_set_singleshot_timer, 1, &timer));
    RESULT("singleshot of no vCPU", vcpu(VCPUOP_set_singleshot_timer, 99, &timer));
    RESULT("stop of another vCPU", vcpu(VCPUOP_stop_singleshot_timer, 1, NULL));
    timer_pending(port);
}

static void periodics(u32 port)
{
    struct vcpu_set_periodic_timer timer = {.period_ns = 5 * MS};
    u64 start = system_time();
    RESULT("periodic", vcpu(VCPUOP_set_periodic_timer, 0, &timer));
    bool all = true;
    for (u32 i = 0; i < 4; i++)
        all &= comes(port, 0);
    SAY("comes four times, not too early -> %u %u", all, system_time() >= start + 3 * 5 * MS);
    RESULT("stopped", vcpu(VCPUOP_stop_periodic_timer, 0, NULL));
    timer_pending(port);
    sleep_ns(12 * MS);
    SAY("and then -> %u", timer_pending(port));
    static const u64 periods[] = {0, 1, 999999, 1000000, 1ull << 62, ~0ull};
    for (u32 i = 0; i < COUNT(periods); i++) {
        timer.period_ns = periods[i];
        SAY("period %lx -> %ld", periods[i], vcpu(VCPUOP_set_periodic_timer, 0, &timer));
    }
    RESULT("stopped", vcpu(VCPUOP_stop_periodic_timer, 0, NULL));
    RESULT("periodic of another vCPU", vcpu(VCPUOP_set_periodic_timer, 1, &timer));
    timer_pending(port);
}

static void timer_op(u32 port)
{
    u64 due = system_time() + 10 * MS;
    RESULT("set_timer_op", HYPERCALL1(set_timer_op, due));
    SAY("comes -> %u", comes(port, due));
    RESULT("set_timer_op in the past", HYPERCALL1(set_timer_op, 1));
    SAY("comes -> %u", comes(port, 0));
    RESULT("set_timer_op(0)", HYPERCALL1(set_timer_op, 0));
    sleep_ns(2 * MS);
    SAY("comes -> %u", timer_pending(port));
    RESULT("set_timer_op soon, then off", HYPERCALL1(set_timer_op, system_time() + 5 * MS));
    HYPERCALL1(set_timer_op, 0);
    sleep_ns(10 * MS);
    SAY("comes -> %u", timer_pending(port));
    static const u64 times[] = {~0ull, 1ull << 63, 0x7fffffffffffffff};
    for (u32 i = 0; i < COUNT(times); i++) {
        SAY("set_timer_op(%lx) -> %ld", times[i], HYPERCALL1(set_timer_op, times[i]));
        sleep_ns(MS);
        SAY("comes -> %u", timer_pending(port));
    }
    HYPERCALL1(set_timer_op, 0);
    /* One that is due already wakes at once, masked or not. */
    shared_info->evtchn_mask[port / 64] |= 1ull << port % 64;
    HYPERCALL1(set_timer_op, system_time() + MS);
    sleep_ns(5 * MS);
    SAY("masked: upcall, pending -> %u", shared_info->vcpu_info[0].evtchn_upcall_pending);
    SAY("pending -> %u", timer_pending(port));
    shared_info->evtchn_mask[port / 64] = 0;
}

static void polls(u32 port)
{
    u32 two[2] = {port, port};
    struct sched_poll poll = {
        .ports.va = (u64)two, .nr_ports = 2, .timeout = system_time() + 5 * MS};
    u64 due = poll.timeout;
    SAY("poll to its time -> %ld", HYPERCALL2(sched_op, SCHEDOP_poll, &poll));
    SAY("not early -> %u", system_time() >= due);
    poll.timeout = 1;
    SAY("poll to a time that was -> %ld", HYPERCALL2(sched_op, SCHEDOP_poll, &poll));
    poll.nr_ports = 0;
    poll.ports.va = NONCANONICAL;
    SAY("poll of no ports nowhere -> %ld", HYPERCALL2(sched_op, SCHEDOP_poll, &poll));
    poll.nr_ports = 128;
    SAY("poll of ports nowhere -> %ld", HYPERCALL2(sched_op, SCHEDOP_poll, &poll));
    poll.nr_ports = 129;
    SAY("poll of too many -> %ld", HYPERCALL2(sched_op, SCHEDOP_poll, &poll));
    poll.ports.va = (u64)two;
    poll.nr_ports = 1;
    static const u32 bad[] = {0, 3000, 4096, EVTCHN_FIFO_NR_CHANNELS, ~0u};
    for (u32 i = 0; i < COUNT(bad); i++) {
        two[0] = bad[i];
        SAY("poll of port %x -> %ld", bad[i], HYPERCALL2(sched_op, SCHEDOP_poll, &poll));
    }
}

static struct vcpu_runstate_info area;
static struct vcpu_time_info time_area;

static void runstates(void)
{
    struct vcpu_runstate_info r = {.state = 99};
    RESULT("runstate", vcpu(VCPUOP_get_runstate_info, 0, &r));
    u64 sum = r.time[0] + r.time[1] + r.time[2] + r.time[3];
    SAY("state %u, times in order -> %u", r.state,
        r.state_entry_time <= system_time() && sum <= system_time() + 1000 * MS);
    sleep_ns(20 * MS);
    struct vcpu_runstate_info later;
    vcpu(VCPUOP_get_runstate_info, 0, &later);
    SAY("blocked in between -> %u",
        later.time[RUNSTATE_blocked] >= r.time[RUNSTATE_blocked] + 15 * MS);
    RESULT("runstate of no vCPU", vcpu(VCPUOP_get_runstate_info, 99, &r));
    RESULT("runstate to nowhere", vcpu(VCPUOP_get_runstate_info, 0, (void *)NONCANONICAL));
    RESULT("runstate to read-only", vcpu(VCPUOP_get_runstate_info, 0, (void *)LOW_CONST));
    struct vcpu_register_runstate_memory_area reg = {.addr.h.va = (u64)&area};
    RESULT("runstate area", vcpu(VCPUOP_register_runstate_memory_area, 0, &reg));
    SAY("in it -> %u %lu", area.state, (u64)(area.state_entry_time >> 63));
    u64 entered = area.state_entry_time;
    sleep_ns(5 * MS);
    SAY("after a sleep -> state %u, changed %u", area.state, area.state_entry_time > entered);
    HYPERCALL2(vm_assist, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag);
    sleep_ns(5 * MS);
    SAY("with the update flag -> %lx", (u64)(area.state_entry_time >> 63));
    static const u64 bad[] = {NONCANONICAL, HYPERVISORS, LOW_NONE, LOW_CONST,
                              LOW_NONE - 8, 0,           ~0ull,    0x7ffffffffff0};
    for (u32 i = 0; i < COUNT(bad); i++) {
        reg.addr.h.va = bad[i];
        SAY("runstate area at %lx -> %ld", bad[i],
            vcpu(VCPUOP_register_runstate_memory_area, 0, &reg));
        sleep_ns(MS);
    }
    struct vcpu_register_time_memory_area t = {.addr.h.va = (u64)&time_area};
    RESULT("time area", vcpu(VCPUOP_register_vcpu_time_memory_area, 0, &t));
    SAY("in it -> %u",
        time_area.tsc_to_system_mul == shared_info->vcpu_info[0].time.tsc_to_system_mul);
    for (u32 i = 0; i < COUNT(bad); i++) {
        t.addr.h.va = bad[i];
        SAY("time area at %lx -> %ld", bad[i], vcpu(VCPUOP_register_vcpu_time_memory_area, 0, &t));
        sleep_ns(MS);
    }
}

void guest_main(void)
{
    subject_start();
    traps_tolerated = true;
    RESULT("stop of the timer that a domain starts with",
           vcpu(VCPUOP_stop_periodic_timer, 0, NULL));
    struct evtchn_bind_virq timer = {.virq = VIRQ_TIMER};
    RESULT("bind", HYPERCALL2(event_channel_op, EVTCHNOP_bind_virq, &timer));
    clocks();
    singleshots(timer.port);
    periodics(timer.port);
    timer_op(timer.port);
    polls(timer.port);
    runstates();
    SAY("end -> 0");
}
