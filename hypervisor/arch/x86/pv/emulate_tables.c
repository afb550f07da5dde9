/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SGDT, SIDT, SLDT, STR and SMSW of PV guests. They are there for every program to see where the
 * processor's tables lie, unless it has user-mode instruction prevention (CR4.UMIP): then they
 * fault in ring 3, where a PV guest is as a whole. There are programs that use them, so a guest
 * gets an answer: what it would be without UMIP, but for the place of the hypervisor's IDT.
 *
 * Called by pv/emulate.c. Sources: AMD APM vol. 3, chapter 4; Intel SDM vol. 3, 2.5 (UMIP).
 */
#include "core/guest_access.h"
#include "lib/string.h"
#include "x86/descriptors.h"
#include "x86/page.h"
#include "x86/pv_emulate.h"

/* Of 0F 00 and 0F 01, by the middle field of ModRM. */
enum { MEMBER_SLDT = 0, MEMBER_STR = 1 };
enum { MEMBER_SGDT = 0, MEMBER_SIDT = 1, MEMBER_SMSW = 4 };

#define SELECTOR_BYTES 2u
#define IDT_LIMIT      0xfffu
/* The first address that is not the guest's: it tells nothing. */
#define IDT_BASE LAYOUT_START

/* What SGDT and SIDT store: a limit, and 8 bytes of a base, 4 outside of 64-bit mode. */
struct table_image {
    u16 limit;
    u64 base;
} packed;

static u32 member_of(const struct insn *i)
{
    return i->modrm >> 3 & 7;
}

/* To the memory operand, which may lie on two pages: the fault is of the one that is not there. */
static enum pv_outcome operand_store(struct vcpu *v, const struct regs *regs, const struct insn *i,
                                     const void *value, u32 bytes)
{
    u64 base;
    if (!pv_segment_base(v, regs, i, i->segment, &base))
        return PV_REFUSED;
    vaddr_t at = base + insn_effective_address(i, regs);
    if (i->mode != INSN_MODE_64)
        at &= bytes_mask(4);
    if (!vaddr_is_canonical(at))
        return PV_REFUSED;
    if (!guest_copy_out(at, value, bytes))
        return PV_DONE;
    u32 first = (u32)(PAGE_SIZE - (at & ~PAGE_MASK));
    bool second_fails = first < bytes && !guest_copy_out(at, value, first);
    pv_inject_page_fault(v, second_fails ? at + first : at, PF_USER | PF_WRITE);
    return PV_TRAPPED;
}

/* Memory gets 16 bits, a register as many as the instruction says. */
static enum pv_outcome word_store(struct vcpu *v, struct regs *regs, const struct insn *i,
                                  u64 value)
{
    if (i->has_memory)
        return operand_store(v, regs, i, &value, SELECTOR_BYTES);
    insn_register_write(i, regs, i->rm, i->operand_bytes, value);
    return PV_DONE;
}

static enum pv_outcome table_store(struct vcpu *v, const struct regs *regs, const struct insn *i,
                                   struct table_image image)
{
    bool wide = i->mode == INSN_MODE_64;
    return i->has_memory ? operand_store(v, regs, i, &image, (u32)sizeof(image) - (wide ? 0 : 4))
                         : PV_REFUSED;
}

enum pv_outcome pv_emulate_selector_read(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    if (!(cr4_base & CR4_UMIP))
        return PV_REFUSED;
    switch (member_of(i)) {
    case MEMBER_SLDT:
        return word_store(v, regs, i, v->arch.ldt_entries ? SELECTOR_LDT : 0);
    case MEMBER_STR:
        return word_store(v, regs, i, SELECTOR_TSS);
    default:
        return PV_REFUSED;
    }
}

enum pv_outcome pv_emulate_table_read(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    u64 gdt = LAYOUT_PERDOMAIN + ((u64)v->id << PERDOMAIN_VCPU_SHIFT);
    if (!(cr4_base & CR4_UMIP))
        return PV_REFUSED;
    switch (member_of(i)) {
    case MEMBER_SGDT:
        return table_store(v, regs, i, (struct table_image){GDT_LIMIT, gdt});
    case MEMBER_SIDT:
        return table_store(v, regs, i, (struct table_image){IDT_LIMIT, IDT_BASE});
    case MEMBER_SMSW:
        return word_store(v, regs, i, read_cr0());
    default:
        return PV_REFUSED;
    }
}
