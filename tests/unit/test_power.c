/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sysctl says of idle states, clocks of CPUs and patches: see xenpm and xen-livepatch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/control.h"
#include "core/cpumask.h"
#include "core/guest_access.h"
#include "core/sched.h"
#include "core/time.h"
#include "errno.h"

struct cpumask cpu_active_mask = {.bits = {3}};
static struct xen_sysctl sys;
static bool copies_fail;

nsec_t time_now(void)
{
    return 5000;
}

nsec_t sched_idle_time(u32 cpu)
{
    return 100 + cpu;
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    if (!copies_fail)
        memcpy((void *)to, from, bytes);
    return copies_fail ? -EFAULT : 0;
}

static long call_limit(u32 cmd, u32 which, u32 value)
{
    sys.u.pm_op = (struct xen_sysctl_pm_op){.cmd = cmd, .cpuid = which, .u.set_max_cstate = value};
    return sysctl_pm_op(NULL, &sys);
}

static void test_power(void **state)
{
    (void)state;
    u64 triggers[3] = {7, 7, 7}, residencies[3] = {7, 7, 7};
    sys.u.get_pmstat = (struct xen_sysctl_get_pmstat){.type = PMSTAT_get_max_cx, .cpuid = 1};
    assert_int_equal(sysctl_get_pmstat(NULL, &sys), 0);
    assert_int_equal(sys.u.get_pmstat.u.getcx.nr, 2);
    sys.u.get_pmstat.type = PMSTAT_get_cxstat;
    for (u32 room = 0; room < 4; room++) {
        sys.u.get_pmstat.u.getcx = (struct pm_cx_stat){.nr = room,
                                                       .triggers.va = (u64)triggers,
                                                       .residencies.va = (u64)residencies,
                                                       .nr_pc = 9};
        assert_int_equal(sysctl_get_pmstat(NULL, &sys), 0);
        assert_int_equal(sys.u.get_pmstat.u.getcx.nr, 2);
        assert_int_equal(sys.u.get_pmstat.u.getcx.nr_pc, 0);
        for (u32 n = 0; n < 3; n++)
            assert_int_equal(triggers[n], n < MIN(room, 2u) ? 1 : 7);
    }
    assert_int_equal(residencies[0] + residencies[1], time_now());
    assert_int_equal(residencies[1], sched_idle_time(1));
    copies_fail = true;
    assert_int_equal(sysctl_get_pmstat(NULL, &sys), -EFAULT);
    copies_fail = false;
    for (u32 type = PMSTAT_get_max_px; type <= PMSTAT_reset_pxstat; type++) {
        sys.u.get_pmstat.type = type;
        assert_int_equal(sysctl_get_pmstat(NULL, &sys), -ENODEV);
    }
    sys.u.get_pmstat.type = PMSTAT_get_max_cx;
    sys.u.get_pmstat.cpuid = 2;
    assert_int_equal(sysctl_get_pmstat(NULL, &sys), -EINVAL);
    sys.u.get_pmstat.cpuid = ~0u;
    assert_int_equal(sysctl_get_pmstat(NULL, &sys), -EINVAL);

    assert_int_equal(call_limit(XEN_SYSCTL_pm_op_get_max_cstate, 0, 0), 0);
    assert_int_equal(sys.u.pm_op.u.get_max_cstate, 1);
    assert_int_equal(call_limit(XEN_SYSCTL_pm_op_set_max_cstate, 0, 7), 0);
    assert_int_equal(call_limit(XEN_SYSCTL_pm_op_get_max_cstate, 0, 0), 0);
    assert_int_equal(sys.u.pm_op.u.get_max_cstate, 7);
    assert_int_equal(call_limit(XEN_SYSCTL_pm_op_set_max_cstate, 0, 1), 0);
    assert_int_equal(call_limit(XEN_SYSCTL_pm_op_get_max_cstate, 1, 0), 0);
    assert_int_equal(sys.u.pm_op.u.get_max_cstate, XEN_SYSCTL_CX_UNLIMITED);
    assert_int_equal(call_limit(XEN_SYSCTL_pm_op_set_max_cstate, 2, 1), -EINVAL);
    assert_int_equal(call_limit(XEN_SYSCTL_pm_op_set_sched_opt_smt, 0, 5), 0);
    assert_int_equal(sys.u.pm_op.u.set_sched_opt_smt, 0);
    assert_int_equal(call_limit(XEN_SYSCTL_pm_op_set_sched_opt_smt, 0, 0), 0);
    assert_int_equal(sys.u.pm_op.u.set_sched_opt_smt, 1);
    assert_int_equal(call_limit(XEN_SYSCTL_pm_op_enable_turbo, 0, 0), -EACCES);
    assert_int_equal(call_limit(XEN_SYSCTL_pm_op_enable_turbo, 9, 0), -EINVAL);
    assert_int_equal(call_limit(GET_CPUFREQ_PARA, 0, 0), -EINVAL);
}

static void test_patches(void **state)
{
    (void)state;
    struct xen_sysctl_livepatch_op *op = &sys.u.livepatch;
    *op = (struct xen_sysctl_livepatch_op){.cmd = XEN_SYSCTL_LIVEPATCH_LIST, .u.list.nr = 4};
    assert_int_equal(sysctl_livepatch_op(NULL, &sys), 0);
    assert_int_equal(op->u.list.nr, 0);
    op->u.list.pad = 1;
    assert_int_equal(sysctl_livepatch_op(NULL, &sys), -EINVAL);
    *op = (struct xen_sysctl_livepatch_op){.cmd = XEN_SYSCTL_LIVEPATCH_GET, .u.get.name.size = 5};
    assert_int_equal(sysctl_livepatch_op(NULL, &sys), -ENOENT);
    op->u.get.name.size = XEN_LIVEPATCH_NAME_SIZE + 1;
    assert_int_equal(sysctl_livepatch_op(NULL, &sys), -EINVAL);
    op->cmd = XEN_SYSCTL_LIVEPATCH_UPLOAD;
    assert_int_equal(sysctl_livepatch_op(NULL, &sys), -EOPNOTSUPP);
    op->pad = 1;
    assert_int_equal(sysctl_livepatch_op(NULL, &sys), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power),
        cmocka_unit_test(test_patches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
