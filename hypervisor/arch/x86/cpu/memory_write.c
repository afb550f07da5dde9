/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that write up to eight bytes of memory, as the emulation of page-table writes needs
 * them: which bytes they write, the value that follows from the old one, and what registers and
 * flags are afterwards. Pure functions of an instruction and a register file; the caller does the
 * access itself.
 *
 * Sources: AMD APM vol. 3, chapter 3 (each instruction); vol. 1, 3.1.4 (flags).
 */
#include "errno.h"
#include "x86/decode.h"

/* The first eight are numbered as in opcodes 00-3F and group 1 (80-83). */
enum memory_operation {
    OPERATION_ADD,
    OPERATION_OR,
    OPERATION_ADC,
    OPERATION_SBB,
    OPERATION_AND,
    OPERATION_SUB,
    OPERATION_XOR,
    OPERATION_CMP, /* writes nothing: not ours */
    OPERATION_NOT,
    OPERATION_NEG,
    OPERATION_INC,
    OPERATION_DEC,
    OPERATION_BTS,
    OPERATION_BTR,
    OPERATION_BTC,
    OPERATION_XADD,
};

#define REG_RAX 0
#define REG_RCX 1
#define REG_RSI 6
#define REG_RDI 7

#define GROUP3_NOT     2 /* F6, F7 */
#define GROUP3_NEG     3
#define GROUP4_INC     0 /* FE, FF */
#define GROUP4_DEC     1
#define GROUP8_BTS     5 /* 0F BA */
#define GROUP8_BTR     6
#define GROUP8_BTC     7
#define GROUP9_CMPXCHG 1 /* 0F C7 */

#define FLAGS_ARITHMETIC (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static u8 group_of(const struct insn *i)
{
    return i->modrm >> 3 & 7;
}

static u64 reg_operand(const struct insn *i, const struct regs *r)
{
    return insn_register_read(i, r, i->reg, i->operand_bytes);
}

/* --- decoding */

static int modify(struct memory_write *w, u8 operation, u64 operand)
{
    if (operation == OPERATION_CMP)
        return -EOPNOTSUPP;
    w->kind = MEMORY_WRITE_MODIFY;
    w->operation = operation;
    w->operand = operand;
    return 0;
}

static int store(struct memory_write *w, u64 value)
{
    w->kind = MEMORY_WRITE_STORE;
    w->operand = value;
    /* LOCK on a plain store is an invalid opcode, and so the guest's own fault. */
    return w->locked ? -EOPNOTSUPP : 0;
}

/* A bit's number in a register reaches beyond the operand; an immediate one does not. */
static int modify_bit(struct memory_write *w, const struct insn *i, u8 operation, u64 bit,
                      bool reach)
{
    u32 bits = 8u * i->operand_bytes;
    if (reach) {
        u32 shift = 64 - bits;
        s64 offset = (s64)(bit << shift) >> shift;
        w->address += (u64)((offset >> __builtin_ctz(bits)) * (s64)i->operand_bytes);
    }
    return modify(w, operation, bit & (bits - 1));
}

static int decode_cmpxchg8b(struct memory_write *w, const struct insn *i, const struct regs *r)
{
    if (group_of(i) != GROUP9_CMPXCHG || i->operand_bytes == 8)
        return -EOPNOTSUPP;
    w->kind = MEMORY_WRITE_CMPXCHG;
    w->bytes = 8;
    w->pair = true;
    w->expected = (r->rdx << 32) | (r->rax & 0xffffffff);
    w->operand = (r->rcx << 32) | (r->rbx & 0xffffffff);
    return 0;
}

static int decode_0f(struct memory_write *w, const struct insn *i, const struct regs *r)
{
    switch (i->opcode) {
    case 0xab:
        return modify_bit(w, i, OPERATION_BTS, reg_operand(i, r), true);
    case 0xb3:
        return modify_bit(w, i, OPERATION_BTR, reg_operand(i, r), true);
    case 0xbb:
        return modify_bit(w, i, OPERATION_BTC, reg_operand(i, r), true);
    case 0xba:
        if (group_of(i) < GROUP8_BTS)
            return -EOPNOTSUPP;
        return modify_bit(w, i, (u8)(OPERATION_BTS + group_of(i) - GROUP8_BTS), i->immediate,
                          false);
    case 0xb0:
    case 0xb1:
        w->kind = MEMORY_WRITE_CMPXCHG;
        w->expected = r->rax & bytes_mask(i->operand_bytes);
        w->operand = reg_operand(i, r);
        return 0;
    case 0xc0:
    case 0xc1:
        return modify(w, OPERATION_XADD, reg_operand(i, r));
    case 0xc3: /* MOVNTI: other instructions, all unknown, with a prefix */
        return i->prefixes & (INSN_PREFIX_OPERAND | INSN_PREFIX_REPNE | INSN_PREFIX_REP)
                   ? -EOPNOTSUPP
                   : store(w, reg_operand(i, r));
    case 0xc7:
        return decode_cmpxchg8b(w, i, r);
    default:
        return -EOPNOTSUPP;
    }
}

/* MOVS and STOS: the destination is always ES:RDI. */
static int decode_string(struct memory_write *w, const struct insn *i, const struct regs *r,
                         const u64 bases[INSN_NR_SEGMENTS])
{
    u64 mask = bytes_mask(i->address_bytes);
    /* With a count of 0 it would not have touched memory. */
    if ((i->prefixes & (INSN_PREFIX_REP | INSN_PREFIX_REPNE)) && !(r->rcx & mask))
        return -EOPNOTSUPP;
    w->address = bases[INSN_ES] + (r->rdi & mask);
    if (i->opcode < 0xaa) {
        w->from_memory = true;
        w->source = bases[i->segment] + (r->rsi & mask);
        return store(w, 0);
    }
    return store(w, r->rax & bytes_mask(i->operand_bytes));
}

static int decode_primary(struct memory_write *w, const struct insn *i, const struct regs *r,
                          const u64 bases[INSN_NR_SEGMENTS])
{
    if (i->opcode < 0x40 && (i->opcode & 7) < 2)
        return modify(w, i->opcode >> 3, reg_operand(i, r));
    switch (i->opcode) {
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x83:
        return modify(w, group_of(i), i->immediate);
    case 0x86:
    case 0x87:
        w->kind = MEMORY_WRITE_XCHG;
        w->locked = true;
        w->operand = reg_operand(i, r);
        return 0;
    case 0x88:
    case 0x89:
        return store(w, reg_operand(i, r));
    case 0xa2:
    case 0xa3:
        return store(w, r->rax & bytes_mask(i->operand_bytes));
    case 0xa4:
    case 0xa5:
    case 0xaa:
    case 0xab:
        return decode_string(w, i, r, bases);
    case 0xc6:
    case 0xc7:
        return group_of(i) == 0 ? store(w, i->immediate) : -EOPNOTSUPP;
    case 0xf6:
    case 0xf7:
        if (group_of(i) != GROUP3_NOT && group_of(i) != GROUP3_NEG)
            return -EOPNOTSUPP;
        return modify(w, group_of(i) == GROUP3_NOT ? OPERATION_NOT : OPERATION_NEG, 0);
    case 0xfe:
    case 0xff:
        if (group_of(i) != GROUP4_INC && group_of(i) != GROUP4_DEC)
            return -EOPNOTSUPP;
        return modify(w, group_of(i) == GROUP4_INC ? OPERATION_INC : OPERATION_DEC, 1);
    default:
        return -EOPNOTSUPP;
    }
}

static bool is_string(const struct insn *i)
{
    return i->map == INSN_MAP_PRIMARY && !i->has_modrm &&
           (i->opcode == 0xa4 || i->opcode == 0xa5 || i->opcode == 0xaa || i->opcode == 0xab);
}

int memory_write_decode(struct memory_write *w, const struct insn *i, const struct regs *r,
                        const u64 bases[INSN_NR_SEGMENTS])
{
    int error = -EOPNOTSUPP;

    *w = (struct memory_write){.bytes = i->operand_bytes,
                               .locked = i->prefixes & INSN_PREFIX_LOCK,
                               .carry = r->rflags & RFLAGS_CF,
                               .insn = *i};
    if (!i->has_memory && !is_string(i))
        return -EOPNOTSUPP;
    if (i->has_memory)
        w->address = bases[i->segment] + insn_effective_address(i, r);
    if (i->map == INSN_MAP_PRIMARY)
        error = decode_primary(w, i, r, bases);
    else if (i->map == INSN_MAP_0F)
        error = decode_0f(w, i, r);
    w->operand &= bytes_mask(w->bytes);
    if (i->mode != INSN_MODE_64) {
        w->address &= bytes_mask(4);
        w->source &= bytes_mask(4);
    }
    return error;
}

/* --- results */

u64 memory_write_result(const struct memory_write *w, u64 old, bool *stored)
{
    u64 mask = bytes_mask(w->bytes);
    u64 b = w->operand, bit = BIT(b & 63), value = b;

    old &= mask;
    *stored = true;
    if (w->kind == MEMORY_WRITE_CMPXCHG)
        *stored = old == w->expected;
    if (w->kind != MEMORY_WRITE_MODIFY)
        return value;
    switch ((enum memory_operation)w->operation) {
    case OPERATION_ADD:
    case OPERATION_INC:
    case OPERATION_XADD:
        value = old + b;
        break;
    case OPERATION_ADC:
        value = old + b + w->carry;
        break;
    case OPERATION_SUB:
    case OPERATION_DEC:
    case OPERATION_CMP:
        value = old - b;
        break;
    case OPERATION_SBB:
        value = old - b - w->carry;
        break;
    case OPERATION_OR:
        value = old | b;
        break;
    case OPERATION_AND:
        value = old & b;
        break;
    case OPERATION_XOR:
        value = old ^ b;
        break;
    case OPERATION_NOT:
        value = ~old;
        break;
    case OPERATION_NEG:
        value = 0 - old;
        break;
    case OPERATION_BTS:
        value = old | bit;
        break;
    case OPERATION_BTR:
        value = old & ~bit;
        break;
    case OPERATION_BTC:
        value = old ^ bit;
        break;
    }
    return value & mask;
}

static u64 flags_of_result(u64 value, u32 bytes)
{
    u64 flags = 0;
    if (!(value & bytes_mask(bytes)))
        flags |= RFLAGS_ZF;
    if (value >> (8 * bytes - 1) & 1)
        flags |= RFLAGS_SF;
    if (!(__builtin_popcount((u32)value & 0xff) & 1))
        flags |= RFLAGS_PF;
    return flags;
}

/*
 * Of value = a + b + carry. The carries into each bit are a ^ b ^ value, those out of it the
 * majority.
 */
static u64 flags_of_add(u64 a, u64 b, u64 value, u32 bytes)
{
    u32 top = 8 * bytes - 1;
    u64 flags = flags_of_result(value, bytes);
    u64 out = (a & b) | ((a | b) & ~value);
    if (out >> top & 1)
        flags |= RFLAGS_CF;
    if (out >> 3 & 1)
        flags |= RFLAGS_AF;
    if (((a ^ value) & (b ^ value)) >> top & 1)
        flags |= RFLAGS_OF;
    return flags;
}

/* Of value = a - b - borrow. */
static u64 flags_of_subtract(u64 a, u64 b, u64 value, u32 bytes)
{
    u32 top = 8 * bytes - 1;
    u64 flags = flags_of_result(value, bytes);
    u64 out = (~a & b) | ((~a | b) & value);
    if (out >> top & 1)
        flags |= RFLAGS_CF;
    if (out >> 3 & 1)
        flags |= RFLAGS_AF;
    if (((a ^ b) & (a ^ value)) >> top & 1)
        flags |= RFLAGS_OF;
    return flags;
}

/* Sets the flags that the operation defines, of those in changed; undefined ones become 0. */
static void flags_set(struct regs *r, u64 changed, u64 flags)
{
    r->rflags = (r->rflags & ~changed) | (flags & changed);
}

static void finish_modify(struct regs *r, const struct memory_write *w, u64 old)
{
    bool stored;
    u64 value = memory_write_result(w, old, &stored), b = w->operand;
    const struct insn *i = &w->insn;

    switch ((enum memory_operation)w->operation) {
    case OPERATION_ADD:
    case OPERATION_ADC:
        flags_set(r, FLAGS_ARITHMETIC, flags_of_add(old, b, value, w->bytes));
        break;
    case OPERATION_XADD:
        flags_set(r, FLAGS_ARITHMETIC, flags_of_add(old, b, value, w->bytes));
        insn_register_write(i, r, i->reg, w->bytes, old);
        break;
    case OPERATION_SUB:
    case OPERATION_SBB:
    case OPERATION_CMP:
        flags_set(r, FLAGS_ARITHMETIC, flags_of_subtract(old, b, value, w->bytes));
        break;
    case OPERATION_INC:
        flags_set(r, FLAGS_ARITHMETIC & ~RFLAGS_CF, flags_of_add(old, b, value, w->bytes));
        break;
    case OPERATION_DEC:
        flags_set(r, FLAGS_ARITHMETIC & ~RFLAGS_CF, flags_of_subtract(old, b, value, w->bytes));
        break;
    case OPERATION_NEG:
        flags_set(r, FLAGS_ARITHMETIC, flags_of_subtract(0, old, value, w->bytes));
        break;
    case OPERATION_OR:
    case OPERATION_AND:
    case OPERATION_XOR:
        flags_set(r, FLAGS_ARITHMETIC, flags_of_result(value, w->bytes));
        break;
    case OPERATION_BTS:
    case OPERATION_BTR:
    case OPERATION_BTC:
        flags_set(r, RFLAGS_CF, old & BIT(b) ? RFLAGS_CF : 0);
        break;
    case OPERATION_NOT:
        break;
    }
}

static void finish_cmpxchg(struct regs *r, const struct memory_write *w, u64 old, bool stored)
{
    if (w->pair) {
        flags_set(r, RFLAGS_ZF, stored ? RFLAGS_ZF : 0);
        if (!stored) {
            r->rax = old & 0xffffffff;
            r->rdx = old >> 32;
        }
        return;
    }
    u64 difference = (w->expected - old) & bytes_mask(w->bytes);
    flags_set(r, FLAGS_ARITHMETIC, flags_of_subtract(w->expected, old, difference, w->bytes));
    if (!stored)
        insn_register_write(&w->insn, r, REG_RAX, w->bytes, old);
}

static void register_advance(struct regs *r, const struct insn *i, u32 number, u64 step)
{
    u64 mask = bytes_mask(i->address_bytes);
    u64 *value = insn_register(r, number);
    *value = (((*value + step) & mask) | (i->address_bytes == 2 ? *value & ~mask : 0));
}

/* True if the instruction has more iterations to do. */
static bool finish_string(struct regs *r, const struct insn *i)
{
    u64 step = r->rflags & RFLAGS_DF ? 0 - (u64)i->operand_bytes : i->operand_bytes;
    register_advance(r, i, REG_RDI, step);
    if (i->opcode < 0xaa)
        register_advance(r, i, REG_RSI, step);
    if (!(i->prefixes & (INSN_PREFIX_REP | INSN_PREFIX_REPNE)))
        return false;
    register_advance(r, i, REG_RCX, ~0ull);
    return r->rcx & bytes_mask(i->address_bytes);
}

void memory_write_finish(struct regs *r, const struct memory_write *w, u64 old, bool stored)
{
    const struct insn *i = &w->insn;
    bool more = false;

    old &= bytes_mask(w->bytes);
    switch (w->kind) {
    case MEMORY_WRITE_STORE:
        if (is_string(i))
            more = finish_string(r, i);
        break;
    case MEMORY_WRITE_XCHG:
        insn_register_write(i, r, i->reg, w->bytes, old);
        break;
    case MEMORY_WRITE_CMPXCHG:
        finish_cmpxchg(r, w, old, stored);
        break;
    case MEMORY_WRITE_MODIFY:
        finish_modify(r, w, old);
        break;
    }
    if (!more)
        r->rip += i->length;
    if (i->mode != INSN_MODE_64)
        r->rip &= bytes_mask(4);
    r->rflags &= ~RFLAGS_RF;
}
