/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PV MMU: types of frames, page-table entries, and what the guest may do to them.
 *
 * Rules. A frame is used as one type at a time; each entry that maps or links a frame holds one
 * general reference and one use of the type that the entry needs (none for read-only level-1
 * mappings: they hold a general reference only). All transitions to and from page-table and
 * descriptor types of a domain's frames, and all writes into its live page tables, happen under
 * d->arch.page_table_lock; uses as FRAME_TYPE_WRITABLE are counted without it, by compare-and-swap.
 *
 * Long work is preemptible. A validation that is preempted leaves each sub-table that it finished
 * with one use of its own, marked FRAME_CARRIED; whoever next takes a use of that table consumes
 * the carried one, and whoever wants the frame as another type drops it. Devalidation is iterative:
 * a table whose last use goes is put on the domain's devalidate list, and the list is worked off
 * before the operation returns to the guest (with continuations).
 */
#ifndef DOMUS_X86_PV_MM_H
#define DOMUS_X86_PV_MM_H

#include "core/domain.h"
#include "core/frame.h"
#include "x86/page.h"

/*
 * Take one use of type (FRAME_TYPE_*), validating if it is the first, plus a general reference.
 * Caller holds d's page_table_lock unless type is FRAME_TYPE_WRITABLE. -EINVAL: not d's, in use as
 * another type, or d is dying; -EBUSY: writable, and in use as another type; -EINVAL, -EPERM,
 * -EBUSY: contents that may not be; -ERESTART: this slice is over, release the lock and come back.
 */
must_check int pv_frame_get_type(struct domain *d, struct frame *f, u64 type);
/* Drop a use and the general reference; page tables may land on the devalidate list. */
void pv_frame_put_type(struct domain *d, struct frame *f);
/* Work off a slice of the devalidate list under the lock: -ERESTART if there is more, else 0. */
must_check int pv_devalidate(struct domain *d);

/* MMIO frames that guests may map read-only at most: the writable bit of their entries is dropped
 * silently (MSI-X tables, IO-APICs, PCI configuration space). */
extern struct rangeset pv_mmio_readonly;

/* Fill slots 256-271 of a fresh L4 and its per-domain slot. */
void pv_l4_install_hypervisor(struct domain *d, pte_t *l4);

/* The level-1 entry that maps va in the running address space (guest part), or NULL; with the frame
 * of its table locked against change by page_table_lock (caller). */
pte_t *pv_walk(struct vcpu *v, vaddr_t va);
/* Read-only walk without references: the leaf entry that translates va in the given L4; 0 if none.
 * level is 1-3. */
pte_t pv_translate(mfn_t l4, vaddr_t va, u32 *level);

/*
 * New base pointers of v: take and drop the L4 uses, load CR3 if v runs here. MFN(0) or
 * INVALID_MFN: none. Errors as pv_frame_get_type(), -EPERM: not the domain's. v is current or
 * cannot run; takes the lock.
 */
must_check int pv_set_kernel_l4(struct vcpu *v, mfn_t l4);
must_check int pv_set_user_l4(struct vcpu *v, mfn_t l4);
/* v cannot run, and no CPU has its CR3 loaded. */
void pv_drop_l4s(struct vcpu *v);

/* GDT and LDT (pv/descriptors.c): frames[] of machine frames, checked and counted; the lock is
 * taken. -EINVAL, -ERESTART. */
must_check int pv_gdt_set(struct vcpu *v, const mfn_t *frames, u32 entries);
void pv_gdt_clear(struct vcpu *v);

/* mm/perdomain.c: the per-domain slot. Map or unmap (INVALID_MFN) page n (0-31: GDT 0-15, LDT
 * 16-31) of v's window. */
must_check int perdomain_create(struct domain *d);
void perdomain_destroy(struct domain *d);
void perdomain_map(struct vcpu *v, u32 page, mfn_t mfn, u64 flags);
/* What perdomain_map() put there last, or INVALID_MFN. */
mfn_t perdomain_mapped(const struct vcpu *v, u32 page);

/*
 * Pin a level-4 table for d, as MMUEXT_PIN_L4_TABLE would, to the end. Takes the lock. -EINVAL,
 * -EBUSY.
 */
must_check int pv_pin_l4(struct domain *d, mfn_t l4);

/*
 * Domain teardown, when no vCPU has base pointers or descriptor tables any more: drop all pins and
 * carried uses; -ERESTART.
 */
must_check int pv_mm_relinquish(struct domain *d);

/*
 * Debug: recompute the types, uses and references of d's frames from its tables and tell report of
 * each contradiction, as a line of text. Takes the lock for as long as that lasts; d may run.
 * Returns the number of contradictions, or -ENOMEM.
 */
int pv_mm_audit(struct domain *d, void (*report)(const char *line));

/*
 * The log of what d writes (pv/mm_log_dirty.h). -EINVAL: it is on already, or there are no vCPUs or
 * too many guest frames; -ENOMEM.
 */
struct log_dirty;
must_check int pv_log_dirty_enable(struct domain *d);
void pv_log_dirty_disable(struct domain *d);
/* Handles of the tools: what was written since the last time goes there, pages bits; clean: and a
 * new log begins. -EINVAL: it is not on; -EBUSY: a clean one is under way; -EFAULT, -ERESTART. */
struct xen_domctl_shadow_op;
must_check int pv_log_dirty_read(struct domain *d, struct xen_domctl_shadow_op *op, bool clean);
/* MiB of memory for its tables: what there may be. */
u32 pv_log_dirty_room(const struct domain *d);
/* True: a page fault at va, by the tables at root, is only the log's doing and is dealt with. */
bool shadow_fault(struct vcpu *v, mfn_t root, vaddr_t va, u32 error);
static inline bool pv_shadow_fault(struct vcpu *v, vaddr_t va, u32 error)
{
    return unlikely(v->domain->arch.log_dirty) &&
           shadow_fault(v, mfn_of_paddr(read_cr3()), va, error);
}

/* Hypercalls (core/hypercall.h). */
long hypercall_mmu_update(struct vcpu *v, u64 requests, u64 count, u64 done, u64 foreign, u64 a5,
                          u64 a6);
long hypercall_update_va_mapping(struct vcpu *v, u64 va, u64 value, u64 flags, u64 a4, u64 a5,
                                 u64 a6);
long hypercall_update_va_mapping_otherdomain(struct vcpu *v, u64 va, u64 value, u64 flags,
                                             u64 domain, u64 a5, u64 a6);
long hypercall_mmuext_op(struct vcpu *v, u64 ops, u64 count, u64 done, u64 foreign, u64 a5, u64 a6);
long hypercall_set_gdt(struct vcpu *v, u64 frame_list, u64 entries, u64 a3, u64 a4, u64 a5, u64 a6);
long hypercall_update_descriptor(struct vcpu *v, u64 address, u64 descriptor, u64 a3, u64 a4,
                                 u64 a5, u64 a6);

#endif
