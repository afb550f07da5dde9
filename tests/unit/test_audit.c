/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The auditor (core/audit.c, pv/mm_audit.c) and the simulated machine's own (arch/host) see what is
 * wrong: each test breaks one thing on a machine with two domains, which is clean before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/audit.h"
#include "core/heap.h"
#include "host/machine.h"
#include "hypervisor/core/event_private.h"
#include "hypervisor/core/grant_private.h"
#include "x86/page.h"

#define GUEST_FRAMES 20u

static struct domain *dom0, *guest;
static u32 lines;

static void count(const char *line)
{
    lines++;
}

static int setup_group(void **state)
{
    host_boot();
    dom0 = host_domain_build(0, 1, GUEST_FRAMES);
    guest = host_domain_build(1, 2, GUEST_FRAMES);
    host_snapshot();
    return 0;
}

static int setup(void **state)
{
    host_restore();
    lines = 0;
    return host_audit(count);
}

static void expect_faults(void)
{
    assert_true(host_audit(count) > 0);
    assert_true(lines > 0);
}

/* The pages of the guest as it was built: its data, then its tables. */
static struct frame *guest_frame(u32 n)
{
    struct frame *f = frame_list_first(guest);
    while (n--)
        f = frame_list_next(f);
    return f;
}

static pte_t *guest_level1(void)
{
    return frame_to_virt(guest_frame(GUEST_FRAMES - 1));
}

/* --- frames */

static void test_owner(void **state)
{
    guest_frame(0)->owner = frame_list_first(dom0)->owner;
    expect_faults();
}

static void test_owner_gone(void **state)
{
    struct frame *f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    f->owner = (u32)frame_mfn(f).v;
    expect_faults();
}

static void test_count_of_frames(void **state)
{
    guest->tot_frames--;
    expect_faults();
}

static void test_shared_frames(void **state)
{
    guest->frame_refs++;
    expect_faults();
}

static void test_list_of_frames(void **state)
{
    guest_frame(2)->prev = (u32)frame_mfn(guest_frame(0)).v;
    expect_faults();
}

static void test_free_and_owned(void **state)
{
    guest_frame(0)->count |= FRAME_FREE;
    expect_faults();
}

/* --- page tables and TLBs */

static void test_writable_table(void **state)
{
    guest_level1()[GUEST_FRAMES - 1] |= PTE_WRITE;
    expect_faults();
}

static void test_uses(void **state)
{
    guest_frame(GUEST_FRAMES - 2)->type++;
    expect_faults();
}

static void test_references(void **state)
{
    guest_frame(0)->count--;
    expect_faults();
}

static u32 same_cpu(enum host_why why, bool *interrupt)
{
    return why == HOST_BETWEEN || why == HOST_WAITING ? cpu_id() + 1 : cpu_id();
}

static void no_step(struct vcpu *v)
{
}

static bool no_more(void)
{
    return false;
}

static void no_look(void)
{
}

/* Guests run, and their CPUs remember what they can reach. */
static void guests_run(void)
{
    static const struct host_program program = {same_cpu, no_step, no_more, no_look};
    assert_true(host_run(&program));
    assert_int_equal(host_audit(count), 0);
}

/* A page that could be written to becomes a table, and nobody flushes. */
static void test_stale_writable(void **state)
{
    struct frame *f = guest_frame(0);
    guests_run();
    guest_level1()[0] &= ~PTE_WRITE;
    f->type = FRAME_TYPE_L1 | FRAME_VALIDATED | 1;
    assert_true(host_tlb_audit(count) > 0);
}

/* A table that a CPU could walk becomes data, and nobody flushes. */
static void test_stale_walk(void **state)
{
    guests_run();
    guest_frame(GUEST_FRAMES - 1)->type = FRAME_TYPE_NONE;
    assert_true(host_tlb_audit(count) > 0);
}

/* --- event channels */

static u32 port_connect(u32 *remote)
{
    u32 port;
    assert_int_equal(event_alloc_unbound(dom0, guest->id, remote), 0);
    assert_int_equal(event_bind_interdomain(guest, dom0, *remote, &port), 0);
    assert_int_equal(host_audit(count), 0);
    return port;
}

static void test_pair(void **state)
{
    u32 remote, port = port_connect(&remote);
    event_port_at(dom0->events, remote)->remote.port = port + 1;
    expect_faults();
}

static void test_pair_closed(void **state)
{
    u32 remote;
    port_connect(&remote);
    event_port_at(dom0->events, remote)->state = EVENT_UNBOUND;
    expect_faults();
}

static void test_virq(void **state)
{
    u32 port;
    assert_int_equal(event_bind_virq(guest, VIRQ_TIMER, 1, &port), 0);
    assert_int_equal(host_audit(count), 0);
    guest->vcpus[1]->virq_port[VIRQ_TIMER] = 0;
    expect_faults();
}

static void test_count_of_ports(void **state)
{
    guest->events->bound_ports++;
    expect_faults();
}

/* That is no fault: tools may connect a domain before it has vCPUs. */
static void test_port_before_vcpus(void **state)
{
    u32 port;
    struct vcpu *first = guest->vcpus[0];
    guest->vcpus[0] = NULL;
    u32 others = host_audit(count); /* its page tables belong to nobody now */
    assert_int_equal(event_alloc_unbound(guest, dom0->id, &port), 0);
    assert_int_equal(host_audit(count), others);
    event_port_at(guest->events, port)->vcpu = guest->max_vcpus;
    assert_int_equal(host_audit(count), others + 1);
    guest->vcpus[0] = first;
}

/* --- grants */

/* The guest grants its first page; domain 0 has it mapped for devices by handle 0. */
static struct grant_map *grant_make(void)
{
    struct gnttab_map_grant_ref op = {.flags = GNTMAP_device_map, .ref = 9, .dom = guest->id};
    struct grant_entry_v1 *e = grant_v1_at(guest->grants, op.ref);
    *e = (struct grant_entry_v1){GTF_permit_access, dom0->id, (u32)frame_mfn(guest_frame(0)).v};
    grant_op_map(dom0->vcpus[0], &op);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(host_audit(count), 0);
    return &dom0->grants->maps[0][op.handle];
}

static void test_grant_unknown(void **state)
{
    grant_make()->ref++;
    expect_faults();
}

static void test_grant_forgotten(void **state)
{
    grant_make()->flags = 0;
    expect_faults();
}

static void test_grant_claims(void **state)
{
    grant_make();
    guest->grants->claimed--;
    expect_faults();
}

/* --- the end */

static void test_end(void **state)
{
    grant_make();
    assert_int_equal(host_end(count), 0);
    assert_int_equal(host_audit(count), 0);
}

static void test_domain_left(void **state)
{
    assert_true(domain_try_ref(guest));
    assert_true(host_end(count) > 0);
}

static void test_frame_lost(void **state)
{
    assert_non_null(page_alloc());
    assert_int_equal(host_end(count), 1);
}

int main(void)
{
#define BROKEN(name) cmocka_unit_test_setup(test_##name, setup)
    const struct CMUnitTest tests[] = {
        BROKEN(owner),           BROKEN(owner_gone),
        BROKEN(count_of_frames), BROKEN(shared_frames),
        BROKEN(list_of_frames),  BROKEN(free_and_owned),
        BROKEN(writable_table),  BROKEN(uses),
        BROKEN(references),      BROKEN(stale_writable),
        BROKEN(stale_walk),      BROKEN(pair),
        BROKEN(pair_closed),     BROKEN(virq),
        BROKEN(count_of_ports),  BROKEN(port_before_vcpus),
        BROKEN(grant_unknown),   BROKEN(grant_forgotten),
        BROKEN(grant_claims),    BROKEN(end),
        BROKEN(domain_left),     BROKEN(frame_lost),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
