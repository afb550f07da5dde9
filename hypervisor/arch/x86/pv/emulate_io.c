/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O ports for PV guests. They run in ring 3 without I/O privilege, so that each access faults and
 * comes here. Two questions are asked: whether what runs may use ports at all (the guest's own I/O
 * privilege level or permission bitmap), and whether the domain owns the port. What it does not own
 * reads as all ones, and writes to it are lost.
 *
 * The hardware domain also reaches, through the hypervisor's hands, ports that both use: PCI
 * configuration (each domain has an address latch of its own), CMOS (likewise), and channel 2 of
 * the interval timer with the speaker's gate.
 *
 * Sources: AMD APM vol. 2, 12.2.4 (I/O permission bitmap), vol. 3, INS and OUTS; Intel 8254 data
 * sheet (control word, read-back command).
 */
#include "core/guest_access.h"
#include "core/softirq.h"
#include "x86/cmos.h"
#include "x86/page.h"
#include "x86/pci.h"
#include "x86/pv_emulate.h"

#define IO_ALL_ONES 0xffffffffu

#define PIT_CHANNEL2     0x42
#define PIT_CONTROL      0x43
#define PIT_SELECT_MASK  0xc0 /* of the control word */
#define PIT_SELECT_2     0x80
#define PIT_READ_BACK    0xc0
#define PIT_READ_BACK_2  0x08
#define PIT_READ_BACK_01 0x06
#define SPEAKER_PORT     0x61
#define SPEAKER_GUEST    0x03 /* gate and speaker: the rest is the chip set's */

/* Iterations of a repeated instruction before it is executed again. */
#define STRING_SLICE 64u

#define OPCODE_IS_IMMEDIATE(op) (((op)&0xf8) == 0xe0) /* E4-E7, against EC-EF */
#define OPCODE_IS_OUT(op)       ((op)&2)              /* in all three groups */
#define OPCODE_IS_STRING(op)    (((op)&0xf0) == 0x60)

#define REG_RCX 1
#define REG_RSI 6
#define REG_RDI 7

/* --- may it? */

bool pv_iopl_ok(const struct vcpu *v)
{
    u32 level = 3;
    /* Without the assist a kernel counts as ring 1, and asks for its privilege by hypercall. */
    if (v->arch.kernel_mode)
        level = v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl) ? 0 : 1;
    return level <= v->arch.iopl;
}

/* The bitmap lies in the kernel's address space: visit it for the copy. */
static int bitmap_read(struct vcpu *v, vaddr_t at, u8 bytes[2])
{
    bool user = !v->arch.kernel_mode;
    if (user)
        write_cr3(pv_cr3(v, true));
    int error = guest_copy_in(bytes, at, 2);
    if (user)
        write_cr3(pv_cr3(v, false));
    return error;
}

static bool bitmap_permits(struct vcpu *v, u32 port, u32 bytes)
{
    u8 map[2];
    if (v->arch.iobmp_ports < port + bytes || bitmap_read(v, v->arch.iobmp + port / 8, map))
        return false;
    u32 bits = (u32)map[0] | (u32)map[1] << 8;
    return !(bits >> (port % 8) & (BIT(bytes) - 1));
}

/* True if the domain may access the machine's ports directly. */
static bool ports_owned(struct domain *d, u32 port, u32 bytes)
{
    /* The address register is there for 32-bit accesses only; the domain has a latch of its own. */
    if ((port == PCI_PORT_ADDRESS && bytes == 4) || (port & ~1u) == CMOS_PORT_INDEX)
        return false;
    return rangeset_contains(&d->ioports, port, port + bytes - 1);
}

static bool cmos_owned(struct domain *d)
{
    return rangeset_contains(&d->ioports, CMOS_PORT_INDEX, CMOS_PORT_DATA);
}

/* --- ports that both use */

static u8 timer_read(u32 port)
{
    /* The control word cannot be read. */
    return port == PIT_CONTROL ? 0xff : port_in8((u16)port);
}

static void timer_control_write(u8 value)
{
    if ((value & PIT_SELECT_MASK) == PIT_SELECT_2)
        port_out8(PIT_CONTROL, value);
    else if ((value & PIT_SELECT_MASK) == PIT_READ_BACK && (value & PIT_READ_BACK_2))
        port_out8(PIT_CONTROL, value & (u8)~PIT_READ_BACK_01);
}

static void timer_write(u32 port, u8 value)
{
    if (port == PIT_CHANNEL2)
        port_out8(PIT_CHANNEL2, value);
    else if (port == PIT_CONTROL)
        timer_control_write(value);
    else
        port_out8(SPEAKER_PORT,
                  (u8)((port_in8(SPEAKER_PORT) & ~SPEAKER_GUEST) | (value & SPEAKER_GUEST)));
}

static bool is_timer_port(u32 port)
{
    return port == PIT_CHANNEL2 || port == PIT_CONTROL || port == SPEAKER_PORT;
}

/*
 * Bytes that one access to the PCI data port can have at most: it does not cross the register's
 * end.
 */
static u32 pci_size(u32 port, u32 bytes)
{
    u32 size = MIN(bytes, 4 - (port & 3));
    return size == 3 ? 2 : size;
}

/* One piece, of 1 to bytes bytes, at port; returns how many it was. */
static u32 shared_read(struct domain *d, u32 port, u32 bytes, u32 *value)
{
    *value = IO_ALL_ONES;
    if (port == PCI_PORT_ADDRESS && bytes == 4) {
        *value = d->arch.pci_cf8;
        return 4;
    }
    if ((port & ~3u) == PCI_PORT_DATA) {
        u32 size = pci_size(port, bytes);
        if (d->is_hardware)
            *value = pci_cf8_read(d->arch.pci_cf8, port & 3, size);
        return size;
    }
    if (port == CMOS_PORT_INDEX)
        *value = d->arch.cmos_index;
    else if (port == CMOS_PORT_DATA && cmos_owned(d))
        *value = cmos_read(d->arch.cmos_index);
    else if (is_timer_port(port) && d->is_hardware)
        *value = timer_read(port);
    else if (ports_owned(d, port, 1))
        *value = port_in8((u16)port);
    return 1;
}

static u32 shared_write(struct domain *d, u32 port, u32 bytes, u32 value)
{
    if (port == PCI_PORT_ADDRESS && bytes == 4) {
        d->arch.pci_cf8 = value;
        return 4;
    }
    if ((port & ~3u) == PCI_PORT_DATA) {
        u32 size = pci_size(port, bytes);
        if (d->is_hardware)
            pci_cf8_write(d->arch.pci_cf8, port & 3, size, value);
        return size;
    }
    if (port == CMOS_PORT_INDEX)
        d->arch.cmos_index = (u8)value;
    else if (port == CMOS_PORT_DATA && cmos_owned(d))
        cmos_write(d->arch.cmos_index, (u8)value);
    else if (is_timer_port(port) && d->is_hardware)
        timer_write(port, (u8)value);
    else if (ports_owned(d, port, 1))
        port_out8((u16)port, (u8)value);
    return 1;
}

/* --- one access */

static u32 io_read(struct domain *d, u32 port, u32 bytes)
{
    u32 value = 0, piece;

    if (ports_owned(d, port, bytes))
        return bytes == 1   ? port_in8((u16)port)
               : bytes == 2 ? port_in16((u16)port)
                            : port_in32((u16)port);
    for (u32 done = 0; done < bytes;) {
        u32 size = shared_read(d, port + done, bytes - done, &piece);
        value |= (u32)(piece & bytes_mask(size)) << (8 * done);
        done += size;
    }
    return value;
}

static void io_write(struct domain *d, u32 port, u32 bytes, u32 value)
{
    if (ports_owned(d, port, bytes)) {
        if (bytes == 1)
            port_out8((u16)port, (u8)value);
        else if (bytes == 2)
            port_out16((u16)port, (u16)value);
        else
            port_out32((u16)port, value);
        return;
    }
    for (u32 done = 0; done < bytes;)
        done += shared_write(d, port + done, bytes - done, value >> (8 * done));
}

/* --- instructions */

/* The instruction's count, pointer and direction. */
struct string_io {
    u64 mask; /* of the address size */
    u64 step; /* added to the pointer */
    u64 *pointer;
    u64 base;    /* of its segment */
    u64 address; /* bits that one has */
    u64 count;   /* iterations to do, now */
};

static bool string_prepare(struct string_io *s, struct vcpu *v, struct regs *regs,
                           const struct insn *i, u32 bytes, bool out)
{
    s->mask = bytes_mask(i->address_bytes);
    s->address = bytes_mask(i->mode == INSN_MODE_64 ? 8 : 4);
    s->step = regs->rflags & RFLAGS_DF ? 0 - (u64)bytes : bytes;
    s->pointer = insn_register(regs, out ? REG_RSI : REG_RDI);
    s->count = 1;
    if (i->prefixes & (INSN_PREFIX_REP | INSN_PREFIX_REPNE))
        s->count = MIN(regs->rcx & s->mask, (u64)STRING_SLICE);
    return pv_segment_base(v, regs, i, out ? i->segment : INSN_ES, &s->base);
}

/* Adds to a pointer or count as wide as an address; 32-bit ones lose their upper half as always. */
static void string_add(u64 *value, u64 mask, u64 step)
{
    u64 kept = mask == bytes_mask(2) ? *value & ~mask : 0;
    *value = ((*value + step) & mask) | kept;
}

/* The first byte that cannot be copied, of bytes at `at` that cannot all be. */
static vaddr_t fault_address(vaddr_t at, u32 bytes)
{
    u32 value, first = (u32)(PAGE_SIZE - (at & ~PAGE_MASK));
    return first < bytes && !guest_copy_in(&value, at, first) ? at + first : at;
}

static enum pv_outcome string_transfer(struct vcpu *v, const struct string_io *s, u32 port,
                                       u32 bytes, bool out)
{
    vaddr_t at = (s->base + (*s->pointer & s->mask)) & s->address;
    u32 value = 0;
    int error;

    if (!guest_range_ok(at, 1))
        return PV_REFUSED;
    if (out) {
        error = guest_copy_in(&value, at, bytes);
        if (!error)
            io_write(v->domain, port, bytes, value);
    } else {
        value = io_read(v->domain, port, bytes);
        error = guest_copy_out(at, &value, bytes);
    }
    if (!error)
        return PV_DONE;
    pv_inject_page_fault(v, fault_address(at, bytes), PF_USER | (out ? 0 : PF_WRITE));
    return PV_TRAPPED;
}

static enum pv_outcome emulate_string(struct vcpu *v, struct regs *regs, const struct insn *i,
                                      u32 port, u32 bytes, bool out)
{
    struct string_io s;
    bool repeated = i->prefixes & (INSN_PREFIX_REP | INSN_PREFIX_REPNE);

    if (!string_prepare(&s, v, regs, i, bytes, out))
        return PV_REFUSED;
    if (!s.count) { /* 32-bit registers lose their upper halves even so */
        string_add(s.pointer, s.mask, 0);
        string_add(&regs->rcx, s.mask, 0);
    }
    while (s.count--) {
        enum pv_outcome outcome = string_transfer(v, &s, port, bytes, out);
        if (outcome != PV_DONE)
            return outcome;
        string_add(s.pointer, s.mask, s.step);
        if (repeated)
            string_add(&regs->rcx, s.mask, ~0ull);
    }
    return repeated && (regs->rcx & s.mask) ? PV_AGAIN : PV_DONE;
}

enum pv_outcome pv_emulate_io(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    u32 bytes = MIN((u32)i->operand_bytes, 4u); /* REX.W does not count */
    u32 port = OPCODE_IS_IMMEDIATE(i->opcode) ? i->immediate & 0xff : regs->rdx & 0xffff;
    bool out = OPCODE_IS_OUT(i->opcode);
    enum pv_outcome outcome = PV_DONE;

    if (!pv_iopl_ok(v) && !bitmap_permits(v, port, bytes))
        return PV_REFUSED;
    if (OPCODE_IS_STRING(i->opcode))
        outcome = emulate_string(v, regs, i, port, bytes, out);
    else if (out)
        io_write(v->domain, port, bytes, (u32)(regs->rax & bytes_mask(bytes)));
    else
        insn_register_write(i, regs, 0, bytes, io_read(v->domain, port, bytes));
    if (outcome != PV_DONE || likely(!pv_debugreg_io_hit(v, port, bytes)))
        return outcome;
    regs->rip += i->length;
    if (regs->rflags & RFLAGS_TF)
        v->arch.dr6 |= DR6_BS;
    regs->rflags &= ~RFLAGS_RF;
    pv_inject_trap(v, TRAP_DB, 0);
    return PV_TRAPPED;
}
