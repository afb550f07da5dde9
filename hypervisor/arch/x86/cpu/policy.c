/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID as PV domains see it. The machine's leaves go through three tables: which registers of
 * which leaf a guest may read at all (passes), which feature bits it may have (words), and which
 * features are nothing without another (dependencies). Whatever no table names reads as zero.
 *
 * Features that a PV kernel could not use, or whose state the hypervisor does not keep for each
 * vCPU (SPEC_CTRL, breakpoint masks, protection keys ...), are not in the tables.
 *
 * Sources: AMD APM vol. 3, appendix E; Intel SDM vol. 2, CPUID; which features a PV guest has: the
 * Xen public ABI, arch-x86/cpufeatureset.h (those marked A).
 */
#include "x86/policy.h"
#include "core/domain.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/bits.h"
#include "lib/string.h"

enum leaf_register { REGISTER_A, REGISTER_B, REGISTER_C, REGISTER_D };

/* Bits that AMD repeats in 80000001 EDX from 1 EDX. */
#define COMMON_1D 0x0183f3ffu

#define BASIC(n)    offsetof(struct cpu_policy, basic[n])
#define FEATURES(n) offsetof(struct cpu_policy, feature[n])
#define XSTATE(n)   offsetof(struct cpu_policy, xstate[n])
#define EXTENDED(n) offsetof(struct cpu_policy, extended[n])

/*
 * Where each word of features is, what PV guests may have of it, and what the hardware domain may
 * besides.
 */
static const struct feature_word {
    u16 leaf;
    u8 reg;
    u32 pv, hardware;
} words[] = {
    [0] = {BASIC(1), REGISTER_D, 0x0fc9cbf5, BIT(28)}, /* HTT tells of the machine's topology */
    [1] = {BASIC(1), REGISTER_C, 0xf6d83203, 0},
    [2] = {EXTENDED(1), REGISTER_D, 0xea500800, 0},
    [3] = {EXTENDED(1), REGISTER_C, 0x002109e1, BIT(1)}, /* CMP_LEGACY, likewise */
    [4] = {XSTATE(1), REGISTER_A, 0x00000007, 0},
    [5] = {FEATURES(0), REGISTER_B, 0xfdaf2369, 0},
    [6] = {FEATURES(0), REGISTER_C, 0x02405f43, 0},
    [7] = {EXTENDED(7), REGISTER_D, 0x00000000, BIT(8)}, /* ITSC: it does not migrate */
    [8] = {EXTENDED(8), REGISTER_B, 0x64001005, 0},
    [9] = {FEATURES(0), REGISTER_D, 0x0000441c, BIT(29)}, /* ARCH_CAPS: it does not migrate */
    [10] = {FEATURES(1), REGISTER_A, 0x00001c30, 0},
    [11] = {EXTENDED(0x21), REGISTER_A, 0x78000064, 0},
    [12] = {FEATURES(1), REGISTER_B, 0, 0},
    [13] = {FEATURES(2), REGISTER_D, 0x00000020, 0},
    [14] = {FEATURES(1), REGISTER_C, 0, 0},
    [15] = {FEATURES(1), REGISTER_D, 0, 0},
    /* 16 and 17 are MSR_ARCH_CAPABILITIES. */
    [18] = {EXTENDED(0x21), REGISTER_C, 0x00000006, 0},
};

/* Of MSR_ARCH_CAPABILITIES: what says that a flaw is not there, and RSBA, RRSBA. */
#define ARCH_CAPABILITIES_MASK 0x400000001d1ae175ull

#define VENDOR_ANY 0xff

/* What else a guest may read: masks of registers a-d, for these vendors. */
static const struct leaf_pass {
    u16 leaf;
    u8 vendors;
    u32 mask[4];
} passes[] = {
    {BASIC(0), VENDOR_ANY, {0, ~0u, ~0u, ~0u}},
    {BASIC(1), VENDOR_ANY, {0x0fff0fff, 0x00ffffff, 0, 0}}, /* no processor type, no APIC id */
    {BASIC(2), MSR_VENDOR_INTEL, {~0u, ~0u, ~0u, ~0u}},
    {EXTENDED(0), MSR_VENDOR_AMD, {0, ~0u, ~0u, ~0u}},
    {EXTENDED(1), MSR_VENDOR_AMD, {0x0fff0fff, 0xff00ffff, 0, 0}},
    {EXTENDED(2), VENDOR_ANY, {~0u, ~0u, ~0u, ~0u}}, /* the processor's name */
    {EXTENDED(3), VENDOR_ANY, {~0u, ~0u, ~0u, ~0u}},
    {EXTENDED(4), VENDOR_ANY, {~0u, ~0u, ~0u, ~0u}},
    {EXTENDED(5), MSR_VENDOR_AMD, {~0u, ~0u, ~0u, ~0u}}, /* caches and TLBs */
    {EXTENDED(6), MSR_VENDOR_AMD, {~0u, ~0u, ~0u, ~0u}},
    {EXTENDED(6), MSR_VENDOR_INTEL, {0, 0, ~0u, 0}},
    {EXTENDED(8), VENDOR_ANY, {0xff, 0, 0, 0}}, /* physical address bits */
    {EXTENDED(8), MSR_VENDOR_AMD, {0, 0, 0x0003f0ff, 0}},
    {EXTENDED(0x19), MSR_VENDOR_AMD, {~0u, ~0u, ~0u, ~0u}}, /* TLBs for 1-GiB pages */
    {EXTENDED(0x1a), MSR_VENDOR_AMD, {~0u, ~0u, ~0u, ~0u}}, /* hints for optimization */
};

#define LINEAR_BITS_SHIFT 8
#define LINEAR_BITS       48u

/*
 * Without needed, these bits of a word are nothing. In an order in which one pass over the rows
 * will do.
 */
static const struct dependency {
    u16 needed; /* enum policy_feature */
    u8 word;
    u32 bits;
} dependencies[] = {
    {FEATURE_FXSR, 1, BIT(26)},                               /* XSAVE */
    {FEATURE_XSAVE, 4, 7},                                    /* XSAVEOPT, XSAVEC, XGETBV1 */
    {FEATURE_XSAVE, 1, BIT(28)},                              /* AVX */
    {FEATURE_AVX, 1, BIT(29) | BIT(12)},                      /* F16C, FMA */
    {FEATURE_AVX, 3, BIT(11) | BIT(16)},                      /* XOP, FMA4 */
    {FEATURE_AVX, 5, BIT(5)},                                 /* AVX2 */
    {FEATURE_AVX, 6, BIT(9) | BIT(10)},                       /* VAES, VPCLMULQDQ */
    {FEATURE_AVX, 10, BIT(4)},                                /* AVX-VNNI */
    {FEATURE_AVX2, 5, BIT(16)},                               /* AVX512F */
    {FEATURE_AVX512F, 5, 0xdc220000},                         /* DQ IFMA PF ER CD BW VL */
    {FEATURE_AVX512F, 6, 0x00005842},                         /* VBMI VBMI2 VNNI BITALG VPOPCNTDQ */
    {FEATURE_AVX512F, 9, BIT(2) | BIT(3) | BIT(8) | BIT(23)}, /* 4VNNIW 4FMAPS VP2INTERSECT FP16 */
    {FEATURE_AVX512F, 10, BIT(5)},                            /* BF16 */
};

#define XCR0_X87         BIT(0)
#define XCR0_SSE         BIT(1)
#define XCR0_AVX         BIT(2)
#define XCR0_AVX512      (BIT(5) | BIT(6) | BIT(7))
#define XSAVE_HEADER_END 576u   /* legacy area and header */
#define XSTATE_ALIGNED   BIT(1) /* ECX: in the compacted format it begins at a multiple of 64 */
#define XSTATE_ALIGNMENT 64u

static u32 *leaf_register(struct cpu_policy *p, u32 leaf, u32 reg)
{
    return (u32 *)((char *)p + leaf) + reg;
}

static u32 *feature_bits(struct cpu_policy *p, u32 word)
{
    return leaf_register(p, words[word].leaf, words[word].reg);
}

static void feature_clear(struct cpu_policy *p, enum policy_feature f)
{
    *feature_bits(p, f >> 8) &= ~(u32)BIT(f & 31);
}

bool policy_has(const struct cpu_policy *p, enum policy_feature f)
{
    const struct feature_word *w = &words[f >> 8];
    return ((const u32 *)((const char *)p + w->leaf))[w->reg] >> (f & 31) & 1;
}

static u8 vendor_of(const struct cpu_policy *p)
{
    return p->amd ? MSR_VENDOR_AMD : p->intel ? MSR_VENDOR_INTEL : MSR_VENDOR_OTHER;
}

/* --- building */

/* The leaf of the machine that stands at that offset; max is its array's highest leaf. */
static struct cpuid_leaf source_leaf(const struct policy_source *s, u32 leaf)
{
    u32 base = 0, index, max;
    if (leaf >= EXTENDED(0)) {
        base = CPUID_EXTENDED;
        index = (leaf - (u32)EXTENDED(0)) / sizeof(struct cpuid_leaf);
    } else if (leaf >= XSTATE(0)) {
        if (s->cpuid(0, 0).a < 0xd)
            return (struct cpuid_leaf){0};
        return s->cpuid(0xd, (leaf - (u32)XSTATE(0)) / sizeof(struct cpuid_leaf));
    } else if (leaf >= FEATURES(0)) {
        index = (leaf - (u32)FEATURES(0)) / sizeof(struct cpuid_leaf);
        /* What lies above the highest sub-leaf is rubbish on some processors. */
        if (s->cpuid(0, 0).a < 7 || s->cpuid(7, 0).a < index)
            return (struct cpuid_leaf){0};
        return s->cpuid(7, index);
    } else {
        index = (leaf - (u32)BASIC(0)) / sizeof(struct cpuid_leaf);
    }
    max = s->cpuid(base, 0).a;
    if ((max ^ base) >> 16 || max < base + index)
        return (struct cpuid_leaf){0};
    return s->cpuid(base + index, 0);
}

static u32 source_register(const struct policy_source *s, u32 leaf, u32 reg)
{
    struct cpuid_leaf l = source_leaf(s, leaf);
    const u32 registers[4] = {l.a, l.b, l.c, l.d};
    return registers[reg];
}

static void build_passes(struct cpu_policy *p, const struct policy_source *s)
{
    for (u32 n = 0; n < ARRAY_SIZE(passes); n++) {
        const struct leaf_pass *pass = &passes[n];
        if (!(pass->vendors & vendor_of(p)))
            continue;
        for (u32 reg = 0; reg < 4; reg++)
            *leaf_register(p, pass->leaf, reg) |=
                source_register(s, pass->leaf, reg) & pass->mask[reg];
    }
}

/* Takes away the features whose registers nobody would save. */
static void features_need_states(struct cpu_policy *p, u64 xcr0)
{
    if (!xcr0)
        feature_clear(p, FEATURE_XSAVE);
    if (!(xcr0 & XCR0_AVX))
        feature_clear(p, FEATURE_AVX);
    if ((xcr0 & XCR0_AVX512) != XCR0_AVX512)
        feature_clear(p, FEATURE_AVX512F);
}

static void features_need_others(struct cpu_policy *p)
{
    for (u32 n = 0; n < ARRAY_SIZE(dependencies); n++)
        if (!policy_has(p, dependencies[n].needed))
            *feature_bits(p, dependencies[n].word) &= ~dependencies[n].bits;
}

static void build_features(struct cpu_policy *p, const struct policy_source *s)
{
    for (u32 w = 0; w < ARRAY_SIZE(words); w++) {
        const struct feature_word *word = &words[w];
        u32 mask = word->pv | (p->is_hardware ? word->hardware : 0);
        if (mask)
            *feature_bits(p, w) |= source_register(s, word->leaf, word->reg) & mask;
    }
    *feature_bits(p, FEATURE_HYPERVISOR >> 8) |= (u32)BIT(FEATURE_HYPERVISOR & 31);
    if (p->amd) {
        feature_clear(p, FEATURE_SEP); /* there is no SYSENTER in long mode (AMD APM vol. 3) */
        p->extended[1].d |= p->basic[1].d & COMMON_1D;
    }
    features_need_states(p, s->xcr0);
    features_need_others(p);
    if (policy_has(p, FEATURE_ARCH_CAPS))
        p->arch_capabilities = s->arch_capabilities & ARCH_CAPABILITIES_MASK;
}

static void build_limits(struct cpu_policy *p, const struct policy_source *s)
{
    u32 extended = s->cpuid(CPUID_EXTENDED, 0).a;
    u32 last = p->amd ? POLICY_EXTENDED_LEAVES - 1 : 8;
    p->basic[0].a = MIN(s->cpuid(0, 0).a, (u32)POLICY_BASIC_LEAVES - 1);
    if (extended >> 16 == CPUID_EXTENDED >> 16)
        p->extended[0].a = CPUID_EXTENDED | MIN(extended & 0xffff, last);
    if (p->basic[0].a >= 7)
        p->feature[0].a = MIN(s->cpuid(7, 0).a, (u32)POLICY_FEATURE_LEAVES - 1);
    if (p->extended[8].a)
        p->extended[8].a |= LINEAR_BITS << LINEAR_BITS_SHIFT;
    if (p->intel && p->basic[2].a)
        p->basic[2].a = (p->basic[2].a & ~0xffu) | 1; /* to be asked once */
}

#define CACHE_TYPE_MASK 0x1fu

static void build_caches(struct cpu_policy *p, const struct policy_source *s)
{
    if (!p->intel || p->basic[0].a < 4)
        return;
    for (u32 n = 0; n < POLICY_CACHE_LEAVES; n++) {
        struct cpuid_leaf l = s->cpuid(4, n);
        if (!(l.a & CACHE_TYPE_MASK))
            break;
        p->cache[n] = l;
    }
}

static void build_xstate(struct cpu_policy *p, const struct policy_source *s)
{
    if (!policy_has(p, FEATURE_XSAVE) || p->basic[0].a < 0xd) {
        memset(p->xstate, 0, sizeof(p->xstate));
        return;
    }
    p->xcr0 = XCR0_X87 | XCR0_SSE;
    if (policy_has(p, FEATURE_AVX))
        p->xcr0 |= XCR0_AVX;
    if (policy_has(p, FEATURE_AVX512F))
        p->xcr0 |= XCR0_AVX512;
    p->xcr0 &= s->xcr0;
    for (u32 n = 2; n < POLICY_XSTATE_LEAVES; n++) {
        if (!(p->xcr0 & BIT(n)))
            continue;
        p->xstate[n] = s->cpuid(0xd, n);
        p->xstate[n].c &= (u32)XSTATE_ALIGNED;
        p->xstate[n].d = 0;
    }
    p->xstate[0].a = (u32)p->xcr0;
    p->xstate[0].d = (u32)(p->xcr0 >> 32);
    p->xstate[0].c = policy_xsave_size(p, p->xcr0, false);
}

void policy_build(struct cpu_policy *p, const struct policy_source *source, bool is_hardware)
{
    *p =
        (struct cpu_policy){.amd = source->amd, .intel = source->intel, .is_hardware = is_hardware};
    build_passes(p, source);
    build_features(p, source);
    build_limits(p, source);
    build_caches(p, source);
    build_xstate(p, source);
}

void policy_build_guest_most(struct cpu_policy *p, const struct policy_source *source)
{
    policy_build(p, source, true);
    feature_clear(p, FEATURE_ITSC);
    feature_clear(p, FEATURE_ARCH_CAPS);
    p->arch_capabilities = 0;
    p->is_hardware = false;
}

void policy_build_raw(struct cpu_policy *p, const struct policy_source *source)
{
    *p = (struct cpu_policy){.amd = source->amd, .intel = source->intel, .xcr0 = source->xcr0};
    for (u32 leaf = 0; leaf < offsetof(struct cpu_policy, xcr0); leaf += sizeof(struct cpuid_leaf))
        if (leaf < offsetof(struct cpu_policy, cache) || leaf >= FEATURES(0))
            *(struct cpuid_leaf *)((char *)p + leaf) = source_leaf(source, leaf);
    build_caches(p, source);
    p->arch_capabilities = source->arch_capabilities;
}

void policy_build_host(struct cpu_policy *p, const struct policy_source *source)
{
    policy_build_raw(p, source);
    feature_clear(p, FEATURE_OSXSAVE);
    features_need_states(p, source->xcr0);
    features_need_others(p);
    if (p->amd) {
        feature_clear(p, FEATURE_SEP);
        p->extended[1].d &= ~COMMON_1D;
    }
}

/* Which of the features that depend on the state components are left decides on the components. */
static void reduce_xstate(struct cpu_policy *p)
{
    u64 xcr0 = XCR0_X87 | XCR0_SSE;
    if (!policy_has(p, FEATURE_XSAVE)) {
        memset(p->xstate, 0, sizeof(p->xstate));
        p->xcr0 = 0;
        return;
    }
    if (policy_has(p, FEATURE_AVX))
        xcr0 |= XCR0_AVX;
    if (policy_has(p, FEATURE_AVX512F))
        xcr0 |= XCR0_AVX512;
    p->xcr0 &= xcr0;
    for (u32 n = 2; n < POLICY_XSTATE_LEAVES; n++)
        if (!(p->xcr0 & BIT(n)))
            p->xstate[n] = (struct cpuid_leaf){0};
    p->xstate[0].a = (u32)p->xcr0;
    p->xstate[0].d = (u32)(p->xcr0 >> 32);
    p->xstate[0].c = policy_xsave_size(p, p->xcr0, false);
}

int policy_reduce(struct cpu_policy *p, const struct cpu_policy *most,
                  const struct cpu_policy *wanted, u32 *leaf)
{
    if (wanted->basic[0].a > most->basic[0].a) {
        *leaf = 0;
        return -EINVAL;
    }
    if (wanted->feature[0].a > most->feature[0].a) {
        *leaf = 7;
        return -EINVAL;
    }
    if (wanted->extended[0].a > most->extended[0].a) {
        *leaf = CPUID_EXTENDED;
        return -EINVAL;
    }
    *p = *most;
    p->basic[0].a = wanted->basic[0].a;
    p->feature[0].a = wanted->feature[0].a;
    p->extended[0].a = wanted->extended[0].a;
    for (u32 w = 0; w < ARRAY_SIZE(words); w++)
        if (words[w].pv | words[w].hardware)
            *feature_bits(p, w) &= policy_feature_word(wanted, w);
    /* The same bits once more: kept alike. */
    if (p->amd)
        p->extended[1].d =
            (p->extended[1].d & ~COMMON_1D) | (p->basic[1].d & most->extended[1].d & COMMON_1D);
    *feature_bits(p, FEATURE_HYPERVISOR >> 8) |= (u32)BIT(FEATURE_HYPERVISOR & 31);
    features_need_others(p);
    if (!policy_has(p, FEATURE_ARCH_CAPS))
        p->arch_capabilities = 0;
    reduce_xstate(p);
    return 0;
}

/* --- asking */

u32 policy_feature_word(const struct cpu_policy *p, u32 word)
{
    STATIC_ASSERT(ARRAY_SIZE(words) == POLICY_FEATURE_WORDS);
    const struct feature_word *w = &words[index_clamp(word, POLICY_FEATURE_WORDS)];
    /* Words without a place are those of MSR_ARCH_CAPABILITIES. */
    if (word == 16 || word == 17)
        return (u32)(p->arch_capabilities >> (word == 16 ? 0 : 32));
    return ((const u32 *)((const char *)p + w->leaf))[w->reg];
}

const struct cpuid_leaf policy_no_leaf;

u32 policy_xsave_size(const struct cpu_policy *p, u64 components, bool compacted)
{
    u32 size = XSAVE_HEADER_END;
    components &= p->xcr0;
    for (u32 n = 2; n < POLICY_XSTATE_LEAVES; n++) {
        const struct cpuid_leaf *l = &p->xstate[n];
        if (!(components & BIT(n)))
            continue;
        if (!compacted) {
            size = MAX(size, l->b + l->a);
            continue;
        }
        if (l->c & XSTATE_ALIGNED)
            size = ROUND_UP(size, XSTATE_ALIGNMENT);
        size += l->a;
    }
    return size;
}

bool policy_xcr0_ok(const struct cpu_policy *p, u64 value)
{
    u64 avx512 = value & XCR0_AVX512;
    if ((value & ~p->xcr0) || !(value & XCR0_X87))
        return false;
    if ((value & XCR0_AVX) && !(value & XCR0_SSE))
        return false;
    return !avx512 || (avx512 == XCR0_AVX512 && (value & XCR0_AVX));
}

/* --- domains */

struct policy_source policy_machine(void)
{
    struct policy_source machine = {.cpuid = cpuid,
                                    .xcr0 = cpu_features.xcr0,
                                    .amd = cpu_features.amd,
                                    .intel = cpu_features.intel};
    if (rdmsr_safe(MSR_ARCH_CAPABILITIES, &machine.arch_capabilities))
        machine.arch_capabilities = 0;
    return machine;
}

int policy_domain_create(struct domain *d)
{
    struct policy_source machine = policy_machine();
    d->arch.policy = object_new(struct cpu_policy);
    if (!d->arch.policy)
        return -ENOMEM;
    policy_build(d->arch.policy, &machine, d->is_hardware);
    return 0;
}

void policy_domain_destroy(struct domain *d)
{
    object_free(d->arch.policy);
    d->arch.policy = NULL;
}
