/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions and registers of the simulated processors. Those that say how the processor is to
 * behave are kept; the state of x87 and SSE and the selectors of segments are not simulated.
 */
#include "arch/cpu.h"
#include "core/heap.h"
#include "errno.h"
#include "host/machine.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/descriptors.h"
#include "x86/page.h"

struct host_processor host_processors[HOST_CPUS];
nsec_t host_now;
struct cpu_features cpu_features;
u64 cr4_base;

static struct host_processor *self(void)
{
    return &host_processors[cpu_id()];
}

void host_time_advance(nsec_t by)
{
    host_now += by;
}

u64 rdtsc(void)
{
    return host_now; /* 1 GHz */
}

u64 rdtsc_ordered(void)
{
    return host_now;
}

/* --- control registers */

u64 read_cr0(void)
{
    return self()->cr0;
}

void write_cr0(u64 v)
{
    self()->cr0 = v;
}

void clts(void)
{
    self()->cr0 &= ~CR0_TS;
}

u64 read_cr2(void)
{
    return 0;
}

u64 read_cr3(void)
{
    return self()->cr3;
}

void write_cr3(u64 v)
{
    self()->cr3 = v;
    host_tlb_flush(cpu_id());
}

u64 read_cr4(void)
{
    return self()->cr4;
}

void write_cr4(u64 v)
{
    self()->cr4 = v;
}

/* What is flushed by address may stay: the hypervisor relies on nothing that it would take away. */
void invlpg(vaddr_t va)
{
}

/* --- MSRs and what is a register of its own */

static u64 *msr_place(u32 msr)
{
    switch (msr) {
    case MSR_FS_BASE:
        return &self()->fs_base;
    case MSR_GS_BASE:
        return &self()->gs_base;
    case MSR_SHADOW_GS_BASE:
        return &self()->shadow_gs_base;
    case MSR_TSC_AUX:
        return &self()->tsc_aux;
    default:
        return NULL;
    }
}

int rdmsr_safe(u32 msr, u64 *value)
{
    u64 *place = msr_place(msr);
    *value = place ? *place : 0;
    return place ? 0 : -EFAULT;
}

int wrmsr_safe(u32 msr, u64 value)
{
    u64 *place = msr_place(msr);
    if (place)
        *place = value;
    return place ? 0 : -EFAULT;
}

u64 rdmsr(u32 msr)
{
    u64 *place = msr_place(msr);
    return place ? *place : 0;
}

void wrmsr(u32 msr, u64 v)
{
    u64 *place = msr_place(msr);
    if (place)
        *place = v;
}

u64 rdfsbase(void)
{
    return self()->fs_base;
}

u64 rdgsbase(void)
{
    return self()->gs_base;
}

void wrfsbase(u64 v)
{
    self()->fs_base = v;
}

void wrgsbase(u64 v)
{
    self()->gs_base = v;
}

void swapgs(void)
{
    u64 base = self()->gs_base;
    self()->gs_base = self()->shadow_gs_base;
    self()->shadow_gs_base = base;
}

u16 read_ds(void)
{
    return self()->ds;
}

u16 read_es(void)
{
    return self()->es;
}

int segment_load_ds(u16 selector)
{
    self()->ds = selector;
    return 0;
}

int segment_load_es(u16 selector)
{
    self()->es = selector;
    return 0;
}

int segment_load_fs(u16 selector)
{
    self()->fs = selector;
    return 0;
}

int segment_load_gs(u16 selector)
{
    self()->gs = selector;
    return 0;
}

/* A processor of AMD's with few features: fault-free answers for what policies are made of. */
struct cpuid_leaf cpuid(u32 leaf, u32 subleaf)
{
    switch (leaf) {
    case 0:
        return (struct cpuid_leaf){.a = 7, .b = 0x68747541, .d = 0x69746e65, .c = 0x444d4163};
    case 1:
        return (struct cpuid_leaf){.a = 0x800f12, .d = 0x078bfbff};
    case 0x80000000:
        return (struct cpuid_leaf){.a = 0x80000008};
    case 0x80000001:
        return (struct cpuid_leaf){.d = 0x2c100800};
    case 0x80000008:
        return (struct cpuid_leaf){.a = 0x3028};
    default:
        return (struct cpuid_leaf){};
    }
}

/* --- tables of descriptors: a page of the hypervisor's own for each CPU */

static mfn_t gdt_pages[HOST_CPUS];

mfn_t gdt_page_mfn(u32 cpu)
{
    if (!gdt_pages[cpu].v) {
        void *page = page_alloc();
        gdt_pages[cpu] = virt_to_mfn(page);
        ((u64 *)page)[SELECTOR_RING3_CS64 >> 3 & 511] = DESCRIPTOR_CODE64_RING3;
        ((u64 *)page)[SELECTOR_RING3_DS >> 3 & 511] = DESCRIPTOR_DATA_RING3;
    }
    return gdt_pages[cpu];
}

void gdt_load_native(void)
{
}

void gdt_load_guest(u64 base)
{
}

void ldt_load(u64 base, u32 entries)
{
}

/* --- what changes nothing here */

void write_xcr0(u64 v)
{
}

void fxsave64(void *area)
{
}

void fxrstor64(const void *area)
{
}

void xsave64(void *area)
{
}

void xsaveopt64(void *area)
{
}

void xrstor64(const void *area)
{
}

void x87_execute_one(void)
{
}

void write_dr(u32 number, u64 v)
{
}

void cache_write_back(void)
{
}

void clac(void)
{
}

void memory_write_back(const void *p, size_t bytes)
{
}

u8 port_in8(u16 port)
{
    return 0xff;
}

u16 port_in16(u16 port)
{
    return 0xffff;
}

u32 port_in32(u16 port)
{
    return 0xffffffff;
}

void port_out8(u16 port, u8 v)
{
}

void port_out16(u16 port, u16 v)
{
}

void port_out32(u16 port, u32 v)
{
}
