/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each CPU's TLB may hold: everything that could be reached from its CR3 since it was last
 * flushed. A processor may remember less; the hypervisor must be right for one that remembers all.
 */
#include <stdio.h>
#include "host/machine.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/page.h"
#include "x86/pv_mm.h"

struct tlb {
    bool writable[HOST_FRAMES];
    u8 walked[HOST_FRAMES]; /* bit n: may be walked as a table of level n */
};
static struct tlb tlbs[HOST_CPUS];
/* What this CPU reaches at this moment, for comparison. */
static struct tlb fresh;

void host_tlb_flush(u32 cpu)
{
    memset(&tlbs[cpu], 0, sizeof(tlbs[cpu]));
}

static bool slot_is_guests(u32 level, u32 i)
{
    return level < 4 || i < HYPERVISOR_FIRST_SLOT || i > HYPERVISOR_LAST_SLOT;
}

static void walk(struct tlb *t, mfn_t mfn, u32 level)
{
    if (!frame_of_mfn(mfn) || (t->walked[mfn.v] & BIT(level)))
        return;
    t->walked[mfn.v] |= (u8)BIT(level);
    const pte_t *table = mfn_to_virt(mfn);
    for (u32 i = 0; i < PTES_PER_TABLE; i++) {
        pte_t e = table[i];
        if (!(e & PTE_PRESENT) || !slot_is_guests(level, i))
            continue;
        if (level > 1)
            walk(t, pte_mfn(e), level - 1);
        else if ((e & PTE_WRITE) && frame_of_mfn(pte_mfn(e)))
            t->writable[pte_mfn(e).v] = true;
    }
}

static bool has_guest_tables(u32 cpu)
{
    return host_processors[cpu].cr3 != virt_to_paddr(hypervisor_l4);
}

void host_tlb_fill(void)
{
    for (u32 cpu = 0; cpu < HOST_CPUS; cpu++) {
        if (!has_guest_tables(cpu))
            continue;
        /* What was walked before may hold other entries by now. */
        memset(&fresh, 0, sizeof(fresh));
        walk(&fresh, mfn_of_paddr(host_processors[cpu].cr3), 4);
        for (u32 i = 0; i < HOST_FRAMES; i++) {
            tlbs[cpu].writable[i] |= fresh.writable[i];
            tlbs[cpu].walked[i] |= fresh.walked[i];
        }
    }
}

/* --- looking */

static bool is_protected(const struct frame *f)
{
    u64 t = f->type & FRAME_TYPE_MASK;
    return t >= FRAME_TYPE_L1 && t <= FRAME_TYPE_DESC && (f->type & FRAME_VALIDATED);
}

static int complain(void (*report)(const char *), u32 cpu, u64 mfn, const char *what)
{
    char line[160];
    const struct frame *f = frame_of_mfn(MFN(mfn));
    snprintf(line, sizeof(line), "TLB of CPU %u: frame %#lx (count %#lx type %#lx owner %#x): %s",
             cpu, (unsigned long)mfn, (unsigned long)f->count, (unsigned long)f->type, f->owner,
             what);
    report(line);
    return 1;
}

static int frame_audit(void (*report)(const char *), u32 cpu, u64 mfn, const struct domain *runs)
{
    const struct tlb *t = &tlbs[cpu];
    struct frame *f = frame_of_mfn(MFN(mfn));
    int faults = 0;
    /* A shadow, while the domain's writes are logged, is a page of the hypervisor's own. */
    bool shadow = runs->arch.log_dirty && !f->count && !f->owner;
    if (t->writable[mfn] && is_protected(f))
        faults += complain(report, cpu, mfn, "a table, and writable");
    /* In the heap, or out of use, it may linger: whoever takes it from there flushes. Likewise what
     * tools had mapped of another domain: FRAME_FOREIGN has it flushed before it becomes anything
     * else. */
    bool nobodys = f->count & (FRAME_FREE | FRAME_RETIRED);
    bool by_tools = runs->is_control && (f->count & FRAME_FOREIGN);
    if (t->writable[mfn] && !fresh.writable[mfn] && !nobodys && !by_tools && frame_owner(f) != runs)
        faults += complain(report, cpu, mfn, "writable, but not this domain's any more");
    for (u32 level = 1; level <= 4; level++)
        if ((t->walked[mfn] & BIT(level)) && !shadow &&
            (f->type >> FRAME_TYPE_SHIFT != level || !(f->type & FRAME_VALIDATED) || nobodys))
            faults += complain(report, cpu, mfn, "walked as a table that it is not");
    return faults;
}

int host_tlb_audit(void (*report)(const char *line))
{
    int faults = 0;
    host_tlb_fill();
    for (u32 cpu = 0; cpu < HOST_CPUS; cpu++) {
        if (!has_guest_tables(cpu))
            continue;
        memset(&fresh, 0, sizeof(fresh));
        walk(&fresh, mfn_of_paddr(host_processors[cpu].cr3), 4);
        for (u64 mfn = 1; mfn < HOST_FRAMES; mfn++)
            if (tlbs[cpu].writable[mfn] || tlbs[cpu].walked[mfn])
                faults += frame_audit(report, cpu, mfn, host_cpu_info[cpu].vcpu->domain);
    }
    return faults;
}
