/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Privileged instructions in ring 3: which are carried out in kernel and in user mode, with which
 * result, which prefixes and operands are understood, and which fault.
 */
#define SUBJECT "emulate"
#include "subject.h"

/* What is there for all, whatever its registers hold. */
static void control_registers(void)
{
    TRY("mov %cr0, %rax");
    TRY("mov %cr0, %r15");
    TRY("mov %cr1, %rax");
    shared_info->vcpu_info[0].arch.cr2 = 0x123456789abc;
    TRY("mov %cr2, %rdx");
    TRY("mov %cr4, %rbx");
    TRY("mov %cr5, %rax");
    TRY("mov %cr7, %rax");
    TRY("mov %cr8, %rax");
    TRY("mov %cr9, %rax");
    TRY("mov %cr15, %rax");
    TRY("mov %rax, %cr1");
    TRY("mov %rax, %cr8");
    TRY("mov %rax, %cr9");
    TRY("mov %rax, %cr2");
    TRY("mov %cr2, %rdx");
    TRY("smsw %rax");
    TRY("smsw %ax");
    TRY("lmsw %ax");
    TRY("clts");
    /* The ModRM byte's mode bits mean nothing for these. */
    TRY(".byte 0x0f, 0x20, 0x00");
    TRY(".byte 0x0f, 0x20, 0x50, 0x00");
    TRY(".byte 0x66, 0x0f, 0x20, 0xc0");
    TRY(".byte 0xf2, 0x0f, 0x20, 0xc0");
    TRY(".byte 0xf3, 0x0f, 0x20, 0xc0");
    TRY(".byte 0x48, 0x0f, 0x20, 0xc0");
    TRY(".byte 0xf0, 0x0f, 0x20, 0xc0");
}

static void control_writes(void)
{
    static const u64 cr0[] = {0,          0x80050033, 0x8005003b, 0x80050033, 0x80050031,
                              0x80050013, 0xe0050033, 0x50033,    ~0ull};
    static const u64 cr4[] = {0,       0x6a0,   0x4,   0x8,   0xc, 0x10000,
                              0x40000, 0x40668, 0x600, ~0ull, 0x80};
    for (u32 i = 0; i < COUNT(cr0); i++) {
        in.rax = cr0[i];
        run(KERNEL, CODE("mov %rax, %cr0"));
        SAY("cr0 set to %lx -> %s", cr0[i], run_answer());
        in_reset();
        TRY_IN(KERNEL, "mov %cr0, %rax");
        TRY_IN(KERNEL, "clts");
    }
    for (u32 i = 0; i < COUNT(cr4); i++) {
        in.rax = cr4[i];
        run(KERNEL, CODE("mov %rax, %cr4"));
        SAY("cr4 set to %lx -> %s", cr4[i], run_answer());
        in_reset();
        TRY_IN(KERNEL, "mov %cr4, %rax");
        /* Time-stamps, CPUID and the bases follow CR4. */
        run(USER, CODE("rdtsc"));
        SAY("user rdtsc then -> vector %lx", outcome.vector);
        run(KERNEL, CODE("rdtsc"));
        SAY("rdtsc then -> vector %lx", outcome.vector);
        TRY("rdfsbase %rax; mov $0, %eax");
        in.rax = 1;
        in.rcx = 0;
        run(KERNEL, CODE("ud2; .ascii \"xen\"; cpuid; and $0x8000000, %ecx; mov $0, %eax; mov $0, "
                         "%ebx; mov $0, %edx"));
        SAY("forced cpuid then -> %s", run_answer());
        run(USER, CODE("ud2; .ascii \"xen\"; cpuid; and $0x8000000, %ecx; mov $0, %eax; mov $0, "
                       "%ebx; mov $0, %edx"));
        SAY("user forced cpuid then -> %s", run_answer());
        in_reset();
    }
    in.rax = 0x50660;
    TRY_IN(KERNEL, "mov %rax, %cr4");
    in.rax = mfn_of((void *)start_info->pt_base) * PAGE_SIZE;
    run(KERNEL, CODE("mov %cr3, %rbx; cmp %rax, %rbx; sete %cl; movzx %cl, %ecx; xor %eax, %eax; "
                     "mov $0, %ebx"));
    SAY("cr3 is the first table -> %s", run_answer());
    in.rax = mfn_of((void *)start_info->pt_base) * PAGE_SIZE;
    run(KERNEL, CODE("mov %rax, %cr3; mov $0, %eax"));
    SAY("cr3 set to the same -> %s", run_answer());
    in.rax |= 0x18;
    run(KERNEL, CODE("mov %rax, %cr3; mov $0, %eax"));
    SAY("cr3 set to the same with flags -> %s", run_answer());
    in.rax |= 1ull << 63;
    run(KERNEL, CODE("mov %rax, %cr3; mov $0, %eax"));
    SAY("cr3 set to the same with bit 63 -> %s", run_answer());
    in_reset();
    in.rax = 0;
    TRY("mov %rax, %cr3");
    in.rax = 0xffffffffff000;
    TRY("mov %rax, %cr3");
    in.rax = mfn_of(data_page) * PAGE_SIZE;
    run(KERNEL, CODE("mov %rax, %cr3; mov $0, %eax"));
    SAY("cr3 set to data -> vector %lx at +%lx", outcome.vector, outcome.rip - LOW_CODE);
    in_reset();
}

static void other_instructions(void)
{
    TRY("hlt");
    TRY("cli");
    TRY("sti");
    TRY("pushf; cli; popf");
    TRY("invd");
    TRY("wbinvd");
    TRY(".byte 0xf3, 0x0f, 0x09"); /* wbnoinvd */
    TRY("invlpg (%rsp)");
    TRY("swapgs");
    TRY("lgdt (%rsp)");
    TRY("lidt (%rsp)");
    TRY("lldt %ax");
    TRY("ltr %ax");
    TRY("sysretq");
    TRY("sysretl");
    TRY("sysexitl");
    TRY("rsm");
    TRY("ud2");
    TRY("ud1 %eax, %eax");
    TRY(".byte 0x0f, 0xff, 0xc0"); /* ud0 */
    TRY("vmcall");
    TRY("vmmcall");
    TRY("vmlaunch");
    TRY("vmrun");
    TRY("vmload");
    TRY("stgi");
    TRY("clgi");
    TRY("skinit");
    TRY("invlpga");
    TRY("monitor");
    TRY("mwait");
    TRY("rdpmc");
    TRY("xgetbv");
    TRY("stac");
    TRY("clac");
    TRY("rdpkru");
    TRY("encls");
    TRY("getsec");
    TRY("rdpid %rax");
    TRY("clzero");
    TRY("lock; cpuid");
    TRY("in %dx, %al; lock; in %dx, %al");
    /* 0F 24, 26: test registers, long gone. */
    TRY(".byte 0x0f, 0x24, 0xc0");
    TRY(".byte 0x0f, 0x26, 0xc0");
    /* Sixteen bytes are too many. */
    TRY(".rept 13; .byte 0x66; .endr; clts");
    TRY(".rept 14; .byte 0x66; .endr; clts");
    TRY(".byte 0x48, 0x66; clts");
    TRY(".byte 0x2e, 0x3e, 0x64, 0x65, 0x67; clts");
    TRY(".byte 0xf0; clts");
    TRY(".byte 0xf2; clts");
    TRY(".byte 0xf3; clts");
    TRY(".byte 0xf0; wbinvd");
    TRY(".byte 0xf2; wbinvd");
    TRY(".byte 0x66; rdmsr");
    TRY(".byte 0xf2; rdmsr");
    TRY(".byte 0xf3; cli");
}

static void xsetbv(void)
{
    static const u64 values[] = {0, 1, 2, 3, 4, 5, 6, 7, 0xe7, 0x207, 0x18, ~0ull, 7};
    in.rcx = 0;
    for (u32 with = 0; with < 2; with++) {
        in.rax = with ? 0x50660 : 0x10660;
        TRY_IN(KERNEL, "mov %rax, %cr4");
        for (u32 i = 0; i < COUNT(values); i++) {
            in.rax = values[i] & 0xffffffff;
            in.rdx = values[i] >> 32;
            run(KERNEL, CODE("xsetbv"));
            SAY("xsetbv %lx -> %s", values[i], run_answer());
            run(USER, CODE("xgetbv"));
            SAY("then user xgetbv -> %s", run_answer());
            run(KERNEL, CODE("xgetbv"));
            SAY("then xgetbv -> %s", run_answer());
        }
        in.rax = 7;
        in.rdx = 0;
        TRY_IN(USER, "xsetbv");
        in.rcx = 1;
        TRY("xsetbv");
        TRY_IN(KERNEL, "xgetbv");
        in.rcx = 0x100000000;
        TRY_IN(KERNEL, "xsetbv");
        in.rcx = 0;
        TRY_IN(KERNEL, ".byte 0x66; xsetbv");
        TRY_IN(KERNEL, ".byte 0xf3; xsetbv");
        TRY_IN(KERNEL, ".byte 0xf2; xsetbv");
    }
    in_reset();
}

static void rdtscp(void)
{
    for (u32 mode = KERNEL; mode <= USER; mode++) {
        run(mode, CODE("rdtscp; mov $0, %eax; mov $0, %edx"));
        SAY("mode %u rdtscp -> %s", mode, run_answer());
        run(mode, CODE("rdtsc; mov $0, %eax; mov $0, %edx"));
        SAY("mode %u rdtsc -> %s", mode, run_answer());
    }
    in.rax = 0x50660 | 4;
    TRY_IN(KERNEL, "mov %rax, %cr4");
    in_reset();
    for (u32 mode = KERNEL; mode <= USER; mode++) {
        run(mode, CODE("rdtscp; mov $0, %eax; mov $0, %edx"));
        SAY("mode %u rdtscp with TSD -> %s", mode, run_answer());
        run(mode, CODE("rdtsc; mov $0, %eax; mov $0, %edx"));
        SAY("mode %u rdtsc with TSD -> %s", mode, run_answer());
    }
    in.rax = 0x50660;
    TRY_IN(KERNEL, "mov %rax, %cr4");
    in_reset();
}

/* Code whose end is on a page that is not there. */
static void page_ends(void)
{
    static const u8 clts[] = {0x0f, 0x06};
    u64 end = LOW_NX + PAGE_SIZE; /* LOW_NONE follows; LOW_CONST may be executed and does not */
    map_low(LOW_NX, nx_page, PTE_ORDINARY);
    for (u32 split = 0; split <= sizeof(clts); split++) {
        memset(nx_page, 0x90, PAGE_SIZE);
        memcpy(nx_page + PAGE_SIZE - split, clts, split);
        in.rip = end - split;
        in.cs = FLAT_KERNEL_CS & ~3ull;
        attempt_enter(&in);
        SAY("clts, %u bytes of it there -> %s at end%ld", split, trap_text(&outcome),
            (s64)(outcome.rip - end));
    }
    static const u8 forced[] = {0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2};
    for (u32 split = 0; split <= sizeof(forced); split++) {
        memcpy(nx_page + PAGE_SIZE - split, forced, split);
        in.rip = end - split;
        attempt_enter(&in);
        SAY("forced cpuid, %u bytes of it there -> %s at end%ld", split, trap_text(&outcome),
            (s64)(outcome.rip - end));
    }
    map_low(LOW_NX, nx_page, PTE_ORDINARY | PTE_NX);
    in_reset();
}

void guest_main(void)
{
    subject_start();
    control_registers();
    control_writes();
    other_instructions();
    xsetbv();
    rdtscp();
    page_ends();
    SAY("end -> 0");
}
