/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See native.h. A breakpoint brings native_execute() into the handler, which keeps the registers it
 * finds and returns to the instruction instead. Whatever signal comes next ends it: the handler
 * takes the registers and gives those of native_execute() back, and the state of the floating-point
 * unit with them.
 */
#define _GNU_SOURCE
#include "native.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "demand.h"

#define GUARD_BYTES     0x100000u
#define CODE_PAGE       (NATIVE_CODE_END - PAGE_SIZE)
#define STACK_BYTES     0x10000u
#define SELECTOR_CODE32 0x23u /* Linux's __USER32_CS and __USER_DS */
#define SELECTOR_DATA   0x2bu
#define SELECTOR_MASK   0xffffull
#define FLAGS_CHOSEN                                                                               \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF | RFLAGS_DF)

/* Where struct regs has what the kernel's list of registers has. */
static const struct {
    int greg;
    size_t offset;
} registers[] = {
    {REG_RAX, offsetof(struct regs, rax)}, {REG_RBX, offsetof(struct regs, rbx)},
    {REG_RCX, offsetof(struct regs, rcx)}, {REG_RDX, offsetof(struct regs, rdx)},
    {REG_RSI, offsetof(struct regs, rsi)}, {REG_RDI, offsetof(struct regs, rdi)},
    {REG_RBP, offsetof(struct regs, rbp)}, {REG_RSP, offsetof(struct regs, rsp)},
    {REG_R8, offsetof(struct regs, r8)},   {REG_R9, offsetof(struct regs, r9)},
    {REG_R10, offsetof(struct regs, r10)}, {REG_R11, offsetof(struct regs, r11)},
    {REG_R12, offsetof(struct regs, r12)}, {REG_R13, offsetof(struct regs, r13)},
    {REG_R14, offsetof(struct regs, r14)}, {REG_R15, offsetof(struct regs, r15)},
    {REG_RIP, offsetof(struct regs, rip)}, {REG_EFL, offsetof(struct regs, rflags)},
};

/* Between native_execute() and the handler. */
static struct {
    enum { IDLE, ENTER, INSIDE } state;
    struct regs *regs;
    bool compat;
    gregset_t gregs;
    struct _libc_fpstate fpu;
    u64 mask; /* of signals, as the kernel has it */
    int signal;
    u64 address, rip;
} run;

static bool has_compat;

static void registers_copy(gregset_t gregs, struct regs *r, bool to_gregs)
{
    for (size_t n = 0; n < ARRAY_SIZE(registers); n++) {
        u64 *value = (u64 *)((char *)r + registers[n].offset);
        if (to_gregs)
            gregs[registers[n].greg] = (greg_t)*value;
        else
            *value = (u64)gregs[registers[n].greg];
    }
}

/* libFuzzer's timer must not find the sandbox's stack pointer: all but what ends the instruction.
 */
#define MASK_INSIDE                                                                                \
    ~(BIT(SIGTRAP - 1) | BIT(SIGSEGV - 1) | BIT(SIGILL - 1) | BIT(SIGBUS - 1) | BIT(SIGFPE - 1))

static void enter(ucontext_t *u)
{
    mcontext_t *m = &u->uc_mcontext;
    const u64 inside = MASK_INSIDE;
    memcpy(&run.mask, &u->uc_sigmask, sizeof(run.mask));
    memcpy(&u->uc_sigmask, &inside, sizeof(inside));
    memcpy(run.gregs, m->gregs, sizeof(run.gregs));
    run.fpu = *m->fpregs;
    run.regs->rflags =
        ((u64)m->gregs[REG_EFL] & ~FLAGS_CHOSEN) | (run.regs->rflags & FLAGS_CHOSEN) | RFLAGS_TF;
    registers_copy(m->gregs, run.regs, true);
    if (run.compat)
        m->gregs[REG_CSGSFS] =
            (greg_t)(((u64)m->gregs[REG_CSGSFS] & ~SELECTOR_MASK) | SELECTOR_CODE32);
    run.state = INSIDE;
}

static void leave(ucontext_t *u, const siginfo_t *info, int signal)
{
    mcontext_t *m = &u->uc_mcontext;
    registers_copy(m->gregs, run.regs, false);
    run.regs->rflags &= ~RFLAGS_TF;
    run.signal = signal;
    run.address = (u64)info->si_addr;
    run.rip = run.regs->rip;
    memcpy(m->gregs, run.gregs, sizeof(run.gregs));
    *m->fpregs = run.fpu;
    memcpy(&u->uc_sigmask, &run.mask, sizeof(run.mask));
    run.state = IDLE;
}

static void handle(int signal, siginfo_t *info, void *context)
{
    if (run.state == ENTER)
        enter(context);
    else if (run.state == INSIDE)
        leave(context, info, signal);
    else
        _exit(99); /* a fault of the test's own, behind the sanitizer's back */
}

static void map(u64 address, size_t bytes, int protection)
{
    void *p = mmap((void *)address, bytes, protection,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    demand(p == (void *)address);
}

void native_init(void)
{
    static u8 stack[STACK_BYTES];
    static const int signals[] = {SIGTRAP, SIGSEGV, SIGILL, SIGBUS, SIGFPE};
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    map(CODE_PAGE - GUARD_BYTES,
        NATIVE_DATA + NATIVE_DATA_BYTES + GUARD_BYTES - (CODE_PAGE - GUARD_BYTES), PROT_NONE);
    map(CODE_PAGE, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
    map(NATIVE_DATA, NATIVE_DATA_BYTES, PROT_READ | PROT_WRITE);
    demand(!sigaltstack(&alternate, NULL));
    /* Null in 64-bit processes, and of no meaning there. */
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(SELECTOR_DATA));
    sigfillset(&action.sa_mask);
    for (size_t n = 0; n < ARRAY_SIZE(signals); n++)
        demand(!sigaction(signals[n], &action, NULL));

    const u8 nop = 0x90;
    struct regs r = {.rsp = NATIVE_DATA};
    has_compat = native_execute(&nop, 1, INSN_MODE_32, &r) == NATIVE_STEPPED;
    demand(native_execute(&nop, 1, INSN_MODE_64, &r) == NATIVE_STEPPED);
    if (!has_compat)
        fprintf(stderr, "this machine runs no 32-bit code: that is only decoded\n");
}

u64 native_segment_base(enum insn_segment segment)
{
    u64 base = 0;
    if (segment == INSN_FS)
        __asm__("mov %%fs:0, %0" : "=r"(base)); /* x86-64 psABI: the thread's block names itself */
    return base;
}

enum native_end native_execute(const u8 *bytes, size_t given, enum insn_mode mode, struct regs *r)
{
    r->rip = native_rip(given);
    memcpy((void *)r->rip, bytes, given);
    run.regs = r;
    run.compat = mode == INSN_MODE_32;
    run.state = ENTER;
    __asm__ volatile("int3" : : : "memory");
    switch (run.signal) {
    case SIGTRAP:
        return NATIVE_STEPPED;
    case SIGILL:
        return NATIVE_INVALID;
    default:
        if (run.signal == SIGSEGV && run.address == NATIVE_CODE_END)
            return NATIVE_FETCHING;
        return !has_compat && run.signal == SIGSEGV && !run.address ? NATIVE_UNKNOWN : NATIVE_FAULT;
    }
}

bool native_has_compat(void)
{
    return has_compat;
}

void native_print(void)
{
    fprintf(stderr, "signal %d, address %#lx, rip %#lx\n", run.signal, run.address, run.rip);
}
