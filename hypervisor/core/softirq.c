/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Softirqs: one word of pending bits per CPU, and a function for each bit. Raised by interrupt
 * handlers and by hypervisor code of any CPU, run by the exit path and the idle loop
 * (core/softirq.h).
 */
#include "arch/cpu.h"
#include "core/event_channel.h"
#include "core/softirq.h"
#include "lib/print.h"

DEFINE_PER_CPU(u32, softirq_pending);

static softirq_handler_t softirq_handlers[NR_SOFTIRQS];

void softirq_register(enum softirq nr, softirq_handler_t handler)
{
    BUG_ON(softirq_handlers[nr] && softirq_handlers[nr] != handler);
    softirq_handlers[nr] = handler;
}

void softirq_raise(enum softirq nr)
{
    __atomic_or_fetch(&this_cpu(softirq_pending), (u32)BIT(nr), __ATOMIC_SEQ_CST);
}

void softirq_raise_on(u32 cpu, enum softirq nr)
{
    u32 bit = (u32)BIT(nr);

    /* Who set the bit before has sent the signal, or is that CPU itself and will come by. */
    if (__atomic_fetch_or(&per_cpu(softirq_pending, cpu), bit, __ATOMIC_SEQ_CST) & bit)
        return;
    if (cpu != cpu_id())
        cpu_signal(cpu);
}

/*
 * In turns, by ascending number: a handler that raises itself again does not keep the later ones
 * from running. SOFTIRQ_SCHEDULE comes last; when it switches contexts, what is left of this word
 * is found by the exit path of the next vCPU.
 */
void softirq_run(void)
{
    u32 *pending = &this_cpu(softirq_pending);
    u32 turn = 0, bits;

    while ((bits = READ_ONCE(*pending)) != 0) {
        u32 rest = bits & ~((u32)BIT(turn) - 1);
        u32 nr = (u32)__builtin_ctz(rest ? rest : bits);

        __atomic_and_fetch(pending, ~(u32)BIT(nr), __ATOMIC_SEQ_CST);
        turn = nr + 1;
        softirq_handlers[nr]();
    }
}

bool preempt_pending(void)
{
    cpu_interrupt_window();
    if (softirq_is_pending())
        return true;

    const struct vcpu *v = current;
    return v && event_upcall_wanted(v);
}
