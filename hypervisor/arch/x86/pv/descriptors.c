/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptor tables of PV guests. The processor reads them through each vCPU's window in the
 * per-domain slot (x86/layout.h): 14 pages of GDT that the guest gives, 2 that are the
 * hypervisor's, and 16 pages of LDT that are filled in when a fault tells that they are needed. A
 * page in a window has a use as FRAME_TYPE_DESC: its contents were checked, and the guest changes
 * them by update_descriptor only.
 */
#include "core/guest_access.h"
#include "core/hypercall.h"
#include "lib/print.h"
#include "mm_private.h"
#include "x86/descriptors.h"
#include "x86/pv.h"

#define DESCRIPTORS_PER_PAGE (PAGE_SIZE / sizeof(u64))
#define LDT_WINDOW_PAGE      (PERDOMAIN_LDT_OFFSET / PAGE_SIZE)
#define LDT_WINDOW_PAGES     16u

/* Descriptors (AMD APM vol. 2, 4.7, 4.8). */
#define DESCRIPTOR_TYPE    (15ull << 40)
#define DESCRIPTOR_S       BIT(44) /* code or data; else a system descriptor or gate */
#define DESCRIPTOR_DPL     (3ull << 45)
#define DESCRIPTOR_PRESENT BIT(47)

/* The window's pages: written by the processor too, which sets accessed bits. */
#define WINDOW_FLAGS (PAGE_HYPERVISOR & ~PTE_GLOBAL)

bool pv_descriptor_check(u64 *descriptor)
{
    u64 d = *descriptor;
    /* Cannot be loaded. */
    if (!(d & DESCRIPTOR_PRESENT))
        return true;
    /* Whatever base, limit and type: in ring 3 pages are what protects. */
    if (d & DESCRIPTOR_S) {
        *descriptor = d | DESCRIPTOR_DPL;
        return true;
    }
    /*
     * Type 0 is no descriptor at all (AMD APM vol. 2, table 4-6). All others lead into the system.
     */
    return !(d & DESCRIPTOR_TYPE);
}

/* --- GDT */

static void gdt_unmap(struct vcpu *v)
{
    for (u32 i = 0; i < GDT_RESERVED_PAGE; i++) {
        mfn_t mfn = v->arch.gdt_frames[i];
        if (mm_mfn_is_none(mfn))
            continue;
        perdomain_map(v, i, INVALID_MFN, 0);
        v->arch.gdt_frames[i] = INVALID_MFN;
        mm_descriptors_unuse(v->domain, frame_of_mfn(mfn));
    }
    v->arch.gdt_entries = 0;
}

/* One frame's use. The lock is held. -EINVAL, -ERESTART. */
static int gdt_frame_get(struct mm_work *w, mfn_t mfn)
{
    struct frame *f = frame_of_mfn(mfn);
    if (!f || !frame_get(f, w->pt_owner))
        return -EINVAL;
    int error = mm_descriptors_use(w, f);
    if (error)
        frame_put(f);
    return error;
}

int pv_gdt_set(struct vcpu *v, const mfn_t *frames, u32 entries)
{
    struct domain *d = v->domain;
    u32 pages = (u32)DIV_ROUND_UP(entries, DESCRIPTORS_PER_PAGE), i;
    struct mm_work w;
    int error = 0;
    if (entries > GDT_RESERVED_START)
        return -EINVAL;
    mm_work_init(&w, d, d);
    mm_lock(d);
    for (i = 0; i < pages; i++) {
        error = gdt_frame_get(&w, frames[i]);
        if (error)
            break;
    }
    if (error) {
        while (i--)
            mm_descriptors_unuse(d, frame_of_mfn(frames[i]));
    } else {
        gdt_unmap(v);
        for (i = 0; i < pages; i++) {
            v->arch.gdt_frames[i] = frames[i];
            perdomain_map(v, i, frames[i], WINDOW_FLAGS);
        }
        v->arch.gdt_entries = entries;
    }
    mm_unlock(d);
    /* Contents of this vCPU's window may have changed where no frame's last use went. */
    if (!error && v == current)
        tlb_flush_local();
    return error;
}

void pv_gdt_clear(struct vcpu *v)
{
    mm_lock(v->domain);
    gdt_unmap(v);
    mm_unlock(v->domain);
}

long hypercall_set_gdt(struct vcpu *v, u64 frame_list, u64 entries, u64 a3, u64 a4, u64 a5, u64 a6)
{
    mfn_t frames[GDT_RESERVED_PAGE];
    u32 n = (u32)entries;
    if (n > GDT_RESERVED_START)
        return -EINVAL;
    if (n && guest_copy_in(frames, frame_list,
                           DIV_ROUND_UP(n, DESCRIPTORS_PER_PAGE) * sizeof(frames[0])))
        return -EFAULT;
    int error = pv_gdt_set(v, frames, n);
    return error == -ERESTART ? hypercall_continue(v, 0) : error;
}

/* --- LDT */

void mm_ldt_unmap(struct vcpu *v)
{
    u64 mapped = v->arch.ldt_mapped;
    if (likely(!mapped))
        return;
    v->arch.ldt_mapped = 0;
    for (; mapped; mapped &= mapped - 1) {
        u32 page = LDT_WINDOW_PAGE + (u32)__builtin_ctzll(mapped);
        struct frame *f = frame_of_mfn(perdomain_mapped(v, page));
        perdomain_map(v, page, INVALID_MFN, 0);
        v->domain->arch.ldt_pages--;
        mm_descriptors_unuse(v->domain, f);
    }
}

void pv_ldt_unmap_all(struct vcpu *v)
{
    mm_lock(v->domain);
    mm_ldt_unmap(v);
    mm_unlock(v->domain);
}

void pv_ldt_load(struct vcpu *v)
{
    ldt_load(LAYOUT_PERDOMAIN + ((u64)v->id << PERDOMAIN_VCPU_SHIFT) + PERDOMAIN_LDT_OFFSET,
             v->arch.ldt_entries);
}

/*
 * The frame that holds that page of the guest's LDT, by its kernel's tables, with a reference; or
 * NULL.
 */
static struct frame *ldt_frame_get(struct vcpu *v, u32 page)
{
    u32 level = 0;
    vaddr_t va = v->arch.ldt_base + page * PAGE_SIZE;
    if (!vaddr_is_canonical(va) || vaddr_is_hypervisor(va))
        return NULL;
    pte_t e = pv_translate(v->arch.kernel_l4, va, &level);
    struct frame *f = e && level == 1 ? frame_of_mfn(pte_mfn(e)) : NULL;
    return f && frame_get(f, v->domain) ? f : NULL;
}

int pv_ldt_map_page(struct vcpu *v, u32 offset)
{
    u32 page = (u32)(offset / PAGE_SIZE);
    struct domain *d = v->domain;
    struct mm_work w;
    if (page >= LDT_WINDOW_PAGES || offset / sizeof(u64) >= v->arch.ldt_entries)
        return -EFAULT;
    mm_work_init(&w, d, d);
    mm_lock(d);
    bool mapped = v->arch.ldt_mapped & BIT(page); /* by another fault */
    struct frame *f = mapped ? NULL : ldt_frame_get(v, page);
    int error = mapped ? 0 : f ? mm_descriptors_use(&w, f) : -EFAULT;
    if (f && !error) {
        perdomain_map(v, LDT_WINDOW_PAGE + page, frame_mfn(f), WINDOW_FLAGS);
        v->arch.ldt_mapped |= BIT(page);
        d->arch.ldt_pages++;
    } else if (f) {
        frame_put(f);
    }
    mm_unlock(d);
    return error && error != -ERESTART ? -EFAULT : error;
}

/* --- single descriptors */

/* f is the caller's with a reference. -EINVAL, -ERESTART. */
static int descriptor_write(struct domain *d, struct frame *f, u32 index, u64 descriptor)
{
    u64 *table = frame_to_virt(f);
    mm_lock(d);
    bool live = (READ_ONCE(f->type) & (FRAME_TYPE_MASK | FRAME_VALIDATED)) ==
                (FRAME_TYPE_DESC | FRAME_VALIDATED);
    /*
     * Under the lock it stays a page of descriptors; one aligned store, so no CPU loads half of it.
     */
    if (live)
        WRITE_ONCE(table[index], descriptor);
    mm_unlock(d);
    arch_frame_written(f);
    if (live)
        return 0;
    int error = mm_frame_get_writable(d, f);
    if (error)
        return error == -EBUSY ? -EINVAL : error;
    WRITE_ONCE(table[index], descriptor);
    frame_type_put_writable(f);
    return 0;
}

long hypercall_update_descriptor(struct vcpu *v, u64 address, u64 descriptor, u64 a3, u64 a4,
                                 u64 a5, u64 a6)
{
    struct frame *f = frame_of_mfn(mfn_of_paddr(address));
    if (address % sizeof(u64) || !pv_descriptor_check(&descriptor)) {
        log_guest(LOG_WARNING, "d%u: descriptor %#lx at %#lx refused", v->domain->id,
                  (unsigned long)descriptor, (unsigned long)address);
        return -EINVAL;
    }
    if (!f || !frame_get(f, v->domain))
        return -EINVAL;
    int error =
        descriptor_write(v->domain, f, (u32)(address % PAGE_SIZE / sizeof(u64)), descriptor);
    frame_put(f);
    return error == -ERESTART ? hypercall_continue(v, 0) : error;
}
