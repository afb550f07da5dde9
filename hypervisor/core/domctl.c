/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall domctl: what the tools ask of one domain - its life and its limits. Rows:
 * core/ops/domctl.def; domctl_vcpu.c does what is about vCPUs and scheduling, domctl_access.c what
 * a domain may touch, arch/x86/pv/domctl.c what only this machine has.
 *
 * One domctl runs at a time, as its handlers expect: another CPU's waits by being issued again,
 * which needs no lock that would have to be held across the windows of a long one.
 */
#include "abi/sched.h"
#include "arch/control.h"
#include "core/control.h"
#include "core/cpupool.h"
#include "core/event_channel.h"
#include "core/grant_table.h"
#include "core/guest_access.h"
#include "core/hypercall_handlers.h"
#include "core/time.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

#define CONTROL_PAUSES_MAX 255u

static bool domctl_busy;

/* How the tools find the end of a list, and the length of another. */
static bool refusal_is_usual(long error)
{
    return error == -ESRCH || error == -ENOBUFS;
}

static long domctl_call_run(struct vcpu *v, struct domctl_call *c, vaddr_t arg)
{
    long answer;
    const struct subop *row = subop_find(v, &domctl_ops, c->op.cmd, &answer);
    if (!row)
        return answer;
    answer = row->handler(v, c);
    if (answer < 0 && answer != -ERESTART && (c->why || !refusal_is_usual(answer)))
        log_guest(LOG_INFO, "%s of domain %u is refused (%ld)%s%s", row->name, c->op.domain, answer,
                  c->why ? ": " : "", c->why ? c->why : "");
    if (((row->direction == DIR_INOUT && answer >= 0) || c->copy_back) &&
        guest_copy_out(arg, &c->op, sizeof(c->op)))
        return -EFAULT;
    return answer;
}

static bool domctl_names_domain(u32 cmd)
{
    return cmd != XEN_DOMCTL_createdomain && cmd != XEN_DOMCTL_getdomaininfo;
}

long hypercall_domctl(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    struct domctl_call c = {.d = NULL};
    if (guest_copy_in(&c.op, a1, sizeof(c.op)))
        return -EFAULT;
    long answer =
        control_version_check(v, "domctl", c.op.interface_version, XEN_DOMCTL_INTERFACE_VERSION);
    if (answer)
        return answer;
    if (domctl_names_domain(c.op.cmd)) {
        c.d = c.op.domain < DOMID_FIRST_RESERVED ? domain_get(c.op.domain) : NULL;
        if (!c.d)
            return -ESRCH;
    }
    if (!v->domain->is_control)
        answer = -EPERM;
    else if (__atomic_exchange_n(&domctl_busy, true, __ATOMIC_ACQUIRE))
        answer = -ERESTART;
    if (!answer) {
        answer = domctl_call_run(v, &c, a1);
        __atomic_store_n(&domctl_busy, false, __ATOMIC_RELEASE);
    }
    if (c.d)
        domain_put(c.d);
    return answer == -ERESTART ? hypercall_continue(v, 0) : answer;
}

/* --- creation */

/* What the tools ask for; below 0: as much as there may be. */
static u32 limit_or_all(s32 asked, u32 all)
{
    return asked < 0 ? all : (u32)asked;
}

static long config_check(struct domctl_call *call)
{
    const struct xen_domctl_createdomain *c = &call->op.u.createdomain;
    u32 version = XEN_DOMCTL_GRANT_version(c->grant_opts);
    if (c->flags & ~(u32)(XEN_DOMCTL_CDF_MAX | (XEN_DOMCTL_CDF_MAX - 1)))
        return domctl_refuse(call, -EINVAL, "flags that are not known");
    if (c->flags & ~(u32)XEN_DOMCTL_CDF_xs_domain)
        return domctl_refuse(call, -EINVAL,
                             "only paravirtual guests without an IOMMU are there yet");
    if (!c->max_vcpus || c->max_vcpus > NR_DOMAIN_VCPUS_MAX)
        return domctl_refuse(call, -EINVAL, "too many vCPUs, or none");
    if (c->grant_opts & ~(u32)XEN_DOMCTL_GRANT_version_mask || !version ||
        version > GRANT_VERSION_MAX)
        return domctl_refuse(call, -EINVAL, "the version of the grant table");
    u32 grant_frames = limit_or_all(c->max_grant_frames, grant_frames_max);
    if (!grant_frames || grant_frames > grant_frames_max ||
        limit_or_all(c->max_maptrack_frames, grant_maptrack_frames_max) > grant_maptrack_frames_max)
        return domctl_refuse(call, -EINVAL, "the limits of the grant table");
    if (c->iommu_opts || c->vmtrace_size)
        return domctl_refuse(call, -EINVAL, "options that need an IOMMU or traces of branches");
    if (!cpupool_can_run(c->cpupool_id))
        return domctl_refuse(call, -ESRCH, "no such CPU pool, or one without CPUs");
    int error = arch_domain_config_check(c);
    return error ? domctl_refuse(call, error, "options of this machine") : 0;
}

static bool domid_is_free(domid_t id)
{
    struct domain *d = domain_get(id);
    if (d)
        domain_put(d);
    return !d;
}

/* The number asked for, or the next free one, which is used up whatever becomes of the domain.
 * -EEXIST, -ENOMEM. */
static long domid_choose(struct domctl_call *call, domid_t *id)
{
    static domid_t last;
    domid_t wanted = call->op.domain;
    if (wanted && wanted < DOMID_FIRST_RESERVED) {
        *id = wanted;
        return domid_is_free(wanted) ? 0 : domctl_refuse(call, -EEXIST, "the number is taken");
    }
    for (u32 i = 1; i < DOMID_FIRST_RESERVED; i++) {
        domid_t next = (domid_t)((last + i - 1) % (DOMID_FIRST_RESERVED - 1) + 1);
        if (domid_is_free(next)) {
            *id = last = next;
            return 0;
        }
    }
    return -ENOMEM;
}

long domctl_createdomain(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_createdomain *op = &c->op.u.createdomain;
    domid_t id = 0;
    int error;
    long refused = domid_choose(c, &id);
    if (!refused)
        refused = config_check(c);
    if (refused)
        return refused;
    struct domain_config config = {
        .max_vcpus = op->max_vcpus,
        .max_event_ports = op->max_evtchn_port < EVTCHN_FIFO_NR_CHANNELS ? op->max_evtchn_port + 1
                                                                         : EVTCHN_FIFO_NR_CHANNELS,
        .max_grant_version = XEN_DOMCTL_GRANT_version(op->grant_opts),
        .max_grant_frames = limit_or_all(op->max_grant_frames, grant_frames_max),
        .max_maptrack_frames = limit_or_all(op->max_maptrack_frames, grant_maptrack_frames_max),
        .cpupool = op->cpupool_id,
        .is_xenstore = op->flags & XEN_DOMCTL_CDF_xs_domain,
        .control_paused = true,
    };
    struct domain *d = domain_create_configured(id, &config, &error);
    if (!d)
        return domctl_refuse(c, error, "no memory for it, or limits that make no sense");
    memcpy(d->handle, op->handle, sizeof(d->handle));
    c->op.domain = id;
    return 0;
}

long domctl_destroydomain(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    if (c->d == v->domain)
        return domctl_refuse(c, -EINVAL, "it is the caller");
    return domain_kill(c->d);
}

/* --- pausing */

long domctl_pausedomain(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    struct domain *d = c->d;
    if (d == v->domain)
        return domctl_refuse(c, -EINVAL, "it is the caller");
    if (d->control_pauses == CONTROL_PAUSES_MAX)
        return domctl_refuse(c, -EOVERFLOW, "the tools have paused it too often");
    d->control_pauses++;
    domain_pause(d);
    return 0;
}

long domctl_unpausedomain(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    struct domain *d = c->d;
    if (!d->control_pauses)
        return domctl_refuse(c, -EINVAL, "the tools have not paused it");
    d->control_pauses--;
    if (!d->control_pauses)
        d->was_started = true;
    domain_unpause(d);
    return 0;
}

long domctl_resumedomain(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    struct domain *d = c->d;
    if (d == v->domain)
        return domctl_refuse(c, -EINVAL, "it is the caller");
    domain_resume(d);
    return 0;
}

/* The port that tells of a suspend instead of VIRQ_DOM_EXC; 0: none. */
long domctl_subscribe(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    WRITE_ONCE(c->d->suspend_port, c->op.u.subscribe.port);
    return 0;
}

/* --- what is known of it */

long domctl_getdomaininfo(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    struct domain *d;
    if (c->op.domain >= DOMID_FIRST_RESERVED)
        return -EINVAL;
    d = domain_get_from(c->op.domain);
    if (!d)
        return -ESRCH;
    control_domain_info(d, &c->op.u.getdomaininfo);
    c->op.domain = d->id;
    domain_put(d);
    return 0;
}

long domctl_max_mem(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    u64 frames = c->op.u.max_mem.max_memkb >> (PAGE_SHIFT - 10);
    spin_lock(&c->d->frame_lock);
    c->d->max_frames = MIN(frames, (u64)UINT32_MAX);
    spin_unlock(&c->d->frame_lock);
    return 0;
}

long domctl_setdomainhandle(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    memcpy(c->d->handle, c->op.u.setdomainhandle.handle, sizeof(c->d->handle));
    return 0;
}

long domctl_settimeoffset(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    c->d->time_offset = c->op.u.settimeoffset.time_offset_seconds;
    wallclock_update_domain(c->d);
    return 0;
}

long domctl_set_virq_handler(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    return event_set_virq_handler(c->d, c->op.u.set_virq_handler.virq);
}
