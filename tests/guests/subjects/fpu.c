/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FPU: what a domain starts with, the task-switched flag and its exception, arithmetic
 * exceptions, the extended state and its control, and that all of it survives other vCPUs' turns.
 */
#define SUBJECT "fpu"
#include "subject.h"

static void start(void)
{
    in.rbx = LOW_DATA;
    TRY_IN(KERNEL, "fnstcw (%rbx); movzwl (%rbx), %eax");
    TRY_IN(KERNEL, "fnstsw %ax");
    TRY_IN(KERNEL, "stmxcsr (%rbx); mov (%rbx), %eax");
    TRY_IN(KERNEL, "fxsave (%rbx); mov (%rbx), %rax; mov 8(%rbx), %rcx; mov 16(%rbx), %rdx; mov "
                   "24(%rbx), %rsi; mov 32(%rbx), %rdi");
    TRY_IN(KERNEL, "mov 160(%rbx), %rax; mov 400(%rbx), %rcx; mov 280(%rbx), %rdx");
    in_reset();
}

static void task_switched(void)
{
    for (u32 set = 0; set < 3; set++)
        for (u32 mode = KERNEL; mode <= USER; mode++) {
            SAY("fpu_taskswitch(%u) -> %ld", set, HYPERCALL1(fpu_taskswitch, set));
            TRY_IN(KERNEL, "mov %cr0, %rax");
            run(mode, CODE("fnop"));
            SAY("mode %u x87 -> %s", mode, run_answer());
            run(mode, CODE("fnop"));
            SAY("mode %u x87 again -> %s", mode, run_answer());
            HYPERCALL1(fpu_taskswitch, set);
            run(mode, CODE("xorps %xmm0, %xmm0"));
            SAY("mode %u SSE -> %s", mode, run_answer());
            HYPERCALL1(fpu_taskswitch, set);
            run(mode, CODE("fwait"));
            SAY("mode %u fwait -> %s", mode, run_answer());
            HYPERCALL1(fpu_taskswitch, set);
            run(mode, CODE("emms"));
            SAY("mode %u MMX -> %s", mode, run_answer());
            HYPERCALL1(fpu_taskswitch, set);
            sleep_ns(1000000);
            TRY_IN(KERNEL, "mov %cr0, %rax");
            run(mode, CODE("fnop"));
            SAY("mode %u x87 after a sleep -> %s", mode, run_answer());
            HYPERCALL1(fpu_taskswitch, 0);
        }
    HYPERCALL1(fpu_taskswitch, 0x100000000);
    TRY_IN(KERNEL, "mov %cr0, %rax");
    HYPERCALL1(fpu_taskswitch, 0);
    in.rax = 0x8005003b;
    TRY_IN(KERNEL, "mov %rax, %cr0; fnop");
    in.rax = 0x80050033;
    TRY_IN(KERNEL, "mov %rax, %cr0; fnop");
    HYPERCALL1(fpu_taskswitch, 1);
    TRY_IN(KERNEL, "clts; fnop");
    in_reset();
}

static void arithmetic(void)
{
    in.rbx = LOW_DATA;
    TRY("fninit; movw $0x37b, (%rbx); fldcw (%rbx); fld1; fldz; fdivrp; fwait");
    TRY("fnstsw %ax; fnclex; fnstcw (%rbx); fninit");
    TRY("movl $0x1d80, (%rbx); ldmxcsr (%rbx); mov $1, %eax; cvtsi2ss %eax, %xmm0; xorps %xmm1, "
        "%xmm1; divss %xmm1, %xmm0");
    TRY("stmxcsr (%rbx); mov (%rbx), %eax; movl $0x1f80, (%rbx); ldmxcsr (%rbx)");
    TRY("movl $0x10000, (%rbx); ldmxcsr (%rbx)");
    TRY("movl $0xffff, (%rbx); ldmxcsr (%rbx); movl $0x1f80, (%rbx); ldmxcsr (%rbx)");
    TRY("fxsave (%rbx); movl $-1, 24(%rbx); fxrstor (%rbx)");
    TRY("fxsave 8(%rbx)");
    TRY("movaps 8(%rbx), %xmm0");
    in_reset();
}

/* Values in every register, then sleep, and look again. */
static void kept(void)
{
    in.rbx = LOW_DATA;
    in.rax = 0x50660;
    TRY_IN(KERNEL, "mov %rax, %cr4");
    in.rax = 7;
    in.rcx = in.rdx = 0;
    TRY_IN(KERNEL, "xsetbv");
    memset(data_page, 0x5a, PAGE_SIZE);
    run(KERNEL, CODE("vmovups (%rbx), %ymm0; vmovups (%rbx), %ymm15; fninit; fld1; fldpi; movq "
                     "(%rbx), %xmm7; xgetbv"));
    SAY("loaded -> %s", trap_text(&outcome));
    for (u32 i = 0; i < 3; i++) {
        sleep_ns(1000000);
        memset(data_page, 0, PAGE_SIZE);
        run(KERNEL,
            CODE("vmovups %ymm0, (%rbx); mov 24(%rbx), %rax; vmovups %ymm15, (%rbx); mov 16(%rbx), "
                 "%rcx; fnstsw %ax; movups %xmm7, (%rbx); mov (%rbx), %rdx; mov 8(%rbx), %rsi"));
        SAY("after sleep %u -> %s", i, run_answer());
    }
    /* What was switched off is still there when it is switched on again. */
    static const u64 components[] = {1, 3, 7, 3, 7};
    for (u32 i = 0; i < COUNT(components); i++) {
        in.rax = components[i];
        in.rcx = in.rdx = 0;
        run(KERNEL, CODE("xsetbv"));
        sleep_ns(1000000);
        SAY("xcr0 %lx -> %s", components[i], trap_text(&outcome));
        run(KERNEL, CODE("xgetbv"));
        SAY("xgetbv -> %s", run_answer());
        run(KERNEL, CODE("vmovups %ymm15, (%rbx); mov 16(%rbx), %rcx"));
        SAY("AVX -> %s", run_answer());
        run(KERNEL, CODE("movups %xmm15, (%rbx); mov (%rbx), %rcx"));
        SAY("SSE -> %s", run_answer());
        memset(data_page, 0, PAGE_SIZE);
        in.rax = in.rdx = 0xffffffff;
        run(KERNEL, CODE("xsave (%rbx); mov 512(%rbx), %rcx; mov 520(%rbx), %rsi"));
        SAY("xsave -> %s", run_answer());
        run(KERNEL, CODE("xsaveopt (%rbx)"));
        SAY("xsaveopt -> %s", trap_text(&outcome));
        run(KERNEL, CODE("xsavec (%rbx)"));
        SAY("xsavec -> %s", trap_text(&outcome));
        run(KERNEL, CODE("xsaves (%rbx)"));
        SAY("xsaves -> %s", trap_text(&outcome));
        *(u64 *)(data_page + 512) = 1ull << 62;
        run(KERNEL, CODE("xrstor (%rbx)"));
        SAY("xrstor of a component that is not there -> %s", trap_text(&outcome));
    }
    in_reset();
}

void guest_main(void)
{
    subject_start();
    start();
    task_switched();
    arithmetic();
    kept();
    SAY("end -> 0");
}
