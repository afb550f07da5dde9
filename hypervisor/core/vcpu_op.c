/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall vcpu_op: a domain's own vCPUs - bringing them up and down, their timers, and memory
 * of the guest that the hypervisor keeps up to date for them.
 */
#include "abi/sched.h"
#include "abi/vcpu.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/domain.h"
#include "core/event_channel.h"
#include "core/guest_access.h"
#include "core/hypercall.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/vcpu_timer.h"
#include "errno.h"

#define PERIOD_MIN MILLISECONDS(1)
#define PERIOD_MAX (~0ull >> 2) /* so that sums of times do not wrap */

/* The handlers of the rows. */
#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#include "core/ops/vcpu.def"
#undef SUBOP
long hypercall_vcpu_op(struct vcpu *v, u64 cmd, u64 id, u64 arg, u64 a4, u64 a5, u64 a6);

long hypercall_vcpu_op(struct vcpu *v, u64 cmd, u64 id, u64 arg, u64 a4, u64 a5, u64 a6)
{
    struct vcpu *target = domain_vcpu(v->domain, (u32)id);

    if (!target)
        return -ENOENT;
    return subop_dispatch(target, &vcpu_ops, (u32)cmd, arg);
}

/* --- up and down */

long vcpu_op_initialise(struct vcpu *v, void *arg)
{
    const vaddr_t *context = arg;

    if (!v->info)
        return -EINVAL;
    /* It may take long, so no lock is held. Two vCPUs that initialise a third one take turns. */
    if (__atomic_exchange_n(&v->initialising, true, __ATOMIC_ACQUIRE))
        return hypercall_continue(current, 0);

    /* A context that cannot be read is the first thing that the ABI complains about. */
    u64 first_word;
    int error = guest_copy_in(&first_word, *context, sizeof(first_word));
    if (!error)
        error = v->initialised ? -EEXIST : arch_vcpu_initialise(v, *context);
    if (!error)
        __atomic_store_n(&v->initialised, true, __ATOMIC_RELEASE);
    __atomic_store_n(&v->initialising, false, __ATOMIC_RELEASE);
    return error == -ERESTART ? hypercall_continue(current, 0) : error;
}

long vcpu_op_up(struct vcpu *v, void *arg)
{
    if (!v->info || !__atomic_load_n(&v->initialised, __ATOMIC_ACQUIRE))
        return -EINVAL;
    u64 old = __atomic_fetch_and(&v->pause_flags, ~VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);
    if (old & VCPU_PAUSED_DOWN)
        sched_wake(v);
    return 0;
}

static bool all_down(const struct domain *d)
{
    const struct vcpu *v;

    for_each_vcpu (d, v)
        if (!(__atomic_load_n(&v->pause_flags, __ATOMIC_SEQ_CST) & VCPU_PAUSED_DOWN))
            return false;
    return true;
}

long vcpu_op_down(struct vcpu *v, void *arg)
{
    u64 old = __atomic_fetch_or(&v->pause_flags, VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);

    if (!(old & VCPU_PAUSED_DOWN))
        sched_sleep_nosync(v);
    /* Nobody is left to bring one up: the ABI takes that for the wish to end. */
    if (all_down(v->domain))
        domain_shutdown(v->domain, SHUTDOWN_poweroff);
    return 0;
}

long vcpu_op_is_up(struct vcpu *v, void *arg)
{
    return !(READ_ONCE(v->pause_flags) & VCPU_PAUSED_DOWN);
}

void vcpu_send_nmi(struct vcpu *v)
{
    if (!__atomic_exchange_n(&v->nmi_pending, true, __ATOMIC_SEQ_CST)) {
        sched_unblock(v);
        arch_vcpu_kick(v);
    }
}

long vcpu_op_send_nmi(struct vcpu *v, void *arg)
{
    const vaddr_t *must_be_null = arg;

    if (*must_be_null)
        return -EINVAL;
    vcpu_send_nmi(v);
    return 0;
}

/* --- timers */

long vcpu_op_set_periodic(struct vcpu *v, void *arg)
{
    const struct vcpu_set_periodic_timer *op = arg;

    if (op->period_ns < PERIOD_MIN || op->period_ns > PERIOD_MAX)
        return -EINVAL;
    vcpu_timer_set_periodic(v, op->period_ns);
    return 0;
}

long vcpu_op_stop_periodic(struct vcpu *v, void *arg)
{
    vcpu_timer_set_periodic(v, 0);
    return 0;
}

/* Copies itself, because asking for another vCPU is refused before the argument is looked at. */
long vcpu_op_set_singleshot(struct vcpu *v, void *arg)
{
    struct vcpu_set_singleshot_timer op;

    if (v != current)
        return -EINVAL;
    if (guest_copy_in(&op, *(const vaddr_t *)arg, sizeof(op)))
        return -EFAULT;

    if (op.timeout_abs_ns < time_now()) {
        /* VCPU_SSHOTTMR_future is ignored, as 4.17 does: kernels lost ticks when it was not. */
        vcpu_timer_stop_singleshot(v);
        event_raise_virq(v, VIRQ_TIMER);
        return 0;
    }
    vcpu_timer_set_singleshot(v, op.timeout_abs_ns);
    return 0;
}

long vcpu_op_stop_singleshot(struct vcpu *v, void *arg)
{
    if (v != current)
        return -EINVAL;
    vcpu_timer_stop_singleshot(v);
    return 0;
}

/* --- what the hypervisor writes for the guest */

long vcpu_op_get_runstate(struct vcpu *v, void *arg)
{
    sched_runstate_get(v, arg);
    return 0;
}

long vcpu_op_register_runstate(struct vcpu *v, void *arg)
{
    const struct vcpu_register_runstate_memory_area *op = arg;
    struct vcpu_runstate_info info = {0};

    if (!guest_range_ok(op->addr.p, sizeof(info)))
        return -EFAULT;
    WRITE_ONCE(v->runstate_guest, op->addr.p);
    if (v == current) {
        sched_runstate_update_guest(v);
    } else {
        sched_runstate_get(v, &info);
        /* Not mapped now, it may be when v runs. */
        int error = guest_copy_out(op->addr.p, &info, sizeof(info));
        (void)error;
    }
    return 0;
}

long vcpu_op_register_time_area(struct vcpu *v, void *arg)
{
    const struct vcpu_register_time_memory_area *op = arg;

    if (!guest_range_ok(op->addr.p, sizeof(struct vcpu_time_info)))
        return -EFAULT;
    WRITE_ONCE(v->time_area_guest, op->addr.p);
    /* Others find it written when they run. */
    if (v == current)
        time_update_vcpu(v);
    return 0;
}

long vcpu_op_register_info(struct vcpu *v, void *arg)
{
    const struct vcpu_register_vcpu_info *op = arg;

    return vcpu_register_info(v, GFN(op->mfn), op->offset);
}

/* Meaningful for the hardware domain only, and only if it stays on one CPU. */
long vcpu_op_get_physid(struct vcpu *v, void *arg)
{
    struct vcpu_get_physid *op = arg;
    struct cpumask cpus;

    /* On a machine with one CPU everything stays there. */
    if (!v->domain->is_hardware || !cpumask_and(&cpus, &v->sched.affinity_hard, &cpu_active_mask) ||
        cpumask_count(&cpus) != 1)
        return -EINVAL;
    op->phys_id = cpu_physical_id(cpumask_first(&cpus));
    return 0;
}
