/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Non-maskable interrupts: sent between CPUs to stop them (panic) or to learn where they are, or
 * raised by hardware that found an error, or the watchdog's tick. The handler leaves a copy of its
 * registers for the CPU that asked; it prints only if this CPU has been stuck for long.
 */
#include "arch/cpu.h"
#include "core/lock.h"
#include "core/percpu.h"
#include "core/time.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/panic.h"
#include "x86/traps.h"

#define ANSWER_TIME  MILLISECONDS(100)
#define ANSWER_LOOKS 0x1000000u /* for a clock that stands still */

/* System control port B (PC/AT): which hardware raised an NMI. */
#define PORT_SYSTEM_B    0x61
#define SYSTEM_B_CHANNEL BIT(6) /* I/O channel check */
#define SYSTEM_B_PARITY  BIT(7) /* memory parity, or SERR# of PCI */
#define SYSTEM_B_OFF     0x0c   /* both reports off; written back with the timer's bits kept */
#define SYSTEM_B_KEEP    0x03

static u32 asked_cpu; /* CPU + 1 whose registers are wanted; it clears this when they are there */
static struct regs answer;

/* wait: what to do meanwhile. A handler of an NMI does not know what it has interrupted, so it must
 * not serve others' requests, as cpu_wait() does. */
static bool fetch_regs(u32 cpu, struct regs *regs, void (*wait)(void))
{
    u32 free = 0;
    if (!__atomic_compare_exchange_n(&asked_cpu, &free, cpu + 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return false; /* somebody else is asking */
    nsec_t start = time_now();
    apic_send_nmi(cpu);
    for (u32 i = 0; i < ANSWER_LOOKS && time_now() - start < ANSWER_TIME; i++) {
        if (__atomic_load_n(&asked_cpu, __ATOMIC_ACQUIRE) == 0) {
            *regs = answer;
            return true;
        }
        wait();
    }
    /* Take the question back, unless the answer came this very moment. */
    u32 asked = cpu + 1;
    if (__atomic_compare_exchange_n(&asked_cpu, &asked, 0, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        return false;
    *regs = answer;
    return true;
}

bool nmi_fetch_regs(u32 cpu, struct regs *regs)
{
    return fetch_regs(cpu, regs, cpu_wait);
}

void nmi_handle(struct regs *regs)
{
    if (panic_in_progress())
        panic_stop_cpu();
    if (__atomic_load_n(&asked_cpu, __ATOMIC_ACQUIRE) == cpu_id() + 1) {
        answer = *regs;
        __atomic_store_n(&asked_cpu, 0, __ATOMIC_RELEASE);
        return;
    }
    watchdog_nmi(regs);
    u8 reason = port_in8(PORT_SYSTEM_B);
    if (reason & SYSTEM_B_PARITY)
        panic_regs(regs, "NMI: the memory or a PCI device reports an error");
    if (reason & SYSTEM_B_CHANNEL)
        port_out8(PORT_SYSTEM_B, (reason & SYSTEM_B_KEEP) | SYSTEM_B_OFF);
}

static void cpu_dump(u32 cpu, const struct regs *r)
{
    if ((r->cs & 3) != 0) {
        log_error("CPU %u runs a guest, at rip %016lx", cpu, r->rip);
        return;
    }
    log_error("CPU %u:", cpu);
    regs_dump(r);
    backtrace_dump(r->rip, r->rsp);
}

static void only_pause(void)
{
    cpu_pause();
}

void cpus_dump(const struct regs *own)
{
    u32 cpu;
    for_each_online_cpu (cpu) {
        struct regs regs;
        if (cpu == cpu_id() && own) {
            cpu_dump(cpu, own);
        } else if (cpu == cpu_id()) {
            log_error("CPU %u is the one that asks", cpu);
            backtrace_dump(0, (u64)__builtin_frame_address(0));
        } else if (fetch_regs(cpu, &regs, own ? only_pause : cpu_wait)) {
            cpu_dump(cpu, &regs);
        } else {
            log_error("CPU %u does not answer an NMI", cpu);
        }
    }
}
