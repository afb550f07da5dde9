/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls of programs, the callbacks that they reach, and the ways back: SYSCALL, SYSENTER and
 * INT 0x80 from 64-bit and 32-bit code, with every flag; iret with and without VGCF_in_syscall.
 */
#define SUBJECT "syscall"
#include "subject.h"

#include "abi/nmi.h"

static s64 callback(u16 type, u16 flags, u64 address)
{
    struct callback_register r = {.type = type, .flags = flags, .address = address};
    return HYPERCALL2(callback_op, CALLBACKOP_register, &r);
}

static s64 callback_remove(u16 type)
{
    struct callback_unregister r = {.type = type};
    return HYPERCALL2(callback_op, CALLBACKOP_unregister, &r);
}

/* TF, DF, NT and AC: what may not pass from a program to its kernel. */
#define ENTRY_FLAGS_SHOWN 0x44500

static void frame_say(const char *what)
{
    /* run_answer() uses up all places that text() has. */
    char name[64];
    char *end = name;
    while (*what && end < name + sizeof(name) - 1)
        *end++ = *what++;
    *end = 0;
    SAY("%s -> %s mask now %u, saved %lx, flags now %lx", name, run_answer(),
        shared_info->vcpu_info[0].evtchn_upcall_mask, outcome.cs >> 32,
        entry_rflags & ENTRY_FLAGS_SHOWN);
}

static void entries(void)
{
    static const u64 flags[] = {0,      1,       0x100,   0x200,    0x400,
                                0x4000, 0x10000, 0x40000, 0x200000, 0x244f57};
    for (u32 i = 0; i < COUNT(flags); i++) {
        in.rflags = 2 | flags[i];
        shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
        run(USER, CODE("syscall"));
        frame_say(text("user syscall, flags %lx", flags[i]));
        run(USER, CODE("int $0x80"));
        frame_say(text("user int 0x80, flags %lx", flags[i]));
    }
    in_reset();
    /* A 32-bit program. */
    for (u32 i = 0; i < COUNT(flags); i++) {
        in.rflags = 2 | flags[i];
        in.rsp = LOW_RSP;
        run_at(FLAT_USER_CS32, CODE(".code32; syscall; .code64"));
        frame_say(text("32-bit syscall, flags %lx", flags[i]));
        run_at(FLAT_USER_CS32, CODE(".code32; int $0x80; .code64"));
        frame_say(text("32-bit int 0x80, flags %lx", flags[i]));
        run_at(FLAT_USER_CS32, CODE(".code32; sysenter; .code64"));
        frame_say(text("32-bit sysenter, flags %lx", flags[i]));
    }
    in_reset();
    TRY_IN(USER, "sysenter");
    TRY_IN(USER, ".byte 0x66; syscall");
    TRY_IN(USER, ".byte 0xf3; syscall");
    TRY_IN(USER, ".byte 0x48; syscall");
    TRY_IN(USER, ".byte 0xf0; syscall");
}

static void callbacks(void)
{
    static const u16 types[] = {CALLBACKTYPE_event,
                                CALLBACKTYPE_failsafe,
                                CALLBACKTYPE_syscall,
                                3,
                                CALLBACKTYPE_nmi,
                                CALLBACKTYPE_sysenter,
                                6,
                                CALLBACKTYPE_syscall32,
                                8,
                                9,
                                0xffff};
    static const u64 addresses[] = {NONCANONICAL, HYPERVISORS, 0x800000000000, LOW_NONE, 0};
    for (u32 i = 0; i < COUNT(types); i++) {
        for (u32 k = 0; k < COUNT(addresses); k++)
            SAY("register type %u at %lx -> %ld", types[i], addresses[k],
                callback(types[i], 0, addresses[k]));
        SAY("unregister type %u -> %ld", types[i], callback_remove(types[i]));
    }
    SAY("nmi_op unregister -> %ld", HYPERCALL2(nmi_op, XENNMI_unregister_callback, 0));
    for (u32 cmd = 0; cmd < 4; cmd++) {
        SAY("callback_op %u of what is not there -> %ld", cmd,
            HYPERCALL2(callback_op, cmd, LOW_NONE));
        SAY("nmi_op %u of what is not there -> %ld", cmd, HYPERCALL2(nmi_op, cmd, LOW_NONE));
    }
    /* None at all: the addresses above ended with 0. */
    TRY_IN(USER, "syscall");
    in.rsp = LOW_RSP;
    run_at(FLAT_USER_CS32, CODE(".code32; syscall; .code64"));
    frame_say("32-bit syscall without a callback");
    run_at(FLAT_USER_CS32, CODE(".code32; sysenter; .code64"));
    frame_say("32-bit sysenter without a callback");
    guest_restore();
    for (u16 flags = 0; flags < 4; flags++) {
        callback(CALLBACKTYPE_syscall, flags, (u64)entry_syscall);
        callback(CALLBACKTYPE_syscall32, flags, (u64)entry_syscall32);
        callback(CALLBACKTYPE_sysenter, flags, (u64)entry_sysenter);
        in.rflags = 0x202;
        run(USER, CODE("syscall"));
        frame_say(text("user syscall, callback flags %u", flags));
        run_at(FLAT_USER_CS32, CODE(".code32; syscall; .code64"));
        frame_say(text("32-bit syscall, callback flags %u", flags));
        run_at(FLAT_USER_CS32, CODE(".code32; sysenter; .code64"));
        frame_say(text("32-bit sysenter, callback flags %u", flags));
    }
    in_reset();
    guest_restore();
    RESULT("set_callbacks", HYPERCALL3(set_callbacks, entry_event, entry_failsafe, entry_syscall));
    in.rflags = 0x202;
    run(USER, CODE("syscall"));
    frame_say("user syscall after set_callbacks");
    RESULT("set_callbacks of nowhere",
           HYPERCALL3(set_callbacks, NONCANONICAL, NONCANONICAL, NONCANONICAL));
    run(USER, CODE("syscall"));
    frame_say("user syscall after that");
    in_reset();
    guest_restore();
}

/* --- ways back */

static void iret_to(const char *what, struct iret_context f)
{
    attempt_iret(&f);
    in.error = 0;
    SAY("%s -> %s at %lx rax %lx rcx %lx r11 %lx flags %lx cs %lx ss %lx rsp %lx", what,
        trap_text(&outcome), outcome.rip, outcome.rax, outcome.rcx, outcome.r11, outcome.rflags,
        outcome.cs & 0xffff, outcome.ss, outcome.rsp);
}

static void returns(void)
{
    static const u16 cs[] = {FLAT_USER_CS, FLAT_USER_CS32, FLAT_KERNEL_CS & ~3, 0xe020};
    static const u64 flags[] = {0, VGCF_in_syscall, 1, 0xfffffffffffffeff};
    static const u64 rflags[] = {0,       0x202,   0x10202,           0x102, 0x3202, 0x4002,
                                 0x40002, 0x20002, 0xffffffff00000002};
    memset(code_page, 0xcc, 64);
    for (u32 c = 0; c < COUNT(cs); c++)
        for (u32 f = 0; f < COUNT(flags); f++)
            for (u32 r = 0; r < COUNT(rflags); r++)
                iret_to(text("iret to %x with %lx, rflags %lx", cs[c], flags[f], rflags[r]),
                        (struct iret_context){.rax = 0x1234567887654321,
                                              .rcx = 2,
                                              .r11 = 3,
                                              .flags = flags[f],
                                              .rip = LOW_CODE,
                                              .cs = cs[c],
                                              .rflags = rflags[r],
                                              .rsp = LOW_RSP,
                                              .ss = FLAT_USER_SS});
}

/* IRETQ itself, from kernel and user mode. */
static void instructions(void)
{
    static const u64 cs[] = {
        FLAT_USER_CS, FLAT_KERNEL_CS & ~3, FLAT_USER_CS32, 0, 3, 0xe008, 0xe019, 0xe02b};
    static const u64 rflags[] = {2, 0x202, 0x3002, 0x102, 0x20002, 0x10002, 0x180002};
    for (u32 mode = KERNEL; mode <= USER; mode++) {
        in.rbx = LOW_CODE + 32;
        for (u32 i = 0; i < COUNT(cs); i++) {
            in.rcx = cs[i];
            in.rdx = 2;
            run(mode, CODE("mov %rsp, %rax; push $0xe02b; push %rax; push %rdx; push %rcx; push "
                           "%rbx; iretq"));
            SAY("mode %u iretq to cs %lx -> %s cs %lx", mode, cs[i], trap_text(&outcome),
                outcome.cs & 0xffff);
        }
        for (u32 i = 0; i < COUNT(rflags); i++) {
            in.rcx = FLAT_USER_CS;
            in.rdx = rflags[i];
            run(mode, CODE("mov %rsp, %rax; push $0xe02b; push %rax; push %rdx; push %rcx; push "
                           "%rbx; iretq"));
            SAY("mode %u iretq with rflags %lx -> %s flags %lx", mode, rflags[i],
                trap_text(&outcome), outcome.rflags);
        }
        in_reset();
    }
    TRY("mov $-1, %rax; push %rax; popf; pushf; pop %rax; push $2; popf");
    TRY("lretq");
    TRY("ljmp *(%rsp)");
    TRY("push $0; push $0; iretl");
    TRY("iretw");
}

void guest_main(void)
{
    subject_start();
    entries();
    callbacks();
    returns();
    instructions();
    SAY("end -> 0");
}
