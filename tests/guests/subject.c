/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running pieces of code in known circumstances, for the kernels of subjects/ (subject.h). */
#include "subject.h"

u8 code_page[PAGE_SIZE] PAGE_ALIGNED, data_page[PAGE_SIZE] PAGE_ALIGNED;
u8 const_page[PAGE_SIZE] PAGE_ALIGNED, nx_page[PAGE_SIZE] PAGE_ALIGNED;
static u8 stack_pages[2][PAGE_SIZE] PAGE_ALIGNED;

struct trap_regs in;
s64 answer;

#define INT3         0xcc
#define CODE_MAX     2048u
#define FLAGS_STATIC 0x2ull

void subject_start(void)
{
    s64 failed = map_low(LOW_CODE, code_page, PTE_ORDINARY) |
                 map_low(LOW_STACK, stack_pages[0], PTE_ORDINARY) |
                 map_low(LOW_STACK + PAGE_SIZE, stack_pages[1], PTE_ORDINARY) |
                 map_low(LOW_DATA, data_page, PTE_ORDINARY) |
                 map_low(LOW_CONST, const_page, PTE_ORDINARY & ~PTE_W) |
                 map_low(LOW_NX, nx_page, PTE_ORDINARY | PTE_NX) |
                 mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_of((void *)start_info->pt_base), 0);
    if (failed)
        print("the pages of the subject cannot be mapped\n");
    in_reset();
}

void in_reset(void)
{
    u64 *registers = (u64 *)&in; /* the frame begins with them */
    for (u32 i = 0; i < 15; i++)
        registers[i] = 0x1111111100000000 * (i + 1) / 4 | (0xd0 + i);
    in.rflags = FLAGS_STATIC;
    in.rsp = LOW_RSP;
    in.rip = LOW_CODE;
    in.ss = FLAT_USER_SS;
}

void run_at(u64 cs, struct code code)
{
    u32 bytes = 0;
    memset(code_page, INT3, CODE_MAX);
    for (const u8 *from = code.start; from < code.end && bytes < CODE_MAX - 1; from++)
        code_page[bytes++] = *from;
    in.error = bytes; /* where the end is: the frame has no other use for it */
    in.cs = cs;
    attempt_enter(&in);
}

void run(enum mode mode, struct code code)
{
    run_at(mode == KERNEL ? FLAT_KERNEL_CS & ~3ull : FLAT_USER_CS, code);
}

char *trap_text(const struct trap_regs *r)
{
    static const char *const names[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD",
                                        "#NM", "#DF", "#09", "#TS", "#NP", "#SS", "#GP",
                                        "#PF", "#15", "#MF", "#AC", "#MC", "#XM"};
    static const char *const entries[] = {"syscall",  "failsafe",  "event",
                                          "sysenter", "syscall32", "NMI"};
    if (r->vector >= ENTRY_SYSCALL && r->vector < ENTRY_SYSCALL + COUNT(entries))
        return text("%s", entries[r->vector - ENTRY_SYSCALL]);
    const char *name = r->vector < COUNT(names) ? names[r->vector] : text("#%lu", r->vector);
    if (r->vector == 14)
        return text("%s(%lx) of %lx", name, r->error, shared_info->vcpu_info[0].arch.cr2);
    if (r->vector == 8 || (r->vector >= 10 && r->vector <= 13) || r->vector == 17)
        return text("%s(%lx)", name, r->error);
    return text("%s", name);
}

static char *changed(const char *before, const char *name, u64 from, u64 to)
{
    return from == to ? text("%s", before) : text("%s %s %lx", before, name, to);
}

char *run_answer(void)
{
    static const char *const names[] = {"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10",
                                        "r9",  "r8",  "rax", "rcx", "rdx", "rsi", "rdi"};
    const struct trap_regs *r = &outcome;
    bool at_end = r->vector == 3 && r->rip == LOW_CODE + in.error + 1;
    char *told = at_end ? text("done") : text("%s at +%lx", trap_text(r), r->rip - LOW_CODE);
    const u64 *before = (const u64 *)&in, *after = (const u64 *)r;
    for (u32 i = 0; i < COUNT(names); i++)
        told = changed(told, names[i], before[i], after[i]);
    told = changed(told, "rsp", in.rsp, r->rsp);
    told = changed(told, "flags", in.rflags, r->rflags);
    told = changed(told, "cs", in.cs, (u16)r->cs);
    return changed(told, "ss", in.ss, r->ss);
}
