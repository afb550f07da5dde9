/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory map that a domain is given in place of the machine's (XENMEM_set_memory_map), by
 * itself and by others: on the simulated machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "abi/memory.h"
#include "abi/xen.h"
#include "errno.h"
#include "host/machine.h"

#define BEHIND 0x400 /* in the window: what an argument points to */

static struct domain *dom0, *guest;
static const struct xen_e820_entry entries[] = {{.addr = 0, .size = 0x9000, .type = 1},
                                                {.addr = 0x10000, .size = 0x5000, .type = 2}};
static struct xen_e820_entry seen[ARRAY_SIZE(entries)];

/* What the guests ask, one after the other, and what they are answered. */
enum { UNSET, SET_OF_0, SET_OWN, GET, SET_BY_0, GET_AGAIN, CALLS };
static u32 next;
static bool under_way;
static long answers[CALLS];
static u32 counts[CALLS];

static long call(u32 cmd)
{
    host_hypercall(__HYPERVISOR_memory_op, cmd, HOST_WINDOW_VA, 0, 0, 0, 0);
    return (long)guest_regs()->rax;
}

static long set_map(domid_t of, u32 n)
{
    struct xen_foreign_memory_map *op = (struct xen_foreign_memory_map *)host_window();
    *op = (struct xen_foreign_memory_map){
        .domid = of, .map = {.nr_entries = n, .buffer.va = HOST_WINDOW_VA + BEHIND}};
    memcpy(host_window() + BEHIND, entries, sizeof(entries));
    return call(XENMEM_set_memory_map);
}

static long get_map(u32 *n)
{
    struct xen_memory_map *op = (struct xen_memory_map *)host_window();
    *op = (struct xen_memory_map){.nr_entries = 10, .buffer.va = HOST_WINDOW_VA + BEHIND};
    memset(host_window() + BEHIND, 0, sizeof(entries));
    long answer = call(XENMEM_memory_map);
    *n = op->nr_entries;
    memcpy(seen, host_window() + BEHIND, sizeof(seen));
    return answer;
}

static void step(struct vcpu *v)
{
    u32 i = next;
    if ((v->domain == dom0) != (i == SET_BY_0) || i == CALLS || under_way)
        return;
    under_way = true;
    if (i == SET_OF_0)
        answers[i] = set_map(0, 1);
    else if (i == SET_OWN)
        answers[i] = set_map(DOMID_SELF, 2);
    else if (i == SET_BY_0)
        answers[i] = set_map(guest->id, 1);
    else
        answers[i] = get_map(&counts[i]);
    under_way = false;
    next++;
}

static u32 next_cpu(enum host_why why, bool *interrupt)
{
    (void)interrupt;
    return why == HOST_BETWEEN || why == HOST_WAITING ? (cpu_id() + 1) % HOST_CPUS : cpu_id();
}

static bool more(void)
{
    return next < CALLS;
}

static void no_look(void)
{
}

static void test_set_and_get(void **state)
{
    (void)state;
    const struct host_program program = {
        .choose = next_cpu, .guest_step = step, .more = more, .at_rest = no_look};
    host_boot();
    dom0 = host_domain_build(0, 1, 20);
    guest = host_domain_build(1, 1, 20);
    assert_true(host_run(&program));
    assert_int_equal(answers[UNSET], -ENOSYS);
    assert_int_equal(answers[SET_OF_0], -EPERM);
    assert_int_equal(answers[SET_OWN], 0);
    assert_int_equal(answers[GET], 0);
    assert_int_equal(counts[GET], 2);
    assert_int_equal(answers[SET_BY_0], 0);
    assert_int_equal(answers[GET_AGAIN], 0);
    assert_int_equal(counts[GET_AGAIN], 1);
    assert_memory_equal(seen, entries, sizeof(entries[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_set_and_get)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
