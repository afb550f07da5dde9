/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Non-maskable interrupts: sent between CPUs to stop them (panic) or to learn where they are, or
 * raised by hardware that found an error, of which domain 0 is told, or the watchdog's tick. The
 * handler leaves a copy of its registers for the CPU that asked; it prints only if this CPU has
 * been stuck for long.
 */
#include "abi/nmi.h"
#include "arch/cpu.h"
#include "core/cmdline.h"
#include "core/domain.h"
#include "core/lock.h"
#include "core/percpu.h"
#include "core/softirq.h"
#include "core/time.h"
#include "errno.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/irq.h"
#include "x86/panic.h"
#include "x86/traps.h"

#define ANSWER_TIME  MILLISECONDS(100)
#define ANSWER_LOOKS 0x1000000u /* for a clock that stands still */

/* System control port B (PC/AT): which hardware raised an NMI. */
#define PORT_SYSTEM_B        0x61
#define SYSTEM_B_CHANNEL     BIT(6) /* I/O channel check */
#define SYSTEM_B_PARITY      BIT(7) /* memory parity, or SERR# of PCI */
#define SYSTEM_B_CHANNEL_OFF BIT(3) /* written: forget it, and report no more */
#define SYSTEM_B_PARITY_OFF  BIT(2)
#define SYSTEM_B_KEEP        0x0f

/* What becomes of an NMI that nobody in the hypervisor asked for. */
static enum { NMI_DOM0, NMI_IGNORE, NMI_FATAL } option_nmi = NMI_DOM0;

static int parse_nmi(const char *value)
{
    static const char *const words[] = {
        [NMI_DOM0] = "dom0", [NMI_IGNORE] = "ignore", [NMI_FATAL] = "fatal"};
    int word = cmdline_parse_word(value, words, ARRAY_SIZE(words));
    if (word < 0)
        return word;
    option_nmi = (u32)word;
    return 0;
}
OPTION_DEFINE_CUSTOM("nmi", parse_nmi);

/* Where a CPU is. */
struct whereabouts {
    struct regs regs;  /* of what the NMI interrupted, a guest or the hypervisor */
    struct regs guest; /* what the hypervisor was entered with by a guest ... */
    bool has_guest;    /* ... if it was */
    bool idle;
    u32 domain_id, vcpu_id;
    u64 cr2, cr3;
};

static u32 asked_cpu; /* CPU + 1 whose state is wanted; it clears this when it is there */
static struct whereabouts answer;
static u32 late; /* NMIs sent to the boot CPU that it had not answered in time: they come yet */

/* wait: what to do meanwhile. A handler of an NMI does not know what it has interrupted, so it must
 * not serve others' requests, as cpu_wait() does. */
static bool whereabouts_fetch(u32 cpu, struct whereabouts *found, void (*wait)(void))
{
    u32 free = 0;
    if (!__atomic_compare_exchange_n(&asked_cpu, &free, cpu + 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return false; /* somebody else is asking */
    nsec_t start = time_now();
    apic_send_nmi(cpu);
    for (u32 i = 0; i < ANSWER_LOOKS && time_now() - start < ANSWER_TIME; i++) {
        if (__atomic_load_n(&asked_cpu, __ATOMIC_ACQUIRE) == 0) {
            *found = answer;
            return true;
        }
        wait();
    }
    /* Take the question back, unless the answer came this very moment. */
    u32 asked = cpu + 1;
    if (__atomic_compare_exchange_n(&asked_cpu, &asked, 0, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
        if (cpu == 0)
            __atomic_add_fetch(&late, 1, __ATOMIC_RELAXED);
        return false;
    }
    *found = answer;
    return true;
}

/* On the boot CPU: is this an NMI that somebody has stopped waiting for? */
static bool late_take(void)
{
    u32 n = __atomic_load_n(&late, __ATOMIC_RELAXED);
    while (n)
        if (__atomic_compare_exchange_n(&late, &n, n - 1, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

static void whereabouts_note(struct whereabouts *w, const struct regs *regs)
{
    const struct vcpu *v = current;
    w->regs = *regs;
    w->idle = !v || v->is_idle;
    w->has_guest = !w->idle && (regs->cs & 3) == 0;
    if (w->has_guest)
        w->guest = *guest_regs();
    if (!w->idle) {
        w->domain_id = v->domain->id;
        w->vcpu_id = v->id;
    }
    w->cr2 = read_cr2();
    w->cr3 = read_cr3();
}

/* NMI handlers must take no locks: domain 0 is told by a softirq. */
static bool domain0_tell(u64 reason)
{
    struct domain *d = READ_ONCE(hardware_domain);
    if (option_nmi != NMI_DOM0 || !d)
        return false;
    __atomic_or_fetch(&d->shared_info->arch.nmi_reason, reason, __ATOMIC_RELAXED);
    softirq_raise(SOFTIRQ_HARDWARE_ERROR);
    apic_send_self(VECTOR_SIGNAL); /* it may compute for long before it comes by */
    return true;
}

static void domain0_notify(void)
{
    vcpu_send_nmi(hardware_domain->vcpus[0]);
}

init_text void nmi_init(void)
{
    softirq_register(SOFTIRQ_HARDWARE_ERROR, domain0_notify);
}

static void hardware_error(const struct regs *regs, bool explained)
{
    static const struct {
        u8 line, off;
        u64 reason;
        const char *what;
    } lines[] = {
        {SYSTEM_B_PARITY, SYSTEM_B_PARITY_OFF, XEN_NMIREASON_pci_serr,
         "the memory or a PCI device reports an error"},
        {SYSTEM_B_CHANNEL, SYSTEM_B_CHANNEL_OFF, XEN_NMIREASON_io_error,
         "a device reports an error (I/O channel check)"},
    };
    u8 state = port_in8(PORT_SYSTEM_B);
    for (u32 i = 0; i < ARRAY_SIZE(lines); i++) {
        if (!(state & lines[i].line))
            continue;
        explained = true;
        port_out8(PORT_SYSTEM_B, (port_in8(PORT_SYSTEM_B) & SYSTEM_B_KEEP) | lines[i].off);
        if (!domain0_tell(lines[i].reason) && option_nmi != NMI_IGNORE)
            panic_regs(regs, "NMI: %s", lines[i].what);
    }
    if (!explained && !domain0_tell(XEN_NMIREASON_unknown) && option_nmi == NMI_FATAL)
        panic_regs(regs, "NMI for an unknown reason");
}

void nmi_handle(struct regs *regs)
{
    if (__atomic_load_n(&asked_cpu, __ATOMIC_ACQUIRE) == cpu_id() + 1) {
        whereabouts_note(&answer, regs);
        __atomic_store_n(&asked_cpu, 0, __ATOMIC_RELEASE);
        (void)panic_takes_nmi(); /* two that come at once are one */
        return;
    }
    if (panic_takes_nmi())
        return;
    bool tick = watchdog_nmi(regs);
    /* The lines of port B, and LINT1 where it is an NMI, are of the whole machine. */
    if (cpu_id() == 0)
        hardware_error(regs, tick || late_take());
}

static void cpu_dump(u32 cpu, const struct whereabouts *w)
{
    if (w->idle)
        log_error("CPU %u is idle:", cpu);
    else
        log_error("CPU %u runs vCPU %u of domain %u, which is in %s:", cpu, w->vcpu_id,
                  w->domain_id, w->has_guest ? "the hypervisor" : "the guest");
    regs_dump(&w->regs);
    log_error("cr2 %016lx  cr3 %016lx", (unsigned long)w->cr2, (unsigned long)w->cr3);
    if ((w->regs.cs & 3) == 0)
        backtrace_dump(w->regs.rip, w->regs.rsp);
    if (w->has_guest) {
        log_error("CPU %u, as the guest left it:", cpu);
        regs_dump(&w->guest);
    }
}

static void only_pause(void)
{
    cpu_pause();
}

void cpus_dump(const struct regs *own)
{
    u32 cpu;
    for_each_online_cpu (cpu) {
        struct whereabouts w;
        if (cpu == cpu_id() && own) {
            whereabouts_note(&w, own);
            cpu_dump(cpu, &w);
        } else if (whereabouts_fetch(cpu, &w, own ? only_pause : cpu_wait)) {
            cpu_dump(cpu, &w);
        } else {
            log_error("CPU %u does not answer an NMI", cpu);
        }
    }
}
