/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID for PV guests: the leaves of the domain's policy (x86/policy.h), what depends on the vCPU's
 * state, and the hypervisor's own leaves. Reached by the forced-emulation prefix, which kernels
 * use, and, where the processor can fault on CPUID, by every CPUID of the guest.
 *
 * The kernel of the hardware domain sees some features that no guest can use - MTRR, EIST, MONITOR
 * - because kernels decide by them whether to tell the hypervisor about memory types, P-states and
 * C-states. They ask for MONITOR by a plain CPUID, and expect it to be absent from the forced one.
 *
 * Sources: the Xen public ABI, arch-x86/cpuid.h; Intel SDM vol. 2, CPUID.
 */
#include "abi/version.h"
#include "x86/page.h"
#include "x86/policy.h"
#include "x86/pv_emulate.h"
#include "x86/time.h"

#define HYPERVISOR_LEAF_MASK 0xff
#define ABI_VERSION          (4u << 16 | 17)
#define HYPERCALL_PAGES      1
#define TIME_LEAF_EMULATED   BIT(0)
#define TIME_LEAF_TSC_SAFE   BIT(1)
#define TIME_LEAF_RDTSCP     BIT(2)

#define LEAF_FEATURES   1u
#define LEAF_MONITOR    5u
#define LEAF_XSTATE     0xdu
#define LEAF1_C_MONITOR BIT(3)
#define LEAF1_C_EIST    BIT(7)
#define LEAF1_C_OSXSAVE BIT(27)
#define LEAF1_D_MTRR    BIT(12)

/* Bits of an address that reaches all of the machine's memory. */
static u32 machine_address_bits(void)
{
    u64 last = m2p_limit - 1;
    return PAGE_SHIFT + (last ? 64 - (u32)__builtin_clzll(last) : 0);
}

static struct cpuid_leaf time_leaf(const struct domain *d, u32 subleaf)
{
    const struct guest_tsc *t = &d->arch.tsc;
    struct cpuid_leaf l = {0};
    if (subleaf == 0) {
        l.a = cpu_features.invariant_tsc ? (u32)TIME_LEAF_TSC_SAFE : 0;
        l.a |= cpu_features.rdtscp ? (u32)TIME_LEAF_RDTSCP : 0;
        l.a |= t->is_emulated ? (u32)TIME_LEAF_EMULATED : 0;
        l.b = t->mode;
        l.c = guest_tsc_khz(d);
        l.d = t->incarnation;
    } else if (subleaf == 2) {
        l.a = (u32)tsc_khz();
    }
    return l;
}

static struct cpuid_leaf hypervisor_leaf_of(const struct domain *d, u32 index, u32 subleaf)
{
    switch (index) {
    case 0:
        return (struct cpuid_leaf){XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES),
                                   XEN_CPUID_SIGNATURE_EBX, XEN_CPUID_SIGNATURE_ECX,
                                   XEN_CPUID_SIGNATURE_EDX};
    case 1:
        return (struct cpuid_leaf){.a = ABI_VERSION};
    case 2:
        return (struct cpuid_leaf){.a = HYPERCALL_PAGES,
                                   .b = MSR_XEN_HYPERCALL,
                                   .c = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD};
    case 3:
        return time_leaf(d, subleaf);
    case 5:
        return (struct cpuid_leaf){.b = subleaf == 0 ? machine_address_bits() : 0};
    default:
        return (struct cpuid_leaf){0};
    }
}

static noinline void hypervisor_leaf(const struct domain *d, u32 index, u32 subleaf,
                                     struct cpuid_leaf *l)
{
    *l = hypervisor_leaf_of(d, index, subleaf);
}

/* Leaf 1 as the kernel of the hardware domain sees it. */
static void features_of_machine(struct cpuid_leaf *l, bool forced)
{
    struct cpuid_leaf machine = cpuid(LEAF_FEATURES, 0);
    l->d |= machine.d & LEAF1_D_MTRR;
    l->c |= machine.c & LEAF1_C_EIST;
    if (!forced)
        l->c |= machine.c & LEAF1_C_MONITOR;
}

static noinline void xstate_sizes(const struct vcpu *v, struct cpuid_leaf *l, u32 subleaf)
{
    const struct cpu_policy *p = v->domain->arch.policy;
    if (!policy_has(p, FEATURE_XSAVE))
        return;
    if (subleaf == 0)
        l->b = policy_xsave_size(p, v->arch.xcr0, false);
    else if (subleaf == 1 && policy_has(p, FEATURE_XSAVEC))
        l->b = policy_xsave_size(p, v->arch.xcr0, true);
}

void pv_cpuid(const struct vcpu *v, u32 leaf, u32 subleaf, bool forced, struct cpuid_leaf *l)
{
    const struct cpu_policy *p = v->domain->arch.policy;

    if ((leaf & ~(u32)HYPERVISOR_LEAF_MASK) == CPUID_HYPERVISOR) {
        hypervisor_leaf(v->domain, leaf & HYPERVISOR_LEAF_MASK, subleaf, l);
        return;
    }
    *l = *policy_leaf(p, leaf, subleaf);
    bool machine = p->is_hardware && v->arch.kernel_mode;
    switch (leaf) {
    case LEAF_FEATURES:
        /* Kernels on this ABI expect OSXSAVE of the forced CPUID as soon as there is XSAVE. */
        if ((v->arch.cr4 & CR4_OSXSAVE) || (forced && v->arch.kernel_mode && p->xcr0))
            l->c |= LEAF1_C_OSXSAVE;
        if (machine)
            features_of_machine(l, forced);
        break;
    case LEAF_MONITOR:
        if (machine && !forced && cpu_features.mwait)
            *l = cpuid(LEAF_MONITOR, 0);
        break;
    case LEAF_XSTATE:
        xstate_sizes(v, l, subleaf);
        break;
    case CPUID_EXTENDED + 1:
        if (machine)
            l->d |= cpuid(LEAF_FEATURES, 0).d & LEAF1_D_MTRR;
        break;
    default:
        break;
    }
}
