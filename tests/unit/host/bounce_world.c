/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/host/bounce_world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/event_channel.h"
#include "core/guest_access.h"
#include "core/percpu.h"
#include "core/softirq.h"
#include "errno.h"
#include "x86/cpu.h"
#include "x86/pv.h"

struct domain domain;
struct vcpu vcpu;
struct vcpu_info info;
struct regs before;
u32 crashes, toggles, softirq_runs;
u64 kernel_stack[STACK_WORDS] aligned(16), other_stack[STACK_WORDS] aligned(16);

DEFINE_PER_CPU(u32, softirq_pending);

bool in(const u64 *stack, u64 at, size_t bytes)
{
    return at >= (u64)stack && at + bytes <= (u64)stack + STACK_WORDS * sizeof(u64);
}

static bool mapped(u64 at, size_t bytes)
{
    /* User mode does not see the kernel's stack. */
    return in(other_stack, at, bytes) || (vcpu.arch.kernel_mode && in(kernel_stack, at, bytes));
}

int guest_copy_in(void *to, vaddr_t from, size_t bytes)
{
    if (!mapped(from, bytes))
        return -EFAULT;
    memcpy(to, (const void *)from, bytes);
    return 0;
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    if (!mapped(to, bytes))
        return -EFAULT;
    memcpy((void *)to, from, bytes);
    return 0;
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
    assert_ptr_equal(d, &domain);
    crashes++;
}

void pv_toggle_mode(struct vcpu *v)
{
    toggles++;
    v->arch.kernel_mode = !v->arch.kernel_mode;
}

void softirq_run(void)
{
    softirq_runs++;
    this_cpu(softirq_pending) = 0;
}

void bounce_world_reset(void)
{
    host_percpu_init(1);
    crashes = toggles = softirq_runs = 0;
    memset(&domain, 0, sizeof(domain));
    memset(&vcpu, 0, sizeof(vcpu));
    memset(&info, 0, sizeof(info));
    memset(kernel_stack, 0xee, sizeof(kernel_stack));
    memset(other_stack, 0xee, sizeof(other_stack));
    vcpu.domain = &domain;
    vcpu.info = &info;
    vcpu.arch.kernel_mode = true;
    vcpu.arch.kernel_l4 = MFN(10);
    vcpu.arch.user_l4 = MFN(11);
    vcpu.arch.kernel_sp = STACK_TOP(kernel_stack);
    vcpu.arch.event_callback = UPCALL;
    vcpu.arch.syscall_callback = SYSCALL;
    vcpu.arch.syscall32_callback = SYSCALL32;
    vcpu.arch.sysenter_callback = SYSENTER;
    vcpu.arch.failsafe_callback = FAILSAFE;
    for (u32 i = 0; i < 256; i++)
        vcpu.arch.traps[i] = (struct trap_info){.vector = (u8)i, .address = HANDLER + i};
    vcpu.arch.traps[TRAP_NMI].flags = TI_FLAGS_IF;
    host_cpu_info[0].vcpu = &vcpu;
    guest = (struct regs){.rax = 1,
                          .rcx = 2,
                          .rdx = 3,
                          .r11 = 11,
                          .rip = 0x401000,
                          .cs = KERNEL_CS,
                          .rflags = RFLAGS_FIXED | RFLAGS_IF | ARITHMETIC,
                          .rsp = STACK_TOP(other_stack) - 3,
                          .ss = SELECTOR_RING3_DS};
    before = guest;
}

void in_user_mode(void)
{
    vcpu.arch.kernel_mode = false;
    guest.cs = USER_CS;
    guest.ss = 0x2b;
    guest.rsp = 0x7ffc0008;
    before = guest;
}

void check_frame(u64 cs, const u64 *extra, u32 n, bool events_masked)
{
    const u64 *f = (const u64 *)guest.rsp;
    assert_int_equal(*f++, before.rcx);
    assert_int_equal(*f++, before.r11);
    for (u32 i = 0; i < n; i++)
        assert_int_equal(*f++, extra[i]);
    assert_int_equal(*f++, before.rip);
    assert_int_equal(*f++, cs | (events_masked ? 1ull << 32 : 0));
    assert_int_equal(*f++, (before.rflags & ~RFLAGS_IF) | (events_masked ? 0 : RFLAGS_IF));
    assert_int_equal(*f++, before.rsp);
    assert_int_equal(*f++, before.ss);
    /* As the processor would, it begins at a multiple of 16. */
    assert_int_equal((u64)f % 16, 0);
}

void check_entered(u64 rip)
{
    assert_int_equal(guest.rip, rip);
    assert_int_equal(guest.cs, SELECTOR_RING3_CS64);
    assert_int_equal(guest.ss, SELECTOR_RING3_DS);
    assert_int_equal(guest.vector, REGS_VECTOR_SYSCALL);
    assert_int_equal(guest.rflags & (RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_VM), 0);
    assert_true(guest.rflags & RFLAGS_IF);
    assert_int_equal(guest.rax, before.rax);
    assert_int_equal(guest.rdx, before.rdx);
    assert_true(vcpu.arch.kernel_mode);
    assert_int_equal(vcpu.arch.bounce.flags, 0);
    assert_int_equal(crashes, 0);
}
