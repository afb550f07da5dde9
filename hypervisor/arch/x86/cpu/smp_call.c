/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What CPUs ask of one another (arch/cpu.h): signals, and calls that the caller waits for.
 *
 * Hypervisor code runs with interrupts disabled, so a CPU that waits, for a lock or for an answer,
 * would never see an interrupt. Requests therefore lie in memory: each CPU has one call of its own
 * that it offers, and a set of the CPUs that want something of it. Whoever waits does so in
 * cpu_wait(), which looks at that set; the interrupt is only for those who do not wait.
 */
#include "arch/cpu.h"
#include "core/lock.h"
#include "core/percpu.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/irq.h"
#include "x86/smp.h"

/*
 * The call that a CPU offers to others. It is the caller's until left is 0 again, and only then may
 * be reused.
 */
struct call {
    void (*function)(void *data);
    void *data;
    u32 left; /* CPUs that have not carried it out yet */
};

static DEFINE_PER_CPU(struct call, offered_call);
/* CPUs whose call this CPU is to carry out. */
static DEFINE_PER_CPU(struct cpumask, callers);
/* Set together with a bit of callers; whoever sets it first sends the interrupt. */
static DEFINE_PER_CPU(u32, call_pending);

void cpu_signal(u32 cpu)
{
    apic_send(cpu, VECTOR_SIGNAL);
}

void smp_call_serve(void)
{
    /* Cleared before the set is read: a caller that comes later sends its own interrupt. */
    __atomic_store_n(&this_cpu(call_pending), 0, __ATOMIC_SEQ_CST);
    struct cpumask *set = &this_cpu(callers);
    for (u32 word = 0; word < CPUMASK_WORDS; word++) {
        if (!READ_ONCE(set->bits[word]))
            continue;
        u64 bits = __atomic_exchange_n(&set->bits[word], 0, __ATOMIC_ACQUIRE);
        for (; bits; bits &= bits - 1) {
            struct call *c = &per_cpu(offered_call, word * 64 + (u32)__builtin_ctzll(bits));
            c->function(c->data);
            __atomic_sub_fetch(&c->left, 1, __ATOMIC_RELEASE);
        }
    }
}

void cpu_wait(void)
{
    cpu_pause();
    if (unlikely(READ_ONCE(this_cpu(call_pending))))
        smp_call_serve();
}

void spin_wait_turn(const struct spinlock *l, u16 ticket)
{
    do
        cpu_wait();
    while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket);
}

static void call_request(u32 cpu)
{
    cpumask_set(&per_cpu(callers, cpu), cpu_id());
    if (!__atomic_exchange_n(&per_cpu(call_pending, cpu), 1, __ATOMIC_SEQ_CST))
        apic_send(cpu, VECTOR_CALL);
}

static noinline void call_others(struct cpumask *others, void (*function)(void *data), void *data,
                                 bool here)
{
    u32 cpu;
    struct call *c = &this_cpu(offered_call);
    c->function = function;
    c->data = data;
    __atomic_store_n(&c->left, cpumask_count(others), __ATOMIC_RELEASE);
    for_each_cpu (cpu, others)
        call_request(cpu);
    if (here)
        function(data);
    while (__atomic_load_n(&c->left, __ATOMIC_ACQUIRE))
        cpu_wait();
}

void cpu_call(const struct cpumask *mask, void (*function)(void *data), void *data)
{
    struct cpumask others;
    u32 self = cpu_id();
    u64 any = 0;
    bool here = false;
#pragma GCC unroll 4
    for (u32 i = 0; i < CPUMASK_WORDS; i++) {
        u64 word = READ_ONCE(mask->bits[i]), own = i == self / 64 ? BIT(self % 64) : 0;
        here |= (word & own) != 0;
        any |= others.bits[i] = word & READ_ONCE(cpu_online_mask.bits[i]) & ~own;
    }
    if (any)
        call_others(&others, function, data, here);
    else if (here)
        function(data);
}
