/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control interfaces, sysctl and domctl, by which the tools in a control domain run the machine
 * and the other domains: what their handlers share. Neither is stable; each call names the version
 * of the interface that it speaks, and one that is not known is refused with a line in the log.
 */
#ifndef DOMUS_CORE_CONTROL_H
#define DOMUS_CORE_CONTROL_H

#include "abi/domctl.h"
#include "abi/sysctl.h"
#include "core/cpumask.h"
#include "core/domain.h"
#include "core/hypercall.h"
#include "types.h"

/* What a domctl handler gets. */
struct domctl_call {
    struct xen_domctl op;
    struct domain
        *d; /* that op.domain names, with a reference; createdomain and getdomaininfo: NULL */
    bool copy_back;  /* op goes back to the caller even though the handler fails */
    const char *why; /* it fails: for the log; NULL: the number says enough */
};

/* What a handler returns that refuses. */
static inline long domctl_refuse(struct domctl_call *c, long error, const char *why)
{
    c->why = why;
    return error;
}

/* -EACCES, with a line in the log, if the caller speaks another version than the known one. */
must_check int control_version_check(const struct vcpu *v, const char *interface, u32 asked,
                                     u32 known);

/*
 * Between the tools' bitmaps and an array of words. In: bits beyond those given are 0; out: bits
 * beyond nr_bits are 0. -EFAULT.
 */
must_check int control_bitmap_in(u64 *words, u32 nr_bits, const struct xenctl_bitmap *bitmap);
must_check int control_bitmap_out(const struct xenctl_bitmap *bitmap, const u64 *words,
                                  u32 nr_bits);

/* Of d: for getdomaininfo and getdomaininfolist. */
void control_domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info);

/*
 * The tools see the scheduler as credit2, whose parameters of domains, weight and cap, mean the
 * same.
 */
#define CONTROL_SCHEDULER  XEN_SCHEDULER_CREDIT2
#define CONTROL_WEIGHT_MIN 1u
#define CONTROL_WEIGHT_MAX 65535u

#define SUBOP(command, function, type, direction, privilege)                                       \
    long function(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/sysctl.def"
#include "core/ops/domctl.def"
#undef SUBOP
#undef UNAVAILABLE

#endif
