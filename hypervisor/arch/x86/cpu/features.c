/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the processors offer to the hypervisor itself: read once from CPUID on the boot CPU,
 * compared on each other one as it comes up. What guests are told is another matter (cpu/policy.c).
 *
 * Sources: AMD APM vol. 3, appendix E; Intel SDM vol. 2, CPUID; CPUID faulting: Intel SDM vol. 4
 * (MSR_PLATFORM_INFO, MISC_FEATURES_ENABLES), AMD APM vol. 2, 3.2.10 (HWCR).
 */
#include "lib/print.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/policy.h"
#include "x86/speculation.h"

#define PLATFORM_INFO_FAULTING BIT(31)
#define MISC_FEATURES_FAULTING BIT(0)
#define HWCR_CPUID_USER_DIS    BIT(35)

#define PHYSICAL_BITS_DEFAULT 36u
#define XCR0_OFFERED          0xe7u /* x87, SSE, AVX, AVX-512 */
#define XSAVE_MINIMUM         576u  /* legacy area and header (Intel SDM vol. 1, 13.4) */
#define FXSAVE_SIZE           512u

#define CPUID_HYPERVISOR 0x40000000u
#define SIGNATURE_TCG    0x54474354u /* "TCGT..." in EBX */

struct cpu_features cpu_features;

enum feature_leaf {
    LEAF_1,
    LEAF_6,
    LEAF_7,
    LEAF_D1,
    LEAF_E1,
    LEAF_E7,
    LEAF_E8,
    LEAF_E21,
    NR_FEATURE_LEAVES
};

/* Which bit of which register makes which field true. */
static const struct {
    u16 field;
    u8 leaf, reg, bit; /* reg: 0-3 for EAX-EDX */
    const char *name;
} flags[] = {
#define FLAG(name, leaf, reg, bit)                                                                 \
    {                                                                                              \
        offsetof(struct cpu_features, name), leaf, reg, bit, #name                                 \
    }
    FLAG(mwait, LEAF_1, 2, 3),
    FLAG(pcid, LEAF_1, 2, 17),
    FLAG(x2apic, LEAF_1, 2, 21),
    FLAG(tsc_deadline, LEAF_1, 2, 24),
    FLAG(xsave, LEAF_1, 2, 26),
    FLAG(virtualised, LEAF_1, 2, 31),
    FLAG(arat, LEAF_6, 0, 2),
    FLAG(fsgsbase, LEAF_7, 1, 0),
    FLAG(smep, LEAF_7, 1, 7),
    FLAG(invpcid, LEAF_7, 1, 10),
    FLAG(smap, LEAF_7, 1, 20),
    FLAG(umip, LEAF_7, 2, 2),
    FLAG(xsaveopt, LEAF_D1, 0, 0),
    FLAG(nx, LEAF_E1, 3, 20),
    FLAG(page1gb, LEAF_E1, 3, 26),
    FLAG(rdtscp, LEAF_E1, 3, 27),
    FLAG(invariant_tsc, LEAF_E7, 3, 8),
    FLAG(ibrs_ibpb, LEAF_7, 3, 26),
    FLAG(arch_capabilities, LEAF_7, 3, 29),
    FLAG(fpu_error_pointers, LEAF_E8, 1, 2),
    FLAG(ibpb, LEAF_E8, 1, 12),
    FLAG(cpuid_faulting, LEAF_E21, 0, 17),
#undef FLAG
};

/* A leaf above the highest one answers with rubbish: it counts as zero. */
static struct cpuid_leaf leaf_read(u32 leaf, u32 subleaf)
{
    u32 base = leaf & CPUID_EXTENDED;
    u32 max = cpuid(base, 0).a;
    if ((base && max < base) || leaf > max)
        return (struct cpuid_leaf){0};
    return cpuid(leaf, subleaf);
}

static void vendor_read(struct cpu_features *f)
{
    struct cpuid_leaf l = cpuid(0, 0);
    memcpy(f->vendor, &l.b, 4);
    memcpy(f->vendor + 4, &l.d, 4);
    memcpy(f->vendor + 8, &l.c, 4);
    f->amd = !strcmp(f->vendor, "AuthenticAMD") || !strcmp(f->vendor, "HygonGenuine");
    f->intel = !strcmp(f->vendor, "GenuineIntel");
}

/* Extended family and model: AMD APM vol. 3, E.3.2. */
static void model_read(struct cpu_features *f)
{
    u32 a = cpuid(1, 0).a;
    f->stepping = a & 0xf;
    f->model = (a >> 4 & 0xf) | (a >> 12 & 0xf0);
    f->family = a >> 8 & 0xf;
    if (f->family == 0xf)
        f->family += a >> 20 & 0xff;
}

/*
 * QEMU's emulation (7.2) announces XSAVE also on models whose leaf D.1 is empty, but then holds
 * CR4.OSXSAVE for reserved, and its way out of the write to CR4 has no end.
 */
static bool xsave_is_deadly(const struct cpu_features *f)
{
    return f->virtualised && !leaf_read(0xd, 1).a && cpuid(CPUID_HYPERVISOR, 0).b == SIGNATURE_TCG;
}

static void xsave_read(struct cpu_features *f)
{
    f->xsave_size = FXSAVE_SIZE;
    f->xsave = f->xsave && !xsave_is_deadly(f);
    if (!f->xsave)
        return;
    f->xcr0 = leaf_read(0xd, 0).a & XCR0_OFFERED;
    if (speculation_gathers_leak(f))
        f->xcr0 &= XCR0_X87_SSE;
    f->xsave_size = XSAVE_MINIMUM;
    for (u32 n = 2; n < 8; n++) {
        struct cpuid_leaf l = leaf_read(0xd, n);
        if (f->xcr0 & BIT(n))
            f->xsave_size = MAX(f->xsave_size, l.a + l.b);
    }
}

static void features_read(struct cpu_features *f)
{
    memset(f, 0, sizeof(*f));
    vendor_read(f);
    model_read(f);
    const struct cpuid_leaf leaves[NR_FEATURE_LEAVES] = {
        [LEAF_1] = leaf_read(1, 0),
        [LEAF_6] = leaf_read(6, 0),
        [LEAF_7] = leaf_read(7, 0),
        [LEAF_D1] = leaf_read(0xd, 1),
        [LEAF_E1] = leaf_read(CPUID_EXTENDED + 1, 0),
        [LEAF_E7] = leaf_read(CPUID_EXTENDED + 7, 0),
        [LEAF_E8] = leaf_read(CPUID_EXTENDED + 8, 0),
        [LEAF_E21] = leaf_read(CPUID_EXTENDED + 0x21, 0),
    };
    for (u32 n = 0; n < ARRAY_SIZE(flags); n++) {
        const struct cpuid_leaf *l = &leaves[flags[n].leaf];
        const u32 registers[4] = {l->a, l->b, l->c, l->d};
        bool *field = (bool *)((char *)f + flags[n].field);
        *field = registers[flags[n].reg] >> flags[n].bit & 1;
    }
    f->physical_bits = leaf_read(CPUID_EXTENDED + 8, 0).a & 0xff;
    if (!f->physical_bits)
        f->physical_bits = PHYSICAL_BITS_DEFAULT;
    xsave_read(f);
    u64 platform;
    if (f->intel)
        f->cpuid_faulting =
            !rdmsr_safe(MSR_PLATFORM_INFO, &platform) && (platform & PLATFORM_INFO_FAULTING);
}

void cpu_features_detect(void)
{
    features_read(&cpu_features);
}

bool cpu_features_match(void)
{
    struct cpu_features f;
    bool same = true;

    features_read(&f);
    for (u32 n = 0; n < ARRAY_SIZE(flags); n++) {
        bool here = *(bool *)((char *)&f + flags[n].field);
        bool boot = *(bool *)((char *)&cpu_features + flags[n].field);
        if (here == boot)
            continue;
        same = false;
        log_warning("this CPU %s %s, unlike the boot CPU", here ? "has" : "lacks", flags[n].name);
    }
    if (strcmp(f.vendor, cpu_features.vendor) || f.family != cpu_features.family ||
        f.physical_bits != cpu_features.physical_bits || f.xcr0 != cpu_features.xcr0 ||
        f.xsave_size != cpu_features.xsave_size) {
        same = false;
        log_warning("this CPU is %s family %#x, %u address bits, XCR0 %#lx, unlike the boot CPU",
                    f.vendor, f.family, f.physical_bits, (unsigned long)f.xcr0);
    }
    return same;
}

void cpu_faulting_enable(void)
{
    if (!cpu_features.cpuid_faulting)
        return;
    u32 msr = cpu_features.intel ? MSR_MISC_FEATURES : MSR_AMD_HWCR;
    u64 bit = cpu_features.intel ? MISC_FEATURES_FAULTING : HWCR_CPUID_USER_DIS;
    u64 value;
    if (rdmsr_safe(msr, &value) || wrmsr_safe(msr, value | bit))
        log_warning("CPUID faulting is announced, but cannot be switched on");
}
