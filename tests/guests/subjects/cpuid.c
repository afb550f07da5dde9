/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID by the forced-emulation prefix: every leaf, from the kernel and from user mode. What is
 * different on each CPU of a machine, or on each run (frequencies), is left out.
 */
#define SUBJECT "cpuid"
#include "subject.h"

#define HYPERVISOR_LEAF 0x40000000u

static void ask(enum mode mode, u32 leaf, u32 subleaf)
{
    in.rax = leaf;
    in.rcx = subleaf;
    in.rbx = in.rdx = ~0ull;
    run(mode, CODE("ud2; .ascii \"xen\"; cpuid"));
    /* The frequency of the clock is measured, and so never the same twice. */
    if (leaf == HYPERVISOR_LEAF + 3)
        outcome.rax = outcome.rbx = outcome.rcx = outcome.rdx = 0;
    SAY("%sleaf %x.%x -> %lx %lx %lx %lx%s", mode == USER ? "user " : "", leaf, subleaf,
        outcome.rax, outcome.rbx, outcome.rcx, outcome.rdx, outcome.vector == 3 ? "" : " trapped");
}

static void ask_all(enum mode mode)
{
    for (u32 leaf = 0; leaf < 0x20; leaf++)
        for (u32 subleaf = 0;
             subleaf < (leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd ? 4 : 2); subleaf++)
            ask(mode, leaf, subleaf);
    for (u32 subleaf = 4; subleaf < 65; subleaf++)
        if (subleaf < 12 || subleaf > 60)
            ask(mode, 0xd, subleaf);
    for (u32 leaf = 0x80000000; leaf < 0x80000024; leaf++)
        ask(mode, leaf, leaf == 0x8000001d);
    for (u32 leaf = 0; leaf < 8; leaf++)
        for (u32 subleaf = 0; subleaf < 3; subleaf++)
            ask(mode, HYPERVISOR_LEAF + leaf, subleaf);
    static const u32 others[] = {HYPERVISOR_LEAF + 0xff,
                                 HYPERVISOR_LEAF + 0x100,
                                 0x7fffffff,
                                 0x80000100,
                                 0x80860000,
                                 0x8fffffff,
                                 0xc0000000,
                                 0xffffffff,
                                 0x10000000,
                                 0x3fffffff};
    for (u32 i = 0; i < COUNT(others); i++)
        ask(mode, others[i], 0);
}

void guest_main(void)
{
    subject_start();
    ask_all(KERNEL);
    ask_all(USER);
    /* What is to be seen of enabled state. */
    in.rax = 0x50660;
    TRY_IN(KERNEL, "mov %rax, %cr4");
    static const u32 components[] = {1, 3, 7, 0xe7};
    for (u32 i = 0; i < COUNT(components); i++) {
        in.rax = components[i];
        in.rcx = in.rdx = 0;
        run(KERNEL, CODE("xsetbv"));
        SAY("xsetbv %x -> %s", components[i], run_answer());
        ask(KERNEL, 0xd, 0);
        ask(KERNEL, 0xd, 1);
        ask(USER, 1, 0);
    }
    in_reset();
    /* Upper halves of the arguments do not count. */
    in.rax = 0x100000000;
    in.rcx = 0x100000000;
    TRY("ud2; .ascii \"xen\"; cpuid; mov $0, %eax; mov $0, %ebx; mov $0, %ecx; mov $0, %edx");
    in_reset();
    /* What is nearly the prefix is an invalid opcode. */
    TRY("ud2; .ascii \"xeN\"; cpuid");
    TRY("ud2; .ascii \"xen\"; rdtsc");
    TRY("ud2; .ascii \"xen\"; nop; cpuid");
    TRY("ud2; .ascii \"xen\"; .byte 0x48; cpuid");
    TRY("ud2; .ascii \"xen\"; .byte 0xf0; cpuid");
    SAY("end -> 0");
}
