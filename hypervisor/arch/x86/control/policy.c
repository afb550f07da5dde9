/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU policies as the tools read and write them: lists of CPUID leaves and MSRs. A list that is set
 * can only take away: whatever the domain may not have is dropped, as for a guest that looks
 * itself.
 */
#include "core/control.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/policy.h"

#define LEAVES_MAX    96u /* that a policy has in all, at most */
#define MSRS_MAX      2u
#define LEAF_CACHE    4u
#define LEAF_FEATURES 7u
#define LEAF_XSTATE   0xdu
/* Leaves of a list that are no business of a policy: hypervisors', and topology. */
#define LEAF_TOPOLOGY      0xbu
#define TOPOLOGY_SUBLEAVES 2u

#define PLATFORM_INFO_CPUID_FAULTING BIT(31)
#define NONE                         (~0u)

/* --- to lists */

struct leaf_writer {
    guest_handle_xen_cpuid_leaf to;
    u32 room, count;
    int error;
};

static void leaf_write(struct leaf_writer *w, u32 leaf, u32 subleaf, struct cpuid_leaf l)
{
    const struct xen_cpuid_leaf out = {leaf, subleaf, l.a, l.b, l.c, l.d};
    if (w->error)
        return;
    if (w->count >= w->room)
        w->error = -ENOBUFS;
    else
        w->error = guest_write_at(w->to, w->count, &out);
    w->count += !w->error;
}

static void leaves_write(const struct cpu_policy *p, struct leaf_writer *w)
{
    u32 basic = MIN(p->basic[0].a, (u32)POLICY_BASIC_LEAVES - 1);
    for (u32 leaf = 0; leaf <= basic; leaf++) {
        if (leaf == LEAF_CACHE)
            for (u32 n = 0; n < POLICY_CACHE_LEAVES; n++)
                leaf_write(w, leaf, n, p->cache[n]);
        else if (leaf == LEAF_TOPOLOGY)
            for (u32 n = 0; n < TOPOLOGY_SUBLEAVES; n++) /* each processor's own: not told */
                leaf_write(w, leaf, n, (struct cpuid_leaf){0});
        else if (leaf == LEAF_FEATURES)
            for (u32 n = 0; n <= MIN(p->feature[0].a, (u32)POLICY_FEATURE_LEAVES - 1); n++)
                leaf_write(w, leaf, n, p->feature[n]);
        else if (leaf == LEAF_XSTATE)
            for (u32 n = 0; n < POLICY_XSTATE_LEAVES; n++) {
                if (n < 2 || (p->xcr0 & BIT(n)))
                    leaf_write(w, leaf, n, p->xstate[n]);
            }
        else
            leaf_write(w, leaf, XEN_CPUID_NO_SUBLEAF, p->basic[leaf]);
    }
    if (p->extended[0].a >> 16 != CPUID_EXTENDED >> 16)
        return;
    u32 extended = MIN(p->extended[0].a & 0xffff, (u32)POLICY_EXTENDED_LEAVES - 1);
    for (u32 leaf = 0; leaf <= extended; leaf++)
        leaf_write(w, CPUID_EXTENDED + leaf, XEN_CPUID_NO_SUBLEAF, p->extended[leaf]);
}

/* Both lists, or for a null address how long one may be. -ENOBUFS, -EFAULT. */
static int policy_write(const struct cpu_policy *p, guest_handle_xen_cpuid_leaf leaves,
                        u32 *nr_leaves, guest_handle_xen_msr_entry msrs, u32 *nr_msrs)
{
    struct leaf_writer w = {.to = leaves, .room = *nr_leaves};
    if (guest_handle_is_null(leaves)) {
        *nr_leaves = LEAVES_MAX;
    } else {
        leaves_write(p, &w);
        *nr_leaves = w.count;
        if (w.error)
            return w.error;
    }
    if (guest_handle_is_null(msrs)) {
        *nr_msrs = MSRS_MAX;
        return 0;
    }
    const struct xen_msr_entry values[MSRS_MAX] = {
        {.idx = MSR_PLATFORM_INFO, .val = PLATFORM_INFO_CPUID_FAULTING},
        {.idx = MSR_ARCH_CAPABILITIES, .val = p->arch_capabilities},
    };
    u32 n = 0;
    for (u32 i = 0; i < MSRS_MAX; i++) {
        if (!values[i].val)
            continue; /* not there, and 0, are the same in a list */
        if (n >= *nr_msrs)
            return -ENOBUFS;
        if (guest_write_at(msrs, n, &values[i]))
            return -EFAULT;
        n++;
    }
    *nr_msrs = n;
    return 0;
}

/* --- sysctl */

/* The policy of that index; to be freed. NULL: no memory, or (-EINVAL, -EOPNOTSUPP) no such one. */
static struct cpu_policy *policy_of_index(u32 index, int *error)
{
    struct policy_source machine = policy_machine();
    if (index > XEN_SYSCTL_cpu_policy_hvm_default) {
        *error = -EINVAL;
        return NULL;
    }
    if (index == XEN_SYSCTL_cpu_policy_hvm_max || index == XEN_SYSCTL_cpu_policy_hvm_default) {
        *error = -EOPNOTSUPP;
        return NULL;
    }
    struct cpu_policy *p = object_new(struct cpu_policy);
    *error = p ? 0 : -ENOMEM;
    if (!p)
        return NULL;
    if (index == XEN_SYSCTL_cpu_policy_raw)
        policy_build_raw(p, &machine);
    else if (index == XEN_SYSCTL_cpu_policy_host)
        policy_build_host(p, &machine);
    else
        policy_build(p, &machine, index == XEN_SYSCTL_cpu_policy_pv_max);
    return p;
}

long sysctl_get_cpu_policy(struct vcpu *v, void *arg)
{
    struct xen_sysctl_cpu_policy *op = &((struct xen_sysctl *)arg)->u.cpu_policy;
    int error;
    if (op->_rsvd)
        return -EINVAL;
    struct cpu_policy *p = policy_of_index(op->index, &error);
    if (!p)
        return error;
    error = policy_write(p, op->leaves, &op->nr_leaves, op->msrs, &op->nr_msrs);
    object_free(p);
    return error;
}

long sysctl_get_cpu_featureset(struct vcpu *v, void *arg)
{
    static const u32 policies[] = {
        [XEN_SYSCTL_cpu_featureset_raw] = XEN_SYSCTL_cpu_policy_raw,
        [XEN_SYSCTL_cpu_featureset_host] = XEN_SYSCTL_cpu_policy_host,
        [XEN_SYSCTL_cpu_featureset_pv] = XEN_SYSCTL_cpu_policy_pv_default,
        [XEN_SYSCTL_cpu_featureset_hvm] = XEN_SYSCTL_cpu_policy_hvm_default,
        [XEN_SYSCTL_cpu_featureset_pv_max] = XEN_SYSCTL_cpu_policy_pv_max,
        [XEN_SYSCTL_cpu_featureset_hvm_max] = XEN_SYSCTL_cpu_policy_hvm_max,
    };
    struct xen_sysctl_cpu_featureset *op = &((struct xen_sysctl *)arg)->u.cpu_featureset;
    int error;
    if (op->index >= ARRAY_SIZE(policies))
        return -EINVAL;
    u32 index = policies[index_clamp(op->index, ARRAY_SIZE(policies))];
    if (guest_handle_is_null(op->features)) {
        op->nr_features = POLICY_FEATURE_WORDS;
        return 0;
    }
    struct cpu_policy *p = policy_of_index(index, &error);
    if (!p)
        return error;
    u32 n = MIN(op->nr_features, POLICY_FEATURE_WORDS);
    for (u32 i = 0; i < n && !error; i++) {
        u32 word = policy_feature_word(p, i);
        error = guest_write_at(op->features, i, &word);
    }
    object_free(p);
    if (!error && op->nr_features < POLICY_FEATURE_WORDS)
        error = -ENOBUFS;
    op->nr_features = n;
    return error;
}

long sysctl_get_cpu_levelling_caps(struct vcpu *v, void *arg)
{
    ((struct xen_sysctl *)arg)->u.cpu_levelling_caps.caps =
        cpu_features.cpuid_faulting ? XEN_SYSCTL_CPU_LEVELCAP_faulting : 0;
    return 0;
}

/* --- domctl */

long domctl_get_cpu_policy(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    struct xen_domctl_cpu_policy *op = &c->op.u.cpu_policy;
    c->copy_back = true; /* the lengths too, if they do not suffice */
    return policy_write(c->d->arch.policy, op->leaves, &op->nr_leaves, op->msrs, &op->nr_msrs);
}

/* Where a leaf of a list belongs; NULL: nowhere, *error -ERANGE if that is a mistake. */
static struct cpuid_leaf *policy_place(struct cpu_policy *p, u32 leaf, u32 subleaf, int *error)
{
    *error = 0;
    if (leaf == LEAF_TOPOLOGY || leaf >> 9 == CPUID_HYPERVISOR >> 9)
        return NULL;
    if (leaf == LEAF_CACHE && subleaf < POLICY_CACHE_LEAVES)
        return &p->cache[index_clamp(subleaf, POLICY_CACHE_LEAVES)];
    if (leaf == LEAF_FEATURES && subleaf < POLICY_FEATURE_LEAVES)
        return &p->feature[index_clamp(subleaf, POLICY_FEATURE_LEAVES)];
    if (leaf == LEAF_XSTATE && subleaf < 63)
        return subleaf < POLICY_XSTATE_LEAVES
                   ? &p->xstate[index_clamp(subleaf, POLICY_XSTATE_LEAVES)]
                   : NULL;
    *error = -ERANGE;
    if (leaf == LEAF_CACHE || leaf == LEAF_FEATURES || leaf == LEAF_XSTATE ||
        subleaf != XEN_CPUID_NO_SUBLEAF)
        return NULL;
    if (leaf < POLICY_BASIC_LEAVES)
        return &p->basic[index_clamp(leaf, POLICY_BASIC_LEAVES)];
    if (leaf >= CPUID_EXTENDED && leaf < CPUID_EXTENDED + POLICY_EXTENDED_LEAVES)
        return &p->extended[index_clamp(leaf - CPUID_EXTENDED, POLICY_EXTENDED_LEAVES)];
    return NULL;
}

/* -EFAULT, -ERANGE. */
static int leaves_read(struct xen_domctl_cpu_policy *op, struct cpu_policy *wanted)
{
    for (u32 i = 0; i < op->nr_leaves; i++) {
        struct xen_cpuid_leaf l = {0};
        int error;
        if (guest_read_at(&l, op->leaves, i))
            return -EFAULT;
        struct cpuid_leaf *place = policy_place(wanted, l.leaf, l.subleaf, &error);
        if (place) {
            *place = (struct cpuid_leaf){l.a, l.b, l.c, l.d};
        } else if (error) {
            op->err_leaf = l.leaf;
            op->err_subleaf = l.subleaf;
            return error;
        }
    }
    return 0;
}

/* What can be set is what is there; only which MSRs there are is checked. -EFAULT, -ERANGE. */
static int msrs_read(struct xen_domctl_cpu_policy *op)
{
    for (u32 i = 0; i < op->nr_msrs; i++) {
        struct xen_msr_entry m = {0};
        if (guest_read_at(&m, op->msrs, i))
            return -EFAULT;
        if (m.flags || (m.idx != MSR_PLATFORM_INFO && m.idx != MSR_ARCH_CAPABILITIES)) {
            op->err_msr = m.idx;
            return m.flags ? -EINVAL : -ERANGE;
        }
    }
    return 0;
}

long domctl_set_cpu_policy(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    struct xen_domctl_cpu_policy *op = &c->op.u.cpu_policy;
    struct domain *d = c->d;
    struct policy_source machine = policy_machine();
    u32 leaf = NONE;
    if (d == v->domain)
        return -EINVAL;
    if (d->was_started)
        return domctl_refuse(c, -EEXIST, "it has run already");
    if (op->nr_leaves > LEAVES_MAX || op->nr_msrs > MSRS_MAX)
        return -E2BIG;
    struct cpu_policy *wanted = object_new(struct cpu_policy);
    struct cpu_policy *most = object_new(struct cpu_policy);
    int error = wanted && most ? 0 : -ENOMEM;
    op->err_leaf = op->err_subleaf = op->err_msr = NONE;
    if (!error) {
        *wanted = *d->arch.policy;
        error = leaves_read(op, wanted);
    }
    if (!error)
        error = msrs_read(op);
    if (!error) {
        policy_build_guest_most(most, &machine);
        domain_pause(d);
        error = policy_reduce(d->arch.policy, most, wanted, &leaf);
        domain_unpause(d);
        if (error)
            op->err_leaf = leaf;
    }
    if (error && error != -EFAULT)
        c->why = "a leaf or MSR that it cannot have; the caller is told which";
    c->copy_back = error && error != -EFAULT;
    object_free(wanted);
    object_free(most);
    return error;
}
