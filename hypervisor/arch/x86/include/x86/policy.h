/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a domain sees of the processor: its CPUID leaves and its model-specific registers.
 *
 *   cpu/policy.c      CPUID: the leaves of the machine, reduced by tables to what a guest may know
 *   cpu/policy_msr.c  MSRs: one row for each that guests may touch; all others fault
 *
 * The answers that depend on the vCPU's state (OSXSAVE, the size of the XSAVE area ...) are put in
 * by pv/emulate_cpuid.c and pv/emulate_msr.c.
 */
#ifndef DOMUS_X86_POLICY_H
#define DOMUS_X86_POLICY_H

#include "lib/bits.h"
#include "types.h"
#include "x86/cpu.h"

struct domain;

#define POLICY_BASIC_LEAVES    14   /* 0 - 0xd */
#define POLICY_CACHE_LEAVES    6    /* sub-leaves of 4 */
#define POLICY_FEATURE_LEAVES  3    /* sub-leaves of 7 */
#define POLICY_XSTATE_LEAVES   16   /* sub-leaves of 0xd; components 2-15 */
#define POLICY_EXTENDED_LEAVES 0x22 /* 0x80000000 - 0x80000021 */

#define CPUID_EXTENDED   0x80000000u
#define CPUID_HYPERVISOR 0x40000000u

/*
 * Feature bits that code asks for: word << 8 | bit, the words as the ABI's XEN_CPUFEATURE numbers
 * them.
 */
#define POLICY_FEATURE(word, bit) ((word) << 8 | (bit))
enum policy_feature {
    FEATURE_DE = POLICY_FEATURE(0, 2),
    FEATURE_TSC = POLICY_FEATURE(0, 4),
    FEATURE_SEP = POLICY_FEATURE(0, 11),
    FEATURE_FXSR = POLICY_FEATURE(0, 24),
    FEATURE_HTT = POLICY_FEATURE(0, 28),
    FEATURE_FMA = POLICY_FEATURE(1, 12),
    FEATURE_XSAVE = POLICY_FEATURE(1, 26),
    FEATURE_OSXSAVE = POLICY_FEATURE(1, 27),
    FEATURE_AVX = POLICY_FEATURE(1, 28),
    FEATURE_F16C = POLICY_FEATURE(1, 29),
    FEATURE_HYPERVISOR = POLICY_FEATURE(1, 31),
    FEATURE_RDTSCP = POLICY_FEATURE(2, 27),
    FEATURE_CMP_LEGACY = POLICY_FEATURE(3, 1),
    FEATURE_XOP = POLICY_FEATURE(3, 11),
    FEATURE_FMA4 = POLICY_FEATURE(3, 16),
    FEATURE_XSAVEOPT = POLICY_FEATURE(4, 0),
    FEATURE_XSAVEC = POLICY_FEATURE(4, 1),
    FEATURE_XGETBV1 = POLICY_FEATURE(4, 2),
    FEATURE_FSGSBASE = POLICY_FEATURE(5, 0),
    FEATURE_AVX2 = POLICY_FEATURE(5, 5),
    FEATURE_AVX512F = POLICY_FEATURE(5, 16),
    FEATURE_VAES = POLICY_FEATURE(6, 9),
    FEATURE_VPCLMULQDQ = POLICY_FEATURE(6, 10),
    FEATURE_RDPID = POLICY_FEATURE(6, 22),
    FEATURE_ITSC = POLICY_FEATURE(7, 8),
    FEATURE_IBPB = POLICY_FEATURE(8, 12),
    FEATURE_ARCH_CAPS = POLICY_FEATURE(9, 29),
    FEATURE_AVX_VNNI = POLICY_FEATURE(10, 4),
    FEATURE_SBPB = POLICY_FEATURE(11, 27),
};

struct cpu_policy {
    struct cpuid_leaf basic[POLICY_BASIC_LEAVES];
    struct cpuid_leaf cache[POLICY_CACHE_LEAVES];
    struct cpuid_leaf feature[POLICY_FEATURE_LEAVES];
    struct cpuid_leaf xstate[POLICY_XSTATE_LEAVES];
    struct cpuid_leaf extended[POLICY_EXTENDED_LEAVES];
    u64 xcr0;              /* components that it may enable; 0: no XSAVE */
    u64 arch_capabilities; /* what MSR_ARCH_CAPABILITIES reads, if it is there */
    bool amd, intel, is_hardware;
};

/* What a policy is made from: the machine, or a test's tables. */
struct policy_source {
    struct cpuid_leaf (*cpuid)(u32 leaf, u32 subleaf);
    u64 xcr0; /* components that the hypervisor saves and restores */
    u64 arch_capabilities;
    bool amd, intel;
};

/* The feature words that policy_feature_word() knows, as the ABI's XEN_CPUFEATURE numbers them. */
#define POLICY_FEATURE_WORDS 19u

/* The running machine. */
struct policy_source policy_machine(void);
/* Pure: the most that the tools may let a guest have: besides the rest, the bits that tell of the
 * machine's topology. */
void policy_build_guest_most(struct cpu_policy *p, const struct policy_source *source);
/* Pure: all leaves as the machine has them, for the tools to look at. */
void policy_build_raw(struct cpu_policy *p, const struct policy_source *source);
/* Pure: the same less what is not the machine's: bits that say how it is run, or that repeat
 * others. */
void policy_build_host(struct cpu_policy *p, const struct policy_source *source);
/*
 * Pure: p becomes most, reduced to the features and leaves of wanted. -EINVAL and the leaf in
 * *leaf: wanted has more leaves than most; p is unchanged.
 */
must_check int policy_reduce(struct cpu_policy *p, const struct cpu_policy *most,
                             const struct cpu_policy *wanted, u32 *leaf);
u32 policy_feature_word(const struct cpu_policy *p, u32 word);

/* Pure: the policy of a PV domain on that machine. */
void policy_build(struct cpu_policy *p, const struct policy_source *source, bool is_hardware);

extern const struct cpuid_leaf policy_no_leaf;
static inline const struct cpuid_leaf *policy_leaf_at(const struct cpuid_leaf *leaves, u32 count,
                                                      u32 n)
{
    u64 i;
    return index_check(n, count, &i) ? &leaves[i] : &policy_no_leaf;
}

/* The leaf as it stands in the policy; zeros for what is not there. */
static inline const struct cpuid_leaf *policy_leaf(const struct cpu_policy *p, u32 leaf,
                                                   u32 subleaf)
{
    if (leaf >= CPUID_EXTENDED)
        return policy_leaf_at(p->extended, POLICY_EXTENDED_LEAVES, leaf - CPUID_EXTENDED);
    switch (leaf) {
    case 4:
        return policy_leaf_at(p->cache, POLICY_CACHE_LEAVES, subleaf);
    case 7:
        return policy_leaf_at(p->feature, POLICY_FEATURE_LEAVES, subleaf);
    case 0xd:
        return policy_leaf_at(p->xstate, POLICY_XSTATE_LEAVES, subleaf);
    default:
        return policy_leaf_at(p->basic, POLICY_BASIC_LEAVES, leaf);
    }
}

bool policy_has(const struct cpu_policy *p, enum policy_feature f);
/* Bytes of an XSAVE area with these components, in the standard or the compacted format (Intel SDM
 * vol. 1, 13.4). */
u32 policy_xsave_size(const struct cpu_policy *p, u64 components, bool compacted);
/*
 * True if XSETBV accepts the value: components of the policy, in the combinations that processors
 * allow.
 */
bool policy_xcr0_ok(const struct cpu_policy *p, u64 value);

/* d->arch.policy, made from the running machine. -ENOMEM. */
must_check int policy_domain_create(struct domain *d);
void policy_domain_destroy(struct domain *d);

/* --- MSRs */

/* What happens to an access by a guest's kernel. */
enum msr_action {
    MSR_FAULT,   /* #GP, as where the register does not exist */
    MSR_VALUE,   /* reads the row's value */
    MSR_NATIVE,  /* reads what the machine's register holds, #GP if it has none */
    MSR_DEVICES, /* the same for the hardware domain, #GP for others */
    MSR_IGNORED, /* writes are lost */
    MSR_ZERO,    /* writes of 0 are lost, others #GP */
    MSR_STATE,   /* the row's handler, in pv/emulate_msr.c */
};

/* Registers with a handler. */
enum msr_state {
    MSR_STATE_NONE,
    MSR_STATE_TSC,
    MSR_STATE_APIC_BASE,
    MSR_STATE_PRED_CMD,
    MSR_STATE_PLATFORM_INFO,
    MSR_STATE_ARCH_CAPABILITIES,
    MSR_STATE_MISC_FEATURES,
    MSR_STATE_MCG_STATUS,
    MSR_STATE_MISC_ENABLE,
    MSR_STATE_MC_CTL2,
    MSR_STATE_EFER,
    MSR_STATE_SEGMENT_BASE,
    MSR_STATE_TSC_AUX,
    MSR_STATE_SYSCFG,
    MSR_STATE_HWCR,
    NR_MSR_STATES,
};

#define MSR_VENDOR_AMD   BIT(0)
#define MSR_VENDOR_INTEL BIT(1)
#define MSR_VENDOR_OTHER BIT(2)

struct msr_row {
    u32 first, last; /* inclusive */
    u8 vendors;      /* MSR_VENDOR_* to which it applies */
    u8 read, write;  /* enum msr_action */
    u8 state;        /* enum msr_state */
    u64 value;
};

/* The row for that MSR under the policy, NULL if there is none: accesses fault. */
const struct msr_row *policy_msr(const struct cpu_policy *p, u32 msr);

#define MSR_P5_MC_ADDR        0x0
#define MSR_P5_MC_TYPE        0x1
#define MSR_PLATFORM_ID       0x17
#define MSR_FEATURE_CONTROL   0x3a
#define MSR_PRED_CMD          0x49
#define MSR_PATCH_LEVEL       0x8b
#define MSR_PMC0              0xc1
#define MSR_PMC7              0xc8
#define MSR_PLATFORM_INFO     0xce
#define MSR_MPERF             0xe7
#define MSR_APERF             0xe8
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_MISC_FEATURES     0x140
#define MSR_MCG_CAP           0x179
#define MSR_MCG_STATUS        0x17a
#define MSR_MCG_CTL           0x17b
#define MSR_PERFEVTSEL0       0x186
#define MSR_PERFEVTSEL3       0x189
#define MSR_PERF_STATUS       0x198
#define MSR_PERF_CTL          0x199
#define MSR_CLOCK_MODULATION  0x19a
#define MSR_THERM_STATUS      0x19c
#define MSR_ENERGY_PERF_BIAS  0x1b0
#define MSR_MC0_CTL2          0x280
#define MSR_MC1_CTL2          0x281
#define MSR_MC31_CTL2         0x29f
#define MSR_FIXED_CTR0        0x309
#define MSR_FIXED_CTR2        0x30b
#define MSR_PERF_CAPABILITIES 0x345
#define MSR_FIXED_CTR_CTRL    0x38d
#define MSR_GLOBAL_OVF_CTRL   0x390
#define MSR_MC0_CTL           0x400
#define MSR_MC0_STATUS        0x401
#define MSR_MC0_MISC          0x403
#define MSR_MC1_CTL           0x404
#define MSR_MC1_STATUS        0x405
#define MSR_MC1_MISC          0x407
#define MSR_MC2_CTL           0x408
#define MSR_MC31_MISC         0x47f
#define MSR_XEN_HYPERCALL     0x40000000
#define MSR_AMD_EVNTSEL0      0xc0010000
#define MSR_AMD_PERFCTR3      0xc0010007
#define MSR_AMD_SYSCFG        0xc0010010
#define MSR_AMD_HWCR          0xc0010015
#define MSR_AMD_IORR_BASE0    0xc0010016
#define MSR_AMD_TOP_MEM       0xc001001a
#define MSR_AMD_TOP_MEM2      0xc001001d
#define MSR_AMD_NB_CFG        0xc001001f
#define MSR_AMD_FIDVID_CTL    0xc0010041
#define MSR_AMD_FIDVID_STATUS 0xc0010042
#define MSR_AMD_PSTATE_LIMIT  0xc0010061
#define MSR_AMD_PSTATE7       0xc001006b
#define MSR_AMD_TSEG_BASE     0xc0010112
#define MSR_AMD_TSEG_MASK     0xc0010113
#define MSR_AMD_F15_EVNTSEL0  0xc0010200
#define MSR_AMD_F15_PERFCTR5  0xc001020b
#define MSR_AMD_DE_CFG        0xc0011029
#define DE_CFG_LFENCE         BIT(1) /* LFENCE waits for all instructions before it */
#define DE_CFG_NO_ZENBLEED    BIT(9) /* Zen 2: vector registers are not given away half-cleared */

/* Banks of machine-check registers that guests see. */
#define POLICY_MC_BANKS 2u

#endif
