/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floating-point and vector state. Every component that any guest may enable is saved and restored
 * at each switch, whatever the guest at hand has enabled, so registers of one never show up in
 * another.
 *
 * Source: Intel SDM vol. 1, chapter 13 (XSAVE area: 13.4; XCR0: 13.3).
 */
#include "x86/fpu.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/string.h"
#include "x86/cpu.h"

#define XCR0_X87         BIT(0)
#define XCR0_SSE         BIT(1)
#define FCW_INITIAL      0x37f
#define MXCSR_INITIAL    0x1f80
#define FCW_OFFSET       0
#define FSW_OFFSET       2
#define X87_EXCEPTIONS   0x3f /* in FSW, and their masks in FCW */
#define MXCSR_OFFSET     24
#define X87_OFFSET       32 /* its registers */
#define XMM_OFFSET       160
#define XMM_END          416
#define XSTATE_BV_OFFSET 512
/* The header of the standard format: which components are there, then zeros. */
#define XSTATE_HEADER_BYTES 64u
#define XSTATE_HEADER_END   (XSTATE_BV_OFFSET + XSTATE_HEADER_BYTES)

static u32 area_order(void)
{
    u32 order = 0;
    while ((PAGE_SIZE << order) < cpu_features.xsave_size)
        order++;
    return order;
}

int fpu_create(struct vcpu *v)
{
    v->arch.fpu = pages_alloc(area_order());
    if (!v->arch.fpu)
        return -ENOMEM;
    fpu_reset(v);
    return 0;
}

void fpu_destroy(struct vcpu *v)
{
    pages_free(v->arch.fpu, area_order());
    v->arch.fpu = NULL;
}

void fpu_reset(struct vcpu *v)
{
    u8 *area = v->arch.fpu;
    memset(area, 0, PAGE_SIZE << area_order());
    *(u16 *)(area + FCW_OFFSET) = FCW_INITIAL;
    *(u32 *)(area + MXCSR_OFFSET) = MXCSR_INITIAL;
    if (cpu_features.xsave)
        *(u64 *)(area + XSTATE_BV_OFFSET) = 3; /* x87 and SSE from the area, others initial */
    v->arch.xcr0 = XCR0_X87_SSE;
}

void fpu_save(struct vcpu *v)
{
    if (v->arch.cr0 & CR0_TS)
        clts();
    if (!cpu_features.xsave) {
        fxsave64(v->arch.fpu);
        return;
    }
    if (v->arch.xcr0 != cpu_features.xcr0)
        write_xcr0(cpu_features.xcr0);
    if (cpu_features.xsaveopt)
        xsaveopt64(v->arch.fpu);
    else
        xsave64(v->arch.fpu);
}

/* What XCR0 is while v runs. */
static void xcr0_load(const struct vcpu *v)
{
    if (cpu_features.xsave && v->arch.xcr0 != cpu_features.xcr0)
        write_xcr0(v->arch.xcr0);
}

/*
 * The processor will find an exception pending. It looks itself which ones are set and not masked:
 * the bit in FSW that sums them up is what a guest wrote there.
 */
static bool exception_pending(const struct vcpu *v)
{
    const u8 *area = v->arch.fpu;
    bool loaded = !cpu_features.xsave || (fpu_components(v) & XCR0_X87);
    return loaded && (area[FSW_OFFSET] & ~area[FCW_OFFSET] & X87_EXCEPTIONS);
}

void fpu_restore(struct vcpu *v)
{
    /*
     * AMD's older processors restore the place of the last x87 instruction only if an exception is
     * pending: the one of the vCPU before would stay to be read. An instruction of our own takes
     * its place. Source: AMD APM vol. 2, 11.4.4 (FXRSTOR), CPUID Fn8000_0008 EBX RstrFpErrPtrs.
     */
    if (cpu_features.amd && !cpu_features.fpu_error_pointers && !exception_pending(v))
        x87_execute_one();
    if (!cpu_features.xsave)
        fxrstor64(v->arch.fpu);
    else
        xrstor64(v->arch.fpu);
    xcr0_load(v);
    if (v->arch.cr0 & CR0_TS)
        write_cr0(read_cr0() | CR0_TS);
}

/* Bits of MXCSR that no processor of ours defines fault when loaded (Intel SDM vol. 1, 10.2.3). */
#define MXCSR_DEFINED 0xffffu

static void sanitise(u8 *area)
{
    *(u32 *)(area + MXCSR_OFFSET) &= MXCSR_DEFINED;
}

void fpu_legacy_set(struct vcpu *v, const void *from)
{
    u8 *area = v->arch.fpu;
    memcpy(area, from, FPU_LEGACY_BYTES);
    if (cpu_features.xsave)
        *(u64 *)(area + XSTATE_BV_OFFSET) |= XCR0_X87_SSE;
    sanitise(area);
}

/* What is in its initial state was not saved: there the area has what was before (Intel SDM vol. 1,
 * 13.6). MXCSR is always saved. */
void fpu_legacy_get(const struct vcpu *v, void *to)
{
    u8 *legacy = to;
    memcpy(legacy, v->arch.fpu, FPU_LEGACY_BYTES);
    if (!cpu_features.xsave)
        return;
    u64 saved = fpu_components(v);
    if (!(saved & XCR0_X87)) {
        memset(legacy, 0, MXCSR_OFFSET);
        memset(legacy + X87_OFFSET, 0, XMM_OFFSET - X87_OFFSET);
        *(u16 *)(legacy + FCW_OFFSET) = FCW_INITIAL;
    }
    if (!(saved & XCR0_SSE))
        memset(legacy + XMM_OFFSET, 0, XMM_END - XMM_OFFSET);
}

u64 fpu_components(const struct vcpu *v)
{
    const u8 *area = v->arch.fpu;
    return cpu_features.xsave ? *(const u64 *)(area + XSTATE_BV_OFFSET) : 0;
}

int fpu_replace(struct vcpu *v, vaddr_t from, u32 bytes, u64 components)
{
    u8 *area = pages_alloc(area_order()), *old = v->arch.fpu;
    int error = area ? 0 : -ENOMEM;
    if (!error && (bytes < XSTATE_HEADER_END || bytes > cpu_features.xsave_size))
        error = -EINVAL;
    if (!error && guest_copy_in(area, from, bytes))
        error = -EFAULT;
    if (!error) {
        const u64 *header = (const u64 *)(area + XSTATE_BV_OFFSET);
        u64 reserved = header[0] & ~components;
        for (u32 i = 1; i < XSTATE_HEADER_BYTES / sizeof(u64); i++)
            reserved |= header[i];
        error = reserved ? -EINVAL : 0;
    }
    if (!error) {
        v->arch.fpu = area;
        area = old;
        sanitise(v->arch.fpu);
    }
    if (area)
        pages_free(area, area_order());
    return error;
}
