/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction decoder: splits an instruction into its fields and finds its memory operand. It
 * knows the shape of every instruction of the four opcode maps (how many bytes follow the opcode),
 * not what they do; emulators look at map, opcode and ModRM. It keeps no state, touches no guest
 * and reads nothing beyond the bytes it is given.
 *
 * Sources: AMD APM vol. 3, chapter 1 (encoding), appendix A (opcode maps); Intel SDM vol. 2,
 * chapter 2 and appendix A.
 */
#include "x86/decode.h"
#include "errno.h"

/*
 * What follows an opcode byte, one character each, sixteen opcodes a row:
 *   .  nothing           b  nothing, byte operands
 *   m  ModRM             n  ModRM, byte operands
 *   i  8-bit immediate   j  the same, byte operands
 *   M  ModRM, imm8       N  the same, byte operands
 *   z  immediate of 16 or 32 bits            Z  ModRM, the same
 *   v  immediate as wide as the operand      w  16-bit immediate
 *   o  offset as wide as an address          p  the same, byte operands
 *   g  ModRM; immediate if reg is 0 or 1     G  the same, byte operands
 *   e  16-bit and 8-bit immediate (ENTER)    r  ModRM that always names registers
 *   y  ModRM; two imm8 with prefix 66 or F2 (EXTRQ, INSERTQ)
 *   in 64-bit mode undefined: q  nothing     R  ModRM, imm8, byte operands   I  imm8   f  far
 * pointer
 *   -  undefined, a prefix or an escape: decided elsewhere
 */
/* clang-format off */
static const char map_primary[] =
    "nmnmjzqqnmnmjzq-" "nmnmjzqqnmnmjzqq" "nmnmjz-qnmnmjz-q" "nmnmjz-qnmnmjz-q" /* 00-3F */
    "................" "................" "qq-m----zZiMb.b." "iiiiiiiiiiiiiiii" /* 40-7F */
    "NZRMnmnmnmnmmmmm" "..........f....." "popob.b.jzb.b.b." "jjjjjjjjvvvvvvvv" /* 80-BF */
    "NMw.--NZe.w..iq." "nmnmIIq.mmmmmmmm" "iiiijijizzfib.b." "-.--..Gg......nm";/* C0-FF */
static const char map_0f[] =
    "mmmm-.....-.-m.M" "mmmmmmmmmmmmmmmm" "rrrr----mmmmmmmm" "......-.--------" /* 00-3F */
    "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "MMMMmmm.ym--mmmm" /* 40-7F */
    "zzzzzzzzzzzzzzzz" "nnnnnnnnnnnnnnnn" "...mMm--...mMmmm" "nmmmmmmmmmMmmmmm" /* 80-BF */
    "nmMmMMMm........" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm";/* C0-FF */
/* clang-format on */
STATIC_ASSERT(sizeof(map_primary) == 256 + 1);
STATIC_ASSERT(sizeof(map_0f) == 256 + 1);

/* What the letters mean. */
#define SHAPE_BYTES     BIT(0) /* the operands are bytes */
#define SHAPE_MODRM     BIT(1)
#define SHAPE_OFFSET    BIT(2)
#define SHAPE_IMMEDIATE BIT(3) /* immediate_by_shape() knows which */
#define SHAPE_NOT_64    BIT(4)
#define SHAPE_INVALID   BIT(5)
static const u8 shapes[128] = {
    ['.'] = 0,
    ['b'] = SHAPE_BYTES,
    ['m'] = SHAPE_MODRM,
    ['n'] = SHAPE_MODRM | SHAPE_BYTES,
    ['r'] = SHAPE_MODRM,
    ['i'] = SHAPE_IMMEDIATE,
    ['j'] = SHAPE_IMMEDIATE | SHAPE_BYTES,
    ['M'] = SHAPE_MODRM | SHAPE_IMMEDIATE,
    ['N'] = SHAPE_MODRM | SHAPE_IMMEDIATE | SHAPE_BYTES,
    ['z'] = SHAPE_IMMEDIATE,
    ['Z'] = SHAPE_MODRM | SHAPE_IMMEDIATE,
    ['v'] = SHAPE_IMMEDIATE,
    ['w'] = SHAPE_IMMEDIATE,
    ['o'] = SHAPE_OFFSET,
    ['p'] = SHAPE_OFFSET | SHAPE_BYTES,
    ['g'] = SHAPE_MODRM | SHAPE_IMMEDIATE,
    ['G'] = SHAPE_MODRM | SHAPE_IMMEDIATE | SHAPE_BYTES,
    ['e'] = SHAPE_IMMEDIATE,
    ['y'] = SHAPE_MODRM | SHAPE_IMMEDIATE,
    ['q'] = SHAPE_NOT_64,
    ['R'] = SHAPE_NOT_64 | SHAPE_MODRM | SHAPE_IMMEDIATE | SHAPE_BYTES,
    ['I'] = SHAPE_NOT_64 | SHAPE_IMMEDIATE,
    ['f'] = SHAPE_NOT_64 | SHAPE_IMMEDIATE,
    ['-'] = SHAPE_INVALID,
};

#define OPCODE_0F      0x0f
#define OPCODE_0F38    0x38
#define OPCODE_0F3A    0x3a
#define OPCODE_BOUND   0x62 /* in 64-bit mode, or with a register: EVEX */
#define OPCODE_POP_MEM 0x8f /* with a map number of 8 or more: XOP */
#define OPCODE_LES     0xc4 /* in 64-bit mode, or with a register: VEX */
#define OPCODE_LDS     0xc5
#define XOP_MAP_MASK   0x1f
#define XOP_MAP_FIRST  8
#define MODRM_REG_MASK 0x38

#define REG_RSP 4
#define REG_RBP 5

/* The bytes, and how many of them are used. */
struct reader {
    const u8 *bytes;
    size_t size;
    u32 at;
    int error;
};

static u8 read_byte(struct reader *in)
{
    if (likely(in->at < in->size))
        return in->bytes[in->at++];
    if (!in->error)
        in->error = in->at >= INSN_MAX_BYTES ? -EINVAL : -ENODATA;
    return 0;
}

/* A little-endian number of 1, 2, 4 or 8 bytes. */
static u64 read_number(struct reader *in, u32 bytes)
{
    u64 value = 0;
    for (u32 n = 0; n < bytes; n++)
        value |= (u64)read_byte(in) << (8 * n);
    return value;
}

static s64 sign_extend(u64 value, u32 bytes)
{
    u32 shift = 64 - 8 * bytes;
    return (s64)(value << shift) >> shift;
}

/* True if b is a legacy prefix; i remembers it. */
static bool prefix_take(struct insn *i, u8 b)
{
    static const struct {
        u8 byte, flag, segment;
    } prefixes[] = {
        {0x26, INSN_PREFIX_SEGMENT, INSN_ES}, {0x2e, INSN_PREFIX_SEGMENT, INSN_CS},
        {0x36, INSN_PREFIX_SEGMENT, INSN_SS}, {0x3e, INSN_PREFIX_SEGMENT, INSN_DS},
        {0x64, INSN_PREFIX_SEGMENT, INSN_FS}, {0x65, INSN_PREFIX_SEGMENT, INSN_GS},
        {0x66, INSN_PREFIX_OPERAND, 0},       {0x67, INSN_PREFIX_ADDRESS, 0},
        {0xf0, INSN_PREFIX_LOCK, 0},          {0xf2, INSN_PREFIX_REPNE, 0},
        {0xf3, INSN_PREFIX_REP, 0},
    };
    if (b == OPCODE_0F || map_primary[b] != '-')
        return false; /* most bytes, at once */
    for (u32 n = 0; n < ARRAY_SIZE(prefixes); n++) {
        if (prefixes[n].byte != b)
            continue;
        /* 64-bit mode ignores ES, CS, SS and DS (AMD APM vol. 3, 1.2.4). */
        if (prefixes[n].flag == INSN_PREFIX_SEGMENT) {
            if (i->mode == INSN_MODE_64 && prefixes[n].segment < INSN_FS)
                return true;
            i->segment = prefixes[n].segment;
        }
        if (prefixes[n].flag & (INSN_PREFIX_REPNE | INSN_PREFIX_REP))
            i->prefixes &= (u8) ~(INSN_PREFIX_REPNE | INSN_PREFIX_REP); /* the last one counts */
        i->prefixes |= prefixes[n].flag;
        return true;
    }
    return false;
}

/* All prefixes; returns the first byte that is none. A REX counts only right before the opcode. */
static u8 prefixes_read(struct insn *i, struct reader *in)
{
    for (;;) {
        u8 b = read_byte(in);
        if (in->error)
            return 0;
        if (i->mode == INSN_MODE_64 && (b & 0xf0) == 0x40)
            i->rex = (b & 0xf) | INSN_REX;
        else if (prefix_take(i, b))
            i->rex = 0;
        else
            return b;
    }
}

static void sizes_decide(struct insn *i)
{
    bool other_operand = i->prefixes & INSN_PREFIX_OPERAND;
    bool other_address = i->prefixes & INSN_PREFIX_ADDRESS;
    switch (i->mode) {
    case INSN_MODE_64:
        i->operand_bytes = i->rex & INSN_REX_W ? 8 : other_operand ? 2 : 4;
        i->address_bytes = other_address ? 4 : 8;
        break;
    case INSN_MODE_32:
        i->operand_bytes = other_operand ? 2 : 4;
        i->address_bytes = other_address ? 2 : 4;
        break;
    default:
        i->operand_bytes = other_operand ? 4 : 2;
        i->address_bytes = other_address ? 4 : 2;
        break;
    }
}

static void segment_default(struct insn *i, enum insn_segment segment)
{
    if (!(i->prefixes & INSN_PREFIX_SEGMENT))
        i->segment = segment;
}

/* 16-bit forms of ModRM (AMD APM vol. 3, table A-33). */
static void memory_operand_16(struct insn *i, struct reader *in)
{
    static const u8 bases[8] = {3, 3, 5, 5, 6, 7, 5, 3}; /* BX BX BP BP SI DI BP BX */
    static const u8 indices[8] = {
        6, 7, 6, 7, INSN_NO_REGISTER, INSN_NO_REGISTER, INSN_NO_REGISTER, INSN_NO_REGISTER};
    u8 mod = i->modrm >> 6, rm = i->modrm & 7;
    if (mod == 0 && rm == 6) {
        i->displacement = sign_extend(read_number(in, 2), 2);
        return;
    }
    i->base = bases[rm];
    i->index = indices[rm];
    if (i->base == REG_RBP)
        segment_default(i, INSN_SS);
    if (mod)
        i->displacement = sign_extend(read_number(in, mod), mod);
}

static void memory_operand(struct insn *i, struct reader *in)
{
    u8 mod = i->modrm >> 6, rm = i->modrm & 7;
    u32 displacement_bytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    u8 base_extension = i->rex & INSN_REX_B ? 8 : 0;

    if (rm == REG_RSP) {
        u8 sib = read_byte(in);
        u8 index = (u8)((sib >> 3 & 7) | (i->rex & INSN_REX_X ? 8 : 0));
        i->scale = sib >> 6;
        if (index != REG_RSP)
            i->index = index;
        rm = sib & 7;
        if (rm == REG_RBP && mod == 0)
            displacement_bytes = 4;
        else
            i->base = rm | base_extension;
    } else if (rm == REG_RBP && mod == 0) {
        displacement_bytes = 4;
        i->rip_relative = i->mode == INSN_MODE_64;
    } else {
        i->base = rm | base_extension;
    }
    if (i->base == REG_RSP || i->base == REG_RBP)
        segment_default(i, INSN_SS);
    if (displacement_bytes)
        i->displacement = sign_extend(read_number(in, displacement_bytes), displacement_bytes);
}

static void modrm_read(struct insn *i, struct reader *in, bool always_registers)
{
    i->has_modrm = true;
    i->modrm = read_byte(in);
    i->reg = (u8)((i->modrm >> 3 & 7) | (i->rex & INSN_REX_R ? 8 : 0));
    i->rm = (u8)((i->modrm & 7) | (i->rex & INSN_REX_B ? 8 : 0));
    if (always_registers || i->modrm >> 6 == 3)
        return;
    i->has_memory = true;
    if (i->address_bytes == 2)
        memory_operand_16(i, in);
    else
        memory_operand(i, in);
}

static void immediate_read(struct insn *i, struct reader *in, u32 bytes)
{
    i->immediate_bytes = (u8)bytes;
    i->immediate = (u64)sign_extend(read_number(in, bytes), bytes);
}

/* z: bytes of an immediate that is never wider than 32 bits. */
static void immediate_by_shape(struct insn *i, struct reader *in, char shape, u32 z)
{
    switch (shape) {
    case 'z':
    case 'Z':
        immediate_read(i, in, z);
        break;
    case 'g':
    case 'G':
        if ((i->modrm >> 3 & 7) < 2)
            immediate_read(i, in, z);
        break;
    case 'v':
        immediate_read(i, in, i->operand_bytes);
        break;
    case 'w':
        immediate_read(i, in, 2);
        break;
    case 'y':
        if (i->prefixes & (INSN_PREFIX_OPERAND | INSN_PREFIX_REPNE))
            immediate_read(i, in, 2);
        break;
    case 'e':
        immediate_read(i, in, 2);
        read_byte(in);
        break;
    case 'f':
        immediate_read(i, in, z);
        read_number(in, 2);
        break;
    default:
        immediate_read(i, in, 1);
        break;
    }
}

/* Everything after the opcode, by its letter in the map. */
static int operands_read(struct insn *i, struct reader *in, char shape)
{
    u32 z = i->operand_bytes == 2 ? 2 : 4, parts = shapes[shape & 0x7f];

    if (parts & SHAPE_INVALID || (i->mode == INSN_MODE_64 && parts & SHAPE_NOT_64))
        return -EINVAL;
    if (parts & SHAPE_BYTES)
        i->operand_bytes = z = 1;
    if (parts & SHAPE_MODRM)
        modrm_read(i, in, shape == 'r');
    if (parts & SHAPE_OFFSET) {
        i->has_memory = true;
        i->displacement = (s64)read_number(in, i->address_bytes);
    }
    if (parts & SHAPE_IMMEDIATE)
        immediate_by_shape(i, in, shape, z);
    return 0;
}

/* VEX, EVEX and XOP share their first byte with older instructions; b is the byte after it. */
static bool is_vector_prefix(const struct insn *i, u8 opcode, u8 b)
{
    switch (opcode) {
    case OPCODE_BOUND:
    case OPCODE_LES:
    case OPCODE_LDS:
        return i->mode == INSN_MODE_64 || b >> 6 == 3;
    case OPCODE_POP_MEM:
        return (b & XOP_MAP_MASK) >= XOP_MAP_FIRST;
    default:
        return false;
    }
}

static char shape_primary(struct insn *i, const struct reader *in, u8 opcode, int *error)
{
    i->opcode = opcode;
    if (opcode != OPCODE_BOUND && opcode != OPCODE_LES && opcode != OPCODE_LDS &&
        opcode != OPCODE_POP_MEM)
        return map_primary[opcode];
    struct reader ahead = *in;
    u8 next = read_byte(&ahead);
    if (ahead.error)
        *error = ahead.error;
    else if (is_vector_prefix(i, opcode, next))
        *error = -EOPNOTSUPP;
    else if (opcode == OPCODE_POP_MEM && (next & MODRM_REG_MASK))
        *error = -EINVAL; /* processors differ in how much of it they read before they refuse it */
    return 'm';
}

/* The opcode's map and byte; returns the letter of its shape. */
static char opcode_read(struct insn *i, struct reader *in, u8 first, int *error)
{
    if (first != OPCODE_0F)
        return shape_primary(i, in, first, error);
    i->opcode = read_byte(in);
    i->map = INSN_MAP_0F;
    if (i->opcode != OPCODE_0F38 && i->opcode != OPCODE_0F3A)
        return map_0f[i->opcode];
    i->map = i->opcode == OPCODE_0F38 ? INSN_MAP_0F38 : INSN_MAP_0F3A;
    i->opcode = read_byte(in);
    return i->map == INSN_MAP_0F38 ? 'm' : 'M';
}

int insn_decode(struct insn *i, const u8 *bytes, size_t size, enum insn_mode mode)
{
    struct reader in = {.bytes = bytes, .size = size < INSN_MAX_BYTES ? size : INSN_MAX_BYTES};
    int error = 0;

    *i = (struct insn){
        .mode = (u8)mode, .segment = INSN_DS, .base = INSN_NO_REGISTER, .index = INSN_NO_REGISTER};
    u8 first = prefixes_read(i, &in);
    if (in.error)
        return in.error;
    sizes_decide(i);
    char shape = opcode_read(i, &in, first, &error);
    if (in.error || error)
        return in.error ? in.error : error;
    error = operands_read(i, &in, shape);
    if (error || in.error)
        return error ? error : in.error;
    i->length = (u8)in.at;
    return 0;
}

/* --- registers and addresses */

static const u8 register_offsets[16] = {
    offsetof(struct regs, rax), offsetof(struct regs, rcx), offsetof(struct regs, rdx),
    offsetof(struct regs, rbx), offsetof(struct regs, rsp), offsetof(struct regs, rbp),
    offsetof(struct regs, rsi), offsetof(struct regs, rdi), offsetof(struct regs, r8),
    offsetof(struct regs, r9),  offsetof(struct regs, r10), offsetof(struct regs, r11),
    offsetof(struct regs, r12), offsetof(struct regs, r13), offsetof(struct regs, r14),
    offsetof(struct regs, r15),
};

u64 *insn_register(struct regs *r, u32 number)
{
    return (u64 *)((char *)r + register_offsets[number & 15]);
}

static u64 register_value(const struct regs *r, u32 number)
{
    return *(const u64 *)((const char *)r + register_offsets[number & 15]);
}

/* Byte registers 4-7 are AH, CH, DH, BH unless there is a REX prefix. */
static bool register_is_high(const struct insn *i, u32 number, u32 bytes)
{
    return bytes == 1 && !(i->rex & INSN_REX) && number >= 4 && number < 8;
}

u64 insn_register_read(const struct insn *i, const struct regs *r, u32 number, u32 bytes)
{
    if (register_is_high(i, number, bytes))
        return register_value(r, number - 4) >> 8 & 0xff;
    return register_value(r, number) & bytes_mask(bytes);
}

void insn_register_write(const struct insn *i, struct regs *r, u32 number, u32 bytes, u64 value)
{
    u64 mask = bytes == 4 ? ~0ull : bytes_mask(bytes);
    u32 shift = 0;
    if (register_is_high(i, number, bytes)) {
        number -= 4;
        shift = 8;
    }
    u64 *target = insn_register(r, number);
    value &= bytes_mask(bytes);
    *target = (*target & ~(mask << shift)) | value << shift;
}

u64 insn_effective_address(const struct insn *i, const struct regs *r)
{
    u64 address = (u64)i->displacement;
    if (i->rip_relative)
        address += r->rip + i->length;
    if (i->base != INSN_NO_REGISTER)
        address += register_value(r, i->base);
    if (i->index != INSN_NO_REGISTER)
        address += register_value(r, i->index) << i->scale;
    return address & bytes_mask(i->address_bytes);
}
