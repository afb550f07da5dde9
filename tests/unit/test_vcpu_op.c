/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VCPUOP_up and _down: which vCPUs run, and what becomes of a domain whose last one goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "abi/sched.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/hypercall_handlers.h"
#include "core/percpu.h"
#include "core/time.h"
#include "core/vcpu_timer.h"
#include "errno.h"
#include "tests/unit/host/domain_world.h"

static struct domain *guest;

/* --- what the other operations of the file would call */

long arch_hypercall_reissue(struct vcpu *v, const u64 *values, u32 count)
{
    return 0;
}

int arch_vcpu_initialise(struct vcpu *v, vaddr_t context)
{
    return 0;
}

nsec_t time_now(void)
{
    return 0;
}

void time_update_vcpu(struct vcpu *v)
{
}

void vcpu_timer_set_periodic(struct vcpu *v, nsec_t period)
{
}

void vcpu_timer_set_singleshot(struct vcpu *v, nsec_t when)
{
}

void vcpu_timer_stop_singleshot(struct vcpu *v)
{
}

void sched_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
}

void sched_runstate_update_guest(struct vcpu *v)
{
}

u64 cpu_physical_id(u32 cpu)
{
    return cpu;
}

/* --- the tests */

static int setup_group(void **state)
{
    domain_world_init();
    return 0;
}

static int setup(void **state)
{
    domain_world_reset();
    guest = domain_world_create(7, 3);
    for (u32 i = 0; i < 3; i++) {
        guest->vcpus[i]->initialised = true;
        guest->vcpus[i]->pause_flags = i < 2 ? 0 : VCPU_PAUSED_DOWN;
    }
    domain_world_run(guest->vcpus[0]);
    return 0;
}

static int teardown(void **state)
{
    domain_world_run(domain_world.dom0->vcpus[0]);
    domain_world_kill(guest);
    return 0;
}

static long call(u32 cmd, u64 id)
{
    return hypercall_vcpu_op(current, cmd, id, 0, 0, 0, 0);
}

static void test_up_and_down(void **state)
{
    assert_int_equal(call(VCPUOP_down, 3), -ENOENT);
    assert_int_equal(call(VCPUOP_is_up, 1), 1);
    assert_int_equal(call(VCPUOP_down, 1), 0);
    assert_int_equal(call(VCPUOP_down, 1), 0);
    assert_int_equal(call(VCPUOP_is_up, 1), 0);
    assert_int_equal(domain_world.sleeps, 1);
    assert_int_equal(call(VCPUOP_up, 1), 0);
    assert_int_equal(call(VCPUOP_is_up, 1), 1);
    assert_int_equal(call(VCPUOP_down, 0), 0); /* there is another */
    assert_false(guest->is_shut_down);
}

static void test_last_one_down(void **state)
{
    assert_int_equal(call(VCPUOP_down, 1), 0);
    assert_false(guest->is_shut_down);
    assert_int_equal(call(VCPUOP_down, 0), 0);
    assert_true(guest->is_shut_down);
    assert_int_equal(guest->shutdown_code, SHUTDOWN_poweroff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_up_and_down, setup, teardown),
        cmocka_unit_test_setup_teardown(test_last_one_down, setup, teardown),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
