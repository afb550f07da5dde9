/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUs as contexts: each has a stack of its own, and one thread goes from one to the next where the
 * hypervisor could be overtaken by another CPU - at locks, at guest memory, where interrupts are
 * open, where it waits - and between the steps of guests. Who goes on is the program's decision, so
 * that every interleaving can be had, and had again.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sanitizer/common_interface_defs.h>
#include "arch/cpu.h"
#include "core/softirq.h"
#include "core/time.h"
#include "host/machine.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/idle.h"
#include "x86/pv.h"
#include "x86/smp.h"

#define STACK_BYTES KIB(512)
/* So many turns without any CPU's coming to rest: they wait for each other. */
#define TURNS_MAX 100000u

/* Nothing of it is the machine's state: a snapshot is taken when all CPUs are at rest. */
static struct context {
    u64 stack_pointer; /* the other registers are on the stack */
    void *sanitizer;
    jmp_buf loop;
    bool parked;
} contexts[HOST_CPUS] section("hostcontexts");
static u8 stacks[HOST_CPUS][STACK_BYTES] aligned(64) section("hostcontexts");
static struct {
    u64 stack_pointer;
    void *sanitizer;
    const void *stack;
    size_t stack_bytes;
} driver section("hostcontexts");
static const struct host_program *program section("hostcontexts");
static bool running section("hostcontexts");
static bool powered_off section("hostcontexts");
static u32 wanted section("hostcontexts");
static u32 turns section("hostcontexts");

/* --- from one to the other */

/*
 * Push what a function must keep, leave the stack pointer in *from, and go on with another stack
 * where that one left. (swapcontext() does the same with system calls, slowly.)
 */
void host_context_switch(u64 *from, u64 to);
#define CONTEXT_WORDS 7 /* six registers and the address to go on at */
__asm__(".text\n"
        ".globl host_context_switch\n"
        "host_context_switch:\n\t"
        "push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"
        "mov %rsp, (%rdi)\n\t"
        "mov %rsi, %rsp\n\t"
        "pop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\tpop %rbx\n\t"
        "ret\n");

/* This CPU's context stays here until it is resumed. */
static void leave(u32 next)
{
    struct context *c = &contexts[cpu_id()];
    wanted = next;
    __sanitizer_start_switch_fiber(&c->sanitizer, driver.stack, driver.stack_bytes);
    host_context_switch(&c->stack_pointer, driver.stack_pointer);
    __sanitizer_finish_switch_fiber(c->sanitizer, &driver.stack, &driver.stack_bytes);
}

static void resume(u32 cpu)
{
    host_cpu = cpu;
    contexts[cpu].parked = false;
    __sanitizer_start_switch_fiber(&driver.sanitizer, stacks[cpu], STACK_BYTES);
    host_context_switch(&driver.stack_pointer, contexts[cpu].stack_pointer);
    __sanitizer_finish_switch_fiber(driver.sanitizer, NULL, NULL);
}

static void context_begin(void)
{
    __sanitizer_finish_switch_fiber(NULL, &driver.stack, &driver.stack_bytes);
    host_cpu_main();
}

static u32 choose(enum host_why why)
{
    bool interrupt = false;
    u32 next = program->choose(why, &interrupt) % HOST_CPUS;
    if (interrupt && why == HOST_WINDOW)
        softirq_raise(SOFTIRQ_TIMER);
    if (why == HOST_WAITING && next == cpu_id())
        next = (next + 1) % HOST_CPUS;
    return next;
}

/* Without contexts - at boot, between two runs - nobody else is under way, and each CPU that is
 * asked for something does it at once. */
static void serve_all(void)
{
    u32 self = host_cpu;
    for (host_cpu = 0; host_cpu < HOST_CPUS; host_cpu++)
        if (host_cpu != self)
            host_interrupts_take();
    host_cpu = self;
}

void host_switch_point(enum host_why why)
{
    if (!running) {
        if (why == HOST_WAITING)
            serve_all();
        return;
    }
    u32 next = choose(why);
    if (next != cpu_id())
        leave(next);
}

void host_park(void)
{
    if (program->more())
        turns = 0;
    contexts[cpu_id()].parked = true;
    host_tlb_fill();
    leave(choose(HOST_BETWEEN));
    host_tlb_fill();
}

void host_cpu_unwind(void)
{
    longjmp(contexts[cpu_id()].loop, 1);
}

void host_power_off(void)
{
    powered_off = true;
    leave(cpu_id());
    abort();
}

/* --- a CPU's life */

void host_cpu_main(void)
{
    setjmp(contexts[cpu_id()].loop);
    if (current->is_idle)
        idle_loop();
    for (;;) {
        while (!pv_exit_work(current, guest_regs()))
            continue;
        host_park();
        host_interrupts_take();
        if (!softirq_is_pending())
            host_guest_go_on(program);
    }
}

void cpu_idle(void)
{
    host_park();
    host_interrupts_take();
}

void host_interrupts_take(void)
{
    struct host_processor *p = &host_processors[cpu_id()];
    u32 vectors = p->vectors;
    p->vectors = 0;
    if (vectors & HOST_VECTOR_CALL)
        smp_call_serve();
    if (p->deadline <= time_now()) {
        p->deadline = ~0ull;
        softirq_raise(SOFTIRQ_TIMER);
    }
}

void cpu_interrupt_window(void)
{
    host_switch_point(HOST_WINDOW);
    host_interrupts_take();
}

void cpu_pause(void)
{
    host_switch_point(HOST_WAITING);
}

/* --- locks: linked in place of the debugging functions, which they call */

void __real_lock_debug_acquiring(struct spinlock *l);
void __real_lock_debug_releasing(struct spinlock *l);
void __wrap_lock_debug_acquiring(struct spinlock *l);
void __wrap_lock_debug_releasing(struct spinlock *l);

void __wrap_lock_debug_acquiring(struct spinlock *l)
{
    host_switch_point(HOST_LOCKING);
    __real_lock_debug_acquiring(l);
}

void __wrap_lock_debug_releasing(struct spinlock *l)
{
    host_switch_point(HOST_UNLOCKED);
    __real_lock_debug_releasing(l);
}

/* --- the driver */

static bool all_parked(void)
{
    for (u32 cpu = 0; cpu < HOST_CPUS; cpu++)
        if (!contexts[cpu].parked)
            return false;
    return true;
}

static bool work_pending(u32 cpu)
{
    const struct host_processor *p = &host_processors[cpu];
    return p->vectors || p->deadline <= time_now() || per_cpu(softirq_pending, cpu);
}

/* After the program has ended: the next CPU that still has something to do. NR_CPUS: none. */
static u32 cpu_with_work(void)
{
    for (u32 i = 1; i <= HOST_CPUS; i++) {
        u32 cpu = (host_cpu + i) % HOST_CPUS;
        if (!contexts[cpu].parked || work_pending(cpu))
            return cpu;
    }
    return NR_CPUS;
}

static noreturn void never_rests(void)
{
    for (u32 cpu = 0; cpu < HOST_CPUS; cpu++) {
        const struct vcpu *v = host_cpu_info[cpu].vcpu;
        log_error("CPU %u: d%uv%u, %s, softirqs %#x, vectors %#x, deadline %ld", cpu, v->domain->id,
                  v->id, contexts[cpu].parked ? "at rest" : "in the hypervisor",
                  per_cpu(softirq_pending, cpu), host_processors[cpu].vectors,
                  (long)(host_processors[cpu].deadline - time_now()));
    }
    panic("the CPUs do not come to rest");
}

static void contexts_make(void)
{
    for (u32 cpu = 0; cpu < HOST_CPUS; cpu++) {
        struct context *c = &contexts[cpu];
        /* As host_context_switch() would leave it in a function called with an aligned stack. */
        u64 *top = (u64 *)(stacks[cpu] + STACK_BYTES) - 1 - CONTEXT_WORDS;
        memset(top, 0, (CONTEXT_WORDS + 1) * sizeof(u64));
        top[CONTEXT_WORDS - 1] = (u64)context_begin;
        c->stack_pointer = (u64)top;
        c->sanitizer = NULL;
        c->parked = false;
    }
}

bool host_run(const struct host_program *p)
{
    program = p;
    powered_off = false;
    turns = 0;
    wanted = 0;
    contexts_make();
    running = true;
    while (!powered_off) {
        if (++turns > TURNS_MAX)
            never_rests();
        resume(wanted);
        if (powered_off || !contexts[host_cpu].parked)
            continue;
        if (all_parked()) {
            running = false;
            p->at_rest();
            running = true;
        }
        if (!p->more()) {
            wanted = cpu_with_work();
            if (wanted == NR_CPUS)
                break;
        }
    }
    running = false;
    host_cpu = 0;
    return !powered_off;
}
