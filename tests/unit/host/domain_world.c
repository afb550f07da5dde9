/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The domains of host/domain_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/cpu.h"
#include "arch/memory.h"
#include "arch/vcpu.h"
#include "core/event_channel.h"
#include "core/percpu.h"
#include "core/tasklet.h"
#include "errno.h"
#include "lib/print.h"
#include "tests/unit/host/domain_world.h"

struct domain_world domain_world;
bool option_noreboot;

/* --- allocations that fail */

static bool allocation_fails(void)
{
    return domain_world.fail_allocation_after && !--domain_world.fail_allocation_after;
}

struct frame *__real_heap_alloc(u32 order, u32 node, u32 address_bits, u32 flags);
struct frame *__wrap_heap_alloc(u32 order, u32 node, u32 address_bits, u32 flags);
void *__real_page_alloc(void);
void *__wrap_page_alloc(void);
void *__real_pages_alloc(u32 order);
void *__wrap_pages_alloc(u32 order);
void *__real_object_alloc(size_t bytes);
void *__wrap_object_alloc(size_t bytes);
void *__real_object_alloc_array(size_t size, size_t n);
void *__wrap_object_alloc_array(size_t size, size_t n);

struct frame *__wrap_heap_alloc(u32 order, u32 node, u32 address_bits, u32 flags)
{
    return allocation_fails() ? NULL : __real_heap_alloc(order, node, address_bits, flags);
}

void *__wrap_page_alloc(void)
{
    return allocation_fails() ? NULL : __real_page_alloc();
}

void *__wrap_pages_alloc(u32 order)
{
    return allocation_fails() ? NULL : __real_pages_alloc(order);
}

void *__wrap_object_alloc(size_t bytes)
{
    return allocation_fails() ? NULL : __real_object_alloc(bytes);
}

void *__wrap_object_alloc_array(size_t size, size_t n)
{
    return allocation_fails() ? NULL : __real_object_alloc_array(size, n);
}

/* --- the world */

void domain_world_reset(void)
{
    u32 domains = domain_world.arch_domains, vcpus = domain_world.arch_vcpus,
        units = domain_world.sched_vcpus;
    struct domain *dom0 = domain_world.dom0;
    memory_world_reset();
    memset(&domain_world, 0, offsetof(struct domain_world, m2p));
    domain_world.powered_off = false;
    domain_world.dom0 = dom0;
    domain_world.arch_domains = domains;
    domain_world.arch_vcpus = vcpus;
    domain_world.sched_vcpus = units;
    if (dom0)
        domain_world_run(dom0->vcpus[0]);
}

void domain_world_init(void)
{
    memory_world_init();
    memset(domain_world.m2p, 0xff, sizeof(domain_world.m2p));
    tasklets_init();
    domains_init();
    domain_world.dom0 = domain_world_create(0, 2);
    hardware_domain = domain_world.dom0;
    domain_world_reset();
}

struct domain *domain_world_create(domid_t id, u32 vcpus)
{
    int error;
    struct domain *d = domain_create(id, vcpus, &error);
    assert_non_null(d);
    d->max_frames = ~0ull;
    for (u32 i = 0; i < vcpus; i++)
        assert_non_null(vcpu_create(d, i));
    return d;
}

u32 domain_world_kill(struct domain *d)
{
    u32 slices = 1;
    assert_true(domain_try_ref(d));
    for (int error; (error = domain_kill(d)); slices++)
        assert_int_equal(error, -ERESTART);
    assert_int_equal(domain_kill(d), 0); /* dead is dead */
    domain_put(d);
    memory_world_softirqs();
    return slices;
}

void domain_world_run(struct vcpu *v)
{
    host_cpu_info[0].vcpu = v;
}

/* --- the architecture */

int arch_domain_create(struct domain *d)
{
    /* What the architecture gives a domain depends on which it is. */
    assert_true(d->is_hardware == (d->id == 0) && d->is_control == (d->id == 0));
    if (!domain_world.arch_create_error)
        domain_world.arch_domains++;
    return domain_world.arch_create_error;
}

int arch_domain_relinquish(struct domain *d)
{
    if (!domain_world.relinquish_slices) {
        domain_world.relinquished++;
        return 0;
    }
    domain_world.relinquish_slices--;
    return -ERESTART;
}

void arch_domain_destroy(struct domain *d)
{
    if (!domain_world.arch_create_error)
        domain_world.arch_domains--;
}

int arch_vcpu_create(struct vcpu *v)
{
    if (allocation_fails())
        return -ENOMEM;
    domain_world.arch_vcpus++;
    return 0;
}

void arch_vcpu_destroy(struct vcpu *v)
{
    domain_world.arch_vcpus--;
}

void arch_vcpu_reset(struct vcpu *v)
{
}

void arch_vcpu_dump(struct vcpu *v)
{
}

void arch_vcpu_kick(struct vcpu *v)
{
    domain_world.kicks++;
}

struct frame *arch_gfn_get_frame(struct domain *d, gfn_t gfn)
{
    struct frame *f = frame_of_mfn(MFN(gfn.v));
    return f && frame_get(f, d) ? f : NULL;
}

void arch_gfn_assign(struct domain *d, gfn_t gfn, mfn_t mfn)
{
    assert_true(memory_world_is_ram(mfn.v));
    domain_world.m2p[mfn.v] = gfn.v;
}

mfn_t arch_ram_end(void)
{
    return MFN(WORLD_HIGH_END);
}

u32 arch_pirq_limit(const struct domain *d)
{
    return 16;
}

int arch_pirq_bind(struct vcpu *v, u32 pirq, bool share)
{
    return -EINVAL;
}

void arch_pirq_unbind(struct domain *d, u32 pirq)
{
}

void arch_pirq_set_affinity(struct domain *d, u32 pirq, const struct vcpu *v)
{
}

int arch_grant_map(struct domain *d, u64 addr, mfn_t frame, u32 flags)
{
    return 0;
}

int arch_grant_unmap(struct domain *d, u64 addr, u64 new_addr, mfn_t frame, u32 flags)
{
    return 0;
}

void last_words_forget(void)
{
}

void machine_power_off(void)
{
    domain_world.powered_off = true;
    panic("the machine is off");
}

void machine_halt(void)
{
    panic("the machine is halted");
}

void machine_restart(void)
{
    panic("the machine restarts");
}

/* --- the scheduler */

int sched_vcpu_init(struct vcpu *v)
{
    if (domain_world.sched_create_fails || allocation_fails())
        return -ENOMEM;
    domain_world.sched_vcpus++;
    return 0;
}

void sched_domain_init(struct domain *d)
{
}

void sched_domain_destroy(struct domain *d)
{
}

void sched_vcpu_destroy(struct vcpu *v)
{
    domain_world.sched_vcpus--;
}

void sched_sleep_sync(struct vcpu *v)
{
    assert_ptr_not_equal(v, current);
    domain_world.sleeps_sync++;
}

void sched_sleep_nosync(struct vcpu *v)
{
    domain_world.sleeps++;
    if (v->domain == domain_world.stops_of && !v->domain->is_shut_down &&
        (v->pause_flags & VCPU_PAUSED_SHUTDOWN))
        domain_world.stops_seen++;
}

void sched_wake(struct vcpu *v)
{
    domain_world.wakes++;
}

void sched_unblock(struct vcpu *v)
{
    v->pause_flags &= ~VCPU_PAUSED_BLOCKED;
}

void watchdog_domain_destroy(struct domain *d)
{
    domain_world.watchdogs_ended++;
}
