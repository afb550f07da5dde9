/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core asks of a vCPU's and a domain's machine-dependent half. */
#ifndef DOMUS_ARCH_VCPU_H
#define DOMUS_ARCH_VCPU_H

#include "core/domain.h"
#include "types.h"

must_check int arch_domain_create(struct domain *d);
/* Give back page tables, pins, descriptor frames. -ERESTART while there is more to do. */
must_check int arch_domain_relinquish(struct domain *d);
void arch_domain_destroy(struct domain *d);
must_check int arch_vcpu_create(struct vcpu *v);
void arch_vcpu_destroy(struct vcpu *v);
void arch_vcpu_reset(struct vcpu *v);
/*
 * The auditor's part (core/audit.h): whether the types and uses of d's frames are what d's page
 * tables say. Returns how many contradictions report was told of, or -ENOMEM.
 */
int arch_domain_audit(struct domain *d, void (*report)(const char *line));
/* Its registers to the log. */
void arch_vcpu_dump(struct vcpu *v);

/* VCPUOP_initialise: arg is the guest address of a struct vcpu_guest_context. The vCPU is down. */
must_check int arch_vcpu_initialise(struct vcpu *v, vaddr_t arg);

/* Save prev, load next, and leave for the guest (or the idle loop). Called with interrupts disabled
 * on next->cpu, with no lock held; calls sched_switch_done(prev) once prev's context is saved and
 * nothing of it is in use on this CPU, then does not return. */
noreturn void arch_context_switch(struct vcpu *prev, struct vcpu *next);
void sched_switch_done(struct vcpu *prev); /* sched/ */

/* Between the two, guest_copy_*() reach what the kernel of the running vCPU has mapped, even if it
 * was its user mode that was interrupted, with page tables of its own. What _enter returns goes to
 * _leave. */
bool arch_vcpu_kernel_space_enter(struct vcpu *v);
void arch_vcpu_kernel_space_leave(struct vcpu *v, bool entered);

/* Let the hypercall that v makes be made again with these arguments (values[0..count), others
 * unchanged) when it next runs. Returns what the handler is to return. */
long arch_hypercall_reissue(struct vcpu *v, const u64 *values, u32 count);
/* True if v runs its guest's kernel, not its user mode. */
static inline bool arch_vcpu_in_kernel(const struct vcpu *v)
{
    return v->arch.kernel_mode;
}

/* Make v notice its pending events: a signal if it runs on another CPU. */
void arch_vcpu_kick(struct vcpu *v);

/*
 * The frame behind a guest frame of d, with a reference taken (frame_put by the caller); NULL if
 * none.
 */
struct frame *arch_gfn_get_frame(struct domain *d, gfn_t gfn);

/* Number of pirqs that d can name (0 to limit - 1); does not change while d lives. */
u32 arch_pirq_limit(const struct domain *d);
/* Physical interrupts bound to event channels (LOCK_EVENT held by the caller). bind: -EPERM (not
 * mapped, or not permitted to v's domain), -EBUSY (line in use and not shared), -ENOMEM. */
must_check int arch_pirq_bind(struct vcpu *v, u32 pirq, bool share);
void arch_pirq_unbind(struct domain *d, u32 pirq);
/* The port of pirq moved to another vCPU: let the interrupt arrive near it. */
void arch_pirq_set_affinity(struct domain *d, u32 pirq, const struct vcpu *v);
/* The guest is done with it, or unmasks its port: let a level-triggered line interrupt again. */
void arch_pirq_eoi(struct domain *d, u32 pirq);

/*
 * Grant mappings in d's address space, done with the owner's frame referenced by the caller (and
 * counted writable if flags have GNTMAP_readonly clear). addr is a host virtual address or, with
 * GNTMAP_contains_pte, the machine address of the PTE. Results are GNTST_*. (x86 PV: arch/x86/pv)
 * Called with no lock held. The page-table entry takes references of its own, which go with it
 * however it is destroyed; the caller keeps its own until the grant is unmapped and TLBs are
 * flushed.
 */
must_check int arch_grant_map(struct domain *d, u64 addr, mfn_t frame, u32 flags);
/* Undo; new_addr != 0: replace by the mapping there (GNTTABOP_unmap_and_replace). The caller
 * flushes TLBs before it drops its references. */
must_check int arch_grant_unmap(struct domain *d, u64 addr, u64 new_addr, mfn_t frame, u32 flags);

#endif
