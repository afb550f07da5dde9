/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall sched_op: a vCPU gives up its CPU, waits for events, ends its domain or another
 * one, keeps a watchdog for its domain, or (hardware domain) goes to a certain CPU for a time.
 */
#include "abi/sched.h"
#include "arch/cpu.h"
#include "core/cmdline.h"
#include "core/domain.h"
#include "core/event_channel.h"
#include "core/guest_access.h"
#include "core/hypercall.h"
#include "core/sched.h"
#include "core/softirq.h"
#include "core/time.h"
#include "core/vcpu_timer.h"
#include "errno.h"
#include "lib/print.h"

#define POLL_PORTS_MAX 128

/* The handlers of the rows. */
#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#include "core/ops/sched.def"
#undef SUBOP
long hypercall_sched_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6);

bool option_noreboot;
OPTION_DEFINE_BOOL("noreboot", option_noreboot);

long hypercall_sched_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6)
{
    return subop_dispatch(v, &sched_ops, (u32)cmd, arg);
}

/* --- giving up the CPU */

long sched_op_yield(struct vcpu *v, void *arg)
{
    vcpu_yield();
    return 0;
}

long sched_op_block(struct vcpu *v, void *arg)
{
    if (v->info)
        WRITE_ONCE(v->info->evtchn_upcall_mask, 0);
    sched_block();
    return 0;
}

/*
 * 1: something that v polls for, or that interrupts a poll, is there already. 0: not. -EINVAL: no
 * such port.
 */
static int poll_look(struct vcpu *v, const evtchn_port_t *ports, u32 nr_ports)
{
    if (event_upcall_wanted(v) || READ_ONCE(v->nmi_pending))
        return 1;
    for (u32 i = 0; i < nr_ports; i++) {
        if (!ports[i] || !event_port_is_valid(v->domain, ports[i]))
            return -EINVAL;
        if (event_port_is_pending(v->domain, ports[i]))
            return 1;
    }
    return 0;
}

long sched_op_poll(struct vcpu *v, void *arg)
{
    const struct sched_poll *poll = arg;
    evtchn_port_t ports[POLL_PORTS_MAX];

    if (poll->nr_ports > POLL_PORTS_MAX)
        return -EINVAL;
    if (guest_copy_in(ports, poll->ports.va, poll->nr_ports * sizeof(ports[0])))
        return -EFAULT;

    event_poll_begin(v, poll->nr_ports == 1 ? ports[0] : EVENT_POLL_SEVERAL);
    int found = poll_look(v, ports, poll->nr_ports);
    if (found) {
        event_poll_end(v);
        return found < 0 ? found : 0;
    }
    vcpu_timer_set_poll(v, poll->timeout);
    softirq_raise(SOFTIRQ_SCHEDULE);
    return 0;
}

/* --- ending domains; of a reason the low 8 bits count, as everywhere that this ABI is spoken */

long sched_op_shutdown(struct vcpu *v, void *arg)
{
    const struct sched_shutdown *op = arg;

    domain_shutdown(v->domain, (u8)op->reason);
    return 0;
}

long sched_op_shutdown_code(struct vcpu *v, void *arg)
{
    const struct sched_shutdown *op = arg;
    struct domain *d = v->domain;

    spin_lock(&d->lock);
    if (d->shutdown_code == SHUTDOWN_CODE_NONE)
        d->shutdown_code = (u8)op->reason;
    spin_unlock(&d->lock);
    return 0;
}

long sched_op_remote_shutdown(struct vcpu *v, void *arg)
{
    const struct sched_remote_shutdown *op = arg;
    /* The caller is not meant to name itself: it has SCHEDOP_shutdown for that. */
    struct domain *d = op->domain_id == DOMID_SELF ? NULL : domain_get(op->domain_id);

    if (!d)
        return -ESRCH;
    bool allowed = v->domain->is_control;
    if (allowed)
        domain_shutdown(d, (u8)op->reason);
    domain_put(d);
    return allowed ? 0 : -EPERM;
}

/* --- watchdogs */

static void watchdog_expired(void *data)
{
    struct domain *d = data;

    log_guest(LOG_WARNING, "domain %u did not feed its watchdog", d->id);
    domain_shutdown(d, SHUTDOWN_watchdog);
}

void watchdog_domain_destroy(struct domain *d)
{
    for (u32 i = 0; i < NR_DOMAIN_WATCHDOGS; i++)
        timer_kill(&d->watchdogs[i]);
}

/* Sets up one that is free; returns its number, from 1 on. d->lock is held. */
static long watchdog_new(struct domain *d, nsec_t expires)
{
    for (u32 i = 0; i < NR_DOMAIN_WATCHDOGS; i++) {
        if (d->watchdogs_used & BIT(i))
            continue;
        if (!d->watchdogs[i].function)
            timer_init(&d->watchdogs[i], watchdog_expired, d, cpu_id());
        d->watchdogs_used |= (u32)BIT(i);
        timer_set(&d->watchdogs[i], expires);
        return i + 1;
    }
    return -ENOSPC;
}

/* Feeds the watchdog, or takes it down. d->lock is held. */
static long watchdog_change(struct domain *d, u32 i, u32 timeout, nsec_t expires)
{
    if (!(d->watchdogs_used & BIT(i)))
        return -EINVAL;
    if (timeout) {
        timer_set(&d->watchdogs[i], expires);
    } else {
        timer_stop(&d->watchdogs[i]);
        d->watchdogs_used &= ~(u32)BIT(i);
    }
    return 0;
}

long sched_op_watchdog(struct vcpu *v, void *arg)
{
    const struct sched_watchdog *op = arg;
    struct domain *d = v->domain;
    nsec_t expires = time_now() + SECONDS(op->timeout);

    if (op->id > NR_DOMAIN_WATCHDOGS)
        return -EINVAL;
    spin_lock(&d->lock);
    long result =
        op->id ? watchdog_change(d, op->id - 1, op->timeout, expires) : watchdog_new(d, expires);
    spin_unlock(&d->lock);
    return result;
}

long sched_op_pin_override(struct vcpu *v, void *arg)
{
    const struct sched_pin_override *op = arg;

    if (op->pcpu >= NR_CPUS)
        return -EINVAL;
    return sched_pin_override(v, op->pcpu < 0 ? NR_CPUS : (u32)op->pcpu);
}
