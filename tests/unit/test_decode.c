/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction decoder and the emulation of memory writes (arch/x86/cpu/decode.c,
 * memory_write.c): known encodings, random bytes, and each writing instruction against the
 * processor that runs the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "x86/decode.h"

/* --- known encodings */

struct known {
    u8 mode;
    const char *bytes; /* hexadecimal */
    s8 result;         /* length, or the negative error */
    u8 map, opcode, operand_bytes, address_bytes;
    bool memory;
};

#define M64 INSN_MODE_64
#define M32 INSN_MODE_32
#define M16 INSN_MODE_16

static const struct known known[] = {
    {M64, "0f30", 2, INSN_MAP_0F, 0x30, 4, 8, false},         /* wrmsr */
    {M64, "0f22d8", 3, INSN_MAP_0F, 0x22, 4, 8, false},       /* mov %rax, %cr3 */
    {M64, "440f20c0", 4, INSN_MAP_0F, 0x20, 4, 8, false},     /* mov %cr8, %rax */
    {M64, "0f2000", 3, INSN_MAP_0F, 0x20, 4, 8, false},       /* mod does not count */
    {M64, "0fa2", 2, INSN_MAP_0F, 0xa2, 4, 8, false},         /* cpuid */
    {M64, "0f01f9", 3, INSN_MAP_0F, 0x01, 4, 8, false},       /* rdtscp */
    {M64, "ec", 1, INSN_MAP_PRIMARY, 0xec, 1, 8, false},      /* in %dx, %al */
    {M64, "66ed", 2, INSN_MAP_PRIMARY, 0xed, 2, 8, false},    /* in %dx, %ax */
    {M64, "e570", 2, INSN_MAP_PRIMARY, 0xe5, 4, 8, false},    /* in $0x70, %eax */
    {M64, "f3676d", 3, INSN_MAP_PRIMARY, 0x6d, 4, 4, false},  /* addr32 rep insl */
    {M64, "488907", 3, INSN_MAP_PRIMARY, 0x89, 8, 8, true},   /* mov %rax, (%rdi) */
    {M64, "4840890f", 4, INSN_MAP_PRIMARY, 0x89, 4, 8, true}, /* only the last REX counts */
    {M64, "4866890f", 4, INSN_MAP_PRIMARY, 0x89, 2, 8, true}, /* a REX before a prefix does not */
    {M64, "f0480fb11e", 5, INSN_MAP_0F, 0xb1, 8, 8, true},    /* lock cmpxchg %rbx, (%rsi) */
    {M64, "48c70500000000ffffffff", 11, INSN_MAP_PRIMARY, 0xc7, 8, 8, true},
    {M64, "48b88877665544332211", 10, INSN_MAP_PRIMARY, 0xb8, 8, 8, false},
    {M64, "48a38877665544332211", 10, INSN_MAP_PRIMARY, 0xa3, 8, 8, true}, /* mov %rax, moffs */
    {M64, "67a344332211", 6, INSN_MAP_PRIMARY, 0xa3, 4, 4, true},
    {M64, "8b848811223344", 7, INSN_MAP_PRIMARY, 0x8b, 4, 8, true}, /* SIB and disp32 */
    {M64, "8b042511223344", 7, INSN_MAP_PRIMARY, 0x8b, 4, 8, true}, /* SIB without base */
    {M64, "f7c001000000", 6, INSN_MAP_PRIMARY, 0xf7, 4, 8, false},  /* test $1, %eax */
    {M64, "f7d0", 2, INSN_MAP_PRIMARY, 0xf7, 4, 8, false},          /* not %eax */
    {M64, "c8100000", 4, INSN_MAP_PRIMARY, 0xc8, 4, 8, false},      /* enter */
    {M64, "0f3800c1", 4, INSN_MAP_0F38, 0x00, 4, 8, false},         /* pshufb */
    {M64, "0f3a0fc105", 5, INSN_MAP_0F3A, 0x0f, 4, 8, false},       /* palignr */
    {M64, "06", -EINVAL, 0, 0, 0, 0, false},
    {M64, "9a", -EINVAL, 0, 0, 0, 0, false},
    {M64, "0f0a", -EINVAL, 0, 0, 0, 0, false},
    {M64, "c5f877", -EOPNOTSUPP, 0, 0, 0, 0, false}, /* vzeroupper */
    {M64, "62f1", -EOPNOTSUPP, 0, 0, 0, 0, false},
    {M64, "8fe8", -EOPNOTSUPP, 0, 0, 0, 0, false},
    {M64, "8f00", 2, INSN_MAP_PRIMARY, 0x8f, 4, 8, true}, /* pop (%rax) */
    {M64, "8f20", -EINVAL, 0, 0, 0, 0, false},
    {M32, "8f6600", -EINVAL, 0, 0, 0, 0, false},
    {M64, "666666666666666666666666666690", 15, INSN_MAP_PRIMARY, 0x90, 2, 8, false},
    {M64, "66666666666666666666666666666690", -EINVAL, 0, 0, 0, 0, false},
    {M64, "", -ENODATA, 0, 0, 0, 0, false},
    {M64, "48c705", -ENODATA, 0, 0, 0, 0, false},
    {M64, "c5", -ENODATA, 0, 0, 0, 0, false},
    {M32, "40", 1, INSN_MAP_PRIMARY, 0x40, 4, 4, false},  /* inc %eax */
    {M32, "c400", 2, INSN_MAP_PRIMARY, 0xc4, 4, 4, true}, /* les */
    {M32, "c5f877", -EOPNOTSUPP, 0, 0, 0, 0, false},
    {M32, "9a443322118877", 7, INSN_MAP_PRIMARY, 0x9a, 4, 4, false}, /* lcall */
    {M32, "678b46f0", 4, INSN_MAP_PRIMARY, 0x8b, 4, 2, true},        /* mov -16(%bp), %eax */
    {M32, "8b0511223344", 6, INSN_MAP_PRIMARY, 0x8b, 4, 4, true},
    {M16, "8b061122", 4, INSN_MAP_PRIMARY, 0x8b, 2, 2, true},
    {M16, "668b00", 3, INSN_MAP_PRIMARY, 0x8b, 4, 2, true},
};

static size_t bytes_of(const char *hex, u8 *out)
{
    size_t n = 0;
    for (; hex[0]; hex += 2) {
        char digits[3] = {hex[0], hex[1], 0};
        out[n++] = (u8)strtoul(digits, NULL, 16);
    }
    return n;
}

static void known_encodings(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_SIZE(known); n++) {
        const struct known *k = &known[n];
        u8 bytes[32];
        struct insn i;
        size_t size = bytes_of(k->bytes, bytes);
        int result = insn_decode(&i, bytes, size, k->mode);
        if (k->result < 0) {
            assert_int_equal(result, k->result);
            continue;
        }
        assert_int_equal(result, 0);
        assert_int_equal(i.length, k->result);
        assert_int_equal(i.map, k->map);
        assert_int_equal(i.opcode, k->opcode);
        assert_int_equal(i.operand_bytes, k->operand_bytes);
        assert_int_equal(i.address_bytes, k->address_bytes);
        assert_int_equal(i.has_memory, k->memory);
    }
}

static u64 address_of(const char *hex, u8 mode, const struct regs *r, struct insn *i)
{
    u8 bytes[32];
    size_t size = bytes_of(hex, bytes);
    assert_int_equal(insn_decode(i, bytes, size, mode), 0);
    return insn_effective_address(i, r);
}

static void addresses(void **state)
{
    (void)state;
    const struct regs r = {.rax = 0x1000,
                           .rbx = 0x200000000,
                           .rcx = 3,
                           .rbp = 0x5000,
                           .rsp = 0x6000,
                           .rsi = 0x1fff0,
                           .rip = 0x400000,
                           .r12 = 0x7000,
                           .r13 = 0x8000};
    struct insn i;
    assert_int_equal(address_of("8b00", M64, &r, &i), 0x1000);
    assert_int_equal(i.segment, INSN_DS);
    assert_int_equal(address_of("8b4588", M64, &r, &i), 0x5000 - 0x78);
    assert_int_equal(i.segment, INSN_SS);
    assert_int_equal(address_of("648b4588", M64, &r, &i), 0x5000 - 0x78);
    assert_int_equal(i.segment, INSN_FS);
    assert_int_equal(address_of("2e8b4588", M64, &r, &i), 0x5000 - 0x78);
    assert_int_equal(i.segment, INSN_SS); /* CS is ignored in 64-bit mode */
    assert_int_equal(address_of("8b048b", M64, &r, &i), 0x20000000c);
    assert_int_equal(address_of("678b048b", M64, &r, &i), 0xc);
    assert_int_equal(address_of("8b0424", M64, &r, &i), 0x6000);
    assert_int_equal(i.segment, INSN_SS);
    assert_int_equal(address_of("418b0424", M64, &r, &i), 0x7000);
    assert_int_equal(i.segment, INSN_DS);
    assert_int_equal(address_of("418b4500", M64, &r, &i), 0x8000);
    assert_int_equal(address_of("428b0420", M64, &r, &i), 0x8000); /* rax + r12 */
    assert_int_equal(address_of("8b0510000000", M64, &r, &i), 0x400016);
    assert_int_equal(address_of("c7051000000078563412", M64, &r, &i), 0x40001a);
    assert_int_equal(address_of("8b0510000000", M32, &r, &i), 0x10);
    assert_int_equal(address_of("678b42f0", M32, &r, &i), 0x4fe0); /* bp + si - 16, of 16 bits */
}

static void registers(void **state)
{
    (void)state;
    struct regs r = {.rax = 0x1122334455667788, .rsp = 0xaabb, .r9 = ~0ull};
    struct insn plain = {.rex = 0}, rex = {.rex = INSN_REX};
    assert_int_equal(insn_register_read(&plain, &r, 4, 1), 0x77); /* AH */
    assert_int_equal(insn_register_read(&rex, &r, 4, 1), 0xbb);   /* SPL */
    insn_register_write(&plain, &r, 4, 1, 0xee);
    assert_true(r.rax == 0x112233445566ee88);
    insn_register_write(&plain, &r, 0, 2, 0x12345);
    assert_true(r.rax == 0x1122334455662345);
    insn_register_write(&plain, &r, 9, 4, 0x1ffffffff);
    assert_true(r.r9 == 0xffffffff);
    assert_ptr_equal(insn_register(&r, 15), &r.r15);
    assert_ptr_equal(insn_register(&r, 1), &r.rcx);
}

/* --- random bytes */

static u64 seed = 88172645463325252ull;

static u64 random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

/* Never reads beyond the buffer, and the length does not depend on what follows. */
static void random_bytes(void **state)
{
    (void)state;
    for (int round = 0; round < 300000; round++) {
        u8 bytes[INSN_MAX_BYTES];
        for (size_t n = 0; n < sizeof(bytes); n++)
            bytes[n] = (u8)random64();
        enum insn_mode mode = random64() % 3;
        struct insn whole, part;
        int result = insn_decode(&whole, bytes, sizeof(bytes), mode);
        assert_true(result == 0 || result == -EINVAL || result == -EOPNOTSUPP);
        if (result)
            continue;
        assert_true(whole.length > 0 && whole.length <= INSN_MAX_BYTES);
        u8 *exact = malloc(whole.length); /* the sanitizer watches its end */
        memcpy(exact, bytes, whole.length);
        assert_int_equal(insn_decode(&part, exact, whole.length, mode), 0);
        assert_memory_equal(&whole, &part, sizeof(part));
        assert_int_equal(insn_decode(&part, exact, whole.length - 1u, mode), -ENODATA);
        free(exact);
    }
}

/* --- against the processor */

#define FLAGS_CHECKED (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

/* Registers that the code below loads and stores, in its order. */
struct machine {
    u64 rax, rbx, rcx, rdx, rsi, rdi, rflags;
};

static void execute(struct machine *m, const void *code)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\t" /* beyond the red zone */
                     "push %%rbp\n\t"
                     "push %0\n\t"
                     "push %1\n\t"
                     "mov %0, %%rbp\n\t"
                     "mov 0(%%rbp), %%rax\n\t"
                     "mov 8(%%rbp), %%rbx\n\t"
                     "mov 16(%%rbp), %%rcx\n\t"
                     "mov 24(%%rbp), %%rdx\n\t"
                     "mov 32(%%rbp), %%rsi\n\t"
                     "mov 40(%%rbp), %%rdi\n\t"
                     "push 48(%%rbp)\n\t"
                     "popfq\n\t"
                     "call *(%%rsp)\n\t"
                     "pushfq\n\t"
                     "mov 16(%%rsp), %%rbp\n\t"
                     "pop 48(%%rbp)\n\t"
                     "mov %%rax, 0(%%rbp)\n\t"
                     "mov %%rbx, 8(%%rbp)\n\t"
                     "mov %%rcx, 16(%%rbp)\n\t"
                     "mov %%rdx, 24(%%rbp)\n\t"
                     "mov %%rsi, 32(%%rbp)\n\t"
                     "mov %%rdi, 40(%%rbp)\n\t"
                     "cld\n\t"
                     "add $16, %%rsp\n\t"
                     "pop %%rbp\n\t"
                     "lea 128(%%rsp), %%rsp"
                     :
                     : "r"(m), "r"(code)
                     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc",
                       "memory");
}

/* Memory operands are (%rdi); MOVS reads (%rsi). Flags that the instruction leaves undefined. */
static const struct {
    const char *bytes;
    u64 undefined;
} writers[] = {
    {"8807", 0},
    {"668907", 0},
    {"8907", 0},
    {"488907", 0},
    {"8827", 0},
    {"c607a5", 0},
    {"66c707a5a5", 0},
    {"c707a5a5a5a5", 0},
    {"48c707a5a5a5a5", 0},
    {"0fc307", 0},
    {"480fc307", 0},
    {"0007", 0},
    {"660107", 0},
    {"0107", 0},
    {"480107", 0},
    {"1017", 0},
    {"481117", 0},
    {"1117", 0},
    {"081f", RFLAGS_AF},
    {"48091f", RFLAGS_AF},
    {"211f", RFLAGS_AF},
    {"48211f", RFLAGS_AF},
    {"481917", 0},
    {"1817", 0},
    {"291f", 0},
    {"48291f", 0},
    {"482917", 0},
    {"31 1f", RFLAGS_AF},
    {"48311f", RFLAGS_AF},
    {"800f81", RFLAGS_AF},
    {"802f7f", 0},
    {"48832f81", 0},
    {"48810f78563412", RFLAGS_AF},
    {"48832780", RFLAGS_AF},
    {"6681077856", 0},
    {"4883171f", 0},
    {"48831f7f", 0},
    {"f617", 0},
    {"48f717", 0},
    {"f61f", 0},
    {"66f71f", 0},
    {"48f71f", 0},
    {"fe07", 0},
    {"ff07", 0},
    {"48ff07", 0},
    {"fe0f", 0},
    {"48ff0f", 0},
    {"8607", 0},
    {"4887 07", 0},
    {"871f", 0},
    {"8627", 0},
    {"f00fb01f", 0},
    {"0fb11f", 0},
    {"480fb11f", 0},
    {"f0480fb11f", 0},
    {"660fb11f", 0},
    {"0fc01f", 0},
    {"480fc11f", 0},
    {"0fc11f", 0},
    {"660fc107", 0},
    {"0fc70f", 0},
    {"f00fc70f", 0},
    {"480fba2f05", ~RFLAGS_CF},
    {"0fba371f", ~RFLAGS_CF},
    {"480fba3f3e", ~RFLAGS_CF},
    {"f0480fba3701", ~RFLAGS_CF},
    {"f0480fba6f0001", ~RFLAGS_CF},
    {"aa", 0},
    {"66ab", 0},
    {"ab", 0},
    {"48ab", 0},
    {"a4", 0},
    {"48a5", 0},
};

#define BIT_TESTS_LOW 0x1f /* keeps the bit of BTS %ecx near the operand */

static size_t bytes_of_spaced(const char *text, u8 *out)
{
    char hex[64];
    size_t n = 0;
    for (; *text; text++)
        if (*text != ' ')
            hex[n++] = *text;
    hex[n] = 0;
    return bytes_of(hex, out);
}

/* One round of one instruction: the same start on both sides, then the same end. */
static void compare(const u8 *code, size_t size, u8 *page, u64 undefined)
{
    static u64 memory[32], source[4];
    struct insn i;
    struct memory_write w;
    const u64 bases[INSN_NR_SEGMENTS] = {0};

    for (size_t n = 0; n < ARRAY_SIZE(memory); n++)
        memory[n] = random64() & 1 ? random64() : 0;
    source[0] = random64();
    u64 *operand = &memory[16];
    struct machine m = {.rax = random64() & 1 ? *operand : random64(),
                        .rbx = random64(),
                        .rcx = random64() & BIT_TESTS_LOW,
                        .rdx = random64() & 1 ? *operand >> 32 : random64(),
                        .rsi = (u64)source,
                        .rdi = (u64)operand,
                        .rflags = RFLAGS_FIXED | (random64() & FLAGS_CHECKED)};
    struct regs r = {.rax = m.rax,
                     .rbx = m.rbx,
                     .rcx = m.rcx,
                     .rdx = m.rdx,
                     .rsi = m.rsi,
                     .rdi = m.rdi,
                     .rflags = m.rflags,
                     .rip = 0x1000};

    assert_int_equal(insn_decode(&i, code, size, INSN_MODE_64), 0);
    assert_int_equal(i.length, size);
    assert_int_equal(memory_write_decode(&w, &i, &r, bases), 0);
    if (w.from_memory) {
        w.operand = 0;
        memcpy(&w.operand, (void *)w.source, w.bytes);
    }
    u64 shadow[32], old = 0;
    bool stored;
    memcpy(shadow, memory, sizeof(shadow));
    u8 *at = (u8 *)shadow + (w.address - (u64)memory);
    memcpy(&old, at, w.bytes);
    u64 value = memory_write_result(&w, old, &stored);
    if (stored)
        memcpy(at, &value, w.bytes);
    memory_write_finish(&r, &w, old, stored);

    memcpy(page, code, size);
    page[size] = 0xc3; /* ret */
    execute(&m, page);
    assert_memory_equal(shadow, memory, sizeof(shadow));
    assert_true(r.rax == m.rax && r.rbx == m.rbx && r.rcx == m.rcx && r.rdx == m.rdx);
    assert_true(r.rsi == m.rsi && r.rdi == m.rdi);
    assert_true(((r.rflags ^ m.rflags) & FLAGS_CHECKED & ~undefined) == 0);
    assert_true(r.rip == 0x1000 + size);
}

static u8 *code_page(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void as_the_processor(void **state)
{
    (void)state;
    u8 *page = code_page();
    if (!page)
        skip();
    for (size_t n = 0; n < ARRAY_SIZE(writers); n++) {
        u8 code[16];
        size_t size = bytes_of_spaced(writers[n].bytes, code);
        for (int round = 0; round < 300; round++)
            compare(code, size, page, writers[n].undefined);
    }
    munmap(page, 4096);
}

/* BTS, BTR, BTC with the bit's number in a register: it reaches beyond the operand, both ways. */
static void bits_beyond_the_operand(void **state)
{
    (void)state;
    static const char *const codes[] = {"480fab0f", "480fb30f", "480fbb0f", "0fab0f", "660fbb0f"};
    const u64 bases[INSN_NR_SEGMENTS] = {0};
    for (size_t n = 0; n < ARRAY_SIZE(codes); n++) {
        for (int bit = -200; bit < 200; bit++) {
            u8 code[16];
            struct insn i;
            struct memory_write w;
            struct regs r = {.rdi = 0x10000, .rcx = (u64)(s64)bit};
            size_t size = bytes_of(codes[n], code);
            assert_int_equal(insn_decode(&i, code, size, INSN_MODE_64), 0);
            assert_int_equal(memory_write_decode(&w, &i, &r, bases), 0);
            assert_int_equal((s64)(w.address - 0x10000) * 8 + (s64)w.operand, bit);
            assert_int_equal(w.address % w.bytes, 0);
        }
    }
}

static void repeated_strings(void **state)
{
    (void)state;
    const u64 bases[INSN_NR_SEGMENTS] = {0};
    const u8 code[] = {0xf3, 0x48, 0xab}; /* rep stosq */
    struct regs r = {.rdi = 0x2000, .rcx = 3, .rax = 7, .rip = 0x100, .rflags = RFLAGS_DF};
    struct insn i;
    struct memory_write w;
    assert_int_equal(insn_decode(&i, code, sizeof(code), INSN_MODE_64), 0);
    for (int n = 0; n < 3; n++) {
        assert_int_equal(memory_write_decode(&w, &i, &r, bases), 0);
        assert_int_equal(w.address, 0x2000 - 8 * n);
        assert_int_equal(r.rip, 0x100);
        memory_write_finish(&r, &w, 0, true);
    }
    assert_int_equal(r.rip, 0x103);
    assert_int_equal(r.rcx, 0);
    assert_int_equal(memory_write_decode(&w, &i, &r, bases), -EOPNOTSUPP);
}

static void not_writers(void **state)
{
    (void)state;
    static const char *const codes[] = {
        "488b07",     /* load */
        "4839 07",    /* cmp */
        "48833f05",   /* cmp $5 */
        "480fa30f",   /* bt */
        "480fba2705", /* bt $5 */
        "f0488907",   /* lock mov: invalid */
        "480fc70f",   /* cmpxchg16b */
        "0f1107",     /* movups */
        "4889c8",     /* register only */
        "f730",       /* div */
        "ff30",       /* push */
        "8f00",       /* pop */
        "f20fc307",   /* movnti with prefixes: invalid */
        "660fc307",   "66480fc307",
    };
    const u64 bases[INSN_NR_SEGMENTS] = {0};
    const struct regs r = {.rdi = 0x1000};
    for (size_t n = 0; n < ARRAY_SIZE(codes); n++) {
        u8 code[16];
        struct insn i;
        struct memory_write w;
        size_t size = bytes_of_spaced(codes[n], code);
        assert_int_equal(insn_decode(&i, code, size, INSN_MODE_64), 0);
        assert_int_equal(memory_write_decode(&w, &i, &r, bases), -EOPNOTSUPP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_encodings),  cmocka_unit_test(addresses),
        cmocka_unit_test(registers),        cmocka_unit_test(random_bytes),
        cmocka_unit_test(as_the_processor), cmocka_unit_test(bits_beyond_the_operand),
        cmocka_unit_test(repeated_strings), cmocka_unit_test(not_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
