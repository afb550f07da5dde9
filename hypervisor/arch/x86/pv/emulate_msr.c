/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RDMSR and WRMSR by the kernels of PV guests. Which registers there are, and what becomes of most
 * of them, is the table of cpu/policy_msr.c; here is what that table calls MSR_STATE: registers
 * whose answer depends on the vCPU, or whose write does something.
 *
 * Sources: AMD APM vol. 2, 3.1.7 (EFER), 3.2 (MSRs); Intel SDM vol. 4.
 */
#include "lib/print.h"
#include "x86/page.h"
#include "x86/policy.h"
#include "x86/pv_emulate.h"
#include "x86/time.h"

#define APIC_BASE_ADDRESS 0xfee00000ull
#define APIC_BASE_BSP     BIT(8)
#define APIC_BASE_ENABLE  BIT(11)

#define EFER_VISIBLE (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_FFXSE)

/*
 * No performance counters, no MONITOR; branch traces, sampling and task priority messages are off.
 */
#define MISC_ENABLE_PERF    BIT(7)
#define MISC_ENABLE_NO_BTS  BIT(11)
#define MISC_ENABLE_NO_PEBS BIT(12)
#define MISC_ENABLE_MONITOR BIT(18)
#define MISC_ENABLE_NO_XTPR BIT(23)

#define PLATFORM_INFO_FAULTING BIT(31)
#define MISC_FEATURES_FAULTING BIT(0)
#define PRED_CMD_IBPB          BIT(0)
#define PRED_CMD_SBPB          BIT(7)

/* SYSCFG: what kernels look at to find out about memory above 4 GiB. */
#define SYSCFG_VISIBLE    (BIT(18) | BIT(20) | BIT(21) | BIT(22))
#define HWCR_TSC_FREQ_SEL BIT(24) /* the TSC counts at the rate of P-state 0 */

typedef bool (*msr_read_t)(struct vcpu *v, u32 msr, u64 *value);
typedef bool (*msr_write_t)(struct vcpu *v, u32 msr, u64 value);

static bool tsc_read(struct vcpu *v, u32 msr, u64 *value)
{
    *value = guest_tsc_read(v->domain);
    return true;
}

static bool apic_base_read(struct vcpu *v, u32 msr, u64 *value)
{
    *value = APIC_BASE_ADDRESS | APIC_BASE_ENABLE | (v->id == 0 ? APIC_BASE_BSP : 0);
    return true;
}

static bool pred_cmd_write(struct vcpu *v, u32 msr, u64 value)
{
    const struct cpu_policy *p = v->domain->arch.policy;
    u64 allowed = (policy_has(p, FEATURE_IBPB) ? PRED_CMD_IBPB : 0) |
                  (policy_has(p, FEATURE_SBPB) ? PRED_CMD_SBPB : 0);
    if (!allowed || (value & ~allowed))
        return false;
    return !value || !wrmsr_safe(MSR_PRED_CMD, value);
}

static bool platform_info_read(struct vcpu *v, u32 msr, u64 *value)
{
    *value = cpu_features.cpuid_faulting ? PLATFORM_INFO_FAULTING : 0;
    return true;
}

static bool arch_capabilities_read(struct vcpu *v, u32 msr, u64 *value)
{
    *value = v->domain->arch.policy->arch_capabilities;
    return policy_has(v->domain->arch.policy, FEATURE_ARCH_CAPS);
}

static bool misc_features_read(struct vcpu *v, u32 msr, u64 *value)
{
    *value = v->arch.cpuid_faulting ? MISC_FEATURES_FAULTING : 0;
    return true;
}

static bool misc_features_write(struct vcpu *v, u32 msr, u64 value)
{
    if (value & ~(cpu_features.cpuid_faulting ? MISC_FEATURES_FAULTING : 0))
        return false;
    v->arch.cpuid_faulting = value & MISC_FEATURES_FAULTING;
    return true;
}

static bool mcg_status_read(struct vcpu *v, u32 msr, u64 *value)
{
    *value = v->arch.mcg_status;
    return true;
}

static bool mcg_status_write(struct vcpu *v, u32 msr, u64 value)
{
    v->arch.mcg_status = value;
    return true;
}

static bool mc_ctl2_read(struct vcpu *v, u32 msr, u64 *value)
{
    *value = v->arch.mc_ctl2[msr - MSR_MC0_CTL2];
    return true;
}

static bool mc_ctl2_write(struct vcpu *v, u32 msr, u64 value)
{
    v->arch.mc_ctl2[msr - MSR_MC0_CTL2] = value;
    return true;
}

static bool misc_enable_read(struct vcpu *v, u32 msr, u64 *value)
{
    if (rdmsr_safe(MSR_MISC_ENABLE, value))
        return false;
    *value &= ~(MISC_ENABLE_PERF | MISC_ENABLE_MONITOR);
    *value |= MISC_ENABLE_NO_BTS | MISC_ENABLE_NO_PEBS | MISC_ENABLE_NO_XTPR;
    return true;
}

static bool efer_read(struct vcpu *v, u32 msr, u64 *value)
{
    *value = rdmsr(MSR_EFER) & EFER_VISIBLE;
    return true;
}

/* Nothing in it is the guest's to change. */
static bool efer_write(struct vcpu *v, u32 msr, u64 value)
{
    return value == (rdmsr(MSR_EFER) & EFER_VISIBLE);
}

static bool segment_base_msr_read(struct vcpu *v, u32 msr, u64 *value)
{
    *value = pv_segment_base_read(msr);
    return true;
}

static bool segment_base_msr_write(struct vcpu *v, u32 msr, u64 value)
{
    if (!vaddr_is_canonical(value))
        return false;
    pv_segment_base_write(msr, value);
    return true;
}

static bool tsc_aux_exists(const struct vcpu *v)
{
    const struct cpu_policy *p = v->domain->arch.policy;
    return policy_has(p, FEATURE_RDTSCP) || policy_has(p, FEATURE_RDPID);
}

static bool tsc_aux_read(struct vcpu *v, u32 msr, u64 *value)
{
    *value = v->arch.tsc_aux;
    return tsc_aux_exists(v);
}

static bool tsc_aux_write(struct vcpu *v, u32 msr, u64 value)
{
    if (!tsc_aux_exists(v) || value >> 32)
        return false;
    v->arch.tsc_aux = value;
    wrmsr(MSR_TSC_AUX, value);
    return true;
}

static bool syscfg_read(struct vcpu *v, u32 msr, u64 *value)
{
    if (!v->domain->is_hardware || rdmsr_safe(msr, value))
        return false;
    *value &= SYSCFG_VISIBLE;
    return true;
}

static bool hwcr_read(struct vcpu *v, u32 msr, u64 *value)
{
    if (rdmsr_safe(msr, value))
        return false;
    *value &= HWCR_TSC_FREQ_SEL;
    return true;
}

static const struct {
    msr_read_t read;
    msr_write_t write;
} states[NR_MSR_STATES] = {
    [MSR_STATE_TSC] = {tsc_read, NULL},
    [MSR_STATE_APIC_BASE] = {apic_base_read, NULL},
    [MSR_STATE_PRED_CMD] = {NULL, pred_cmd_write},
    [MSR_STATE_PLATFORM_INFO] = {platform_info_read, NULL},
    [MSR_STATE_ARCH_CAPABILITIES] = {arch_capabilities_read, NULL},
    [MSR_STATE_MISC_FEATURES] = {misc_features_read, misc_features_write},
    [MSR_STATE_MCG_STATUS] = {mcg_status_read, mcg_status_write},
    [MSR_STATE_MISC_ENABLE] = {misc_enable_read, NULL},
    [MSR_STATE_MC_CTL2] = {mc_ctl2_read, mc_ctl2_write},
    [MSR_STATE_EFER] = {efer_read, efer_write},
    [MSR_STATE_SEGMENT_BASE] = {segment_base_msr_read, segment_base_msr_write},
    [MSR_STATE_TSC_AUX] = {tsc_aux_read, tsc_aux_write},
    [MSR_STATE_SYSCFG] = {syscfg_read, NULL},
    [MSR_STATE_HWCR] = {hwcr_read, NULL},
};

static bool row_read(struct vcpu *v, const struct msr_row *row, u32 msr, u64 *value)
{
    switch ((enum msr_action)row->read) {
    case MSR_VALUE:
        *value = row->value;
        return true;
    case MSR_DEVICES:
        if (!v->domain->is_hardware)
            return false;
        return !rdmsr_safe(msr, value);
    case MSR_NATIVE:
        return !rdmsr_safe(msr, value);
    case MSR_STATE:
        return states[row->state].read && states[row->state].read(v, msr, value);
    case MSR_FAULT:
    case MSR_IGNORED:
    case MSR_ZERO:
        break;
    }
    return false;
}

static bool row_write(struct vcpu *v, const struct msr_row *row, u32 msr, u64 value)
{
    switch ((enum msr_action)row->write) {
    case MSR_IGNORED:
        return true;
    case MSR_ZERO:
        return value == 0;
    case MSR_STATE:
        return states[row->state].write && states[row->state].write(v, msr, value);
    case MSR_FAULT:
    case MSR_VALUE:
    case MSR_NATIVE:
    case MSR_DEVICES:
        break;
    }
    return false;
}

bool pv_msr_read(struct vcpu *v, u32 msr, u64 *value)
{
    const struct msr_row *row = policy_msr(v->domain->arch.policy, msr);
    if (row && row_read(v, row, msr, value))
        return true;
    log_guest(LOG_DEBUG, "domain %u: read of MSR %#x refused", v->domain->id, msr);
    return false;
}

bool pv_msr_write(struct vcpu *v, u32 msr, u64 value)
{
    const struct msr_row *row = policy_msr(v->domain->arch.policy, msr);
    if (row && row_write(v, row, msr, value))
        return true;
    log_guest(LOG_DEBUG, "domain %u: write of %#lx to MSR %#x refused", v->domain->id,
              (unsigned long)value, msr);
    return false;
}
