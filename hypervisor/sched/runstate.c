/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runstates: how long each vCPU ran, waited for a CPU, was blocked, or was kept from running; and
 * the copy of it that a guest may ask for in its own memory (VCPUOP_register_runstate_memory_area).
 */
#include "arch/vcpu.h"
#include "core/guest_access.h"
#include "core/time.h"
#include "core/trace.h"
#include "schedule.h"

s32 sched_state_of_sleeper(const struct vcpu *v)
{
    /* Blocked dominates: it says what the guest itself did (public/vcpu.h). */
    return READ_ONCE(v->pause_flags) & (VCPU_PAUSED_BLOCKED | VCPU_PAUSED_POLL) ? RUNSTATE_blocked
                                                                                : RUNSTATE_offline;
}

static void runstate_trace(const struct vcpu *v, s32 state)
{
    const u32 who = (u32)v->domain->id << 16 | v->id;
    const u32 change = (u32)v->runstate.state << 8 | (u32)state << 4;

    trace_record(TRC_SCHED_RUNSTATE_CHANGE | change, true, &who, sizeof(who));
}

void sched_runstate_change(struct vcpu *v, s32 state, nsec_t now)
{
    struct vcpu_runstate_info *r = &v->runstate;

    if (unlikely(READ_ONCE(trace_on)) && r->state != state)
        runstate_trace(v, state);
    if (likely(now > r->state_entry_time)) {
        r->time[r->state] += now - r->state_entry_time;
        r->state_entry_time = now;
    }
    r->state = state;
}

void sched_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
    struct sched_cpu *q = sched_lock(v);
    nsec_t now = time_now();

    *out = v->runstate;
    spin_unlock(&q->lock);
    if (now > out->state_entry_time)
        out->time[out->state] += now - out->state_entry_time;
}

nsec_t sched_idle_time(u32 cpu)
{
    struct vcpu_runstate_info info;
    struct vcpu *idle = sched_idle_vcpu(cpu);

    if (!idle)
        return 0;
    sched_runstate_get(idle, &info);
    return info.time[RUNSTATE_running];
}

/* With the assist on, XEN_RUNSTATE_UPDATE stands in the time stamp while the rest changes. */
static int runstate_copy_out(vaddr_t to, struct vcpu_runstate_info *info, bool mark)
{
    vaddr_t stamp = to + offsetof(struct vcpu_runstate_info, state_entry_time);
    u64 time = info->state_entry_time;
    int error;

    if (!mark)
        return guest_copy_out(to, info, sizeof(*info));

    info->state_entry_time |= XEN_RUNSTATE_UPDATE;
    error = guest_copy_out(stamp, &info->state_entry_time, sizeof(time));
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (!error)
        error = guest_copy_out(to, info, sizeof(*info));
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (!error)
        error = guest_copy_out(stamp, &time, sizeof(time));
    return error;
}

void sched_runstate_write(struct vcpu *v, const struct vcpu_runstate_info *info)
{
    if (likely(!v->runstate_guest))
        return;

    struct vcpu_runstate_info copy = *info;
    bool mark = v->domain->vm_assist & BIT(VMASST_TYPE_runstate_update_flag);
    bool entered = arch_vcpu_kernel_space_enter(v);
    /* A guest that has unmapped the place gets no news, and nothing else happens. */
    int error = runstate_copy_out(v->runstate_guest, &copy, mark);
    (void)error;
    arch_vcpu_kernel_space_leave(v, entered);
}

void sched_runstate_update_guest(struct vcpu *v)
{
    /* Of a vCPU that runs here nobody else changes the runstate. */
    sched_runstate_write(v, &v->runstate);
}
