/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction at which a PV guest stopped: its bytes, read through the guest's own address
 * space, and what the decoder makes of them. Called by everything that emulates instructions of
 * guests.
 */
#include "core/guest_access.h"
#include "errno.h"
#include "x86/page.h"
#include "x86/pv_emulate.h"

#define DESCRIPTOR_CODE BIT(43)
#define DESCRIPTOR_LONG BIT(53)
#define DESCRIPTOR_BIG  BIT(54)

/* The mode that CS selects, and the base of the code segment. */
static bool code_segment(struct vcpu *v, const struct regs *regs, enum insn_mode *mode, u64 *base)
{
    u64 descriptor;

    *base = 0;
    *mode = INSN_MODE_64;
    if (likely((u16)regs->cs == SELECTOR_RING3_CS64))
        return true;
    if (!pv_descriptor_read(v, (u16)regs->cs, &descriptor) || !(descriptor & DESCRIPTOR_CODE))
        return false;
    if (descriptor & DESCRIPTOR_LONG)
        return true;
    *mode = descriptor & DESCRIPTOR_BIG ? INSN_MODE_32 : INSN_MODE_16;
    *base = (descriptor >> 16 & 0xffffff) | (descriptor >> 56) << 24;
    return true;
}

static int bytes_read(struct vcpu *v, u8 *to, vaddr_t from, u32 bytes)
{
    /* With one byte more, which is on the same page, it is a copy of two words. */
    if (likely(bytes == INSN_MAX_BYTES && (from & ~PAGE_MASK) <= PAGE_SIZE - 2 * sizeof(u64))) {
        if (likely(!guest_copy_in(to, from, 2 * sizeof(u64))))
            return 0;
    } else if (!guest_copy_in(to, from, bytes)) {
        return 0;
    }
    pv_inject_page_fault(v, from, PF_USER | PF_FETCH);
    return -EFAULT;
}

int pv_fetch(struct vcpu *v, const struct regs *regs, struct insn *i)
{
    u8 bytes[ROUND_UP(INSN_MAX_BYTES, sizeof(u64))];
    enum insn_mode mode;
    u64 base;

    if (!code_segment(v, regs, &mode, &base))
        return -EINVAL;
    vaddr_t start = base + regs->rip;
    if (mode != INSN_MODE_64)
        start &= bytes_mask(4);
    /*
     * What lies on the next page is read only if the instruction reaches it: it may not be there.
     */
    u32 first = (u32)MIN((u64)INSN_MAX_BYTES, PAGE_SIZE - (start & ~PAGE_MASK));
    int error = bytes_read(v, bytes, start, first);
    if (error)
        return error;
    error = insn_decode(i, bytes, first, mode);
    if (error != -ENODATA || first == INSN_MAX_BYTES)
        return error;
    error = bytes_read(v, bytes + first, start + first, INSN_MAX_BYTES - first);
    if (error)
        return error;
    return insn_decode(i, bytes, INSN_MAX_BYTES, mode);
}

int pv_decode_memory_write(struct vcpu *v, const struct regs *r, struct memory_write *w)
{
    u64 bases[INSN_NR_SEGMENTS] = {0};
    struct insn i;

    int error = pv_fetch(v, r, &i);
    if (error)
        return error == -EFAULT ? -EFAULT : -EOPNOTSUPP;
    if (!pv_segment_base(v, r, &i, i.segment, &bases[i.segment]) ||
        (i.mode != INSN_MODE_64 && !pv_segment_base(v, r, &i, INSN_ES, &bases[INSN_ES])))
        return -EOPNOTSUPP;
    error = memory_write_decode(w, &i, r, bases);
    if (error || !w->from_memory)
        return error;
    if (guest_copy_in(&w->operand, w->source, w->bytes)) {
        pv_inject_page_fault(v, w->source, PF_USER);
        return -EFAULT;
    }
    return 0;
}
