/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sysctl has about power. A CPU that has nothing to do halts (C1); there are no deeper states,
 * and nobody changes the clocks of CPUs: the answers are those of Xen where no driver of domain 0
 * has told it of more.
 */
#include "core/control.h"
#include "core/cpumask.h"
#include "core/guest_access.h"
#include "core/sched.h"
#include "core/time.h"
#include "errno.h"

#define IDLE_STATES 2u /* C0: running; C1: halted */

/* The deepest state that a CPU may use, and its variant. */
static u32 state_limit = 1, substate_limit = XEN_SYSCTL_CX_UNLIMITED;
/* Set for the credit scheduler of Xen; the one that is here packs no threads. */
static u32 packs_threads;

static bool cpu_is_there(u32 cpu)
{
    return cpu < NR_CPUS && cpumask_test(&cpu_active_mask, cpu);
}

/* Entries are not counted: one each, as Xen says too. -EFAULT. */
static long idle_states(u32 cpu, struct pm_cx_stat *out)
{
    u64 idle = (u64)sched_idle_time(cpu), one = 1;
    const u64 times[IDLE_STATES] = {(u64)time_now() - idle, idle};
    u32 room = MIN(out->nr, IDLE_STATES);
    for (u32 n = 0; n < room; n++)
        if (guest_write_at(out->triggers, n, &one) ||
            guest_write_at(out->residencies, n, &times[n]))
            return -EFAULT;
    out->nr = IDLE_STATES;
    out->last = idle ? 1 : 0;
    out->idle_time = idle;
    out->nr_pc = out->nr_cc = 0;
    return 0;
}

long sysctl_get_pmstat(struct vcpu *v, void *arg)
{
    struct xen_sysctl_get_pmstat *op = &((struct xen_sysctl *)arg)->u.get_pmstat;
    if (!cpu_is_there(op->cpuid))
        return -EINVAL;
    switch (op->type) {
    case PMSTAT_get_max_cx:
        op->u.getcx.nr = IDLE_STATES;
        return 0;
    case PMSTAT_get_cxstat:
        return idle_states(op->cpuid, &op->u.getcx);
    case PMSTAT_reset_cxstat:
        return -EOPNOTSUPP;
    default:
        return -ENODEV;
    }
}

/* Which of the limits a tool means: -EINVAL. */
static long limit_exchange(struct xen_sysctl_pm_op *op)
{
    u32 *limit = op->cpuid ? &substate_limit : &state_limit;
    if (op->cpuid > 1)
        return -EINVAL;
    if (op->cmd == XEN_SYSCTL_pm_op_get_max_cstate)
        op->u.get_max_cstate = *limit;
    else
        *limit = op->u.set_max_cstate;
    return 0;
}

long sysctl_pm_op(struct vcpu *v, void *arg)
{
    struct xen_sysctl_pm_op *op = &((struct xen_sysctl *)arg)->u.pm_op;
    u32 before = packs_threads;
    if (op->cmd == XEN_SYSCTL_pm_op_get_max_cstate || op->cmd == XEN_SYSCTL_pm_op_set_max_cstate)
        return limit_exchange(op);
    if (!cpu_is_there(op->cpuid))
        return -EINVAL;
    switch (op->cmd) {
    case XEN_SYSCTL_pm_op_set_sched_opt_smt:
        packs_threads = !!op->u.set_sched_opt_smt;
        op->u.set_sched_opt_smt = before;
        return 0;
    case XEN_SYSCTL_pm_op_enable_turbo:
    case XEN_SYSCTL_pm_op_disable_turbo:
        return -EACCES;
    default:
        return -EINVAL;
    }
}
