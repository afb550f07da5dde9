/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of x86's own: the instructions of simulated processors (arch/host/processor.c), as
 * functions.
 */
#ifndef DOMUS_X86_INSTRUCTIONS_H
#define DOMUS_X86_INSTRUCTIONS_H

#include "types.h"

struct cpuid_leaf {
    u32 a, b, c, d;
};

struct cpuid_leaf cpuid(u32 leaf, u32 subleaf);
u64 rdmsr(u32 msr);
void wrmsr(u32 msr, u64 v);
must_check int rdmsr_safe(u32 msr, u64 *value);
must_check int wrmsr_safe(u32 msr, u64 value);
u64 rdtsc(void);
u64 rdtsc_ordered(void);
u64 read_cr0(void);
void write_cr0(u64 v);
u64 read_cr2(void);
u64 read_cr3(void);
void write_cr3(u64 v);
u64 read_cr4(void);
void write_cr4(u64 v);
void clts(void);
void write_xcr0(u64 v);
void fxsave64(void *area);
void fxrstor64(const void *area);
void xsave64(void *area);
void xsaveopt64(void *area);
void xrstor64(const void *area);
void x87_execute_one(void);
void write_dr(u32 number, u64 v);
u16 read_ds(void);
u16 read_es(void);
u64 rdfsbase(void);
u64 rdgsbase(void);
void wrfsbase(u64 v);
void wrgsbase(u64 v);
void swapgs(void);
void invlpg(vaddr_t va);
void cache_write_back(void);
void cpu_pause(void);
void clac(void);
u8 port_in8(u16 port);
u16 port_in16(u16 port);
u32 port_in32(u16 port);
void port_out8(u16 port, u8 v);
void port_out16(u16 port, u16 v);
void port_out32(u16 port, u32 v);

#endif
