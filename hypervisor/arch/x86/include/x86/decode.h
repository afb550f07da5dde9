/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions: what their bytes say, where their memory operand lies, and what those that write
 * memory do to it.
 *
 *   cpu/decode.c        bytes to fields, fields to an effective address: tables, no state
 *   cpu/memory_write.c  instructions that write up to 8 bytes of memory: the new value, and what
 *                       happens to registers and flags; no state either
 *   pv/fetch.c          the same for the instruction at which a PV guest stopped
 */
#ifndef DOMUS_X86_DECODE_H
#define DOMUS_X86_DECODE_H

#include "types.h"
#include "x86/regs.h"

struct vcpu;

/* The longest instruction that a processor accepts (AMD APM vol. 3, 1.2). */
#define INSN_MAX_BYTES 15

/* What the code segment says: its L and D bits. */
enum insn_mode { INSN_MODE_16, INSN_MODE_32, INSN_MODE_64 };

/* Opcode maps: none, 0F, 0F 38, 0F 3A before the opcode byte. */
enum insn_map { INSN_MAP_PRIMARY, INSN_MAP_0F, INSN_MAP_0F38, INSN_MAP_0F3A };

/* Segment registers, as instructions number them. */
enum insn_segment { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS, INSN_NR_SEGMENTS };

#define INSN_PREFIX_LOCK    BIT(0) /* F0 */
#define INSN_PREFIX_REPNE   BIT(1) /* F2 */
#define INSN_PREFIX_REP     BIT(2) /* F3 */
#define INSN_PREFIX_OPERAND BIT(3) /* 66 */
#define INSN_PREFIX_ADDRESS BIT(4) /* 67 */
#define INSN_PREFIX_SEGMENT BIT(5) /* segment was chosen by the instruction */

#define INSN_REX_B BIT(0)
#define INSN_REX_X BIT(1)
#define INSN_REX_R BIT(2)
#define INSN_REX_W BIT(3)
#define INSN_REX   BIT(6) /* there is a REX prefix */

#define INSN_NO_REGISTER 0xff

struct insn {
    u8 mode;     /* enum insn_mode */
    u8 length;   /* bytes, prefixes included */
    u8 prefixes; /* INSN_PREFIX_* */
    u8 rex;      /* INSN_REX* */
    u8 map;      /* enum insn_map */
    u8 opcode;
    bool has_modrm, has_memory; /* the operand of ModRM (or MOV moffs) is memory */
    u8 modrm;
    u8 reg;           /* 0-15: ModRM.reg with REX.R */
    u8 rm;            /* 0-15: the register of ModRM.rm, if not memory */
    u8 operand_bytes; /* 1, 2, 4, 8: of the general operands (stack and branches: without their
                         default) */
    u8 address_bytes; /* 2, 4, 8 */
    u8 segment;       /* enum insn_segment: of the memory operand, override included */
    u8 base, index;   /* 0-15 or INSN_NO_REGISTER */
    u8 scale;         /* shift of the index: 0-3 */
    bool rip_relative;
    s64 displacement; /* of the memory operand; MOV moffs: the whole offset */
    u64 immediate;    /* sign-extended to 64 bits */
    u8 immediate_bytes;
};

/*
 * Decode the instruction at bytes. 0, -ENODATA: it is longer than size (ask again with more),
 * -EINVAL: no processor knows it (or it is longer than 15 bytes), -EOPNOTSUPP: VEX, EVEX or XOP,
 * whose operands are never what is emulated here.
 */
must_check int insn_decode(struct insn *i, const u8 *bytes, size_t size, enum insn_mode mode);

/* Offset of the memory operand within its segment, truncated to the address size. */
u64 insn_effective_address(const struct insn *i, const struct regs *r);

/* General register by instruction number 0-15. */
u64 *insn_register(struct regs *r, u32 number);
/* Read or write bytes (1, 2, 4, 8) of a register as instructions do: AH-BH without REX, 32-bit
 * writes clear the upper half. */
u64 insn_register_read(const struct insn *i, const struct regs *r, u32 number, u32 bytes);
void insn_register_write(const struct insn *i, struct regs *r, u32 number, u32 bytes, u64 value);

/* All ones in the low bytes. */
static inline u64 bytes_mask(u32 bytes)
{
    return bytes >= 8 ? ~0ull : BIT(8 * bytes) - 1;
}

/* --- instructions that write memory */

enum memory_write_kind {
    MEMORY_WRITE_STORE,   /* MOV, MOVNTI, STOS, MOVS: the old value does not matter */
    MEMORY_WRITE_XCHG,    /* stores, and returns the old value in a register; always atomic */
    MEMORY_WRITE_CMPXCHG, /* CMPXCHG, CMPXCHG8B: stores if the old value is w->expected */
    MEMORY_WRITE_MODIFY,  /* the new value is computed from the old: ADD, OR, BTS, XADD ... */
};

/* One iteration of such an instruction. Valid as long as the registers are as they were. */
struct memory_write {
    vaddr_t address; /* linear; not checked in any way */
    u32 bytes;       /* 1, 2, 4, 8 */
    enum memory_write_kind kind;
    bool locked;      /* must be atomic against other CPUs */
    u8 operation;     /* MODIFY: which (cpu/memory_write.c) */
    u64 operand;      /* STORE, XCHG, CMPXCHG: the new value; MODIFY: the other operand */
    u64 expected;     /* CMPXCHG: what must be there */
    bool carry;       /* MODIFY: the carry flag before it (ADC, SBB) */
    bool pair;        /* CMPXCHG8B: the register is EDX:EAX */
    bool from_memory; /* MOVS: operand is to be read from source first */
    vaddr_t source;
    struct insn insn;
};

/*
 * Pure: w from a decoded instruction, the registers and the segments' bases (only that of
 * i->segment and, for STOS and MOVS, of ES count). 0, or -EOPNOTSUPP if it is not an instruction of
 * this kind.
 */
must_check int memory_write_decode(struct memory_write *w, const struct insn *i,
                                   const struct regs *r, const u64 bases[INSN_NR_SEGMENTS]);

/*
 * The new value of the operand when it holds old (w->bytes of it count). *store false: the operand
 * is not to be written (CMPXCHG that does not match); the instruction completes all the same.
 */
u64 memory_write_result(const struct memory_write *w, u64 old, bool *store);

/*
 * The instruction is done: set flags, registers and rip (a REP that is not at its end: rip stays).
 * old is what the operand held, stored what memory_write_result() said. For a guest's instruction
 * pv_single_step() follows (x86/pv.h).
 */
void memory_write_finish(struct regs *r, const struct memory_write *w, u64 old, bool stored);

/*
 * The instruction at which the running guest stopped. 0; -EOPNOTSUPP: not one of these, the fault
 * is the guest's own; -EFAULT: its bytes or its source could not be read, and the guest has been
 * given its page fault: nothing more to do.
 */
must_check int pv_decode_memory_write(struct vcpu *v, const struct regs *r, struct memory_write *w);

#endif
