/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tools do to a vCPU against what its siblings do to it at the same time: on the simulated
 * machine, where a hypercall of the one is interrupted for a whole one of the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "abi/domctl.h"
#include "abi/vcpu.h"
#include "abi/xen.h"
#include "host/machine.h"
#include "x86/page.h"

static struct domain *dom0, *guest;
static struct vcpu *target; /* what both want to change; it never runs */

/* What has happened so far. */
static enum { BEGIN, RESET, SIBLING_CALLS, TOOLS_CALL, END } stage;
static bool tools_are_done, sibling_is_done, sibling_may_run;
static u32 copies_seen;

static int setup_group(void **state)
{
    (void)state;
    host_boot();
    dom0 = host_domain_build(0, 1, 20);
    guest = host_domain_build(1, 2, 20);
    target = guest->vcpus[1];
    host_snapshot();
    return 0;
}

static int setup(void **state)
{
    (void)state;
    host_restore();
    stage = BEGIN;
    tools_are_done = sibling_is_done = sibling_may_run = false;
    copies_seen = 0;
    return 0;
}

/* --- calls: arguments lie at the start of the CPU's window, what they point to behind them */

#define BEHIND 0x400

static void call_domctl(u32 cmd, const struct xen_domctl *how)
{
    struct xen_domctl *op = (struct xen_domctl *)host_window();
    *op = *how;
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = guest->id;
    host_hypercall(__HYPERVISOR_domctl, HOST_WINDOW_VA, 0, 0, 0, 0, 0);
}

static void call_reset(void)
{
    const struct xen_domctl op = {.u.vcpucontext.vcpu = target->id};
    call_domctl(XEN_DOMCTL_setvcpucontext, &op);
}

static void call_extstate(void)
{
    const struct xen_domctl op = {
        .u.vcpuextstate = {.vcpu = target->id, .size = 1024, .buffer.va = HOST_WINDOW_VA + BEHIND}};
    call_domctl(XEN_DOMCTL_setvcpuextstate, &op);
}

static void call_initialise(void)
{
    struct vcpu_guest_context *c = (struct vcpu_guest_context *)(host_window() + BEHIND);
    memset(c, 0, sizeof(*c));
    c->flags = VGCF_in_kernel;
    c->ctrlreg[3] = paddr_of_mfn(guest->vcpus[0]->arch.kernel_l4);
    host_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, target->id, HOST_WINDOW_VA + BEHIND, 0,
                   0, 0);
}

/* --- a reset while a sibling initialises */

static u32 next_cpu(enum host_why why)
{
    return why == HOST_BETWEEN || why == HOST_WAITING ? (cpu_id() + 1) % HOST_CPUS : cpu_id();
}

/* In the middle of the sibling's call, when it has taken the page table, the tools make theirs. */
static u32 choose_middle(enum host_why why, bool *interrupt)
{
    (void)interrupt;
    if (why == HOST_LOCKING && stage == SIBLING_CALLS && !mfn_is_invalid(target->arch.kernel_l4) &&
        !spin_is_locked(&guest->arch.page_table_lock)) {
        stage = TOOLS_CALL;
        return dom0->vcpus[0]->cpu;
    }
    if (why == HOST_BETWEEN && stage == TOOLS_CALL)
        return dom0->vcpus[0]->cpu;
    return next_cpu(why);
}

static void step_reset(struct vcpu *v)
{
    if (v->domain == dom0 && stage == BEGIN) {
        stage = RESET;
        call_reset();
    } else if (v == guest->vcpus[0] && stage == RESET && !target->initialised) {
        stage = SIBLING_CALLS;
        call_initialise();
        sibling_is_done = true;
    } else if (v->domain == dom0 && stage == TOOLS_CALL) {
        stage = END;
        call_reset();
        tools_are_done = true;
    }
}

static bool both_go_on(void)
{
    return !tools_are_done || !sibling_is_done;
}

static void no_look(void)
{
}

static void test_reset_and_initialise(void **state)
{
    (void)state;
    const struct host_program program = {
        .choose = choose_middle, .guest_step = step_reset, .more = both_go_on, .at_rest = no_look};
    assert_true(host_run(&program));
    assert_int_equal(stage, END);
    /* Whichever of the two came last, it is initialised only if it has a table to run on. */
    assert_false(target->initialised && mfn_is_invalid(target->arch.kernel_l4));
}

/* --- while the tools replace a vCPU's state */

/* No sibling is in the hypervisor, nor comes there, while that goes on. */
static u32 choose_watch(enum host_why why, bool *interrupt)
{
    (void)interrupt;
    if (why == HOST_COPYING && stage == END && (guest->pause_count || target->pause_count)) {
        copies_seen++;
        sibling_may_run |= guest->vcpus[0]->running || vcpu_runnable(guest->vcpus[0]);
    }
    return next_cpu(why);
}

static void step_extstate(struct vcpu *v)
{
    if (v == guest->vcpus[0])
        sibling_is_done = true;
    if (v->domain == dom0 && sibling_is_done && stage == BEGIN) {
        stage = END;
        call_extstate();
        tools_are_done = true;
    }
}

static void test_state_is_replaced(void **state)
{
    (void)state;
    const struct host_program program = {.choose = choose_watch,
                                         .guest_step = step_extstate,
                                         .more = both_go_on,
                                         .at_rest = no_look};
    assert_true(host_run(&program));
    assert_true(copies_seen > 0);
    assert_false(sibling_may_run);
    assert_int_equal(guest->pause_count, 0);
    assert_true(vcpu_runnable(guest->vcpus[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_reset_and_initialise, setup),
        cmocka_unit_test_setup(test_state_is_replaced, setup),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
