/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing up the other CPUs, one after the other: each starts in real mode in a page below 1 MiB
 * (boot/head.S), comes here on its own stack, and goes to its idle loop.
 */
#include "core/cmdline.h"
#include "core/cpumask.h"
#include "core/domain.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/timer.h"
#include "arch/cpu.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/apic.h"
#include "x86/boot.h"
#include "x86/cpu.h"
#include "x86/idle.h"
#include "x86/memory_map.h"
#include "x86/page.h"
#include "x86/time.h"

#define REAL_MODE_END 0xa0000u
/* A processor that is emulated on a busy host comes seconds late. */
#define START_TIMEOUT SECONDS(10)

struct cpumask cpu_online_mask;

static u32 max_cpus = NR_CPUS;
OPTION_DEFINE_UINT("maxcpus", max_cpus);

static paddr_t trampoline;

/* Of the CPU that is being started. It and the boot CPU agree on whether it has come. */
enum ap_state { AP_AWAITED, AP_CAME, AP_REFUSED, AP_GIVEN_UP };
static u32 ap_state;

extern u8 ap_start[], ap_end[], ap_32[], ap_64[], ap_gdt[];
extern u32 ap_jump32, ap_jump64, ap_gdt_base, ap_apic_id;
extern u64 ap_cr3, ap_stack;

init_text void smp_boot_reserve(void)
{
    trampoline = boot_memory_alloc(PAGE_SIZE, PAGE_SIZE, REAL_MODE_END);
    /* The first MiB is for the firmware, and for domain 0 to look at: never anybody's memory. */
    boot_memory_reserve(0, LOW_MEMORY_END);
}

/* A field of the trampoline, in its copy. */
static void *in_copy(const void *field)
{
    return (u8 *)paddr_to_virt(trampoline) + ((const u8 *)field - ap_start);
}

/* Which CPU may pass the trampoline: any other that comes halts there. */
static void trampoline_admit(u32 apic_id)
{
    __atomic_store_n((u32 *)in_copy(&ap_apic_id), apic_id, __ATOMIC_SEQ_CST);
}

static void trampoline_prepare(u32 cpu)
{
    *(u32 *)in_copy(&ap_gdt_base) = (u32)(trampoline + (u64)(ap_gdt - ap_start));
    *(u32 *)in_copy(&ap_jump32) = (u32)(trampoline + (u64)(ap_32 - ap_start));
    *(u32 *)in_copy(&ap_jump64) = (u32)(trampoline + (u64)(ap_64 - ap_start));
    *(u64 *)in_copy(&ap_cr3) = virt_to_paddr(hypervisor_l4);
    /* The stack after the name, as it is read before it: nobody gets another's. */
    trampoline_admit(cpu_apic_id(cpu));
    WRITE_ONCE(*(u64 *)in_copy(&ap_stack), (u64)cpu_setup_stack(cpu));
}

/* From one state to the next: false if the other side was quicker. */
static bool ap_state_change(u32 from, u32 to)
{
    return __atomic_compare_exchange_n(&ap_state, &from, to, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

static noreturn void ap_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* On the new CPU. */
noreturn void smp_boot_ap_main(void);

void smp_boot_ap_main(void)
{
    u32 cpu = cpu_id();
    if (!ap_state_change(AP_AWAITED, AP_CAME))
        ap_halt();
    cpu_info()->vcpu = sched_idle_vcpu(cpu);
    cpu_setup_load(cpu);
    if (!cpu_features_match()) {
        log_error("cpu %u lacks features of the boot CPU: it stays off", cpu);
        WRITE_ONCE(ap_state, AP_REFUSED);
        ap_halt();
    }
    apic_init_cpu();
    time_init_cpu();
    apic_timer_init_cpu();
    sched_cpu_activate(cpu);
    cpumask_set(&cpu_online_mask, cpu);
    idle_loop();
}

/* Until it is online, refuses, or time is over. */
static bool ap_wait(u32 cpu)
{
    nsec_t end = time_now() + START_TIMEOUT;
    while (!cpumask_test(&cpu_online_mask, cpu)) {
        time_sync_serve(cpu);
        cpu_wait();
        if (READ_ONCE(ap_state) == AP_REFUSED || time_now() > end)
            return false;
    }
    return true;
}

/* It must not come any more, when others use the trampoline or the tables are gone. */
static void ap_give_up(u32 cpu)
{
    WRITE_ONCE(ap_state, AP_GIVEN_UP);
    trampoline_admit(APIC_ID_NONE);
    apic_stop_cpu(cpu_apic_id(cpu));
    /* It may have come as far as this, the moment before. */
    cpumask_clear(&cpu_online_mask, cpu);
    cpumask_clear(&cpu_active_mask, cpu);
}

static bool cpu_start(u32 cpu)
{
    if (cpu_setup_create(cpu) || timers_init_cpu(cpu) || sched_cpu_up(cpu)) {
        log_error("cpu %u: no memory for it", cpu);
        return false;
    }
    WRITE_ONCE(ap_state, AP_AWAITED);
    trampoline_prepare(cpu);
    if (apic_start_cpu(cpu_apic_id(cpu), (u8)(trampoline >> PAGE_SHIFT))) {
        log_error("cpu %u (APIC %u): its start was not accepted", cpu, cpu_apic_id(cpu));
        ap_give_up(cpu);
        return false;
    }
    if (!ap_wait(cpu) && (ap_state_change(AP_AWAITED, AP_GIVEN_UP) || !ap_wait(cpu))) {
        if (READ_ONCE(ap_state) != AP_REFUSED)
            log_error("cpu %u (APIC %u) did not start", cpu, cpu_apic_id(cpu));
        ap_give_up(cpu);
        return false;
    }
    return true;
}

u64 cpu_physical_id(u32 cpu)
{
    return (u64)cpu_acpi_uid(cpu) << 32 | cpu_apic_id(cpu);
}

void smp_boot_all(void)
{
    paging_identity_enable(true);
    memcpy(paddr_to_virt(trampoline), ap_start, (size_t)(ap_end - ap_start));
    for (u32 cpu = 1; cpu < cpus_present && cpu < max_cpus; cpu++)
        cpu_start(cpu);
    trampoline_admit(APIC_ID_NONE);
    paging_identity_enable(false);
}
