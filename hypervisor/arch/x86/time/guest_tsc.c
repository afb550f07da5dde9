/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The time stamp counters that guests see. A guest has the processor's own, as long as that has the
 * frequency which the guest began with: else, after a migration, reading it faults (CR4.TSD) and is
 * emulated, and the guest's clock counts by the emulated one. The tools carry the frequency and the
 * count from one machine to the next.
 */
#include "arch/vcpu.h"
#include "core/control.h"
#include "core/domain.h"
#include "core/time.h"
#include "errno.h"
#include "x86/cpu.h"
#include "x86/time.h"

/* xen_domctl_tsc_info.tsc_mode */
#define TSC_DEFAULT 0u
#define TSC_ALWAYS  1u
#define TSC_NEVER   2u

#define KHZ_MAX 100000000u
/* Two boots of one machine measure frequencies this far apart: it is the same. */
#define SAME_PARTS_PER_MILLION 200u
#define NS_PER_MS              1000000u

u64 guest_tsc_read(const struct domain *d)
{
    const struct guest_tsc *t = &d->arch.tsc;
    if (likely(!t->is_emulated))
        return rdtsc();
    u64 ns = time_now() - (u64)t->offset;
    return ns / NS_PER_MS * t->khz + ns % NS_PER_MS * t->khz / NS_PER_MS;
}

u32 guest_tsc_khz(const struct domain *d)
{
    return d->arch.tsc.is_emulated ? d->arch.tsc.khz : (u32)tsc_khz();
}

static bool is_same_frequency(u64 khz)
{
    u64 own = tsc_khz(), difference = khz > own ? khz - own : own - khz;
    return difference * 1000000 <= own * SAME_PARTS_PER_MILLION;
}

long domctl_gettscinfo(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    const struct guest_tsc *t = &c->d->arch.tsc;
    if (c->d == v->domain)
        return -EINVAL;
    c->op.u.tsc_info = (struct xen_domctl_tsc_info){
        .tsc_mode = t->mode,
        .incarnation = t->incarnation,
    };
    if (t->mode == TSC_NEVER)
        return 0;
    c->op.u.tsc_info.gtsc_khz = guest_tsc_khz(c->d);
    c->op.u.tsc_info.elapsed_nsec =
        t->is_emulated ? time_now() - (u64)t->offset : time_of_ticks(rdtsc());
    return 0;
}

long domctl_settscinfo(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_tsc_info *op = &c->op.u.tsc_info;
    struct vcpu *other;
    if (c->d == v->domain)
        return -EINVAL;
    if (op->tsc_mode > TSC_NEVER || op->gtsc_khz > KHZ_MAX)
        return domctl_refuse(c, -EINVAL, "no such mode or frequency of time stamp counters");
    domain_pause(c->d);
    c->d->arch.tsc = (struct guest_tsc){
        .mode = op->tsc_mode,
        .incarnation = op->incarnation + 1,
        .is_emulated = op->tsc_mode == TSC_ALWAYS || (op->tsc_mode == TSC_DEFAULT && op->gtsc_khz &&
                                                      !is_same_frequency(op->gtsc_khz)),
        .khz = op->gtsc_khz ? op->gtsc_khz : (u32)tsc_khz(),
        .offset = (s64)(time_now() - op->elapsed_nsec),
    };
    for_each_vcpu (c->d, other)
        other->arch.time_valid = false;
    domain_unpause(c->d);
    return 0;
}
