/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several hypercalls in one, and the continuation of hypercalls that were preempted: alone, by
 * issuing the call again with what is left to do; inside a multicall, by writing that into its
 * entry and issuing the multicall again from this entry on.
 */
#include "abi/xen.h"
#include "arch/vcpu.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "core/hypercall_handlers.h"
#include "core/percpu.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/bits.h"

/* The entry that this CPU carries out, or NULL outside of multicalls. */
static DEFINE_PER_CPU(struct multicall_entry *, multicall_entry);

#define PREEMPT_EVERY 8 /* entries */

long hypercall_continue(struct vcpu *v, u32 nr_args, ...)
{
    struct multicall_entry *entry = this_cpu(multicall_entry);
    u64 values[6];
    va_list args;
    va_start(args, nr_args);
    for (u32 i = 0; i < nr_args && i < ARRAY_SIZE(values); i++)
        values[i] = va_arg(args, u64);
    va_end(args);
    if (!entry)
        return arch_hypercall_reissue(v, values, nr_args);
    for (u32 i = 0; i < nr_args; i++)
        entry->args[i] = values[i];
    v->hypercall_continued = true;
    return 0;
}

static long entry_carry_out(struct vcpu *v, const struct multicall_entry *e)
{
    if (e->op >= NR_HYPERCALLS)
        return -ENOSYS;
    hypercall_handler_t handler = hypercall_table[index_clamp(e->op, NR_HYPERCALLS)];
    return handler(v, e->args[0], e->args[1], e->args[2], e->args[3], e->args[4], e->args[5]);
}

/*
 * The entries from *at to end, which lie in the guest's range, one after another by way of e. True:
 * stop at *at, and go on there after something more urgent. *result: what the multicall returns if
 * that is not so.
 */
static bool entries_carry_out(struct vcpu *v, struct multicall_entry *e, vaddr_t *at, vaddr_t end,
                              long *result)
{
    u32 batch = PREEMPT_EVERY;
    for (; *at != end; *at += sizeof(*e)) {
        if (!--batch) {
            if (preempt_pending())
                return true;
            batch = PREEMPT_EVERY;
        }
        *result = -EFAULT;
        if (guest_copy_in(e, *at, sizeof(*e)))
            return false;
        u64 value = (u64)entry_carry_out(v, e);
        if (unlikely(v->hypercall_continued)) {
            v->hypercall_continued = false;
            return !guest_copy_out(*at + offsetof(struct multicall_entry, args), e->args,
                                   sizeof(e->args));
        }
        /* An iret has put the list's registers away, and perhaps its address space. */
        if (unlikely(e->op == __HYPERVISOR_iret || !arch_vcpu_in_kernel(v))) {
            *result = (long)value;
            return false;
        }
        if (guest_copy_out(*at + offsetof(struct multicall_entry, result), &value, sizeof(value)))
            return false;
    }
    *result = 0;
    return false;
}

long hypercall_multicall(struct vcpu *v, u64 list, u64 count, u64 a3, u64 a4, u64 a5, u64 a6)
{
    struct multicall_entry e;
    vaddr_t end = list + (u32)count * sizeof(e);
    long result = 0;
    if (unlikely(this_cpu(multicall_entry)))
        return -EINVAL;
    if (unlikely(!guest_range_ok(list, end - list)))
        return -EFAULT;
    this_cpu(multicall_entry) = &e;
    bool again = entries_carry_out(v, &e, &list, end, &result);
    this_cpu(multicall_entry) = NULL;
    return again ? hypercall_continue(v, 2, list, (end - list) / sizeof(e)) : result;
}
