/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processor: control registers, MSRs, and what was found at boot.
 */
#ifndef DOMUS_X86_CPU_H
#define DOMUS_X86_CPU_H

#include "types.h"
#include "x86/instructions.h"

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)

#define MSR_TSC            0x10
#define MSR_APIC_BASE      0x1b
#define MSR_MISC_ENABLE    0x1a0
#define MSR_PAT            0x277
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_X2APIC_FIRST   0x800
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_SFMASK         0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_SHADOW_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103
#define MSR_SYSENTER_CS    0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176

#define EFER_SCE   BIT(0)
#define EFER_LME   BIT(8)
#define EFER_LMA   BIT(10)
#define EFER_NXE   BIT(11)
#define EFER_SVME  BIT(12)
#define EFER_FFXSE BIT(14)

/* PAT as the ABI fixes it for PV guests: WB WT UC- UC WC WP UC UC. */
#define PAT_PV 0x050100070406ull

/* What the boot CPU offers; every other must offer the same (checked when it starts). */
#define XCR0_X87_SSE 3ull /* components that every processor has */

struct cpu_features {
    char vendor[13];
    u32 family, model, stepping;
    u32 physical_bits;
    bool amd, intel;
    bool virtualised; /* the processor is another hypervisor's */
    bool nx, page1gb, smep, smap, umip, fsgsbase, xsave, xsaveopt, x2apic, tsc_deadline,
        invariant_tsc, rdtscp, pcid, invpcid, cpuid_faulting, arat, mwait;
    /* ibrs_ibpb: Intel's bit for both; ibpb: AMD's. fpu_error_pointers: FXRSTOR and XRSTOR always
     * set them. */
    bool ibrs_ibpb, ibpb, arch_capabilities, fpu_error_pointers;
    u64 xcr0;       /* components that guests may have */
    u32 xsave_size; /* bytes for all of them */
};
extern struct cpu_features cpu_features;

/* cpu/features.c. On the boot CPU: fill cpu_features. */
void cpu_features_detect(void);
/* On another CPU: false if it does not offer the same (the log says what differs). */
bool cpu_features_match(void);
/* On each CPU: let CPUID fault in user mode if cpu_features.cpuid_faulting, so that guests see
 * their policy only (x86/policy.h). */
void cpu_faulting_enable(void);

/*
 * CR4 as it stands while guests run, without the guest's own choice of TSD, DE, FSGSBASE, OSXSAVE.
 */
extern u64 cr4_base;

#endif
