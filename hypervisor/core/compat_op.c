/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls of interfaces before 3.2.2, which kernels of that time still make: the sub-operation's
 * number stands at the start of the argument, or the argument in a register. What they ask for is
 * done by the hypercalls that replaced them, for the sub-operations that there were then.
 */
#include "abi/event_channel.h"
#include "abi/physdev.h"
#include "abi/sched.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "core/hypercall_handlers.h"
#include "core/sched.h"
#include "errno.h"

long hypercall_sched_op_compat(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6)
{
    switch (cmd) {
    case SCHEDOP_yield:
    case SCHEDOP_block:
        return hypercall_sched_op(v, cmd, 0, 0, 0, 0, 0);
    case SCHEDOP_shutdown:
        domain_shutdown(v->domain, (u8)arg);
        return 0;
    default:
        return -ENOSYS;
    }
}

long hypercall_event_channel_op_compat(struct vcpu *v, u64 arg, u64 a2, u64 a3, u64 a4, u64 a5,
                                       u64 a6)
{
    struct evtchn_op op;
    if (guest_copy_in(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.cmd > EVTCHNOP_unmask)
        return -ENOSYS;
    return subop_dispatch(v, &event_channel_ops, op.cmd, arg + offsetof(struct evtchn_op, u));
}

long hypercall_physdev_op_compat(struct vcpu *v, u64 arg, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    struct physdev_op op;
    if (guest_copy_in(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.cmd < PHYSDEVOP_IRQ_UNMASK_NOTIFY || op.cmd > PHYSDEVOP_alloc_irq_vector)
        return -ENOSYS;
    return subop_dispatch(v, &physdev_ops, op.cmd, arg + offsetof(struct physdev_op, u));
}
