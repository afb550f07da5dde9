/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Defences against side channels of speculative execution that are a matter of what this processor
 * is: the barrier between domains, and the word of warning where there is none. The others are in
 * the code itself: thunks for indirect branches, registers cleared on entry, clamps of indices and
 * addresses. docs/SECURITY.md has the whole list.
 *
 * Sources: Intel, "Speculative execution side channel mitigations" (336996-003), 2, 5; AMD,
 * "Indirect branch control extension", "Software techniques for managing speculation on AMD
 * processors" (LFENCE).
 */
#include "core/percpu.h"
#include "lib/print.h"
#include "x86/cpu.h"
#include "x86/policy.h"
#include "x86/speculation.h"

#define MSR_PRED_CMD          0x49
#define PRED_CMD_IBPB         BIT(0)
#define MSR_ARCH_CAPABILITIES 0x10a
#define ARCH_RDCL_NO          BIT(0)
#define ARCH_GDS_CTRL         BIT(25) /* the microcode guards gathers */
#define ARCH_GDS_NO           BIT(26)
#define INTEL_FAMILY          6
#define AMD_FAMILY_DE_CFG     0x10 /* the first with MSR_AMD_DE_CFG ... */
#define AMD_FAMILY_NO_DE_CFG  0x11 /* ... but for this one */
#define AMD_FAMILY_ZEN        0x17

static bool barrier_between_domains;
/* Whose branches may have trained this CPU's predictors last, + 1; 0: nobody's yet. */
static DEFINE_PER_CPU(u32, last_domain);

static u64 arch_capabilities(const struct cpu_features *f)
{
    u64 capabilities = 0;
    if (f->arch_capabilities && rdmsr_safe(MSR_ARCH_CAPABILITIES, &capabilities))
        capabilities = 0;
    return capabilities;
}

/* Believed so, as others do: every Intel processor that does not say otherwise. */
static init_text bool has_meltdown(void)
{
    return cpu_features.intel && cpu_features.family == INTEL_FAMILY &&
           !(arch_capabilities(&cpu_features) & ARCH_RDCL_NO);
}

bool speculation_gathers_leak(const struct cpu_features *f)
{
    /* Skylake to Rocket Lake: Intel, "Affected processors", column Gather Data Sampling. */
    static const u8 models[] = {0x4e, 0x55, 0x5e, 0x66, 0x6a, 0x6c, 0x7d, 0x7e,
                                0x8c, 0x8d, 0x8e, 0x9e, 0xa5, 0xa6, 0xa7};
    if (!f->intel || f->family != INTEL_FAMILY ||
        (arch_capabilities(f) & (ARCH_GDS_CTRL | ARCH_GDS_NO)))
        return false;
    /* The model of a virtual processor says little of what it runs on. */
    bool leaks = f->virtualised;
    for (u32 i = 0; i < ARRAY_SIZE(models); i++)
        leaks |= models[i] == f->model;
    return leaks;
}

init_text void speculation_init(void)
{
    barrier_between_domains = cpu_features.ibpb || cpu_features.ibrs_ibpb;
    log_info("speculation: indirect branches through thunks; %s barrier for branch predictors "
             "between domains",
             barrier_between_domains ? "a" : "no");
    if (speculation_gathers_leak(&cpu_features))
        log_info("speculation: no AVX, since gathers leak and the microcode does not help (GDS)");
    if (has_meltdown())
        log_warning(
            "speculation: this processor is believed to have the flaws Meltdown and L1TF: PV "
            "guests may "
            "read the hypervisor's and one another's memory. Run only those that you trust.");
}

/* Zenbleed (CVE-2023-20593): these models have it unless their microcode is newer, and newer
 * microcode does not mind. */
static bool is_zen2(void)
{
    u32 model = cpu_features.model;
    return cpu_features.family == AMD_FAMILY_ZEN &&
           ((model >= 0x30 && model < 0x50) || (model >= 0x60 && model < 0x80) ||
            (model >= 0x90 && model < 0xb0));
}

void speculation_init_cpu(void)
{
    u64 before;
    if (!cpu_features.amd || cpu_features.family < AMD_FAMILY_DE_CFG ||
        cpu_features.family == AMD_FAMILY_NO_DE_CFG || rdmsr_safe(MSR_AMD_DE_CFG, &before))
        return;
    u64 after = before | DE_CFG_LFENCE | (is_zen2() ? DE_CFG_NO_ZENBLEED : 0);
    if (after != before && wrmsr_safe(MSR_AMD_DE_CFG, after))
        log_debug("speculation: LFENCE stays as it is");
}

void speculation_switch(u32 domain)
{
    if (!barrier_between_domains || this_cpu(last_domain) == domain + 1)
        return;
    this_cpu(last_domain) = domain + 1;
    wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
}
