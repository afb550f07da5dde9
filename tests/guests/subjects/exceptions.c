/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exceptions as the guest's kernel sees them: the frame, the error code, the address of a page
 * fault, the event mask; INT n and who may use it; handlers that fault themselves; returns with odd
 * flags.
 */
#define SUBJECT "exceptions"
#include "subject.h"

static void faults(void)
{
    in.rcx = 0;
    TRY("div %rcx");
    in.rax = 0x8000000000000000;
    in.rdx = ~0ull;
    in.rcx = ~0ull;
    TRY("idiv %rcx");
    in_reset();
    TRY("int3");
    TRY(".byte 0xf3; int3");
    TRY(".byte 0xce");
    TRY("ud2");
    TRY(".byte 0xf0; nop");
    TRY(".byte 0x06");
    TRY(".byte 0x62, 0x00");
    TRY(".byte 0xf1");
    TRY("pushf; orl $0x100, (%rsp); popf; nop; nop");
    TRY("pushf; orl $0x100, (%rsp); popf; mov %ss, %eax; mov %eax, %ss; nop; nop");
    TRY("pushf; orl $0x100, (%rsp); popf; int3");
    TRY("pushf; orl $0x100, (%rsp); popf; ud2");
    TRY("pushf; orl $0x40000, (%rsp); popf; mov 1(%rsp), %eax; popf");
    TRY("pushf; orl $0x40000, (%rsp); popf; mov %eax, -7(%rsp)");
    TRY("pushf; orl $0x244000, (%rsp); popf; ud2");
    TRY_IN(USER, "mov $0x8000000000000000, %rsp; push %rax");
    TRY_IN(USER, "mov $0x8000000000000000, %rsp; pop %rax");
    TRY("mov $0x8000000000000000, %rbp; mov (%rbp), %eax");
    TRY("mov $0x8000000000000000, %rax; mov (%rax), %eax");
    TRY("mov $0x7fffffffffff, %rax; mov (%rax), %eax");
    TRY("mov $0x8000000000000000, %rax; jmp *%rax");
    TRY("mov $0x8000000000000000, %rax; push %rax; ret");
    TRY(".rept 16; .byte 0x66; .endr; nop");
}

static void page_faults(void)
{
    static const u64 places[] = {LOW_DATA,
                                 LOW_CONST,
                                 LOW_NX,
                                 LOW_NONE,
                                 0,
                                 0x7ffffffff000,
                                 HYPERVISORS,
                                 0xffff800000000000,
                                 0xffff83ff00000000,
                                 ~0ull - 4095,
                                 0xffff880000000000,
                                 0xffff87fffffffffc};
    for (u32 i = 0; i < COUNT(places); i++)
        for (u32 mode = KERNEL; mode <= USER; mode++) {
            const char *who = mode == USER ? "user " : "";
            in.rbx = in.rdi = places[i];
            in.rax = 0;
            run(mode, CODE("mov (%rbx), %ecx; xor %ecx, %ecx"));
            SAY("%sread at %lx -> %s", who, places[i], trap_text(&outcome));
            run(mode, CODE("movl $0, (%rbx)"));
            SAY("%swrite at %lx -> %s", who, places[i], trap_text(&outcome));
            run(mode, CODE("lock; orl $0, (%rbx)"));
            SAY("%schange at %lx -> %s", who, places[i], trap_text(&outcome));
            run(mode, CODE("jmp *%rbx"));
            SAY("%sjump to %lx -> %s rip %lx", who, places[i], trap_text(&outcome), outcome.rip);
            run(mode, CODE("prefetcht0 (%rbx); clflush (%rbx)"));
            SAY("%sflush at %lx -> %s", who, places[i], trap_text(&outcome));
        }
    in_reset();
    /* An access that crosses into what is not there tells of the second page. */
    in.rbx = LOW_NONE - 2;
    TRY("mov (%rbx), %ecx");
    in.rbx = LOW_CONST - 2;
    TRY("mov %ecx, (%rbx)");
    in_reset();
}

/* --- INT n */

static void gate(u8 vector, u8 flags, u16 cs, const void *entry)
{
    struct trap_info table[2] = {
        {.vector = vector, .flags = flags, .cs = cs, .address = (u64)entry}};
    RESULT("set_trap_table", HYPERCALL1(set_trap_table, table));
    /* QEMU's emulation of INT names twice the vector when it refuses one. */
    table[0].vector = (u8)(2 * vector);
    if (vector > 0x40 && vector < 0x80)
        HYPERCALL1(set_trap_table, table);
}

static void interrupts(void)
{
    TRY("int $0x80");
    TRY("int $0");
    TRY("int $1");
    TRY("int $2");
    TRY("int $3");
    TRY("int $4");
    TRY("int $8");
    TRY("int $13");
    TRY("int $14");
    TRY("int $0x20");
    for (u8 dpl = 0; dpl < 4; dpl++) {
        gate(0x41, dpl, FLAT_KERNEL_CS, trap_entry(128));
        TRY("int $0x41");
        gate(0x80, dpl, FLAT_KERNEL_CS, trap_entry(128));
        TRY("int $0x80");
        gate(3, dpl, FLAT_KERNEL_CS, trap_entry(3));
        TRY("int3");
        TRY("int $3");
        gate(14, dpl, FLAT_KERNEL_CS, trap_entry(14));
        TRY("int $14");
    }
    guest_restore();
    gate(0x42, 3, FLAT_KERNEL_CS & 0xfffc, trap_entry(128));
    TRY("int $0x42");
    gate(0x43, 3, 0, trap_entry(128));
    TRY("int $0x43");
    gate(0x44, 3, 0xe008, trap_entry(128));
    TRY("int $0x44");
    gate(0x45, 0xff, FLAT_KERNEL_CS, trap_entry(128));
    TRY("int $0x45");
    gate(0x46, 3, FLAT_KERNEL_CS, (void *)NONCANONICAL);
    TRY("int $0x46");
    TRY(".byte 0xf0; int $0x80");
    TRY(".byte 0x66; int $0x80");
    TRY(".byte 0x66; int $0x45");
    TRY(".byte 0x48; int $0x45");
}

static void tables(void)
{
    struct trap_info table[4] = {
        {.vector = 0x90 /* INT 0x48, by QEMU */,
         .flags = 3,
         .cs = FLAT_KERNEL_CS,
         .address = (u64)trap_entry(128)},
        {.vector = 0x91, .flags = 3, .cs = FLAT_KERNEL_CS, .address = NONCANONICAL},
        {.vector = 0x94 /* INT 0x4a */,
         .flags = 3,
         .cs = FLAT_KERNEL_CS,
         .address = (u64)trap_entry(128)},
    };
    RESULT("a table with a bad address", HYPERCALL1(set_trap_table, table));
    TRY_IN(KERNEL, "int $0x48");
    TRY_IN(KERNEL, "int $0x4a");
    table[1].address = HYPERVISORS;
    RESULT("a table with the hypervisor's address", HYPERCALL1(set_trap_table, table));
    TRY_IN(KERNEL, "int $0x4a");
    RESULT("a table nowhere", HYPERCALL1(set_trap_table, NONCANONICAL));
    RESULT("a table that is not there", HYPERCALL1(set_trap_table, LOW_NONE));
    RESULT("a table of the hypervisor's", HYPERCALL1(set_trap_table, HYPERVISORS));
    memcpy((void *)(LOW_NONE - sizeof(table[0])), table, sizeof(table[0]));
    RESULT("a table without an end", HYPERCALL1(set_trap_table, LOW_NONE - sizeof(table[0])));
    memset(nx_page, 0, PAGE_SIZE);
    table[0].address = 0;
    RESULT("an empty table", HYPERCALL1(set_trap_table, table));
    TRY_IN(KERNEL, "int $0x48");
}

/* --- what the frame says of events, and what the handler finds */

static void mask_seen(const char *what)
{
    SAY("%s -> %s, saved mask %lx, IF %lx, mask now %u", what, trap_text(&outcome),
        outcome.cs >> 32, outcome.rflags >> 9 & 1, shared_info->vcpu_info[0].evtchn_upcall_mask);
}

static void masks(void)
{
    for (u32 flags = 0; flags < 8; flags += 4) {
        gate(6, (u8)flags, FLAT_KERNEL_CS, trap_entry(6));
        for (u32 open = 0; open < 2; open++)
            for (u32 mode = KERNEL; mode <= USER; mode++) {
                in.rflags = 2 | open << 9;
                run(mode, CODE("ud2"));
                mask_seen(text("gate %x, events %s, %s", flags, open ? "on" : "off",
                               mode ? "user" : "kernel"));
            }
        in_reset();
    }
    shared_info->vcpu_info[0].evtchn_upcall_mask = 0x81;
    in.rflags = 0x202;
    in.cs = 0;
    run(KERNEL, CODE("ud2"));
    mask_seen("a mask that was 81");
    shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
    in_reset();
    guest_restore();
    for (u32 bit = 0; bit < 22; bit++) {
        in.rflags = 1u << bit;
        run(USER, CODE("ud2"));
        SAY("user with flag bit %u -> %s flags %lx", bit, trap_text(&outcome), outcome.rflags);
        run(KERNEL, CODE("ud2"));
        SAY("with flag bit %u -> %s flags %lx", bit, trap_text(&outcome), outcome.rflags);
    }
    in_reset();
}

/* The flags and selectors that a handler starts with. */
static bool handler_flags(struct trap_regs *regs)
{
    u64 flags, cs, ss;
    (void)regs;
    __asm__ volatile("pushf; pop %0; mov %%cs, %1; mov %%ss, %2" : "=r"(flags), "=r"(cs), "=r"(ss));
    SAY("in the handler -> flags %lx cs %lx ss %lx frame %lx", flags & 0x7ff700 & ~0x200ul,
        cs & 0xffff, ss & 0xffff, (u64)regs % 16);
    return false;
}

static void handlers(void)
{
    trap_hook = handler_flags;
    in.rflags = 0x244502;
    TRY("ud2");
    in.rflags = 0x3002;
    TRY("ud2");
    in_reset();
    trap_hook = NULL;
    /* The frame lies below the aligned stack pointer. */
    for (u32 low = 0; low < 16; low += 5) {
        in.rsp = LOW_RSP - low;
        run(KERNEL, CODE("ud2"));
        SAY("stack off by %u -> %s rsp %lx", low, trap_text(&outcome), LOW_RSP - outcome.rsp);
    }
    in_reset();
}

/* --- faults within faults: the first handler's own first instruction faults */

static u32 nested_count;

static bool nested_hook(struct trap_regs *regs)
{
    SAY("nested %u -> %s cs %lx", nested_count++, trap_text(regs), regs->cs & 0xffff);
    return false;
}

static void nested(void)
{
    trap_hook = nested_hook;
    gate(6, 0, FLAT_KERNEL_CS, (void *)LOW_NONE);
    TRY("ud2");
    gate(6, 0, FLAT_KERNEL_CS, (void *)LOW_NX);
    TRY("ud2");
    gate(6, 0, FLAT_KERNEL_CS, (void *)HYPERVISORS);
    TRY("ud2");
    gate(6, 0, FLAT_KERNEL_CS, (void *)0xffff800000000000);
    TRY("ud2");
    trap_hook = NULL;
    guest_restore();
    /* A stack that cannot be written ends the domain; one that was not touched yet does not. */
    HYPERCALL2(stack_switch, FLAT_KERNEL_SS, LOW_RSP);
    TRY_IN(USER, "ud2");
    HYPERCALL2(stack_switch, 0, LOW_RSP);
    TRY_IN(USER, "ud2");
    HYPERCALL2(stack_switch, 0xffff, LOW_RSP - 3);
    TRY_IN(USER, "ud2");
    guest_restore();
}

void guest_main(void)
{
    subject_start();
    faults();
    page_faults();
    interrupts();
    tables();
    masks();
    handlers();
    nested();
    SAY("end -> 0");
}
