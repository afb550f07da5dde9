/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sysctl and domctl as the tools call them: versions and privileges, the life of a domain from
 * createdomain to destroydomain in slices, bitmaps of every length, lists, and that nothing of a
 * domain is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "abi/sched.h"
#include "arch/control.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/claim.h"
#include "core/console.h"
#include "core/control.h"
#include "core/hypercall_handlers.h"
#include "core/percpu.h"
#include "errno.h"
#include "hypervisor/core/grant_private.h"
#include "tests/unit/host/control_world.h"
#include "tests/unit/host/domain_world.h"

static u64 free_at_start;
static struct xen_sysctl sys;
static struct xen_domctl dom;

/* --- calls */

static long call_sysctl(u32 cmd)
{
    sys.cmd = cmd;
    sys.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hypercall_sysctl(current, (u64)&sys, 0, 0, 0, 0, 0);
}

static u32 slices;

static long call_domctl(u32 cmd, domid_t domain)
{
    dom.cmd = cmd;
    dom.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    dom.domain = domain;
    for (slices = 1;; slices++) {
        control_world.reissued = false;
        long result = hypercall_domctl(current, (u64)&dom, 0, 0, 0, 0, 0);
        if (!control_world.reissued)
            return result;
        assert_true(slices < 1000);
    }
}

static int setup_group(void **state)
{
    (void)state;
    domain_world_init();
    return 0;
}

static int setup(void **state)
{
    (void)state;
    domain_world_reset();
    memset(&sys, 0, sizeof(sys));
    memset(&dom, 0, sizeof(dom));
    memset(&control_world, 0, sizeof(control_world));
    cpu_online_mask = cpu_active_mask = (struct cpumask){.bits = {3}};
    free_at_start = heap_free_frames();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    memory_world_softirqs();
    assert_int_equal(domain_world.arch_domains, 1);
    assert_int_equal(heap_free_frames(), free_at_start);
    assert_int_equal(claims_total(), 0);
    assert_int_equal(domain_world.dom0->refs, 2); /* the list, its shared page */
    return 0;
}

static struct xen_domctl_createdomain config(void)
{
    return (struct xen_domctl_createdomain){.handle = {1, 2, 3},
                                            .max_vcpus = 2,
                                            .max_evtchn_port = 1023,
                                            .max_grant_frames = 4,
                                            .max_maptrack_frames = -1,
                                            .grant_opts = 2};
}

static domid_t create(domid_t wanted)
{
    memset(&dom.u, 0, sizeof(dom.u));
    dom.u.createdomain = config();
    assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, wanted), 0);
    domid_t id = dom.domain;
    dom.u.max_vcpus.max = 2;
    assert_int_equal(call_domctl(XEN_DOMCTL_max_vcpus, id), 0);
    return id;
}

static void destroy(domid_t id)
{
    assert_int_equal(call_domctl(XEN_DOMCTL_destroydomain, id), 0);
    memory_world_softirqs();
}

/* --- tests */

static void test_versions_and_privilege(void **state)
{
    (void)state;
    sys.cmd = XEN_SYSCTL_sched_id;
    for (u32 version = 0x13; version < 0x18; version++) {
        u32 lines = memory_world.log_lines;
        sys.interface_version = dom.interface_version = version;
        dom.cmd = XEN_DOMCTL_getdomaininfo;
        dom.domain = 0;
        bool known = version == XEN_SYSCTL_INTERFACE_VERSION;
        assert_int_equal(hypercall_sysctl(current, (u64)&sys, 0, 0, 0, 0, 0), known ? 0 : -EACCES);
        assert_int_equal(hypercall_domctl(current, (u64)&dom, 0, 0, 0, 0, 0), known ? 0 : -EACCES);
        assert_int_equal(memory_world.log_lines, lines + (known ? 0 : 2));
    }
    domid_t id = create(0);
    struct domain *d = domain_get(id);
    domain_world_run(d->vcpus[0]);
    assert_int_equal(call_sysctl(XEN_SYSCTL_sched_id), -EPERM);
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, id), -EPERM);
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, 999), -ESRCH);
    domain_world_run(domain_world.dom0->vcpus[0]);
    domain_put(d);
    memory_world.copy_fail_after = 1;
    assert_int_equal(call_sysctl(XEN_SYSCTL_sched_id), -EFAULT);
    memory_world.copy_fail_after = 1;
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, id), -EFAULT);
    assert_int_equal(call_domctl(XEN_DOMCTL_vuart_op, id), -ENOSYS);
    assert_int_equal(call_domctl(XEN_DOMCTL_gdbsx_domstatus, id), -ENOSYS);
    assert_int_equal(call_sysctl(1000), -ENOSYS);
    destroy(id);
}

static void test_create_refused(void **state)
{
    (void)state;
    const struct {
        struct xen_domctl_createdomain with;
        int error;
    } bad[] = {
        {{.max_vcpus = 0, .grant_opts = 1}, -EINVAL},
        {{.max_vcpus = NR_DOMAIN_VCPUS_MAX + 1, .grant_opts = 1}, -EINVAL},
        {{.max_vcpus = 1, .grant_opts = 0}, -EINVAL},
        {{.max_vcpus = 1, .grant_opts = 3}, -EINVAL},
        {{.max_vcpus = 1, .grant_opts = 0x11}, -EINVAL},
        {{.max_vcpus = 1, .grant_opts = 1, .flags = XEN_DOMCTL_CDF_hvm}, -EINVAL},
        {{.max_vcpus = 1, .grant_opts = 1, .flags = 1u << 31}, -EINVAL},
        {{.max_vcpus = 1, .grant_opts = 1, .vmtrace_size = 4096}, -EINVAL},
        {{.max_vcpus = 1, .grant_opts = 1, .cpupool_id = 1}, -ESRCH},
        {{.max_vcpus = 1, .grant_opts = 1, .arch.emulation_flags = 1}, -EINVAL},
    };
    domid_t before = create(0);
    destroy(before);
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        u32 lines = memory_world.log_lines;
        dom.u.createdomain = bad[i].with;
        dom.u.createdomain.max_grant_frames = 1;
        assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, 0), bad[i].error);
        assert_int_equal(memory_world.log_lines, lines + 1);
    }
    /* Each used up a number, as on Xen: that of the next domain depends on it. */
    domid_t after = create(0);
    assert_int_equal(after, before + 1 + ARRAY_SIZE(bad));
    destroy(after);
    /* Every allocation fails once. */
    for (u32 n = 1;; n++) {
        dom.u.createdomain = config();
        domain_world.fail_allocation_after = n;
        long result = call_domctl(XEN_DOMCTL_createdomain, 0);
        memory_world_softirqs();
        if (domain_world.fail_allocation_after) {
            domain_world.fail_allocation_after = 0;
            assert_int_equal(result, 0);
            break;
        }
        assert_int_equal(result, -ENOMEM);
        assert_int_equal(heap_free_frames(), free_at_start);
    }
    destroy(dom.domain);
}

static void test_grant_version(void **state)
{
    (void)state;
    for (u32 version = 1; version <= 2; version++) {
        dom.u.createdomain = config();
        dom.u.createdomain.grant_opts = version;
        assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, 0), 0);
        struct domain *d = domain_get(dom.domain);
        assert_int_equal(grant_table_set_version(d, 2), version == 2 ? 0 : -ENOSYS);
        domain_put(d);
        destroy(dom.domain);
    }
}

/* So many frames of a grant table, and of its handles, may be asked for. */
static void test_grant_limits(void **state)
{
    (void)state;
    static const struct {
        s32 frames, maptrack;
        long answer;
    } asked[] = {
        {0, -1, -EINVAL},
        {65, -1, -EINVAL},
        {INT32_MAX, -1, -EINVAL},
        {-1, 1025, -EINVAL},
        {-1, INT32_MAX, -EINVAL},
        {1, 0, 0},
        {64, 1024, 0},
        {-1, -1, 0},
    };
    for (u32 i = 0; i < ARRAY_SIZE(asked); i++) {
        dom.u.createdomain = config();
        dom.u.createdomain.max_grant_frames = asked[i].frames;
        dom.u.createdomain.max_maptrack_frames = asked[i].maptrack;
        assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, 0), asked[i].answer);
        if (asked[i].answer)
            continue;
        struct domain *d = domain_get(dom.domain);
        assert_int_equal(d->grants->max_frames, asked[i].frames < 0 ? 64 : asked[i].frames);
        assert_int_equal(d->grants->max_map_pages,
                         asked[i].maptrack < 0 ? 1024 : asked[i].maptrack);
        domain_put(d);
        destroy(dom.domain);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    domid_t a = create(0), b = create(0), c = create(77);
    assert_int_not_equal(a, b);
    assert_int_equal(c, 77);
    dom.u.createdomain = config();
    assert_int_equal(call_domctl(XEN_DOMCTL_createdomain, 77), -EEXIST);
    destroy(a);
    /* The next free one, not the last one's again. */
    domid_t d = create(0);
    assert_true(d > b);
    destroy(b);
    destroy(c);
    destroy(d);
}

static void test_life(void **state)
{
    (void)state;
    domid_t id = create(0);
    struct domain *d = domain_get(id);
    assert_int_equal(d->pause_count, 1);
    assert_int_equal(d->handle[2], 3);
    assert_false(d->was_started);
    dom.u.max_vcpus.max = 3;
    assert_int_equal(call_domctl(XEN_DOMCTL_max_vcpus, id), -EINVAL);

    struct vcpu_guest_context *context = calloc(1, sizeof(*context));
    context->flags = VGCF_online;
    dom.u.vcpucontext = (struct xen_domctl_vcpucontext){.vcpu = 1, .ctxt.va = (u64)context};
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpucontext, id), -ENODATA);
    control_world.context_error = -EINVAL;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpucontext, id), -EINVAL);
    assert_true(d->vcpus[1]->pause_flags & VCPU_PAUSED_DOWN);
    control_world.context_error = 0;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpucontext, id), 0);
    assert_false(d->vcpus[1]->pause_flags & VCPU_PAUSED_DOWN);
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpucontext, id), 0);
    assert_int_equal(context->kernel_sp, 0x1234);
    dom.u.vcpucontext.ctxt.va = 0;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpucontext, id), 0);
    assert_true(d->vcpus[1]->pause_flags & VCPU_PAUSED_DOWN);
    dom.u.vcpucontext.vcpu = 2;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpucontext, id), -EINVAL);
    /* The caller sees its other vCPUs. */
    domain_world.dom0->vcpus[1]->initialised = true;
    dom.u.vcpucontext = (struct xen_domctl_vcpucontext){.vcpu = 1, .ctxt.va = (u64)context};
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpucontext, 0), 0);
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpucontext, 0), -EINVAL);
    dom.u.vcpucontext.vcpu = 0;
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpucontext, 0), -EINVAL);
    free(context);

    assert_int_equal(call_domctl(XEN_DOMCTL_unpausedomain, id), 0);
    assert_int_equal(d->pause_count, 0);
    assert_true(d->was_started);
    assert_int_equal(call_domctl(XEN_DOMCTL_unpausedomain, id), -EINVAL);
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, id), 0);
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, 0), -EINVAL);
    assert_int_equal(call_domctl(XEN_DOMCTL_destroydomain, 0), -EINVAL);

    /* The tools' pauses are counted, up to a limit. */
    u32 pauses = d->pause_count;
    while (pauses < 255 && !call_domctl(XEN_DOMCTL_pausedomain, id))
        pauses++;
    assert_int_equal(pauses, 255);
    assert_int_equal(call_domctl(XEN_DOMCTL_pausedomain, id), -EOVERFLOW);
    assert_int_equal(d->pause_count, 255);

    domain_shutdown(d, SHUTDOWN_suspend);
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, id), 0);
    assert_int_equal(dom.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift, SHUTDOWN_suspend);
    assert_true(dom.u.getdomaininfo.flags & XEN_DOMINF_paused);
    assert_int_equal(call_domctl(XEN_DOMCTL_resumedomain, id), 0);
    assert_false(d->is_shut_down);
    assert_false(d->vcpus[0]->pause_flags & VCPU_PAUSED_SHUTDOWN);

    domain_world.relinquish_slices = 3;
    assert_int_equal(call_domctl(XEN_DOMCTL_destroydomain, id), 0);
    assert_int_equal(slices, 4);
    domain_put(d);
}

static void test_lists(void **state)
{
    (void)state;
    struct xen_domctl_getdomaininfo info[4];
    domid_t b = create(30), a = create(20);
    sys.u.getdomaininfolist = (struct xen_sysctl_getdomaininfolist){
        .first_domain = 1, .max_domains = 4, .buffer.va = (u64)info};
    assert_int_equal(call_sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    assert_int_equal(sys.u.getdomaininfolist.num_domains, 2);
    assert_int_equal(info[0].domain, 20);
    assert_int_equal(info[1].domain, 30);
    assert_int_equal(info[0].max_vcpu_id, 1);
    assert_int_equal(info[0].nr_online_vcpus, 0);
    assert_int_equal(info[0].cpu_time, 2000);
    struct domain *d = domain_get(a);
    d->max_frames = ~0ull;
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, a), 0);
    assert_int_equal(dom.u.getdomaininfo.max_pages, UINT32_MAX); /* the tools' "no limit" */
    domain_put(d);
    sys.u.getdomaininfolist.max_domains = 1;
    sys.u.getdomaininfolist.first_domain = 21;
    assert_int_equal(call_sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    assert_int_equal(info[0].domain, 30);
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 21), 0);
    assert_int_equal(dom.domain, 30);
    assert_int_equal(call_domctl(XEN_DOMCTL_getdomaininfo, 31), -ESRCH);
    destroy(a);
    destroy(b);
}

static void test_bitmaps(void **state)
{
    (void)state;
    u8 bytes[40];
    u64 words[4];
    for (u32 bits = 0; bits <= 256; bits++) {
        struct xenctl_bitmap map = {.bitmap.va = (u64)bytes, .nr_bits = bits};
        memset(bytes, 0xff, sizeof(bytes));
        assert_int_equal(control_bitmap_in(words, 200, &map), 0);
        for (u32 i = 0; i < 200; i++)
            assert_int_equal(words[i / 64] >> (i % 64) & 1, i < bits);
        memset(bytes, 0xa5, sizeof(bytes));
        memset(words, 0xff, sizeof(words));
        assert_int_equal(control_bitmap_out(&map, words, 200), 0);
        for (u32 i = 0; i < ROUND_UP(bits, 8u); i++)
            assert_int_equal(bytes[i / 8] >> (i % 8) & 1, i < MIN(bits, 200u));
        assert_int_equal(bytes[DIV_ROUND_UP(bits, 8u)], 0xa5);
    }
    /* However many there are, no fewer bytes are theirs: this one's last is out of reach. */
    for (u32 bits = UINT32_MAX - 8; bits; bits = bits == UINT32_MAX ? 0 : bits + 1) {
        struct xenctl_bitmap map = {.bitmap.va = BIT(47) - (bits - 1) / 8, .nr_bits = bits};
        assert_int_equal(control_bitmap_out(&map, words, 0), -EFAULT);
    }
}

static void test_affinity_and_weight(void **state)
{
    (void)state;
    u8 hard = 0x2, soft = 0xff;
    domid_t id = create(0);
    struct domain *d = domain_get(id);
    dom.u.vcpuaffinity = (struct xen_domctl_vcpuaffinity){
        .flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT,
        .cpumap_hard = {.bitmap.va = (u64)&hard, .nr_bits = 8},
        .cpumap_soft = {.bitmap.va = (u64)&soft, .nr_bits = 8},
    };
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, id), 0);
    assert_int_equal(hard, 2);
    assert_int_equal(soft, 2); /* what is effective of it */
    assert_int_equal(d->vcpus[0]->sched.affinity_soft.bits[0], 0xff);
    assert_int_equal(call_domctl(XEN_DOMCTL_getvcpuaffinity, id), 0);
    assert_int_equal(soft, 0xff);
    hard = 4; /* not online */
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, id), -EINVAL);
    /* One of the two alone leaves the other as it is. */
    d->vcpus[0]->sched.affinity_hard.bits[0] = 4;
    dom.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_SOFT;
    soft = 6;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, id), 0);
    assert_int_equal(d->vcpus[0]->sched.affinity_hard.bits[0], 4);
    assert_int_equal(d->vcpus[0]->sched.affinity_soft.bits[0], 6);
    assert_int_equal(soft, 0);
    /* To undo a pinning and nothing else. */
    dom.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_FORCE;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, id), 0);
    dom.u.vcpuaffinity.vcpu = 9;
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, id), -EINVAL);
    dom.u.vcpuaffinity = (struct xen_domctl_vcpuaffinity){0};
    assert_int_equal(call_domctl(XEN_DOMCTL_setvcpuaffinity, id), -EINVAL);

    memset(&dom.u, 0, sizeof(dom.u));
    dom.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    dom.u.scheduler_op.u.credit2.weight = 512;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, id), 0);
    assert_int_equal(d->vcpus[1]->sched.weight, 512);
    dom.u.scheduler_op.u.credit2.weight = 0;
    dom.u.scheduler_op.u.credit2.cap = 50;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, id), 0);
    dom.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, id), 0);
    assert_int_equal(dom.u.scheduler_op.u.credit2.weight, 512);
    assert_int_equal(dom.u.scheduler_op.u.credit2.cap, 50);
    dom.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT;
    assert_int_equal(call_domctl(XEN_DOMCTL_scheduler_op, id), -EINVAL);

    dom.u.sendtrigger = (struct xen_domctl_sendtrigger){.vcpu = 1};
    assert_int_equal(call_domctl(XEN_DOMCTL_sendtrigger, id), 0);
    assert_ptr_equal(control_world.nmi_sent_to, d->vcpus[1]);
    dom.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_POWER;
    assert_int_equal(call_domctl(XEN_DOMCTL_sendtrigger, id), -EINVAL);
    dom.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_RESET;
    assert_int_equal(call_domctl(XEN_DOMCTL_sendtrigger, id), -ENOSYS);
    dom.u.sendtrigger.vcpu = 9;
    assert_int_equal(call_domctl(XEN_DOMCTL_sendtrigger, id), -ESRCH);
    domain_put(d);
    destroy(id);
}

static void test_permissions(void **state)
{
    (void)state;
    domid_t id = create(0);
    struct domain *d = domain_get(id);
    assert_int_equal(rangeset_add(&domain_world.dom0->ioports, 0x100, 0x1ff), 0);
    dom.u.ioport_permission = (struct xen_domctl_ioport_permission){
        .first_port = 0x180, .nr_ports = 8, .allow_access = 1};
    assert_int_equal(call_domctl(XEN_DOMCTL_ioport_permission, id), 0);
    assert_true(rangeset_contains(&d->ioports, 0x180, 0x187));
    assert_false(rangeset_overlaps(&d->ioports, 0x188, 0xffff));
    dom.u.ioport_permission.first_port = 0x1fc;
    assert_int_equal(call_domctl(XEN_DOMCTL_ioport_permission, id), -EPERM);
    dom.u.ioport_permission.first_port = 0xfffc;
    assert_int_equal(call_domctl(XEN_DOMCTL_ioport_permission, id), -EINVAL);
    dom.u.ioport_permission =
        (struct xen_domctl_ioport_permission){.first_port = 0x180, .nr_ports = 8};
    assert_int_equal(call_domctl(XEN_DOMCTL_ioport_permission, id), 0);
    assert_false(rangeset_overlaps(&d->ioports, 0, 0xffff));
    rangeset_destroy(&domain_world.dom0->ioports);
    rangeset_init(&domain_world.dom0->ioports);
    dom.u.iomem_permission =
        (struct xen_domctl_iomem_permission){.first_mfn = ~0ull, .nr_mfns = 2, .allow_access = 1};
    assert_int_equal(call_domctl(XEN_DOMCTL_iomem_permission, id), -EINVAL);
    dom.u.irq_permission = (struct xen_domctl_irq_permission){.pirq = 16};
    assert_int_equal(call_domctl(XEN_DOMCTL_irq_permission, id), -EINVAL);
    domain_put(d);
    destroy(id);
}

static void test_machine(void **state)
{
    (void)state;
    struct xen_sysctl_cputopo places[4];
    struct xen_sysctl_meminfo memory[4];
    u32 distances[4];
    char text[32] = "";
    assert_int_equal(call_sysctl(XEN_SYSCTL_physinfo), 0);
    assert_int_equal(sys.u.physinfo.nr_cpus, 2);
    assert_int_equal(sys.u.physinfo.free_pages, free_at_start);
    sys.u.cputopoinfo = (struct xen_sysctl_cputopoinfo){0};
    assert_int_equal(call_sysctl(XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(sys.u.cputopoinfo.num_cpus, 2);
    sys.u.cputopoinfo.num_cpus = 4;
    sys.u.cputopoinfo.cputopo.va = (u64)places;
    assert_int_equal(call_sysctl(XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(sys.u.cputopoinfo.num_cpus, 2);
    assert_int_equal(places[1].core, 1);
    assert_int_equal(places[1].socket, 7);
    sys.u.numainfo = (struct xen_sysctl_numainfo){
        .num_nodes = 4, .meminfo.va = (u64)memory, .distance.va = (u64)distances};
    assert_int_equal(call_sysctl(XEN_SYSCTL_numainfo), 0);
    assert_int_equal(sys.u.numainfo.num_nodes, 2);
    assert_int_equal(memory[1].memsize, MIB(2));
    assert_int_equal(distances[1], 20);
    assert_int_equal(distances[3], 10);
    sys.u.readconsole = (struct xen_sysctl_readconsole){
        .incremental = 1, .index = 4, .buffer.va = (u64)text, .count = sizeof(text)};
    assert_int_equal(call_sysctl(XEN_SYSCTL_readconsole), 0);
    assert_int_equal(sys.u.readconsole.count, 3);
    assert_int_equal(sys.u.readconsole.index, 7);
    assert_string_equal(text, "log");
    sys.u.debug_keys = (struct xen_sysctl_debug_keys){.keys.va = (u64) "hq", .nr_keys = 2};
    assert_int_equal(call_sysctl(XEN_SYSCTL_debug_keys), 0);
    assert_string_equal(control_world.keys_handled, "hq");
}

/* A pool operation; cpu is for those that take one. */
static long call_pool(u32 op, u32 pool, u32 cpu)
{
    sys.u.cpupool_op = (struct xen_sysctl_cpupool_op){
        .op = op, .cpupool_id = pool, .cpu = cpu, .sched_id = XEN_SCHEDULER_CREDIT2};
    return call_sysctl(XEN_SYSCTL_cpupool_op);
}

/* The CPUs of a pool (the first one with at least that number), or the free ones; -1: none such. */
static int pool_cpus_now(u32 op, u32 pool)
{
    u8 cpus = 0xff;
    sys.u.cpupool_op = (struct xen_sysctl_cpupool_op){
        .op = op, .cpupool_id = pool, .cpumap = {.bitmap.va = (u64)&cpus, .nr_bits = 8}};
    return call_sysctl(XEN_SYSCTL_cpupool_op) ? -1 : cpus;
}

static long call_hotplug(u32 op, u32 cpu)
{
    sys.u.cpu_hotplug = (struct xen_sysctl_cpu_hotplug){.cpu = cpu, .op = op};
    return call_sysctl(XEN_SYSCTL_cpu_hotplug);
}

/* A CPU that is taken out of use is not there any more for the tools, but still of its pool. */
static void test_cpu_out_of_use(void **state)
{
    (void)state;
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, 0), -EINVAL);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, 2), -EINVAL);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, ~0u), -EINVAL);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_ONLINE, 2), -EINVAL);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_ONLINE, 1), -EEXIST);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE, 0), -EOPNOTSUPP);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, 1), 0);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, 1), -EEXIST);
    assert_int_equal(cpu_active_mask.bits[0], 1);
    assert_int_equal(pool_cpus_now(XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 1);
    assert_int_equal(pool_cpus_now(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0), 0);
    assert_int_equal(call_sysctl(XEN_SYSCTL_physinfo), 0);
    assert_int_equal(sys.u.physinfo.nr_cpus, 1);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 0), -EBUSY);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_ONLINE, 1), 0);
    assert_int_equal(pool_cpus_now(XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 3);

    /* The last one of a pool with domains stays. */
    domid_t id = create(0);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_CREATE, 1, 0), 0);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 1), 0);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 1, 1), 0);
    sys.u.cpupool_op = (struct xen_sysctl_cpupool_op){
        .op = XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, .cpupool_id = 1, .domid = id};
    assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op), 0);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, 1), -EBUSY);
    destroy(id);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, 1), 0);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_ONLINE, 1), 0);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 1, 1), 0);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 1, 0), 0);

    /* One that is in no pool comes back to the first. */
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, 1), 0);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_ONLINE, 1), 0);
    assert_int_equal(pool_cpus_now(XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 3);

    /* Who was bound to it alone may run anywhere, and who was not stays where it is. */
    id = create(0);
    struct domain *d = domain_get(id);
    d->vcpus[0]->sched.affinity_hard.bits[0] = 2;
    d->vcpus[1]->sched.affinity_hard.bits[0] = 1;
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, 1), 0);
    assert_int_equal(d->vcpus[0]->sched.affinity_hard.bits[0], ~0ull);
    assert_int_equal(d->vcpus[1]->sched.affinity_hard.bits[0], 1);
    assert_int_equal(call_hotplug(XEN_SYSCTL_CPU_HOTPLUG_ONLINE, 1), 0);
    domain_put(d);
    destroy(id);
}

static void test_pools(void **state)
{
    (void)state;
    assert_int_equal(pool_cpus_now(XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 3);
    assert_int_equal(sys.u.cpupool_op.n_dom, 1);
    assert_int_equal(pool_cpus_now(XEN_SYSCTL_CPUPOOL_OP_INFO, 1), -1);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_CREATE, 0, 0), -EEXIST);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_CREATE, 64, 0), -ENOSPC);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_CREATE, XEN_SYSCTL_CPUPOOL_PAR_ANY, 0), 0);
    assert_int_equal(sys.u.cpupool_op.cpupool_id, 1);

    /* A CPU is in one pool at a time, and a pool with domains keeps one. */
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 1, 1), -ENODEV);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 2, 1), -ENOENT);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 1), 0);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 1), -EADDRNOTAVAIL);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 0), -EBUSY);
    assert_int_equal(pool_cpus_now(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0), 2);

    /* A domain goes only where a CPU is. */
    domid_t id = create(0);
    sys.u.cpupool_op = (struct xen_sysctl_cpupool_op){
        .op = XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, .cpupool_id = 1, .domid = id};
    assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op), -ENOENT);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 1, 1), 0);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 1, NR_CPUS), -EINVAL);
    struct domain *d = domain_get(id);
    d->vcpus[0]->sched.affinity_hard.bits[0] = 1;
    d->vcpus[0]->sched.affinity_soft.bits[0] = 1;
    sys.u.cpupool_op = (struct xen_sysctl_cpupool_op){
        .op = XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, .cpupool_id = 1, .domid = id};
    assert_int_equal(call_sysctl(XEN_SYSCTL_cpupool_op), 0);
    assert_int_equal(d->vcpus[0]->sched.pool.bits[0], 2);
    /* Where it was pinned to has no meaning there. */
    assert_int_equal(d->vcpus[0]->sched.affinity_hard.bits[0], ~0ull);
    assert_int_equal(d->vcpus[0]->sched.affinity_soft.bits[0], ~0ull);
    domain_put(d);
    assert_int_equal(pool_cpus_now(XEN_SYSCTL_CPUPOOL_OP_INFO, 1), 2);
    assert_int_equal(sys.u.cpupool_op.n_dom, 1);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 1, 0), -EBUSY);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 1, 1), -EBUSY);
    /* Dead, but not gone yet: it does not keep the pool. */
    d = domain_get(id);
    destroy(id);
    assert_int_equal(pool_cpus_now(XEN_SYSCTL_CPUPOOL_OP_INFO, 1), 2);
    assert_int_equal(sys.u.cpupool_op.n_dom, 0);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 1, XEN_SYSCTL_CPUPOOL_PAR_ANY), 0);
    sys.u.scheduler_op = (struct xen_sysctl_scheduler_op){
        .sched_id = XEN_SCHEDULER_CREDIT2, .cpupool_id = 1, .cmd = XEN_SYSCTL_SCHEDOP_getinfo};
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op), 0);
    sys.u.scheduler_op.cpupool_id = 2;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op), -ESRCH);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 1, 0), 0);
    assert_int_equal(d->cpupool, 0);
    domain_put(d);
    memory_world_softirqs();
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 0, 0), -EBUSY);
    assert_int_equal(call_pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, XEN_SYSCTL_CPUPOOL_PAR_ANY), 0);
    assert_int_equal(pool_cpus_now(XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 3);
}

static void test_scheduler(void **state)
{
    (void)state;
    sys.u.scheduler_op = (struct xen_sysctl_scheduler_op){.sched_id = XEN_SCHEDULER_CREDIT2,
                                                          .cmd = XEN_SYSCTL_SCHEDOP_getinfo};
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op), 0);
    assert_int_equal(sys.u.scheduler_op.u.sched_credit2.ratelimit_us, 1000);
    sys.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_putinfo;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op), 0);
    sys.u.scheduler_op.u.sched_credit2.ratelimit_us = 5;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op), -EINVAL);
    sys.u.scheduler_op.u.sched_credit2.ratelimit_us = 500001;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op), -EINVAL);
    assert_int_equal(sched_rate_limit, MILLISECONDS(1));
    sys.u.scheduler_op.u.sched_credit2.ratelimit_us = 2000;
    assert_int_equal(call_sysctl(XEN_SYSCTL_scheduler_op), 0);
    assert_int_equal(sched_rate_limit, MILLISECONDS(2));
    sched_rate_limit = MILLISECONDS(1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_versions_and_privilege),
        TEST(test_create_refused),
        TEST(test_grant_version),
        TEST(test_grant_limits),
        TEST(test_numbers),
        TEST(test_life),
        TEST(test_lists),
        TEST(test_bitmaps),
        TEST(test_affinity_and_weight),
        TEST(test_permissions),
        TEST(test_machine),
        TEST(test_pools),
        TEST(test_cpu_out_of_use),
        TEST(test_scheduler),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
