/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests: what their processors do between the steps of a program. Their code is a few bytes in the
 * window: SYSCALL, behind which they rest, and a MOV to memory. A continuation sets rip back to the
 * SYSCALL; an upcall or an exception sets it elsewhere, and is returned from as soon as the guest
 * runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include "arch/vcpu.h"
#include "core/hypercall.h"
#include "errno.h"
#include "host/machine.h"
#include "lib/string.h"
#include "x86/boot.h"
#include "x86/page.h"
#include "x86/pv.h"
#include "x86/regs.h"

#define STORE_OFFSET 16 /* from HOST_TEXT_VA */
#define STORE_VA     (HOST_TEXT_VA + STORE_OFFSET)
#define STORE_BYTES  3

void host_text_init(void)
{
    static const u8 syscall[] = {0x0f, 0x05}, store[] = {0x48, 0x89, 0x07}; /* mov %rax, (%rdi) */
    u8 *text = host_window() + (HOST_TEXT_VA - HOST_WINDOW_VA);
    memcpy(text, syscall, sizeof(syscall));
    memcpy(text + STORE_OFFSET, store, sizeof(store));
}

/* With HOST_LOG: what guests ask for, and what they get. */
static void show(const struct vcpu *v, const struct regs *r, bool done)
{
    if (!getenv("HOST_LOG"))
        return;
    fprintf(stderr, "CPU %u d%uv%u: ", cpu_id(), v->domain->id, v->id);
    if (done)
        fprintf(stderr, "%s %ld\n", r->rip == HOST_TEXT_VA ? "to be continued" : "gets",
                (long)r->rax);
    else
        fprintf(stderr, "%s(%#lx, %#lx, %#lx, %#lx)\n",
                r->rax < NR_HYPERCALLS && hypercall_names[r->rax] ? hypercall_names[r->rax] : "?",
                r->rdi, r->rsi, r->rdx, r->r10);
}

static void hypercall_execute(struct vcpu *v)
{
    struct regs *r = guest_regs();
    show(v, r, false);
    r->rip = HOST_REST_VA;
    r->vector = REGS_VECTOR_SYSCALL;
    if (!v->arch.kernel_mode)
        pv_syscall_from_user(v, r);
    else if (r->rax < NR_HYPERCALLS)
        r->rax = (u64)hypercall_entries[r->rax](v, r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9);
    else
        r->rax = (u64)-ENOSYS;
    show(v, r, true);
}

void host_hypercall(u32 number, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    struct regs *r = guest_regs();
    r->rax = number;
    r->rdi = a1;
    r->rsi = a2;
    r->rdx = a3;
    r->r10 = a4;
    r->r8 = a5;
    r->r9 = a6;
    hypercall_execute(current);
}

bool host_guest_store(struct vcpu *v, vaddr_t va, u64 value)
{
    struct regs *r = guest_regs();
    u64 *place = va % sizeof(u64) ? NULL : host_translate(va, true);
    if (place) {
        *place = value;
        return true;
    }
    r->rdi = va;
    r->rax = value;
    r->rip = STORE_VA;
    r->vector = 0;
    bool done = v->arch.kernel_mode && pv_emulate_page_table_write(v, r, va);
    if (r->rip == STORE_VA || r->rip == STORE_VA + STORE_BYTES)
        r->rip = HOST_REST_VA;
    return done;
}

static bool is_own_code(u64 rip)
{
    return rip == HOST_TEXT_VA || rip == HOST_REST_VA;
}

/* Some handler of the guest's was entered: back to what it interrupted, if that can be found. */
static void handler_return(struct vcpu *v)
{
    struct regs *r = guest_regs();
    u64 to = HOST_REST_VA, sp = v->arch.kernel_sp;
    /* rcx, r11, perhaps an error code, rip, cs, rflags, rsp, ss. */
    for (u32 skip = 2; skip <= 3; skip++) {
        const u64 *rip = host_translate(r->rsp + skip * sizeof(u64), false);
        const u64 *old_sp = host_translate(r->rsp + (skip + 3) * sizeof(u64), false);
        if (r->rsp % sizeof(u64) || !rip || !old_sp || !is_own_code(*rip))
            continue;
        to = *rip;
        sp = *old_sp;
        break;
    }
    r->rip = to;
    r->rsp = sp;
    if (v->info)
        v->info->evtchn_upcall_mask = 0;
}

void host_guest_go_on(const struct host_program *program)
{
    struct vcpu *v = current;
    u64 rip = guest_regs()->rip;
    if (rip == HOST_TEXT_VA)
        hypercall_execute(v);
    else if (rip != HOST_REST_VA)
        handler_return(v);
    else if (program->more())
        program->guest_step(v);
}

/* --- the ways out of the hypervisor */

void stack_reset_and_jump(void (*function)(void))
{
    host_cpu_unwind();
}

void stack_reset_and_exit(void)
{
    host_cpu_unwind();
}
