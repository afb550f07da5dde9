/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of physical CPUs. */
#ifndef DOMUS_CORE_CPUMASK_H
#define DOMUS_CORE_CPUMASK_H

#include "core/percpu.h"
#include "types.h"

#define CPUMASK_WORDS (NR_CPUS / 64)

struct cpumask {
    u64 bits[CPUMASK_WORDS];
};

/* CPUs that run, and answer one another; changes only while CPUs are brought up. */
extern struct cpumask cpu_online_mask;
/* Of these the ones that run vCPUs: the tools may take CPUs out of use. They call those online. */
extern struct cpumask cpu_active_mask;

static inline void cpumask_set(struct cpumask *m, u32 cpu)
{
    __atomic_or_fetch(&m->bits[cpu / 64], BIT(cpu % 64), __ATOMIC_SEQ_CST);
}

static inline void cpumask_clear(struct cpumask *m, u32 cpu)
{
    __atomic_and_fetch(&m->bits[cpu / 64], ~BIT(cpu % 64), __ATOMIC_SEQ_CST);
}

static inline bool cpumask_test(const struct cpumask *m, u32 cpu)
{
    return cpu < NR_CPUS && (READ_ONCE(m->bits[cpu / 64]) & BIT(cpu % 64));
}

static inline void cpumask_zero(struct cpumask *m)
{
    for (u32 i = 0; i < CPUMASK_WORDS; i++)
        m->bits[i] = 0;
}

static inline void cpumask_fill(struct cpumask *m)
{
    for (u32 i = 0; i < CPUMASK_WORDS; i++)
        m->bits[i] = ~0ull;
}

static inline bool cpumask_empty(const struct cpumask *m)
{
    for (u32 i = 0; i < CPUMASK_WORDS; i++)
        if (READ_ONCE(m->bits[i]))
            return false;
    return true;
}

/* out = a & b; true if not empty. out may be a or b. */
static inline bool cpumask_and(struct cpumask *out, const struct cpumask *a,
                               const struct cpumask *b)
{
    u64 any = 0;
    for (u32 i = 0; i < CPUMASK_WORDS; i++)
        any |= out->bits[i] = a->bits[i] & b->bits[i];
    return any != 0;
}

/* The first CPU of the set at or after cpu; NR_CPUS if there is none. */
static inline u32 cpumask_next(const struct cpumask *m, u32 cpu)
{
    while (cpu < NR_CPUS) {
        u64 word = READ_ONCE(m->bits[cpu / 64]) >> (cpu % 64);
        if (word)
            return cpu + (u32)__builtin_ctzll(word);
        cpu = ROUND_UP(cpu + 1, 64u);
    }
    return NR_CPUS;
}

static inline u32 cpumask_first(const struct cpumask *m)
{
    return cpumask_next(m, 0);
}

static inline u32 cpumask_count(const struct cpumask *m)
{
    u32 n = 0;
    for (u32 i = 0; i < CPUMASK_WORDS; i++)
        n += (u32)__builtin_popcountll(READ_ONCE(m->bits[i]));
    return n;
}

#define for_each_cpu(cpu, mask)                                                                    \
    for ((cpu) = cpumask_first(mask); (cpu) < NR_CPUS; (cpu) = cpumask_next(mask, (cpu) + 1))
#define for_each_online_cpu(cpu) for_each_cpu (cpu, &cpu_online_mask)
#define for_each_active_cpu(cpu) for_each_cpu (cpu, &cpu_active_mask)

#endif
