/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces of hypercalls: while somebody traces, guests come by a second table, whose functions
 * record the call and go on to the real one. So a hypercall costs nothing more while nobody does.
 */
#include "abi/xen.h"
#include "core/hypercall_handlers.h"
#include "core/trace.h"
#include "errno.h"
#include "lib/bits.h"

/* The pair of bits that says that argument i was recorded. */
#define ARGUMENT_SHIFT(i) (20 + 2 * (i))
#define ARGUMENTS         3u /* that may be; the first */

const hypercall_handler_t *hypercall_entries = hypercall_table;

/* Arguments that say what, and how much, is asked for. */
static const u8 arguments_told[NR_HYPERCALLS] = {
    [__HYPERVISOR_mmu_update] = BIT(1),
    [__HYPERVISOR_multicall] = BIT(1),
    [__HYPERVISOR_grant_table_op] = BIT(0) | BIT(2),
    [__HYPERVISOR_vcpu_op] = BIT(0) | BIT(1),
    [__HYPERVISOR_mmuext_op] = BIT(1),
    [__HYPERVISOR_sched_op] = BIT(0),
};

static void hypercall_record(u32 number, u64 a1, u64 a2, u64 a3)
{
    const u64 args[ARGUMENTS] = {a1, a2, a3};
    u32 extra[1 + ARGUMENTS] = {number}, n = 1;
    for (u32 i = 0; i < ARGUMENTS; i++) {
        if (!(arguments_told[number] & BIT(i)))
            continue;
        extra[0] |= 1u << ARGUMENT_SHIFT(i);
        extra[n++] = (u32)args[i];
    }
    trace_record(TRC_PV_HYPERCALL_V2, true, extra, n * (u32)sizeof(extra[0]));
}

#define HYPERCALL(name)                                                                            \
    static long traced_##name(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)      \
    {                                                                                              \
        hypercall_record(__HYPERVISOR_##name, a1, a2, a3);                                         \
        return hypercall_##name(v, a1, a2, a3, a4, a5, a6);                                        \
    }
#define FAMILY(name) HYPERCALL(name)
#define ABSENT(name, reason)                                                                       \
    static long traced_##name(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)      \
    {                                                                                              \
        hypercall_record(__HYPERVISOR_##name, a1, a2, a3);                                         \
        return -ENOSYS;                                                                            \
    }
#include "core/ops/hypercalls.def"
#undef HYPERCALL
#undef FAMILY
#undef ABSENT

static long traced_unknown(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    return -ENOSYS;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const hypercall_handler_t traced_table[NR_HYPERCALLS] = {
    [0 ... NR_HYPERCALLS - 1] = traced_unknown,
#define HYPERCALL(name)      [__HYPERVISOR_##name] = traced_##name,
#define FAMILY(name)         HYPERCALL(name)
#define ABSENT(name, reason) HYPERCALL(name)
#include "core/ops/hypercalls.def"
#undef HYPERCALL
#undef FAMILY
#undef ABSENT
};
#pragma GCC diagnostic pop

void hypercalls_trace(bool on)
{
    WRITE_ONCE(hypercall_entries, on ? traced_table : hypercall_table);
}
