/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end: say why, show the state, stop the other CPUs, and reboot (or halt, with noreboot).
 * Called by anybody, in any context; takes no locks, and trusts nothing that it does not need. A
 * panic within a panic only reboots.
 */
#include "arch/cpu.h"
#include "core/cmdline.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/lock.h"
#include "core/percpu.h"
#include "core/time.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/panic.h"

#define REBOOT_DELAY SECONDS(5)
/*
 * An access to this port takes about a microsecond on real machines: a clock for when there is
 * none.
 */
#define DELAY_PORT   0x80
#define DELAY_STEPS  5000000u
#define REASON_BYTES 224u

static u32 panic_owner; /* CPU + 1 that found it; 0: all is well */
static bool panic_begun;

static noreturn void stop_cpu(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

bool panic_takes_nmi(void)
{
    u32 owner = READ_ONCE(panic_owner);
    if (READ_ONCE(panic_begun) && owner != cpu_id() + 1)
        stop_cpu();
    return owner != 0;
}

bool panic_claim(void)
{
    u32 expected = 0, own = cpu_id() + 1;
    return __atomic_compare_exchange_n(&panic_owner, &expected, own, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST) ||
           expected == own;
}

void regs_dump(const struct regs *r)
{
    log_error("rip %016lx  cs %04lx  rflags %08lx  vector %u  error %#x", r->rip, r->cs, r->rflags,
              r->vector, r->error_code);
    log_error("rax %016lx  rbx %016lx  rcx %016lx", r->rax, r->rbx, r->rcx);
    log_error("rdx %016lx  rsi %016lx  rdi %016lx", r->rdx, r->rsi, r->rdi);
    log_error("rbp %016lx  rsp %016lx  ss %04lx", r->rbp, r->rsp, r->ss);
    log_error("r8  %016lx  r9  %016lx  r10 %016lx", r->r8, r->r9, r->r10);
    log_error("r11 %016lx  r12 %016lx  r13 %016lx", r->r11, r->r12, r->r13);
    log_error("r14 %016lx  r15 %016lx", r->r14, r->r15);
}

static void control_registers_dump(void)
{
    log_error("cr0 %lx  cr2 %lx  cr3 %lx  cr4 %lx", read_cr0(), read_cr2(), read_cr3(), read_cr4());
}

static void whereabouts_dump(void)
{
    const struct vcpu *v = current;
    if (!v)
        log_error("CPU %u, before there are vCPUs", cpu_id());
    else if (v->is_idle)
        log_error("CPU %u, idle", cpu_id());
    else
        log_error("CPU %u, running vCPU %u of domain %u", cpu_id(), v->id, v->domain->id);
    log_error("command line: %s", cmdline_text());
}

/* Nobody else runs, prints or disturbs from here on. */
static void only_this_cpu(void)
{
    u32 cpu;
    WRITE_ONCE(panic_begun, true);
    watchdog_stop();
    lock_debug_stop();
    console_start_panic();
    for_each_online_cpu (cpu)
        if (cpu != cpu_id())
            apic_send_nmi(cpu);
}

static void delay(void)
{
    nsec_t start = time_now();
    for (u32 i = 0; i < DELAY_STEPS && time_now() - start < REBOOT_DELAY; i++)
        (void)port_in8(DELAY_PORT);
}

static noreturn void end(void)
{
    if (option_noreboot) {
        log_error("----- halted (noreboot)");
        stop_cpu();
    }
    log_error("----- the machine reboots in five seconds (option noreboot: it halts)");
    delay();
    machine_restart();
}

/* regs is NULL if there was no fault: then the caller's own stack is shown. */
static noreturn void panic_end(const struct regs *regs, const char *reason)
{
    __asm__ volatile("cli");
    if (!panic_claim())
        stop_cpu(); /* another CPU was first, and tells its story */
    if (panic_begun)
        machine_restart();
    only_this_cpu();
    log_error("----- panic: %s", reason);
    whereabouts_dump();
    if (regs)
        regs_dump(regs);
    control_registers_dump();
    if (regs)
        backtrace_dump(regs->rip, regs->rsp);
    else
        backtrace_dump(0, (u64)__builtin_frame_address(0));
    end();
}

void panic(const char *fmt, ...)
{
    char reason[REASON_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)text_vformat(reason, sizeof(reason), fmt, args);
    va_end(args);
    panic_end(NULL, reason);
}

void panic_regs(const struct regs *regs, const char *fmt, ...)
{
    char reason[REASON_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)text_vformat(reason, sizeof(reason), fmt, args);
    va_end(args);
    panic_end(regs, reason);
}

void start_refuse(const char *fmt, ...)
{
    char reason[REASON_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)text_vformat(reason, sizeof(reason), fmt, args);
    va_end(args);
    __asm__ volatile("cli");
    panic_owner = cpu_id() + 1;
    only_this_cpu();
    log_error("----- cannot start: %s", reason);
    end();
}
