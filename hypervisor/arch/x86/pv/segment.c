/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments of PV guests: the bases of FS and GS, which live in the processor while a vCPU runs, and
 * the descriptors behind selectors, for the emulation of what 32-bit programs do.
 *
 * In kernel mode GS_BASE holds the kernel's base and SHADOW_GS_BASE that of user mode;
 * pv_toggle_mode() swaps them. Sources: AMD APM vol. 2, 4.5.3 (FS and GS), 4.8 (descriptors); vol.
 * 3, RDFSBASE.
 */
#include "errno.h"
#include "lib/bits.h"
#include "x86/descriptors.h"
#include "x86/page.h"
#include "x86/pv_emulate.h"
#include "x86/pv_mm.h"

#define SELECTOR_RPL         3u
#define SELECTOR_LDT_BIT     4u
#define SELECTOR_INDEX(s)    ((u32)(s) >> 3)
#define DESCRIPTORS_PER_PAGE (PAGE_SIZE / sizeof(u64))

#define DESCRIPTOR_PRESENT BIT(47)
#define DESCRIPTOR_S       BIT(44) /* code or data, not a system segment */

/* --- bases of FS and GS */

/* The instructions are there only while CR4 has the bit, which is the running guest's choice. */
static bool instructions_usable(void)
{
    return read_cr4() & CR4_FSGSBASE;
}

u64 pv_segment_base_read(u32 msr)
{
    if (msr == MSR_SHADOW_GS_BASE || !instructions_usable())
        return rdmsr(msr);
    return msr == MSR_FS_BASE ? rdfsbase() : rdgsbase();
}

void pv_segment_base_write(u32 msr, u64 base)
{
    if (msr == MSR_SHADOW_GS_BASE || !instructions_usable())
        wrmsr(msr, base);
    else if (msr == MSR_FS_BASE)
        wrfsbase(base);
    else
        wrgsbase(base);
}

/*
 * User mode's GS comes from a descriptor of the guest's tables: load it while the two bases are
 * swapped, then swap back. A selector that cannot be loaded becomes null.
 */
static void gs_user_select(u16 selector)
{
    if (selector > SELECTOR_RPL)
        selector |= SELECTOR_RPL;
    swapgs();
    /* AMD keeps the base when a null selector is loaded: load one with a base of 0 first. */
    if (selector <= SELECTOR_RPL && cpu_features.amd && segment_load_gs(SELECTOR_RING3_DS))
        wrmsr(MSR_GS_BASE, 0);
    if (segment_load_gs(selector))
        wrmsr(MSR_GS_BASE, 0);
    swapgs();
}

long hypercall_set_segment_base(struct vcpu *v, u64 which, u64 base, u64 a3, u64 a4, u64 a5, u64 a6)
{
    static const u32 msrs[] = {
        [SEGBASE_FS] = MSR_FS_BASE,
        [SEGBASE_GS_USER] = MSR_SHADOW_GS_BASE,
        [SEGBASE_GS_KERNEL] = MSR_GS_BASE,
    };
    if (which == SEGBASE_GS_USER_SEL) {
        gs_user_select((u16)base);
        return 0;
    }
    if (which >= ARRAY_SIZE(msrs) || !vaddr_is_canonical(base))
        return -EINVAL;
    pv_segment_base_write(msrs[index_clamp(which, ARRAY_SIZE(msrs))], base);
    return 0;
}

/* --- descriptors */

static bool descriptor_in_gdt(const struct vcpu *v, u32 index)
{
    return index < v->arch.gdt_entries ||
           (index >= GDT_RESERVED_START && index < GDT_RESERVED_START + PAGE_SIZE / sizeof(u64));
}

static bool descriptor_in_ldt(struct vcpu *v, u32 index)
{
    u32 page = index / DESCRIPTORS_PER_PAGE;
    if (index >= v->arch.ldt_entries)
        return false;
    return v->arch.ldt_mapped & BIT(page) || !pv_ldt_map_page(v, index * (u32)sizeof(u64));
}

bool pv_descriptor_read(struct vcpu *v, u16 selector, u64 *descriptor)
{
    u32 index = SELECTOR_INDEX(selector);
    u32 page = index / (u32)DESCRIPTORS_PER_PAGE;

    if (selector <= SELECTOR_RPL)
        return false;
    if (selector & SELECTOR_LDT_BIT) {
        if (!descriptor_in_ldt(v, index))
            return false;
        page += PERDOMAIN_LDT_OFFSET / PAGE_SIZE;
    } else if (!descriptor_in_gdt(v, index)) {
        return false;
    }
    *descriptor = 0;
    /* Another vCPU may take the page out of the window, and its frame may become anything then. */
    spin_lock(&v->domain->arch.page_table_lock);
    mfn_t mfn = perdomain_mapped(v, page);
    if (!mfn_is_invalid(mfn))
        *descriptor = READ_ONCE(((const u64 *)mfn_to_virt(mfn))[index % DESCRIPTORS_PER_PAGE]);
    spin_unlock(&v->domain->arch.page_table_lock);
    return (*descriptor & DESCRIPTOR_PRESENT) && (*descriptor & DESCRIPTOR_S);
}

static u64 descriptor_base(u64 descriptor)
{
    return (descriptor >> 16 & 0xffffff) | (descriptor >> 56) << 24;
}

static u16 selector_of(const struct regs *regs, enum insn_segment segment)
{
    switch (segment) {
    case INSN_CS:
        return (u16)regs->cs;
    case INSN_SS:
        return (u16)regs->ss;
    case INSN_DS:
        return read_ds();
    default:
        return read_es();
    }
}

bool pv_segment_base(struct vcpu *v, const struct regs *regs, const struct insn *i,
                     enum insn_segment segment, u64 *base)
{
    u64 descriptor;

    *base = 0;
    if (segment == INSN_FS || segment == INSN_GS) {
        *base = pv_segment_base_read(segment == INSN_FS ? MSR_FS_BASE : MSR_GS_BASE);
        return true;
    }
    if (i->mode == INSN_MODE_64)
        return true;
    if (!pv_descriptor_read(v, selector_of(regs, segment), &descriptor))
        return false;
    *base = descriptor_base(descriptor);
    return true;
}
