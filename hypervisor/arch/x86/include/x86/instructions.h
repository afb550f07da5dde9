/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions of the processor that C has no words for. arch/host has functions in their place,
 * of the processors that it simulates.
 */
#ifndef DOMUS_X86_INSTRUCTIONS_H
#define DOMUS_X86_INSTRUCTIONS_H

#include "types.h"

struct cpuid_leaf {
    u32 a, b, c, d;
};

static inline struct cpuid_leaf cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid_leaf r;
    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline u64 rdmsr(u32 msr)
{
    u32 lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

/* 0, or -EFAULT if the processor refuses with #GP. */
must_check int rdmsr_safe(u32 msr, u64 *value);
must_check int wrmsr_safe(u32 msr, u64 value);

static inline u64 rdtsc(void)
{
    u32 lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (u64)hi << 32 | lo;
}

static inline u64 rdtsc_ordered(void)
{
    __asm__ volatile("lfence" : : : "memory");
    return rdtsc();
}

static inline u64 read_cr0(void)
{
    u64 v;
    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}
static inline void write_cr0(u64 v)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}
static inline u64 read_cr2(void)
{
    u64 v;
    __asm__ volatile("mov %%cr2, %0" : "=r"(v));
    return v;
}
static inline u64 read_cr3(void)
{
    u64 v;
    __asm__ volatile("mov %%cr3, %0" : "=r"(v));
    return v;
}
static inline void write_cr3(u64 v)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}
static inline u64 read_cr4(void)
{
    u64 v;
    __asm__ volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}
static inline void write_cr4(u64 v)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}
/* Clears CR0.TS. */
static inline void clts(void)
{
    __asm__ volatile("clts" : : : "memory");
}
static inline void write_xcr0(u64 v)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((u32)v), "d"((u32)(v >> 32)));
}
/* State of x87, SSE ...: all components that XCR0 has. */
static inline void fxsave64(void *area)
{
    __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}
static inline void fxrstor64(const void *area)
{
    __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}
static inline void xsave64(void *area)
{
    __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}
static inline void xsaveopt64(void *area)
{
    __asm__ volatile("xsaveopt64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}
static inline void xrstor64(const void *area)
{
    __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}
/* An x87 instruction with an operand, both of no meaning. */
static inline void x87_execute_one(void)
{
    static const u32 operand;
    __asm__ volatile("fnclex; ffree %%st(7); fildl %0" : : "m"(operand));
}
/* The debug register of that number, a constant of 0-3, 6 or 7. */
#define write_dr(number, v) __asm__ volatile("mov %0, %%dr" #number : : "r"((u64)(v)))
/* Selectors; the bases of FS and GS, where CR4 has FSGSBASE. */
static inline u16 read_ds(void)
{
    u16 v;
    __asm__ volatile("mov %%ds, %0" : "=r"(v));
    return v;
}
static inline u16 read_es(void)
{
    u16 v;
    __asm__ volatile("mov %%es, %0" : "=r"(v));
    return v;
}
static inline u64 rdfsbase(void)
{
    u64 v;
    __asm__ volatile("rdfsbase %0" : "=r"(v));
    return v;
}
static inline u64 rdgsbase(void)
{
    u64 v;
    __asm__ volatile("rdgsbase %0" : "=r"(v));
    return v;
}
static inline void wrfsbase(u64 v)
{
    __asm__ volatile("wrfsbase %0" : : "r"(v) : "memory");
}
static inline void wrgsbase(u64 v)
{
    __asm__ volatile("wrgsbase %0" : : "r"(v) : "memory");
}
static inline void swapgs(void)
{
    __asm__ volatile("swapgs" : : : "memory");
}
static inline void invlpg(vaddr_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}
/* Write back and invalidate all caches of this CPU. */
static inline void cache_write_back(void)
{
    __asm__ volatile("wbinvd" : : : "memory");
}
static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}
static inline void clac(void)
{
    __asm__ volatile("clac" : : : "memory", "cc");
}

static inline u8 port_in8(u16 port)
{
    u8 v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline u16 port_in16(u16 port)
{
    u16 v;
    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline u32 port_in32(u16 port)
{
    u32 v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline void port_out8(u16 port, u8 v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}
static inline void port_out16(u16 port, u16 v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}
static inline void port_out32(u16 port, u32 v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

#endif
