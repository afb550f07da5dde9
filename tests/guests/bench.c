/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measures what operations of the ABI cost: prints `bench NAME INSTRUCTIONS` lines. Under QEMU's
 * -icount shift=0 the time-stamp counter counts instructions, so the numbers include the guest's
 * own loop and do not depend on the machine. scripts/bench compares them with Xen's.
 *
 * `only=NAME` on the command line measures one operation; `loop=NAME` carries it out for ever, for
 * whoever wants to look at its instructions (scripts/bench --trace).
 */
#include "bench.h"

s64 bench_failed;

/* True if what the command line says behind word, if it does at all, is name. */
static bool chosen(const char *word, const char *name, bool otherwise)
{
    const char *at = argument_text(word);
    if (!at)
        return otherwise;
    while (*name && *at == *name)
        at++, name++;
    return !*name && (!*at || *at == ' ');
}

u32 bench_times(const char *name, u32 round, u32 times)
{
    if (chosen("loop=", name, false))
        return BENCH_FOREVER;
    if (argument("loop=") || !chosen("only=", name, true))
        return 0;
    return round ? times : BENCH_WARM;
}

void bench_begin(const char *name)
{
    if (chosen("loop=", name, false))
        print("bench loops\n");
}

void bench_print(const char *name, u64 instructions)
{
    if (instructions)
        print("bench %s %lu\n", name, instructions);
}

static void events(void)
{
    struct evtchn_bind_ipi bind = {.vcpu = 0};
    bench_failed |= HYPERCALL2(event_channel_op, EVTCHNOP_bind_ipi, &bind);
    u32 port = bind.port;
    struct evtchn_send send = {.port = port};
    volatile struct vcpu_info *info = &shared_info->vcpu_info[0];
    MEASURE("evtchn_send_self", 200, {
        bench_failed |= HYPERCALL2(event_channel_op, EVTCHNOP_send, &send);
        shared_info->evtchn_pending[port / 64] = 0;
        info->evtchn_pending_sel = 0;
        info->evtchn_upcall_pending = 0;
    });
    HYPERCALL2(event_channel_op, EVTCHNOP_send, &send);
    MEASURE("evtchn_send_pending", 200, HYPERCALL2(event_channel_op, EVTCHNOP_send, &send));
    shared_info->evtchn_pending[port / 64] = 0;
    info->evtchn_pending_sel = 0;
    info->evtchn_upcall_pending = 0;

    callback_set(CALLBACKTYPE_event, (void (*)(void))entry_return_event);
    info->evtchn_upcall_mask = 0;
    MEASURE("upcall_and_iret", 200, {
        bench_failed |= HYPERCALL2(event_channel_op, EVTCHNOP_send, &send);
        shared_info->evtchn_pending[port / 64] = 0;
        info->evtchn_pending_sel = 0;
    });
    info->evtchn_upcall_mask = 1;
    guest_restore();
}

static void small(void)
{
    struct multicall_entry calls[8];
    HYPERCALL2(xen_version, XENVER_version, 0);
    MEASURE("xen_version", 500, HYPERCALL2(xen_version, XENVER_version, 0));
    MEASURE("stack_switch", 500, HYPERCALL2(stack_switch, FLAT_KERNEL_SS, kernel_stack_end));
    MEASURE("set_segment_base", 500, HYPERCALL2(set_segment_base, SEGBASE_FS, 0));
    MEASURE("fpu_taskswitch", 500, HYPERCALL1(fpu_taskswitch, 0));
    MEASURE("set_timer_op", 200, HYPERCALL1(set_timer_op, 1ull << 50));
    HYPERCALL1(set_timer_op, 0);
    MEASURE("sched_yield", 100, HYPERCALL2(sched_op, SCHEDOP_yield, 0));
    MEASURE("multicall_8_stack_switch", 100, {
        for (u32 k = 0; k < COUNT(calls); k++) {
            calls[k].op = __HYPERVISOR_stack_switch;
            calls[k].args[0] = FLAT_KERNEL_SS;
            calls[k].args[1] = (u64)kernel_stack_end;
        }
        bench_failed |= HYPERCALL2(multicall, calls, COUNT(calls));
    });
}

static void emulated(void)
{
    MEASURE("cpuid_forced", 100, {
        u32 a = 1, c = 0;
        __asm__ volatile("ud2a; .ascii \"xen\"; cpuid" : "+a"(a), "+c"(c) : : "ebx", "edx");
    });
    MEASURE("rdmsr_efer", 100, {
        u32 low, high;
        __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0xc0000080));
    });
    MEASURE("read_cr0", 100, {
        u64 cr0;
        __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    });
}

/* In user mode: system calls that the kernel answers at once, then what ends the attempt. */
static void user_program(void)
{
    attempt_result = MEASURED("user_syscall_and_iret", 200,
                              __asm__ volatile("syscall"
                                               :
                                               :
                                               : "rcx", "r11", "memory"));
    __asm__ volatile("int $0x80");
}

static void traps(void)
{
    trap_set(3, (void (*)(void))entry_return);
    MEASURE("breakpoint_and_iret", 200, __asm__ volatile("int3"));

    trap_set(0, (void (*)(void))entry_fixup_no_error);
    MEASURE("exception_and_iret", 200,
            __asm__ volatile("xor %%ecx, %%ecx; movq $1f, fault_fixup; div %%ecx; 1:"
                             :
                             :
                             : "rax", "rcx", "rdx", "memory"));

    static u8 absent[PAGE_SIZE] PAGE_ALIGNED;
    map(absent, 0);
    trap_set(14, (void (*)(void))entry_fixup);
    MEASURE("page_fault_and_fixup", 200,
            __asm__ volatile("movq $1f, fault_fixup; mov (%0), %%eax; 1:"
                             :
                             : "r"(absent)
                             : "rax", "memory"));
    map(absent, pte_of(absent, PTE_ORDINARY));

    static u8 user_stack[PAGE_SIZE] PAGE_ALIGNED;
    mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_of((void *)start_info->pt_base), 0);
    callback_set(CALLBACKTYPE_syscall, (void (*)(void))entry_return_syscall);
    struct iret_context frame = {
        .rip = (u64)user_program,
        .cs = FLAT_USER_CS,
        .ss = FLAT_USER_SS,
        .rflags = 2,
        .rsp = (u64)user_stack + PAGE_SIZE - 8,
    };
    bench_begin("user_syscall_and_iret");
    attempt_iret(&frame);
    if (outcome.vector != 0x80)
        print("user program: trap %lu at %lx\n", outcome.vector, outcome.rip);
    bench_print("user_syscall_and_iret", attempt_result);
}

void guest_main(void)
{
    small();
    events();
    bench_tables();
    bench_grants();
    emulated();
    traps();
    bench_vcpus();
    bench_domains();
    print(bench_failed ? "bench: some operation failed\n" : "bench end 0\n");
}
