/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls as such: every number and every sub-operation with arguments that lead nowhere, tables
 * of calls (multicall), and what becomes of registers.
 */
#define SUBJECT "handles"
#include "subject.h"

/* What must not be called like this: iret and what would stop the domain. */
static bool is_safe(u32 number, u32 cmd)
{
    switch (number) {
    case __HYPERVISOR_iret:
    case __HYPERVISOR_stack_switch:
    case __HYPERVISOR_set_callbacks:
    case __HYPERVISOR_set_trap_table:
    case __HYPERVISOR_set_gdt:
        return false;
    case __HYPERVISOR_sched_op:
        return cmd != SCHEDOP_block;
    case __HYPERVISOR_sched_op_compat:
        return cmd != 1 && cmd != 2;
    case __HYPERVISOR_vcpu_op:
        return false; /* a subject of its own */
    case __HYPERVISOR_memory_op:
        return cmd != XENMEM_maximum_ram_page; /* a number of the machine's */
    case __HYPERVISOR_console_io:
        return cmd != CONSOLEIO_write && cmd != CONSOLEIO_read;
    default:
        return true;
    }
}

/* Numbers whose first argument is a command and whose second points at its structure. */
static void commands(void)
{
    static const u32 families[] = {
        __HYPERVISOR_memory_op,  __HYPERVISOR_xen_version,     __HYPERVISOR_console_io,
        __HYPERVISOR_sched_op,   __HYPERVISOR_callback_op,     __HYPERVISOR_event_channel_op,
        __HYPERVISOR_physdev_op, __HYPERVISOR_hvm_op,          __HYPERVISOR_nmi_op,
        __HYPERVISOR_xenpmu_op,  __HYPERVISOR_sched_op_compat, __HYPERVISOR_vm_assist,
        __HYPERVISOR_xsm_op,     __HYPERVISOR_argo_op,         __HYPERVISOR_tmem_op};
    static const struct {
        const char *name;
        u64 address;
    } places[] = {{"nowhere", NONCANONICAL},
                  {"missing", LOW_NONE},
                  {"hypervisor's", HYPERVISORS},
                  {"end of the lower half", 0x7fffffffffff},
                  {"end of all", ~0ull}};
    for (u32 f = 0; f < COUNT(families); f++)
        for (u32 cmd = 0; cmd < 36; cmd++) {
            char *answers = "";
            if (!is_safe(families[f], cmd))
                continue;
            /* The order of version answers by name; they may be longer than the page's rest. */
            for (u32 p = 0; p < COUNT(places); p++)
                answers = text("%s %ld", answers,
                               hypercall(families[f], cmd, places[p].address, 0, 0, 0));
            SAY("call %u, command %u, places ->%s", families[f], cmd, answers);
        }
    for (u32 f = 0; f < COUNT(families); f++) {
        static const u64 wild[] = {0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, ~0ull};
        for (u32 i = 0; i < COUNT(wild); i++)
            if ((u32)wild[i])
                SAY("call %u, command %lx -> %ld", families[f], wild[i],
                    hypercall(families[f], wild[i], LOW_NONE, 0, 0, 0));
    }
}

static void pointers(void)
{
    static const u64 places[] = {NONCANONICAL,   LOW_NONE, HYPERVISORS,
                                 0x7fffffffffff, ~0ull,    LOW_NONE - 1};
    for (u32 p = 0; p < COUNT(places); p++) {
        u64 at = places[p];
        SAY("mmu_update at %lx -> %ld %ld %ld", at, HYPERCALL4(mmu_update, at, 0, 0, DOMID_SELF),
            HYPERCALL4(mmu_update, at, 1, 0, DOMID_SELF),
            HYPERCALL4(mmu_update, LOW_DATA, 0, at, DOMID_SELF));
        SAY("mmuext_op at %lx -> %ld %ld %ld", at, HYPERCALL4(mmuext_op, at, 0, 0, DOMID_SELF),
            HYPERCALL4(mmuext_op, at, 1, 0, DOMID_SELF),
            HYPERCALL4(mmuext_op, LOW_DATA, 0, at, DOMID_SELF));
        SAY("multicall at %lx -> %ld %ld", at, HYPERCALL2(multicall, at, 0),
            HYPERCALL2(multicall, at, 1));
        SAY("grant_table_op at %lx -> %ld %ld", at, HYPERCALL3(grant_table_op, 2, at, 0),
            HYPERCALL3(grant_table_op, 2, at, 1));
        SAY("console write at %lx -> %ld %ld", at, HYPERCALL3(console_io, CONSOLEIO_write, 0, at),
            HYPERCALL3(console_io, CONSOLEIO_write, 4, at));
        SAY("platform_op, domctl, sysctl at %lx -> %ld %ld %ld", at, HYPERCALL1(platform_op, at),
            HYPERCALL1(domctl, at), HYPERCALL1(sysctl, at));
        SAY("compat calls at %lx -> %ld %ld", at, HYPERCALL1(event_channel_op_compat, at),
            HYPERCALL1(physdev_op_compat, at));
    }
    SAY("console commands -> %ld %ld", HYPERCALL3(console_io, 2, 4, LOW_DATA),
        HYPERCALL3(console_io, ~0u, 4, LOW_DATA));
    SAY("console read of nothing -> %ld", HYPERCALL3(console_io, CONSOLEIO_read, 0, LOW_DATA));
}

static void numbers(void)
{
    for (u32 number = 41; number < 72; number++)
        SAY("call %u -> %ld", number, hypercall(number, 0, 0, 0, 0, 0));
    static const u64 wild[] = {0x7fffffff, 0x80000000, 0xffffffff, 0x100000011,
                               1ull << 63, ~0ull,      0x100000000};
    for (u32 i = 0; i < COUNT(wild); i++)
        SAY("call %lx -> %ld", wild[i], hypercall(wild[i], 0, 0, 0, 0, 0));
}

/* --- multicalls */

static struct multicall_entry calls[64];

static void multicalls(void)
{
    for (u32 i = 0; i < COUNT(calls); i++)
        calls[i] = (struct multicall_entry){
            .op = i,
            .args = {99, NONCANONICAL, NONCANONICAL, NONCANONICAL, NONCANONICAL, NONCANONICAL}};
    calls[__HYPERVISOR_iret].op = calls[__HYPERVISOR_stack_switch].op =
        calls[__HYPERVISOR_set_callbacks].op = __HYPERVISOR_xen_version;
    calls[__HYPERVISOR_fpu_taskswitch].args[0] = 0;
    calls[__HYPERVISOR_set_trap_table].args[0] = NONCANONICAL;
    RESULT("one of each", HYPERCALL2(multicall, calls, COUNT(calls)));
    for (u32 i = 0; i < COUNT(calls); i++)
        SAY("result %u of call %lx -> %ld", i, calls[i].op, (s64)calls[i].result);
    static const u64 wild[] = {64, 0xffffffff, 1ull << 32, ~0ull};
    for (u32 i = 0; i < COUNT(wild); i++)
        calls[i] = (struct multicall_entry){.op = wild[i]};
    RESULT("wild numbers", HYPERCALL2(multicall, calls, COUNT(wild)));
    for (u32 i = 0; i < COUNT(wild); i++)
        SAY("result of call %lx -> %ld", wild[i], (s64)calls[i].result);
    calls[0] = (struct multicall_entry){.op = __HYPERVISOR_multicall, .args = {(u64)&calls[2], 1}};
    calls[1] = (struct multicall_entry){.op = __HYPERVISOR_xen_version};
    calls[2] = (struct multicall_entry){.op = __HYPERVISOR_xen_version, .result = 0x777};
    RESULT("one within another", HYPERCALL2(multicall, calls, 2));
    SAY("results -> %ld %lx %lx", (s64)calls[0].result, calls[1].result, calls[2].result);
    /* The table ends where there is no memory; its results cannot be written. */
    struct multicall_entry *last = (void *)(LOW_CONST - sizeof(calls[0]));
    *(struct multicall_entry *)(data_page + PAGE_SIZE - sizeof(calls[0])) = calls[1];
    RESULT("a table that goes on read-only", HYPERCALL2(multicall, last, 2));
    SAY("result -> %lx", last->result);
    RESULT("a table on a read-only page", HYPERCALL2(multicall, LOW_CONST, 1));
    RESULT("a table of the wrong alignment", HYPERCALL2(multicall, LOW_DATA + 1, 1));
    RESULT("a table that wraps", HYPERCALL2(multicall, ~63ull, 2));
    RESULT("too many", HYPERCALL2(multicall, LOW_NONE, 0xffffffff));
    RESULT("2^32", HYPERCALL2(multicall, LOW_NONE, 1ull << 32));
}

static void registers(void)
{
    in.rax = __HYPERVISOR_xen_version;
    in.rdi = in.rsi = 0;
    TRY_IN(KERNEL, "syscall; mov $0, %ecx; mov $0, %r11d");
    in.rax = 63;
    TRY_IN(KERNEL, "syscall; mov $0, %ecx; mov $0, %r11d");
    in.rax = ~0ull;
    TRY_IN(KERNEL, "syscall; mov $0, %ecx; mov $0, %r11d");
    in.rax = __HYPERVISOR_memory_op;
    in.rdi = XENMEM_exchange;
    in.rsi = LOW_NONE;
    TRY_IN(KERNEL, "syscall; mov $0, %ecx; mov $0, %r11d");
    in.rflags = 0xad7;
    TRY_IN(KERNEL, "syscall; mov $0, %ecx; mov $0, %r11d");
    in_reset();
    in.rax = __HYPERVISOR_xen_version;
    in.rdi = in.rsi = 0;
    TRY_IN(KERNEL, "vmcall");
    TRY_IN(KERNEL, "vmmcall");
    in_reset();
}

/* The page of calls that the hypervisor writes. */
static void hypercall_page(void)
{
    in.rcx = 0x40000000;
    in.rdx = 0;
    in.rax = 0xfffff001;
    TRY_IN(KERNEL, "wrmsr");
    in.rax = (u64)data_page & 0xffffffff;
    in.rdx = (u64)data_page >> 32;
    run(KERNEL, CODE("wrmsr"));
    SAY("a page by the MSR, virtual -> %s", trap_text(&outcome));
    in_reset();
}

void guest_main(void)
{
    subject_start();
    commands();
    pointers();
    numbers();
    guest_restore(); /* 2^32 is number 0, which took all handlers away */
    multicalls();
    guest_restore();
    registers();
    hypercall_page();
    SAY("end -> 0");
}
