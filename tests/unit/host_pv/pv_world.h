/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine for tests of the PV MMU: some RAM with a frame table and a directmap, one CPU with a
 * TLB that remembers as much as a processor may, two PV domains, guest memory that is the test's
 * own.
 */
#ifndef DOMUS_HOST_PV_WORLD_H
#define DOMUS_HOST_PV_WORLD_H

#include "core/domain.h"
#include "core/frame.h"
#include "x86/decode.h"
#include "x86/pv_mm.h"

#define WORLD_FRAMES 1024u
/* Device memory begins here. */
#define WORLD_DEVICE_MFN 0x80000ull

struct world {
    struct domain *dom0, *guest; /* privileged, and not */
    struct domain *io, *xen;
    u32 preempt_after; /* preempt_pending() says yes after so many times no; 0: never */
    u32 flushes;       /* of the whole TLB */
    u32 page_flushes;
    u32 cr3_loads, ldt_loads;
    bool continued;
    u32 continued_count; /* arguments that were given */
    u64 continued_args[6];
    struct memory_write write; /* what pv_decode_memory_write() finds */
    mfn_t incoherent;          /* caches show something else of it than is in memory: this */
    const void *behind_caches;
    u32 log_lines;
};
extern struct world world;

void world_init(void);
/* Tear down both domains as domain_kill() would, and check that nothing of them is left. */
void world_end(void);
/* The domain's first vCPU runs. */
void world_run(struct domain *d);
/* A frame that d owns, of zeros. */
mfn_t world_frame(struct domain *d);
pte_t *world_table(mfn_t mfn);
u32 world_type_count(mfn_t mfn);
u32 world_refs(mfn_t mfn);
u64 world_type(mfn_t mfn); /* FRAME_TYPE_* */

/*
 * All that the rules promise holds: the auditor agrees for both domains, no translation that the
 * TLB may still have writes to a table or lets the processor walk through what is none.
 */
void world_check(void);

/* The hypercall, re-issued as often as it asks for. */
typedef long (*world_hypercall_t)(struct vcpu *v, u64, u64, u64, u64, u64, u64);
long world_call(world_hypercall_t call, u64 a1, u64 a2, u64 a3, u64 a4);
long world_mmu_update(u64 ptr, u64 val);
long world_mmuext(u32 command, u64 arg1, u64 arg2);

/* Flags of entries as guests write them. */
#define RO (PTE_PRESENT | PTE_USER | PTE_ACCESSED)
#define RW (RO | PTE_WRITE | PTE_DIRTY)

/* Machine address of an entry. */
static inline u64 at(mfn_t table, u32 index)
{
    return paddr_of_mfn(table) + index * sizeof(pte_t);
}

/*
 * One table of each level, the last of which maps addresses from TREE_VA on: the first page of
 * them.
 */
#define TREE_VA (1ull << 39 | 2ull << 30 | 3ull << 21)
struct tree {
    mfn_t l4, l3, l2, l1, data;
};
struct tree tree_make(struct domain *d);
/* Pinned, and the running vCPU's. */
struct tree tree_load(struct domain *d);

#endif
