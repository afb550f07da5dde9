/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction decoder and the emulation of memory writes against the processor that runs the
 * test (native.h). Of whatever can be decoded, the processor must want to fetch just as many bytes.
 * What writes memory is emulated too, and must leave the same registers, flags and memory.
 *
 * The input: a byte of flags, two that the registers are made of, and the instruction.
 */
#include "demand.h"
#include "native.h"
#include "errno.h"

#define FLAG_MODE_32 BIT(0)
#define FLAG_MATCH   BIT(1) /* rax and rdx are what memory holds, for CMPXCHG */
#define FLAG_FLAGS   2      /* the first of six: CF PF AF ZF SF OF; DF is the second byte's 7 */
#define HEAD_BYTES   3

/* Where operands are put, in the middle of the data: some instructions reach further. */
#define TARGET      (NATIVE_DATA + NATIVE_DATA_BYTES / 4)
#define TARGET_SPAN (NATIVE_DATA_BYTES / 2)

#define CACHE_LINE 64u
#define REG_RAX    0
#define REG_RDX    2

#define FLAGS_ARITHMETIC (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static u8 *const memory = (u8 *)NATIVE_DATA;
static u8 pristine[NATIVE_DATA_BYTES], expected[NATIVE_DATA_BYTES];
static bool intel;

/* --- what may be executed */

/*
 * True if it could reach the test itself: system calls, far control transfers, segment registers,
 * protection keys, transactions, what kernels emulate (SLDT, STR); or if a hypervisor below may
 * carry it out and forget that it was to be a single step (CPUID).
 */
static bool is_dangerous(const struct insn *i)
{
    static const u8 primary[] = {0x07, 0x17, 0x1f, 0x8e, 0x9a, 0x9d, 0xc4, 0xc5,
                                 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xea, 0xf1};
    static const u8 map_0f[] = {0x00, 0x01, 0x05, 0x07, 0x34, 0x35, 0xa1,
                                0xa2, 0xa9, 0xae, 0xb2, 0xb4, 0xb5, 0xc7};
    u8 group = i->modrm >> 3 & 7;

    if (i->map == INSN_MAP_PRIMARY)
        return memchr(primary, i->opcode, sizeof(primary)) ||
               (i->opcode == 0xff && (group == 3 || group == 5)) ||
               ((i->opcode == 0xc6 || i->opcode == 0xc7) && group == 7);
    if (i->map == INSN_MAP_0F38)
        return i->opcode == 0xf8; /* ENQCMD, MOVDIR64B: to where a register says */
    if (i->map == INSN_MAP_0F && i->opcode == 0xc7 && i->has_memory && group == 1)
        return false; /* CMPXCHG8B */
    return i->map == INSN_MAP_0F && memchr(map_0f, i->opcode, sizeof(map_0f));
}

/*
 * True if Intel's and AMD's processors disagree: near branches with an operand-size prefix in
 * 64-bit mode have 16-bit offsets on AMD's only; 0F 78 is VMREAD on Intel's, EXTRQ and INSERTQ on
 * AMD's.
 */
static bool length_differs(const struct insn *i)
{
    if (i->map == INSN_MAP_0F && i->opcode == 0x78)
        return true;
    if (!intel || i->mode != INSN_MODE_64 || !(i->prefixes & INSN_PREFIX_OPERAND))
        return false;
    if (i->map == INSN_MAP_PRIMARY)
        return i->opcode == 0xe8 || i->opcode == 0xe9;
    return i->map == INSN_MAP_0F && i->opcode >> 4 == 8;
}

/* --- registers */

static u64 random_state;

static u64 random64(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1Dull;
}

static u64 random_value(void)
{
    static const u64 edges[] = {0, 1, ~0ull, 0x7f, 0x80, 0x7fffffff, 0x80000000, BIT(63)};
    u64 r = random64();
    switch (r & 3) {
    case 0:
        return edges[r >> 8 & 7];
    case 1:
        return r >> 56;
    default:
        return random64();
    }
}

/* Pointers of implicit operands point into the data, the others anywhere. */
static void registers_make(struct regs *r, const uint8_t *head)
{
    static const u64 flags[] = {RFLAGS_CF, RFLAGS_PF, RFLAGS_AF, RFLAGS_ZF,
                                RFLAGS_SF, RFLAGS_OF, RFLAGS_DF};
    random_state = 0x9E3779B97F4A7C15ull ^ ((u64)head[1] << 8 | head[2]) << 20;
    memset(r, 0, sizeof(*r));
    for (u32 n = 0; n < 16; n++)
        *insn_register(r, n) = random_value();
    r->rsp = r->rbp = TARGET + random64() % TARGET_SPAN / 8 * 8;
    r->rsi = TARGET + random64() % TARGET_SPAN;
    r->rdi = TARGET + random64() % TARGET_SPAN;
    r->rflags = RFLAGS_FIXED;
    for (u32 n = 0; n < ARRAY_SIZE(flags); n++)
        if (n < 6 ? head[0] >> (FLAG_FLAGS + n) & 1 : head[1] >> 7)
            r->rflags |= flags[n];
}

static u64 linear_address(const struct insn *i, const struct regs *r)
{
    u64 address = native_segment_base(i->segment) + insn_effective_address(i, r);
    return i->mode == INSN_MODE_64 ? address : (u32)address;
}

static bool inside(u64 address, u64 bytes)
{
    return address >= NATIVE_DATA && address - NATIVE_DATA <= NATIVE_DATA_BYTES - bytes;
}

/* Moves a register of the operand's address so that it lies in the data. False: it cannot. */
static bool operand_place(const struct insn *i, struct regs *r)
{
    u64 address = linear_address(i, r);
    u64 move = TARGET + address % TARGET_SPAN - address;

    if (address - TARGET < TARGET_SPAN)
        return true;
    if (i->base != INSN_NO_REGISTER && i->base != i->index)
        *insn_register(r, i->base) += move;
    else if (i->index != INSN_NO_REGISTER && i->base != i->index)
        *insn_register(r, i->index) += move >> i->scale;
    return linear_address(i, r) - TARGET < TARGET_SPAN;
}

/* Makes CMPXCHG's expectation come true, if that does not move the operand. */
static void operand_match(const struct insn *i, struct regs *r)
{
    u64 value;
    memcpy(&value, memory + (linear_address(i, r) - NATIVE_DATA), sizeof(value));
    if (i->base != REG_RAX && i->index != REG_RAX)
        r->rax = value;
    if (i->base != REG_RDX && i->index != REG_RDX)
        r->rdx = value >> 32;
}

/* --- the comparisons */

/* Flags that the manuals leave undefined (AMD APM vol. 3, chapter 3). */
static u64 flags_undefined(const struct insn *i)
{
    u8 group = i->modrm >> 3 & 7;
    if (i->map == INSN_MAP_0F &&
        (i->opcode == 0xab || i->opcode == 0xb3 || i->opcode == 0xbb || i->opcode == 0xba))
        return RFLAGS_PF | RFLAGS_AF | RFLAGS_SF | RFLAGS_OF;
    if (i->map == INSN_MAP_PRIMARY &&
        (i->opcode < 0x40 || (i->opcode >= 0x80 && i->opcode <= 0x83))) {
        u8 operation = i->opcode < 0x40 ? i->opcode >> 3 : group;
        if (operation == 1 || operation == 4 || operation == 6) /* OR, AND, XOR */
            return RFLAGS_AF;
    }
    return 0;
}

/*
 * True if the emulation of it can be compared: it touches nothing else, nor two cache lines, by a
 * segment that a 32-bit program of Linux can write to.
 */
static bool is_comparable(const struct memory_write *w)
{
    if (w->insn.mode != INSN_MODE_64 && (w->insn.segment == INSN_CS || w->insn.segment >= INSN_FS))
        return false;
    if (w->locked && w->address % CACHE_LINE + w->bytes > CACHE_LINE)
        return false;
    return inside(w->address, w->bytes) && (!w->from_memory || inside(w->source, w->bytes));
}

/* On the copy of the data. */
static void emulate(struct memory_write *w, struct regs *r)
{
    u64 old = 0;
    bool stored;

    if (w->from_memory) {
        w->operand = 0;
        memcpy(&w->operand, expected + (w->source - NATIVE_DATA), w->bytes);
    }
    memcpy(&old, expected + (w->address - NATIVE_DATA), w->bytes);
    u64 value = memory_write_result(w, old, &stored);
    if (stored)
        memcpy(expected + (w->address - NATIVE_DATA), &value, w->bytes);
    memory_write_finish(r, w, old, stored);
}

static void registers_compare(const struct regs *ours, const struct regs *theirs,
                              const struct insn *i)
{
    u64 flags = (FLAGS_ARITHMETIC | RFLAGS_DF) & ~flags_undefined(i);
    for (u32 n = 0; n < (i->mode == INSN_MODE_64 ? 16 : 8); n++) {
        u64 a = *insn_register((struct regs *)ours, n),
            b = *insn_register((struct regs *)theirs, n);
        if (i->mode != INSN_MODE_64) {
            a = (u32)a;
            b = (u32)b;
        }
        if (a != b)
            fprintf(stderr, "register %u: emulated %#lx, native %#lx\n", n, a, b);
        demand(a == b);
    }
    if (((ours->rflags ^ theirs->rflags) & flags) != 0)
        fprintf(stderr, "flags: emulated %#lx, native %#lx\n", ours->rflags, theirs->rflags);
    demand(((ours->rflags ^ theirs->rflags) & flags) == 0);
    demand(ours->rip == theirs->rip);
}

/* True if the processor refuses it once it has seen more than there should be of it. */
static bool is_invalid(const struct insn *i, const u8 *bytes, const struct regs *r)
{
    u8 longer[INSN_MAX_BYTES] = {0};
    struct regs native = *r;
    memcpy(longer, bytes, i->length);
    return native_execute(longer, sizeof(longer), i->mode, &native) == NATIVE_INVALID;
}

/* The whole instruction, whose operand is in the data. */
static void execute(const struct insn *i, const u8 *bytes, struct regs *r)
{
    u64 bases[INSN_NR_SEGMENTS] = {[INSN_FS] = native_segment_base(INSN_FS)};
    struct memory_write w;
    struct regs native = *r;
    bool emulated = !memory_write_decode(&w, i, r, bases);

    if (emulated && !is_comparable(&w))
        return;
    if (emulated)
        emulate(&w, r);
    enum native_end end = native_execute(bytes, i->length, i->mode, &native);
    if (end == NATIVE_UNKNOWN)
        return;
    if (end == NATIVE_FETCHING && !emulated && is_invalid(i, bytes, r))
        return;
    if (end == NATIVE_FETCHING || (emulated && end != NATIVE_STEPPED))
        native_print();
    demand(end != NATIVE_FETCHING);
    if (!emulated)
        return;
    demand(end == NATIVE_STEPPED);
    demand(!memcmp(expected, memory, sizeof(expected)));
    registers_compare(r, &native, i);
}

/* What no processor knows must not be executed by this one. */
static void refuse(const u8 *bytes, size_t size, enum insn_mode mode, struct regs *r)
{
    demand(native_execute(bytes, size, mode, r) != NATIVE_STEPPED);
}

static void try(const struct insn *i, const u8 *bytes, struct regs *r, bool match)
{
    struct regs fetched;
    bool placed;

    r->rip = native_rip(i->length);
    placed = !i->has_memory || operand_place(i, r);
    if (match && placed && i->has_memory)
        operand_match(i, r);
    fetched = *r;
    if (i->length > 1) {
        enum native_end end = native_execute(bytes, i->length - 1u, i->mode, &fetched);
        /* It did not need to see all to know that, or does not know. */
        if (end == NATIVE_INVALID || end == NATIVE_UNKNOWN)
            return;
        demand(end == NATIVE_FETCHING);
    }
    if (placed)
        execute(i, bytes, r);
}

static void start(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    native_init();
    random_state = 1;
    for (size_t n = 0; n < sizeof(pristine); n++)
        pristine[n] = n & 64 ? (u8)random64() : 0;
    intel = __builtin_cpu_is("intel");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct insn i;
    struct regs r;

    start();
    if (size <= HEAD_BYTES)
        return 0;
    enum insn_mode mode = data[0] & FLAG_MODE_32 ? INSN_MODE_32 : INSN_MODE_64;
    size = MIN(size - HEAD_BYTES, (size_t)INSN_MAX_BYTES);
    u8 *bytes = exact_copy(data + HEAD_BYTES, size);
    int error = insn_decode(&i, bytes, size, mode);
    demand(error == 0 || error == -EINVAL || error == -EOPNOTSUPP || error == -ENODATA);
    registers_make(&r, data);
    memcpy(memory, pristine, sizeof(pristine));
    memcpy(expected, pristine, sizeof(pristine));
    bool native = mode == INSN_MODE_64 || native_has_compat();
    if (error == -EINVAL && native)
        refuse(bytes, size, mode, &r);
    demand(error || (i.length >= 1 && i.length <= size));
    if (!error && native && !length_differs(&i) && !is_dangerous(&i))
        try(&i, bytes, &r, data[0] & FLAG_MATCH);
    free(bytes);
    return 0;
}
