/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU pools (core/cpupool.h), and what sysctl does with them. A CPU is in one pool or in none, and
 * then only idles; a domain's vCPUs stay on the CPUs of its pool.
 */
#include "core/cpupool.h"
#include "core/control.h"
#include "core/domain.h"
#include "core/event_channel.h"
#include "core/sched.h"
#include "errno.h"
#include "lib/print.h"

#define BOOT_CPU 0u

static struct spinlock pool_lock = SPINLOCK_INIT(LOCK_CPUPOOL);
static u64 pools = BIT(CPUPOOL_FIRST); /* bit n: pool n is there */
static struct cpumask pool_cpus[CPUPOOLS] = {{.bits = {[0 ... CPUMASK_WORDS - 1] = ~0ull}}};

static bool pool_exists(u32 id)
{
    return id < CPUPOOLS && (pools & BIT(id));
}

static bool pool_can_run(u32 id)
{
    struct cpumask online;
    return pool_exists(id) && cpumask_and(&online, &pool_cpus[id], &cpu_active_mask);
}

bool cpupool_exists(u32 id)
{
    spin_lock(&pool_lock);
    bool exists = pool_exists(id);
    spin_unlock(&pool_lock);
    return exists;
}

bool cpupool_can_run(u32 id)
{
    spin_lock(&pool_lock);
    bool can = pool_can_run(id);
    spin_unlock(&pool_lock);
    return can;
}

/* CPUs of no pool. */
static void free_cpus(struct cpumask *out)
{
    *out = cpu_active_mask;
    for (u32 id = 0; id < CPUPOOLS; id++)
        for (u32 i = 0; pool_exists(id) && i < CPUMASK_WORDS; i++)
            out->bits[i] &= ~pool_cpus[id].bits[i];
}

static void domain_apply(struct domain *d)
{
    struct vcpu *v;
    for_each_vcpu (d, v)
        sched_set_pool(v, &pool_cpus[d->cpupool]);
}

/* One that is dying needs no CPU any more: it does not keep the pool, and goes to the first. */
static u32 domains_in(u32 id)
{
    u32 n = 0;
    for (struct domain *d = domain_list_next(NULL); d; d = domain_list_next(d)) {
        if (d->cpupool == id && id != CPUPOOL_FIRST && d->dying) {
            d->cpupool = CPUPOOL_FIRST;
            domain_apply(d);
        } else {
            n += d->cpupool == id;
        }
    }
    return n;
}

static void pool_apply(u32 id)
{
    for (struct domain *d = domain_list_next(NULL); d; d = domain_list_next(d))
        if (d->cpupool == id)
            domain_apply(d);
}

void cpupool_admit(struct domain *d)
{
    spin_lock(&pool_lock);
    /* Its pool may have gone since it was asked for; the first one never goes. */
    if (!pool_can_run(d->cpupool))
        d->cpupool = CPUPOOL_FIRST;
    domain_apply(d);
    spin_unlock(&pool_lock);
}

/* Of the pools that the CPU is in, which is one at most. */
static bool pool_needs(u32 cpu)
{
    struct cpumask cpus;
    for (u32 id = 0; id < CPUPOOLS; id++)
        if (pool_exists(id) && cpumask_test(&pool_cpus[id], cpu) &&
            cpumask_and(&cpus, &pool_cpus[id], &cpu_active_mask) && cpumask_count(&cpus) == 1 &&
            domains_in(id))
            return true;
    return false;
}

static bool pool_has(u32 cpu)
{
    for (u32 id = 0; id < CPUPOOLS; id++)
        if (pool_exists(id) && cpumask_test(&pool_cpus[id], cpu))
            return true;
    return false;
}

/* Who was bound to CPUs that are all out of use now may run anywhere, also when they come back. */
static void affinities_loosen(struct domain *d)
{
    struct cpumask all, usable;
    struct vcpu *v;
    cpumask_fill(&all);
    for_each_vcpu (d, v)
        if (!cpumask_and(&usable, &v->sched.affinity_hard, &v->sched.pool) ||
            !cpumask_and(&usable, &usable, &cpu_active_mask))
            if (sched_set_affinity(v, &all, NULL) == -EBUSY)
                log_guest(LOG_INFO, "vCPU %u of domain %u stays pinned to a CPU that is out of use",
                          v->id, d->id);
}

int cpupool_cpu_offline(u32 cpu)
{
    if (cpu == BOOT_CPU || !cpumask_test(&cpu_online_mask, cpu))
        return -EINVAL;
    int error = 0;
    spin_lock(&pool_lock);
    if (!cpumask_test(&cpu_active_mask, cpu))
        error = -EEXIST;
    else if (pool_needs(cpu))
        error = -EBUSY;
    else
        sched_cpu_deactivate(cpu);
    for (struct domain *d = error ? NULL : domain_list_next(NULL); d; d = domain_list_next(d))
        affinities_loosen(d);
    spin_unlock(&pool_lock);
    if (!error)
        event_raise_host_virq(VIRQ_PCPU_STATE);
    return error;
}

int cpupool_cpu_online(u32 cpu)
{
    if (!cpumask_test(&cpu_online_mask, cpu))
        return -EINVAL;
    int error = 0;
    spin_lock(&pool_lock);
    if (cpumask_test(&cpu_active_mask, cpu))
        error = -EEXIST;
    else
        sched_cpu_activate(cpu);
    if (!error && !pool_has(cpu))
        cpumask_set(&pool_cpus[CPUPOOL_FIRST], cpu);
    /* Who could only run there, or is of its pool, may run there now. */
    for (struct domain *d = error ? NULL : domain_list_next(NULL); d; d = domain_list_next(d))
        domain_apply(d);
    spin_unlock(&pool_lock);
    if (!error)
        event_raise_host_virq(VIRQ_PCPU_STATE);
    return error;
}

/* --- operations; the lock is held */

static long pool_info(struct xen_sysctl_cpupool_op *op)
{
    struct cpumask cpus;
    u32 id = op->cpupool_id == XEN_SYSCTL_CPUPOOL_PAR_ANY ? 0 : op->cpupool_id;
    while (id < CPUPOOLS && !pool_exists(id))
        id++;
    if (id >= CPUPOOLS)
        return -ENOENT;
    op->cpupool_id = id;
    op->sched_id = CONTROL_SCHEDULER;
    op->n_dom = domains_in(id);
    cpumask_and(&cpus, &pool_cpus[id], &cpu_active_mask);
    return control_bitmap_out(&op->cpumap, cpus.bits, NR_CPUS);
}

static long pool_create(struct xen_sysctl_cpupool_op *op)
{
    u32 id = op->cpupool_id;
    if (op->sched_id != CONTROL_SCHEDULER) {
        log_guest(LOG_INFO, "sysctl: a CPU pool's scheduler is credit2 to the tools");
        return -ENOENT;
    }
    if (id == XEN_SYSCTL_CPUPOOL_PAR_ANY)
        id = ~pools ? (u32)__builtin_ctzll(~pools) : CPUPOOLS;
    if (id >= CPUPOOLS)
        return -ENOSPC;
    if (pool_exists(id))
        return -EEXIST;
    pools |= BIT(id);
    cpumask_zero(&pool_cpus[id]);
    op->cpupool_id = id;
    return 0;
}

static long pool_destroy(u32 id)
{
    struct cpumask cpus;
    if (!pool_exists(id))
        return -ENOENT;
    if (id == CPUPOOL_FIRST || cpumask_and(&cpus, &pool_cpus[id], &cpu_active_mask) ||
        domains_in(id))
        return -EBUSY;
    pools &= ~BIT(id);
    return 0;
}

static long pool_add_cpu(u32 id, u32 cpu)
{
    struct cpumask unused;
    free_cpus(&unused);
    if (cpu == XEN_SYSCTL_CPUPOOL_PAR_ANY)
        cpu = cpumask_first(&unused);
    if (cpu >= NR_CPUS)
        return -EINVAL;
    if (!cpumask_test(&unused, cpu))
        return -ENODEV;
    if (!pool_exists(id))
        return -ENOENT;
    cpumask_set(&pool_cpus[id], cpu);
    pool_apply(id);
    return 0;
}

static long pool_remove_cpu(u32 id, u32 cpu)
{
    struct cpumask cpus;
    u32 i;
    if (!pool_exists(id))
        return -ENOENT;
    cpumask_and(&cpus, &pool_cpus[id], &cpu_active_mask);
    if (cpu == XEN_SYSCTL_CPUPOOL_PAR_ANY)
        for_each_cpu (i, &cpus)
            cpu = i;
    if (cpu >= NR_CPUS)
        return -EINVAL;
    if (!cpumask_test(&cpus, cpu))
        return -EADDRNOTAVAIL;
    if (cpumask_count(&cpus) == 1 && domains_in(id))
        return -EBUSY;
    cpumask_clear(&pool_cpus[id], cpu);
    pool_apply(id);
    return 0;
}

/* The CPUs that its vCPUs were pinned to, or preferred, are not in the new pool. */
static void domain_move(struct domain *d, u32 id)
{
    struct cpumask all;
    struct vcpu *v;
    cpumask_fill(&all);
    d->cpupool = id;
    domain_apply(d);
    for_each_vcpu (d, v)
        BUG_ON(sched_set_affinity(v, &all, &all));
}

static long pool_move_domain(u32 id, domid_t domid, const struct domain *caller)
{
    struct domain *d = domain_get(domid);
    long result = 0;
    if (!d)
        return -ESRCH;
    if (d == caller)
        result = -EPERM;
    else if (d->cpupool != id && !pool_can_run(id))
        result = -ENOENT;
    else if (d->cpupool != id)
        domain_move(d, id);
    domain_put(d);
    return result;
}

static long pool_operation(const struct vcpu *v, struct xen_sysctl_cpupool_op *op)
{
    struct cpumask unused;
    switch (op->op) {
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
        return pool_create(op);
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
        return pool_destroy(op->cpupool_id);
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        return pool_info(op);
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
        return pool_add_cpu(op->cpupool_id, op->cpu);
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        return pool_remove_cpu(op->cpupool_id, op->cpu);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return pool_move_domain(op->cpupool_id, (domid_t)op->domid, v->domain);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        free_cpus(&unused);
        return control_bitmap_out(&op->cpumap, unused.bits, NR_CPUS);
    default:
        return -ENOSYS;
    }
}

long sysctl_cpupool_op(struct vcpu *v, void *arg)
{
    spin_lock(&pool_lock);
    long result = pool_operation(v, &((struct xen_sysctl *)arg)->u.cpupool_op);
    spin_unlock(&pool_lock);
    return result;
}
