/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delivery into PV guests and the way back: the frames word by word, kernel and user mode, event
 * masks, what goes first, and that iret undoes what any delivery did.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/guest_access.h"
#include "core/hypercall_handlers.h"
#include "core/percpu.h"
#include "core/softirq.h"
#include "errno.h"
#include "tests/unit/host/bounce_world.h"
#include "tests/unit/host/traces.h"

static int setup(void **state)
{
    (void)state;
    bounce_world_reset();
    return 0;
}

/* --- exceptions */

static void test_trap_from_kernel(void **state)
{
    (void)state;
    for (u32 vector = 0; vector < 32; vector++) {
        setup(NULL);
        bool has_code = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
        u64 code = 0xabcd;
        guest.rflags |= RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC;
        before = guest;
        vcpu.arch.traps[vector].flags = 0;
        pv_inject_trap(&vcpu, vector, 0xabcd);
        assert_true(vcpu.arch.bounce.flags != 0);
        assert_int_equal(guest.rip, before.rip); /* not yet */
        pv_exit_work(&vcpu, &guest);
        check_entered(HANDLER + vector);
        check_frame(KERNEL_CS & ~3, &code, has_code, false);
        assert_true(in(other_stack, guest.rsp, 8));
        assert_int_equal(toggles, 0);
        assert_int_equal(info.evtchn_upcall_mask, 0); /* a trap gate */
    }
}

/* The same frames, without being noted first; an NMI that is noted stays so. */
static void test_trap_at_once(void **state)
{
    (void)state;
    for (u32 n = 0; n < 2 * 32; n++) {
        u32 vector = n % 32;
        bool user = n / 32;
        setup(NULL);
        if (user)
            in_user_mode();
        bool has_code = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
        u64 code = 0xabcd;
        vcpu.arch.bounce.flags = PV_BOUNCE_NMI;
        vcpu.arch.traps[vector].flags = vector & 1 ? TI_FLAGS_IF : 0;
        pv_deliver_trap(&vcpu, &guest, vector, 0xabcd);
        assert_int_equal(vcpu.arch.bounce.flags, PV_BOUNCE_NMI);
        vcpu.arch.bounce.flags = 0;
        check_entered(HANDLER + vector);
        check_frame(user ? USER_CS : KERNEL_CS & ~3, &code, has_code, false);
        assert_true(in(user ? kernel_stack : other_stack, guest.rsp, 8));
        assert_int_equal(toggles, user);
        assert_int_equal(info.evtchn_upcall_mask, vector & 1);
    }
}

static void test_page_fault_at_once(void **state)
{
    (void)state;
    u64 code = PF_USER;
    in_user_mode();
    pv_deliver_page_fault(&vcpu, &guest, 0xbeef000, 0);
    check_entered(HANDLER + TRAP_PF);
    check_frame(USER_CS, &code, 1, false);
    assert_int_equal(info.arch.cr2, 0xbeef000);
    before = guest;
    vcpu.arch.traps[TRAP_PF].address = 0;
    pv_deliver_page_fault(&vcpu, &guest, 0x1000, PF_WRITE);
    assert_int_equal(crashes, 1);
    assert_memory_equal(&guest, &before, sizeof(guest));
}

static void test_trap_masks_events(void **state)
{
    (void)state;
    vcpu.arch.traps[TRAP_UD].flags = TI_FLAGS_IF | 3;
    pv_inject_trap(&vcpu, TRAP_UD, 0);
    pv_exit_work(&vcpu, &guest);
    assert_int_equal(info.evtchn_upcall_mask, 1);
    check_frame(KERNEL_CS & ~3, NULL, 0, false);
    /* Nested: the frame remembers that they were masked. */
    before = guest;
    pv_inject_trap(&vcpu, TRAP_UD, 0);
    pv_exit_work(&vcpu, &guest);
    assert_int_equal(info.evtchn_upcall_mask, 1);
    check_frame(SELECTOR_RING3_CS64 & ~3, NULL, 0, true);
}

static void test_trap_from_user(void **state)
{
    (void)state;
    in_user_mode();
    u64 code = 2;
    vcpu.arch.kernel_sp -= 5;
    pv_inject_trap(&vcpu, TRAP_GP, 2);
    pv_exit_work(&vcpu, &guest);
    check_entered(HANDLER + TRAP_GP);
    check_frame(USER_CS, &code, 1, false);
    assert_true(in(kernel_stack, guest.rsp, 8));
    assert_int_equal(toggles, 1);
}

static void test_without_vcpu_info(void **state)
{
    (void)state;
    vcpu.info = NULL;
    vcpu.arch.traps[TRAP_PF].flags = TI_FLAGS_IF;
    u64 code = 0;
    pv_inject_page_fault(&vcpu, 0x1000, 0);
    pv_exit_work(&vcpu, &guest);
    check_entered(HANDLER + TRAP_PF);
    check_frame(KERNEL_CS & ~3, &code, 1, false);
}

static void test_page_fault(void **state)
{
    (void)state;
    u64 code = PF_WRITE | PF_PRESENT;
    /* Both modes are user mode to the processor: the guest is told which of its own it was. */
    pv_inject_page_fault(&vcpu, 0xdead000, PF_WRITE | PF_PRESENT | PF_USER);
    assert_int_equal(info.arch.cr2, 0xdead000);
    pv_exit_work(&vcpu, &guest);
    check_frame(KERNEL_CS & ~3, &code, 1, false);
    setup(NULL);
    in_user_mode();
    code |= PF_USER;
    pv_inject_page_fault(&vcpu, 0xbeef000, PF_WRITE | PF_PRESENT);
    pv_exit_work(&vcpu, &guest);
    check_frame(USER_CS, &code, 1, false);
    assert_int_equal(info.arch.cr2, 0xbeef000);
}

static void test_traces(void **state)
{
    (void)state;
    u64 rip = guest.rip;
    pv_inject_trap(&vcpu, TRAP_GP, 0x1234);
    assert_int_equal(host_traces_count, 0);
    trace_on = true;
    pv_inject_trap(&vcpu, TRAP_GP, 0x1234);
    pv_inject_page_fault(&vcpu, 0x123456789abc, PF_WRITE);
    trace_on = false;
    const struct host_trace *t = host_trace_find(TRC_PV_TRAP | TRC_64_FLAG);
    assert_non_null(t);
    assert_int_equal(t->extra[0], (u32)rip);
    assert_int_equal(t->extra[1], rip >> 32);
    assert_int_equal(t->extra[2], 0x12340000 | 1 << 15 | TRAP_GP);
    t = host_trace_find(TRC_PV_PAGE_FAULT | TRC_64_FLAG);
    assert_non_null(t);
    assert_int_equal(t->extra[0], (u32)rip);
    assert_int_equal(t->extra[2], 0x56789abc);
    assert_int_equal(t->extra[3], 0x1234);
    assert_int_equal(t->extra[4], PF_WRITE);
    assert_int_equal(host_traces_count, 2);
}

static void test_failsafe(void **state)
{
    (void)state;
    vcpu.arch.ds = 0x10;
    vcpu.arch.es = 0x20;
    vcpu.arch.fs = 0x30;
    vcpu.arch.gs = 0x40;
    const u64 selectors[] = {0x10, 0x20, 0x30, 0x40};
    for (u32 masks = 0; masks < 2; masks++) {
        guest = before;
        vcpu.arch.failsafe_masks_events = masks;
        pv_inject_failsafe(&vcpu);
        pv_exit_work(&vcpu, &guest);
        check_entered(FAILSAFE);
        check_frame(KERNEL_CS & ~3, selectors, 4, false);
        assert_int_equal(info.evtchn_upcall_mask, masks);
    }
    vcpu.arch.failsafe_callback = 0;
    pv_inject_failsafe(&vcpu);
    assert_int_equal(crashes, 1);
}

static void test_crashes(void **state)
{
    (void)state;
    vcpu.arch.traps[TRAP_DE].address = 0;
    pv_inject_trap(&vcpu, TRAP_DE, 0);
    assert_int_equal(crashes, 1);

    setup(NULL);
    guest.rsp = 0x1000; /* nothing there */
    pv_inject_trap(&vcpu, TRAP_UD, 0);
    pv_exit_work(&vcpu, &guest);
    assert_int_equal(crashes, 1);
    assert_int_equal(guest.rip, before.rip);
    assert_int_equal(info.evtchn_upcall_mask, 0);
    assert_int_equal(vcpu.arch.bounce.flags, 0); /* it is not tried for ever */

    setup(NULL);
    guest.rsp = (u64)other_stack + 16; /* too little */
    pv_inject_trap(&vcpu, TRAP_UD, 0);
    pv_exit_work(&vcpu, &guest);
    assert_int_equal(crashes, 1);
    assert_int_equal(other_stack[0], 0xeeeeeeeeeeeeeeeeull);
}

static void test_iopl(void **state)
{
    (void)state;
    const u64 *f;
    vcpu.arch.iopl = 1;
    pv_inject_trap(&vcpu, TRAP_UD, 0);
    pv_exit_work(&vcpu, &guest);
    f = (const u64 *)guest.rsp;
    assert_int_equal(f[4] & RFLAGS_IOPL, 0); /* not of interest */
    guest = before;
    domain.vm_assist = BIT(VMASST_TYPE_architectural_iopl);
    pv_inject_trap(&vcpu, TRAP_UD, 0);
    pv_exit_work(&vcpu, &guest);
    f = (const u64 *)guest.rsp;
    assert_int_equal(f[4] & RFLAGS_IOPL, 1 << 12);
    assert_int_equal(guest.rflags & RFLAGS_IOPL, 0);
}

/* --- events and NMIs */

static void test_event(void **state)
{
    (void)state;
    info.evtchn_upcall_pending = 1;
    pv_exit_work(&vcpu, &guest);
    check_entered(UPCALL);
    check_frame(KERNEL_CS & ~3, NULL, 0, false);
    assert_int_equal(info.evtchn_upcall_mask, 1);
    assert_int_equal(info.evtchn_upcall_pending, 1); /* the guest's to clear */
    /* Once. */
    before = guest;
    pv_exit_work(&vcpu, &guest);
    assert_memory_equal(&guest, &before, sizeof(guest));

    setup(NULL);
    in_user_mode();
    info.evtchn_upcall_pending = 1;
    pv_exit_work(&vcpu, &guest);
    check_entered(UPCALL);
    check_frame(USER_CS, NULL, 0, false);

    /* Nowhere to go: then it does not come back again and again. */
    setup(NULL);
    vcpu.arch.event_callback = 0;
    info.evtchn_upcall_pending = 1;
    pv_exit_work(&vcpu, &guest);
    assert_memory_equal(&guest, &before, sizeof(guest));
    assert_false(event_upcall_wanted(&vcpu));
}

/* As VCPUOP_send_nmi, and the signal that follows it, leave it. */
static void nmi_arrives(void)
{
    vcpu.nmi_pending = true;
    pv_nmi_check(&vcpu);
}

static void test_nmi(void **state)
{
    (void)state;
    nmi_arrives();
    info.evtchn_upcall_mask = 1; /* does not keep it away */
    pv_exit_work(&vcpu, &guest);
    check_entered(NMI);
    check_frame(KERNEL_CS & ~3, NULL, 0, true);
    assert_false(vcpu.nmi_pending);
    /* Another waits until the handler is through. */
    nmi_arrives();
    before = guest;
    pv_exit_work(&vcpu, &guest);
    assert_memory_equal(&guest, &before, sizeof(guest));
    assert_true(vcpu.nmi_pending);
    guest.rsp = (u64)other_stack;
    (void)hypercall_iret(&vcpu, 0, 0, 0, 0, 0, 0);
    pv_exit_work(&vcpu, &guest);
    assert_false(vcpu.nmi_pending);

    setup(NULL);
    vcpu.arch.traps[TRAP_NMI].address = 0;
    nmi_arrives();
    pv_exit_work(&vcpu, &guest);
    assert_memory_equal(&guest, &before, sizeof(guest));

    /* Its handler goes between the two. */
    setup(NULL);
    nmi_arrives();
    vcpu.arch.traps[TRAP_NMI].address = 0;
    pv_exit_work(&vcpu, &guest);
    assert_memory_equal(&guest, &before, sizeof(guest));
    assert_int_equal(crashes, 0);
}

/* Softirqs, then the exception, then an NMI, then events: one at a time. */
static void test_order(void **state)
{
    (void)state;
    this_cpu(softirq_pending) = 1;
    info.evtchn_upcall_pending = 1;
    nmi_arrives();
    vcpu.arch.traps[TRAP_UD].flags = 0;
    pv_inject_trap(&vcpu, TRAP_UD, 0);
    pv_exit_work(&vcpu, &guest);
    assert_int_equal(softirq_runs, 1);
    assert_memory_equal(&guest, &before, sizeof(guest));
    pv_exit_work(&vcpu, &guest);
    assert_int_equal(guest.rip, HANDLER + TRAP_UD);
    pv_exit_work(&vcpu, &guest);
    assert_int_equal(guest.rip, NMI);
    pv_exit_work(&vcpu, &guest);
    assert_int_equal(guest.rip, NMI); /* which masked events */
    info.evtchn_upcall_mask = 0;
    pv_exit_work(&vcpu, &guest);
    assert_int_equal(guest.rip, UPCALL);
    assert_int_equal(softirq_runs, 1);
}

/* --- system calls */

static void test_syscall(void **state)
{
    (void)state;
    for (u32 masks = 0; masks < 2; masks++) {
        setup(NULL);
        in_user_mode();
        vcpu.arch.syscall_masks_events = masks;
        guest.rflags |= RFLAGS_DF; /* as it was, in the frame only */
        before = guest;
        pv_syscall_from_user(&vcpu, &guest);
        assert_int_equal(guest.rflags & RFLAGS_DF, 0);
        /* The instruction leaves its own marks in RCX and R11. */
        before.rcx = before.rip;
        before.r11 = before.rflags;
        check_entered(SYSCALL);
        check_frame(USER_CS, NULL, 0, false);
        assert_int_equal(info.evtchn_upcall_mask, masks);

        setup(NULL);
        in_user_mode();
        vcpu.arch.syscall32_masks_events = masks;
        guest.rflags |= RFLAGS_DF;
        before = guest;
        pv_syscall32_from_user(&vcpu, &guest);
        assert_int_equal(guest.rflags & RFLAGS_DF, 0);
        check_entered(SYSCALL32);
        check_frame(USER_CS, NULL, 0, false);
        assert_int_equal(info.evtchn_upcall_mask, masks);

        setup(NULL);
        in_user_mode();
        vcpu.arch.sysenter_masks_events = masks;
        pv_sysenter_from_user(&vcpu, &guest);
        check_entered(SYSENTER);
        check_frame(USER_CS, NULL, 0, false);
        assert_int_equal(info.evtchn_upcall_mask, masks);
    }
}

/* A kernel without such an entry: its program ran into an unknown instruction. */
static void test_syscall_unwanted(void **state)
{
    (void)state;
    void (*const entries[])(struct vcpu *, struct regs *) = {pv_syscall_from_user,
                                                             pv_syscall32_from_user};
    for (u32 i = 0; i < 2; i++) {
        setup(NULL);
        in_user_mode();
        vcpu.arch.syscall_callback = vcpu.arch.syscall32_callback = 0;
        entries[i](&vcpu, &guest);
        before.rip -= 2;
        pv_exit_work(&vcpu, &guest);
        check_entered(HANDLER + TRAP_UD);
        check_frame(USER_CS, NULL, 0, false);
    }
    setup(NULL);
    in_user_mode();
    vcpu.arch.sysenter_callback = 0;
    pv_sysenter_from_user(&vcpu, &guest);
    u64 code = 0;
    pv_exit_work(&vcpu, &guest);
    check_entered(HANDLER + TRAP_GP);
    check_frame(USER_CS, &code, 1, false);
    setup(NULL); /* the kernel itself */
    pv_syscall32_from_user(&vcpu, &guest);
    before.rip -= 2;
    pv_exit_work(&vcpu, &guest);
    check_entered(HANDLER + TRAP_UD);
}

/* --- and back */

struct iret_frame {
    u64 rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
};

static struct iret_frame *iret_frame(void)
{
    struct iret_frame *f = (struct iret_frame *)&other_stack[8];
    *f = (struct iret_frame){.rax = 70,
                             .r11 = 71,
                             .rcx = 72,
                             .rip = 0x400000,
                             .cs = 0xe030,
                             .rflags = RFLAGS_IF | ARITHMETIC,
                             .rsp = 0x5000,
                             .ss = 0xe028};
    guest.rsp = (u64)f;
    guest.vector = REGS_VECTOR_SYSCALL;
    return f;
}

static long iret(void)
{
    return hypercall_iret(&vcpu, 0, 0, 0, 0, 0, 0);
}

static void test_iret_to_kernel(void **state)
{
    (void)state;
    iret_frame();
    info.evtchn_upcall_mask = 1;
    assert_int_equal(iret(), 70);
    assert_int_equal(guest.rip, 0x400000);
    assert_int_equal(guest.cs, 0xe033);
    assert_int_equal(guest.ss, 0xe02b);
    assert_int_equal(guest.rsp, 0x5000);
    assert_int_equal(guest.rcx, 72);
    assert_int_equal(guest.r11, 71);
    assert_int_equal(guest.rflags | RFLAGS_FIXED, RFLAGS_IF | RFLAGS_FIXED | ARITHMETIC);
    assert_int_not_equal(guest.vector, REGS_VECTOR_SYSCALL); /* SYSRET would lose RCX and R11 */
    assert_int_equal(info.evtchn_upcall_mask, 0);
    assert_int_equal(toggles, 0);
    assert_true(vcpu.arch.kernel_mode);
}

static void test_iret_flags(void **state)
{
    (void)state;
    iret_frame()->rflags = ~0ull;
    iret();
    assert_int_equal(guest.rflags & (RFLAGS_IOPL | RFLAGS_VM), 0);
    assert_true(guest.rflags & RFLAGS_IF);
    iret_frame()->rflags = 0;
    iret();
    assert_int_equal(guest.rflags | RFLAGS_FIXED, RFLAGS_IF | RFLAGS_FIXED);
    assert_int_equal(info.evtchn_upcall_mask, 1);
    vcpu.info = NULL;
    iret_frame();
    assert_int_equal(iret(), 70);
    assert_int_equal(vcpu.arch.iopl, 0);
    iret_frame()->rflags |= 1 << 12;
    iret();
    assert_int_equal(vcpu.arch.iopl, 0);
    domain.vm_assist = BIT(VMASST_TYPE_architectural_iopl);
    iret_frame()->rflags |= 1 << 12;
    iret();
    assert_int_equal(vcpu.arch.iopl, 1);
    assert_int_equal(guest.rflags & RFLAGS_IOPL, 0);
}

static void test_iret_to_user(void **state)
{
    (void)state;
    struct iret_frame *f = iret_frame();
    f->cs = USER_CS;
    f->ss = 0x2b;
    f->flags = VGCF_in_syscall;
    guest.rcx = 5;
    assert_int_equal(iret(), 70);
    assert_int_equal(toggles, 1);
    assert_false(vcpu.arch.kernel_mode);
    assert_int_equal(guest.cs, USER_CS);
    assert_int_equal(guest.vector, REGS_VECTOR_SYSCALL);
    assert_int_equal(guest.rcx, 5);

    setup(NULL);
    vcpu.arch.user_l4 = INVALID_MFN;
    iret_frame()->cs = USER_CS;
    iret();
    assert_int_equal(crashes, 1);
    assert_int_equal(toggles, 0);
    setup(NULL);
    iret_frame();
    guest.rsp = 0x1000;
    iret();
    assert_int_equal(crashes, 1);
}

static u64 random_state = 1;
static u64 random_word(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return random_state >> 20;
}

/* Whatever was delivered, a handler that touches nothing and returns leaves no trace. */
static void test_round_trip(void **state)
{
    (void)state;
    for (u32 i = 0; i < 2000; i++) {
        setup(NULL);
        bool user = random_word() & 1, masked = !user && random_word() & 1;
        u32 vector = random_word() % 20;
        if (user)
            in_user_mode();
        guest.rcx = random_word();
        guest.r11 = random_word();
        guest.rip = random_word();
        guest.rax = random_word();
        guest.rflags =
            (random_word() & (ARITHMETIC | RFLAGS_DF | RFLAGS_TF)) | RFLAGS_IF | RFLAGS_FIXED;
        guest.rsp -= random_word() % 16;
        info.evtchn_upcall_mask = masked;
        vcpu.arch.traps[vector].flags = random_word() & TI_FLAGS_IF;
        before = guest;
        u32 what = random_word() % 3;
        if (what == 0)
            pv_inject_trap(&vcpu, vector, 0);
        else if (what == 1)
            nmi_arrives();
        else
            info.evtchn_upcall_pending = !masked;
        pv_exit_work(&vcpu, &guest);
        if (what < 2 || !masked) {
            u64 *sp = (u64 *)guest.rsp;
            u64 rcx = sp[0], r11 = sp[1];
            bool has_code =
                what == 0 && (vector == 8 || (vector >= 10 && vector <= 14) || vector == 17);
            sp += 2 + has_code - 4;
            sp[0] = guest.rax;
            sp[1] = r11;
            sp[2] = rcx;
            sp[3] = 0;
            guest.rsp = (u64)sp;
            info.evtchn_upcall_pending = 0;
            guest.rax = (u64)iret();
        }
        guest.vector = before.vector;
        /* The kernel's code segment says "kernel" to it in a frame, and is itself again. */
        assert_memory_equal(&guest, &before, sizeof(guest));
        assert_int_equal(vcpu.arch.kernel_mode, !user);
        assert_int_equal(info.evtchn_upcall_mask, masked);
        assert_int_equal(crashes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_trap_from_kernel, setup),
        cmocka_unit_test_setup(test_trap_at_once, setup),
        cmocka_unit_test_setup(test_page_fault_at_once, setup),
        cmocka_unit_test_setup(test_trap_masks_events, setup),
        cmocka_unit_test_setup(test_trap_from_user, setup),
        cmocka_unit_test_setup(test_without_vcpu_info, setup),
        cmocka_unit_test_setup(test_page_fault, setup),
        cmocka_unit_test_setup(test_traces, setup),
        cmocka_unit_test_setup(test_failsafe, setup),
        cmocka_unit_test_setup(test_crashes, setup),
        cmocka_unit_test_setup(test_iopl, setup),
        cmocka_unit_test_setup(test_event, setup),
        cmocka_unit_test_setup(test_nmi, setup),
        cmocka_unit_test_setup(test_order, setup),
        cmocka_unit_test_setup(test_syscall, setup),
        cmocka_unit_test_setup(test_syscall_unwanted, setup),
        cmocka_unit_test_setup(test_iret_to_kernel, setup),
        cmocka_unit_test_setup(test_iret_flags, setup),
        cmocka_unit_test_setup(test_iret_to_user, setup),
        cmocka_unit_test_setup(test_round_trip, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
