/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The base pointers of vCPUs: each has a top-level table for the guest's kernel and one for its
 * user mode, and a use of either. And what the hypervisor puts into every top-level table. Called
 * by mmuext_op, by whoever gives a vCPU its context, and at its end.
 */
#include "lib/print.h"
#include "lib/string.h"
#include "mm_private.h"
#include "x86/pv.h"

void pv_l4_install_hypervisor(struct domain *d, pte_t *l4)
{
    memcpy(l4 + HYPERVISOR_FIRST_SLOT, hypervisor_l4 + HYPERVISOR_FIRST_SLOT,
           (HYPERVISOR_LAST_SLOT - HYPERVISOR_FIRST_SLOT + 1) * sizeof(pte_t));
    /* Not for the guest itself: the processor reads descriptors there with privilege. */
    l4[PERDOMAIN_SLOT] =
        pte_make(d->arch.perdomain_l3_mfn, PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY);
}

int mm_set_base(struct mm_work *w, struct vcpu *v, enum mm_base which, mfn_t l4)
{
    struct domain *d = v->domain;
    mfn_t *base = which == MM_BASE_KERNEL ? &v->arch.kernel_l4 : &v->arch.user_l4;
    mfn_t old = *base;
    struct frame *f = NULL;
    if (mm_mfn_is_none(l4)) {
        l4 = INVALID_MFN;
    } else {
        f = frame_of_mfn(l4);
        if (!f || !frame_get(f, d))
            return -EINVAL;
        int error = mm_table_use(w, f, 4);
        if (error) {
            frame_put(f);
            return error;
        }
    }
    *base = l4;
    if (unlikely(d->arch.log_dirty))
        shadow_base_changed(v, which);
    if (which == MM_BASE_KERNEL)
        mm_ldt_unmap(v); /* its address means other pages now */
    struct frame *gone = mm_mfn_is_none(old) ? NULL : frame_of_mfn(old);
    /* This CPU's flush, that comes with the new base, counts for the old tables. */
    u32 stamp = tlb_clock();
    if (v == current && f && (which == MM_BASE_KERNEL) == v->arch.kernel_mode)
        pv_load_cr3(v);
    if (gone) {
        WRITE_ONCE(gone->tlb_stamp, stamp);
        mm_table_unuse(d, gone);
    }
    return 0;
}

static int set_base(struct vcpu *v, enum mm_base which, mfn_t l4)
{
    struct mm_work w;
    mm_work_init(&w, v->domain, v->domain);
    mm_lock(v->domain);
    int error = mm_set_base(&w, v, which, l4);
    mm_unlock(v->domain);
    return error;
}

int pv_set_kernel_l4(struct vcpu *v, mfn_t l4)
{
    return set_base(v, MM_BASE_KERNEL, l4);
}

int pv_set_user_l4(struct vcpu *v, mfn_t l4)
{
    return set_base(v, MM_BASE_USER, l4);
}

void pv_drop_l4s(struct vcpu *v)
{
    /* Nothing is claimed, so nothing can fail. */
    BUG_ON(set_base(v, MM_BASE_KERNEL, INVALID_MFN) || set_base(v, MM_BASE_USER, INVALID_MFN));
}

int pv_pin_l4(struct domain *d, mfn_t l4)
{
    struct mm_work w;
    int error;
    do {
        mm_work_init(&w, d, d);
        mm_lock(d);
        error = mm_pin(&w, l4, 4);
        mm_unlock(d);
    } while (error == -ERESTART);
    return error;
}
