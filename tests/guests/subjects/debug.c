/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug registers by hypercall and by instruction, breakpoints on code and data in both modes,
 * single steps over what is emulated, and what DR6 says afterwards.
 */
#define SUBJECT "debug"
#include "subject.h"

static s64 set(u64 reg, u64 value)
{
    return HYPERCALL2(set_debugreg, reg, value);
}

static u64 get(u64 reg)
{
    return (u64)HYPERCALL1(get_debugreg, reg);
}

static void off(void)
{
    set(7, 0x400);
    set(6, 0xffff0ff0);
    for (u32 n = 0; n < 4; n++)
        set(n, 0);
}

static void registers(void)
{
    static const u64 values[] = {0,
                                 LOW_CODE,
                                 ~0ull,
                                 NONCANONICAL,
                                 HYPERVISORS,
                                 0x7fffffffffff,
                                 0x800000000000,
                                 0xffff800000000000,
                                 0xffff7fffffffffff,
                                 0xffff880000000000,
                                 0xffff87ffffffffff,
                                 0x7ffffffff000};
    for (u32 n = 0; n < 4; n += 3)
        for (u32 i = 0; i < COUNT(values); i++)
            SAY("dr%u = %lx -> %ld, then %lx", n, values[i], set(n, values[i]), get(n));
    static const u64 status[] = {0,      ~0ull,  0xffffffff,  0xffff0ff0, 0x1,
                                 0x4000, 0xe00f, 0x100000000, 0x10000};
    for (u32 i = 0; i < COUNT(status); i++)
        SAY("dr6 = %lx -> %ld, then %lx", status[i], set(6, status[i]), get(6));
    static const u64 controls[] = {0,       0x400,   ~0ull,      0xffffffff, 0x100000000, 0x2000,
                                   0x2400,  0x403,   0xff,       0x300,      0xdc00,      0x20401,
                                   0xf0401, 0xa0401, 0xffff0401, 0x20400,    0x33330455,  0x800,
                                   0x1000,  0x8000,  0x4000};
    for (u32 i = 0; i < COUNT(controls); i++) {
        SAY("dr7 = %lx -> %ld, then %lx", controls[i], set(7, controls[i]), get(7));
        set(7, 0x400);
    }
    static const u64 numbers[] = {4, 5, 8, 15, 0xffffffff, 0x100000000, 0x100000007};
    for (u32 i = 0; i < COUNT(numbers); i++)
        SAY("dr %lx = 400 -> %ld, then %lx", numbers[i], set(numbers[i], 0x400), get(numbers[i]));
    off();
}

static void instructions(void)
{
    static const u64 cr4[] = {0x50660, 0x50668};
    for (u32 i = 0; i < COUNT(cr4); i++) {
        in.rax = cr4[i];
        TRY_IN(KERNEL, "mov %rax, %cr4");
        in.rax = LOW_CODE;
        TRY("mov %rax, %db0");
        TRY("mov %db0, %rbx");
        TRY("mov %db1, %r12");
        TRY("mov %db4, %rbx");
        TRY("mov %db5, %rbx");
        TRY("mov %db6, %rbx");
        TRY("mov %db7, %rbx");
        TRY(".byte 0x44, 0x0f, 0x21, 0xc3"); /* dr8 */
        in.rax = 0x400;
        TRY("mov %rax, %db4");
        TRY("mov %rax, %db5");
        TRY("mov %rax, %db6");
        TRY("mov %rax, %db7");
        TRY(".byte 0x44, 0x0f, 0x23, 0xc0");
        in.rax = 0x2400;
        TRY("mov %rax, %db7");
        in.rax = 0x100000400;
        TRY("mov %rax, %db7");
        TRY("mov %rax, %db6");
        in.rax = HYPERVISORS;
        TRY("mov %rax, %db0");
        in_reset();
    }
    off();
}

static void hit(const char *what)
{
    SAY("%s -> %s at +%lx flags %lx, dr6 %lx dr7 %lx", what, trap_text(&outcome),
        outcome.rip - LOW_CODE, outcome.rflags & 0x10100, get(6), get(7));
}

static void breakpoints(void)
{
    static const u32 types[] = {0, 1, 3, 2}, sizes[] = {0, 1, 3, 2};
    for (u32 mode = KERNEL; mode <= USER; mode++)
        for (u32 t = 0; t < COUNT(types); t++)
            for (u32 s = 0; s < COUNT(sizes); s++) {
                u64 control = 0x401 | types[t] << 16 | sizes[s] << 18;
                off();
                in.rbx = LOW_DATA;
                set(0, types[t] ? LOW_DATA : LOW_CODE + 4);
                s64 taken = set(7, control);
                run(mode, CODE("nop; nop; nop; nop; nop; mov (%rbx), %ecx; nop; mov %ecx, (%rbx); "
                               "nop; mov %cl, 7(%rbx); nop; nop"));
                hit(text("mode %u, type %u, size %u: %ld", mode, types[t], sizes[s], taken));
                set(6, 0xffff0ff0);
            }
    off();
    in_reset();
    /* Several at once, and DR6 adds up. */
    set(0, LOW_CODE + 1);
    set(1, LOW_CODE + 1);
    set(2, LOW_CODE + 2);
    set(7, 0x400 | 0x15);
    for (u32 i = 0; i < 2; i++) {
        run(USER, CODE("nop; nop; nop"));
        hit(text("three of code, time %u", i));
    }
    /* RF lets one instruction pass. */
    in.rip = LOW_CODE;
    in.rflags = 0x10002;
    set(0, LOW_CODE);
    set(6, 0xffff0ff0);
    run(USER, CODE("nop; nop; nop"));
    hit("the first instruction with RF");
    run(KERNEL, CODE("nop; nop; nop"));
    hit("the first instruction with RF, kernel");
    in_reset();
    run(USER, CODE("nop; nop; nop"));
    hit("the first instruction");
    off();
    /* Before what is emulated, and on what it reads. */
    set(0, LOW_CODE);
    set(7, 0x401);
    run(KERNEL, CODE("clts"));
    hit("breakpoint on clts");
    run(KERNEL, CODE("ud2; .ascii \"xen\"; cpuid"));
    hit("breakpoint on forced cpuid");
    run(USER, CODE("syscall"));
    hit("breakpoint on syscall");
    run(USER, CODE("int $0x80"));
    hit("breakpoint on int");
    off();
    set(0, LOW_RSP - 8);
    set(7, 0xd0401);
    run(USER, CODE("push %rax; nop"));
    hit("watched stack");
    off();
}

/* --- single steps: the places at which they stop */

static u32 steps;
static u64 stepped[24];

static bool step_hook(struct trap_regs *regs)
{
    if (regs->vector != 1)
        return false;
    if (steps < COUNT(stepped))
        stepped[steps++] = regs->rip - LOW_CODE;
    return steps < COUNT(stepped);
}

static void step(enum mode mode, const char *what, struct code code)
{
    char *places = "";
    steps = 0;
    set(6, 0xffff0ff0);
    in.rflags = 0x102;
    trap_hook = step_hook;
    run(mode, code);
    trap_hook = NULL;
    for (u32 i = 0; i < steps; i++)
        places = text("%s %lx", places, stepped[i]);
    SAY("steps through %s, mode %u ->%s, then %s at +%lx dr6 %lx", what, mode, places,
        trap_text(&outcome), outcome.rip - LOW_CODE, get(6));
    in_reset();
}

#define STEP(assembly)                                                                             \
    do {                                                                                           \
        step(KERNEL, assembly, CODE(assembly));                                                    \
        step(USER, assembly, CODE(assembly));                                                      \
    } while (0)

static void single_steps(void)
{
    STEP("nop; nop; nop");
    STEP("clts; nop");
    STEP("mov %cr0, %rax; nop");
    STEP("ud2; .ascii \"xen\"; cpuid; nop");
    STEP("cpuid; nop");
    STEP("rdtsc; nop");
    STEP("xor %ecx, %ecx; rdmsr; nop");
    STEP("mov %ss, %eax; mov %eax, %ss; nop; nop");
    STEP("pushf; popf; nop");
    STEP("pushf; andl $~0x100, (%rsp); popf; nop; nop");
    STEP("ud2; nop");
    STEP("int3; nop");
    STEP(".byte 0xf1; nop; nop");
    STEP("int $0x80; nop");
    STEP("mov $17, %eax; xor %edi, %edi; syscall; nop; nop");
    STEP("hlt; nop");
    STEP("mov %db7, %rax; nop");
    STEP("mov %db6, %rax; nop");
    STEP("jmp 1f; nop; 1: nop");
    STEP("mov $3, %ecx; rep stosb; nop");
    STEP("mov $0x80, %edx; in %dx, %al; nop");
}

void guest_main(void)
{
    subject_start();
    registers();
    instructions();
    breakpoints();
    single_steps();
    SAY("end -> 0");
}
