/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model-specific registers: which can be read and written by the kernel, with what result. All
 * numbers of the ranges that processors use are tried; what cannot be done is the rule, and not
 * printed.
 */
#define SUBJECT "msr"
#include "subject.h"

#define MSR_TSC       0x10
#define MSR_EFER      0xc0000080
#define MSR_FS_BASE   0xc0000100
#define MSR_GS_BASE   0xc0000101
#define MSR_KERNEL_GS 0xc0000102

static const struct {
    u32 first, count;
} ranges[] = {
    {0, 0x1000},         {0x1d90, 16},        {0x40000000, 16}, {0xc0000000, 0x200},
    {0xc0010000, 0x300}, {0xc0011000, 0x100}, {0x80000000, 16}, {0xfffffff0, 16},
};

static bool read(u32 msr, u64 *value)
{
    in.rcx = msr;
    run(KERNEL, CODE("rdmsr"));
    *value = (outcome.rax & 0xffffffff) | outcome.rdx << 32;
    return outcome.vector == 3;
}

static bool write(u32 msr, u64 value)
{
    in.rcx = msr;
    in.rax = value & 0xffffffff;
    in.rdx = value >> 32;
    run(KERNEL, CODE("wrmsr"));
    in_reset();
    return outcome.vector == 3;
}

static void reads(void)
{
    for (u32 i = 0; i < COUNT(ranges); i++)
        for (u32 n = 0; n < ranges[i].count; n++) {
            u64 value;
            u32 msr = ranges[i].first + n;
            if (!read(msr, &value))
                continue;
            if (msr == MSR_TSC)
                value = 0;
            SAY("rdmsr %x -> %lx", msr, value);
        }
}

/* Writing what was read, then other values, and what is to be read then. */
static void writes(void)
{
    static const u64 values[] = {0, 1, 2, 0x80, 0x101, ~0ull, 0x7fffffffffff, 0xffff800000000000};
    for (u32 i = 0; i < COUNT(ranges); i++)
        for (u32 n = 0; n < ranges[i].count; n++) {
            u32 msr = ranges[i].first + n, taken = 0;
            u64 before = 0, after = 0;
            bool readable = read(msr, &before);
            bool same = readable && write(msr, before);
            for (u32 k = 0; k < COUNT(values); k++)
                taken |= (u32)write(msr, values[k]) << k;
            if (readable)
                read(msr, &after);
            if (same || taken)
                SAY("wrmsr %x -> its own value %s, others taken %x%s", msr,
                    same ? "taken" : "refused", taken,
                    readable && after != before ? text(", then %lx", after) : "");
            if (same)
                write(msr, before);
        }
}

static void bases(void)
{
    static const u64 values[] = {0,
                                 0x123456789abc,
                                 0x7fffffffffff,
                                 0x800000000000,
                                 0xffff7fffffffffff,
                                 0xffff800000000000,
                                 ~0ull};
    for (u32 msr = MSR_FS_BASE; msr <= MSR_KERNEL_GS; msr++)
        for (u32 i = 0; i < COUNT(values); i++) {
            u64 then = 0;
            bool taken = write(msr, values[i]);
            read(msr, &then);
            SAY("base %x to %lx -> %s, reads %lx", msr, values[i], taken ? "taken" : "refused",
                then);
        }
    for (u32 which = 0; which < 6; which++)
        for (u32 i = 0; i < COUNT(values); i++) {
            s64 result = HYPERCALL2(set_segment_base, which, values[i]);
            u64 fs = 0, gs = 0, user = 0;
            read(MSR_FS_BASE, &fs);
            read(MSR_GS_BASE, &gs);
            read(MSR_KERNEL_GS, &user);
            SAY("set_segment_base(%u, %lx) -> %ld, then %lx %lx %lx", which, values[i], result, fs,
                gs, user);
        }
    for (u32 which = 0; which < 3; which++)
        HYPERCALL2(set_segment_base, which, 0);
}

void guest_main(void)
{
    subject_start();
    reads();
    writes();
    bases();
    in_reset();
    in.rcx = MSR_EFER;
    TRY("rdmsr");
    TRY(".byte 0x48; rdmsr");
    in.rcx = 0xd00000000 | MSR_EFER;
    TRY("rdmsr");
    in_reset();
    in.rcx = MSR_EFER;
    in.rax = 0xd01;
    in.rdx = 0;
    TRY("wrmsr");
    in.rax = 0x1d01;
    TRY("wrmsr");
    in.rax = 0xd00;
    TRY("wrmsr");
    SAY("end -> 0");
}
