/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CPU policy of PV guests (arch/x86/cpu/policy.c, policy_msr.c): what domain 0's programs read
 * by the forced-emulation prefix on Xen 4.17.7, on three processor models, is what the policy says
 * of the same machines; and the MSR table is in order and answers as observed there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/domain.h"
#include "core/heap.h"
#include "x86/policy.h"

/* --- what the policy needs of the hypervisor */

struct cpu_features cpu_features;

int rdmsr_safe(u32 msr, u64 *value)
{
    (void)msr;
    (void)value;
    return -EFAULT;
}

void *object_alloc(size_t bytes)
{
    return calloc(1, bytes);
}

void object_free(void *object)
{
    free(object);
}

/* --- machines: leaf, sub-leaf, the processor's answer, what 4.17 shows domain 0 */

struct row {
    u32 leaf, subleaf;
    u32 machine[4], guest[4];
};

/* clang-format off */
static const struct row machine_epyc[] = {
    {0x0, 0, {0x0000000d, 0x68747541, 0x444d4163, 0x69746e65}, {0x0000000d, 0x68747541, 0x444d4163, 0x69746e65}},
    {0x1, 0, {0x00800f12, 0x00000800, 0xfed83203, 0x078bfbfd}, {0x00800f12, 0x00000800, 0xfed83203, 0x0789c3f5}},
    {0x5, 0, {0x00000000, 0x00000000, 0x00000003, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x6, 0, {0x00000004, 0x00000000, 0x00000000, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x7, 0, {0x00000000, 0x008801a9, 0x00000000, 0x00000000}, {0x00000000, 0x00880129, 0x00000000, 0x00000000}},
    {0xb, 0, {0x00000000, 0x00000001, 0x00000100, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xb, 1, {0x00000000, 0x00000001, 0x00000201, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xb, 2, {0x00000000, 0x00000000, 0x00000002, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xd, 0, {0x00000007, 0x00000340, 0x00000340, 0x00000000}, {0x00000007, 0x00000340, 0x00000340, 0x00000000}},
    {0xd, 1, {0x00000005, 0x00000340, 0x00000000, 0x00000000}, {0x00000005, 0x00000000, 0x00000000, 0x00000000}},
    {0xd, 2, {0x00000100, 0x00000240, 0x00000000, 0x00000000}, {0x00000100, 0x00000240, 0x00000000, 0x00000000}},
    {0xe, 0, {0x00000007, 0x00000340, 0x00000340, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xf, 0, {0x00000007, 0x00000340, 0x00000340, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x10, 0, {0x00000007, 0x00000340, 0x00000340, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x80000000, 0, {0x8000001e, 0x68747541, 0x444d4163, 0x69746e65}, {0x8000001e, 0x68747541, 0x444d4163, 0x69746e65}},
    {0x80000001, 0, {0x00800f12, 0x00000000, 0x00000075, 0x2dd3fbfd}, {0x00800f12, 0x00000000, 0x00000061, 0x29d1cbf5}},
    {0x80000002, 0, {0x20444d41, 0x43595045, 0x6f725020, 0x73736563}, {0x20444d41, 0x43595045, 0x6f725020, 0x73736563}},
    {0x80000003, 0, {0x0000726f, 0x00000000, 0x00000000, 0x00000000}, {0x0000726f, 0x00000000, 0x00000000, 0x00000000}},
    {0x80000005, 0, {0x01ff01ff, 0x01ff01ff, 0x20080140, 0x40040140}, {0x01ff01ff, 0x01ff01ff, 0x20080140, 0x40040140}},
    {0x80000006, 0, {0x00000000, 0x42004200, 0x02006140, 0x00408140}, {0x00000000, 0x42004200, 0x02006140, 0x00408140}},
    {0x80000008, 0, {0x00003028, 0x00000000, 0x00000000, 0x00000000}, {0x00003028, 0x00000000, 0x00000000, 0x00000000}},
    {0x8000000a, 0, {0x00000001, 0x00000010, 0x00000000, 0x00000001}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x8000001d, 0, {0x00000121, 0x01c0003f, 0x0000003f, 0x00000001}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x8000001d, 1, {0x00000122, 0x00c0003f, 0x000000ff, 0x00000001}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x8000001d, 2, {0x00000043, 0x01c0003f, 0x000003ff, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x8000001d, 3, {0x00000163, 0x03c0003f, 0x00001fff, 0x00000006}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x8000001f, 0, {0x00000007, 0x00000340, 0x00000340, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x80000020, 0, {0x00000007, 0x00000340, 0x00000340, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
};

static const struct row machine_max[] = {
    {0x0, 0, {0x0000000d, 0x68747541, 0x444d4163, 0x69746e65}, {0x0000000d, 0x68747541, 0x444d4163, 0x69746e65}},
    {0x1, 0, {0x00060fb1, 0x00000800, 0xfed83203, 0x0fcbfbfd}, {0x00060fb1, 0x00000800, 0xfed83203, 0x0fc9c3f5}},
    {0x5, 0, {0x00000000, 0x00000000, 0x00000003, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x6, 0, {0x00000004, 0x00000000, 0x00000000, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x7, 0, {0x00000000, 0x01c843a9, 0x8001020c, 0x00000000}, {0x00000000, 0x01880329, 0x00000200, 0x00000000}},
    {0xb, 0, {0x00000000, 0x00000001, 0x00000100, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xb, 1, {0x00000000, 0x00000001, 0x00000201, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xb, 2, {0x00000000, 0x00000000, 0x00000002, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xd, 0, {0x0000021f, 0x00000340, 0x00000a88, 0x00000000}, {0x00000007, 0x00000340, 0x00000340, 0x00000000}},
    {0xd, 1, {0x00000005, 0x000003c8, 0x00000000, 0x00000000}, {0x00000005, 0x00000000, 0x00000000, 0x00000000}},
    {0xd, 2, {0x00000100, 0x00000240, 0x00000000, 0x00000000}, {0x00000100, 0x00000240, 0x00000000, 0x00000000}},
    {0xd, 3, {0x00000040, 0x000003c0, 0x00000000, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xd, 4, {0x00000040, 0x00000400, 0x00000000, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xd, 9, {0x00000008, 0x00000a80, 0x00000000, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xe, 0, {0x0000021f, 0x00000340, 0x00000a88, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xf, 0, {0x0000021f, 0x00000340, 0x00000a88, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x10, 0, {0x0000021f, 0x00000340, 0x00000a88, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x80000000, 0, {0x8000000a, 0x68747541, 0x444d4163, 0x69746e65}, {0x80000021, 0x68747541, 0x444d4163, 0x69746e65}},
    {0x80000001, 0, {0x00060fb1, 0x00000000, 0x00000075, 0xedd3fbfd}, {0x00060fb1, 0x00000000, 0x00000061, 0xe9d1cbf5}},
    {0x80000002, 0, {0x554d4551, 0x47435420, 0x55504320, 0x72657620}, {0x554d4551, 0x47435420, 0x55504320, 0x72657620}},
    {0x80000003, 0, {0x6e6f6973, 0x352e3220, 0x0000002b, 0x00000000}, {0x6e6f6973, 0x352e3220, 0x0000002b, 0x00000000}},
    {0x80000005, 0, {0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140}, {0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140}},
    {0x80000006, 0, {0x00000000, 0x42004200, 0x02008140, 0x00808140}, {0x00000000, 0x42004200, 0x02008140, 0x00808140}},
    {0x80000008, 0, {0x00003928, 0x00000000, 0x00000000, 0x00000000}, {0x00003028, 0x00000000, 0x00000000, 0x00000000}},
    {0x8000000a, 0, {0x00000001, 0x00000010, 0x00000000, 0x10010001}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x8000000b, 0, {0x0000021f, 0x00000340, 0x00000a88, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x8000000c, 0, {0x0000021f, 0x00000340, 0x00000a88, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
};

static const struct row machine_skylake[] = {
    {0x0, 0, {0x0000000d, 0x756e6547, 0x6c65746e, 0x49656e69}, {0x0000000d, 0x756e6547, 0x6c65746e, 0x49656e69}},
    {0x1, 0, {0x000506e3, 0x00000800, 0xfed83203, 0x078bfbfd}, {0x000506e3, 0x00000800, 0xced82203, 0x0789cbf5}},
    {0x2, 0, {0x00000001, 0x00000000, 0x0000004d, 0x002c307d}, {0x00000001, 0x00000000, 0x0000004d, 0x002c307d}},
    {0x4, 0, {0x00000121, 0x01c0003f, 0x0000003f, 0x00000001}, {0x00000121, 0x01c0003f, 0x0000003f, 0x00000001}},
    {0x4, 1, {0x00000122, 0x01c0003f, 0x0000003f, 0x00000001}, {0x00000122, 0x01c0003f, 0x0000003f, 0x00000001}},
    {0x4, 2, {0x00000143, 0x03c0003f, 0x00000fff, 0x00000001}, {0x00000143, 0x03c0003f, 0x00000fff, 0x00000001}},
    {0x4, 3, {0x00000163, 0x03c0003f, 0x00003fff, 0x00000006}, {0x00000163, 0x03c0003f, 0x00003fff, 0x00000006}},
    {0x5, 0, {0x00000000, 0x00000000, 0x00000003, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x6, 0, {0x00000004, 0x00000000, 0x00000000, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x7, 0, {0x00000000, 0x000803a9, 0x00000000, 0x00000000}, {0x00000000, 0x00080309, 0x00000000, 0x20000000}},
    {0xb, 0, {0x00000000, 0x00000001, 0x00000100, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xb, 1, {0x00000000, 0x00000001, 0x00000201, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xb, 2, {0x00000000, 0x00000000, 0x00000002, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xd, 0, {0x00000007, 0x00000240, 0x00000340, 0x00000000}, {0x00000003, 0x00000240, 0x00000240, 0x00000000}},
    {0xd, 1, {0x00000005, 0x00000340, 0x00000000, 0x00000000}, {0x00000005, 0x00000000, 0x00000000, 0x00000000}},
    {0xd, 2, {0x00000100, 0x00000240, 0x00000000, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xe, 0, {0x00000007, 0x00000240, 0x00000340, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0xf, 0, {0x00000007, 0x00000240, 0x00000340, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x10, 0, {0x00000007, 0x00000240, 0x00000340, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x80000000, 0, {0x80000008, 0x756e6547, 0x6c65746e, 0x49656e69}, {0x80000008, 0x00000000, 0x00000000, 0x00000000}},
    {0x80000001, 0, {0x000506e3, 0x00000000, 0x00000021, 0x28100800}, {0x00000000, 0x00000000, 0x00000021, 0x28100800}},
    {0x80000002, 0, {0x65746e49, 0x6f43206c, 0x50206572, 0x65636f72}, {0x65746e49, 0x6f43206c, 0x50206572, 0x65636f72}},
    {0x80000003, 0, {0x726f7373, 0x6b532820, 0x6b616c79, 0x49202c65}, {0x726f7373, 0x6b532820, 0x6b616c79, 0x49202c65}},
    {0x80000004, 0, {0x2c535242, 0x206f6e20, 0x29585354, 0x00000000}, {0x2c535242, 0x206f6e20, 0x29585354, 0x00000000}},
    {0x80000005, 0, {0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x80000006, 0, {0x00000000, 0x42004200, 0x02008140, 0x00808140}, {0x00000000, 0x00000000, 0x02008140, 0x00000000}},
    {0x80000008, 0, {0x00003028, 0x00000000, 0x00000000, 0x00000000}, {0x00003028, 0x00000000, 0x00000000, 0x00000000}},
    {0x80000009, 0, {0x00000007, 0x00000240, 0x00000340, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
    {0x8000000a, 0, {0x00000007, 0x00000240, 0x00000340, 0x00000000}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}},
};
/* clang-format on */

static const struct row *present;
static size_t present_rows;

static struct cpuid_leaf machine_cpuid(u32 leaf, u32 subleaf)
{
    for (size_t n = 0; n < present_rows; n++) {
        const struct row *r = &present[n];
        if (r->leaf == leaf && r->subleaf == subleaf)
            return (struct cpuid_leaf){r->machine[0], r->machine[1], r->machine[2], r->machine[3]};
    }
    return (struct cpuid_leaf){0};
}

#define OSXSAVE BIT(27)

/*
 * Compares all leaves but for what depends on the vCPU (OSXSAVE, the XSAVE area's present size) and
 * what the hypervisor knows without CPUID: ignored is a leaf whose answer Xen makes up.
 */
static void compare(const struct cpu_policy *p, u32 ignored)
{
    for (size_t n = 0; n < present_rows; n++) {
        const struct row *r = &present[n];
        struct cpuid_leaf l = *policy_leaf(p, r->leaf, r->subleaf);
        u32 guest[4] = {r->guest[0], r->guest[1], r->guest[2], r->guest[3]};
        if (r->leaf == ignored)
            continue;
        if (r->leaf == 1)
            guest[2] &= ~(u32)OSXSAVE;
        if (r->leaf == 0xd && r->subleaf < 2)
            guest[1] = l.b;
        assert_int_equal(l.a, guest[0]);
        assert_int_equal(l.b, guest[1]);
        assert_int_equal(l.c, guest[2]);
        assert_int_equal(l.d, guest[3]);
    }
}

static void machine_set(const struct row *rows, size_t count)
{
    present = rows;
    present_rows = count;
}

static void epyc(void **state)
{
    (void)state;
    const struct policy_source s = {.cpuid = machine_cpuid, .xcr0 = 7, .amd = true};
    struct cpu_policy p;
    machine_set(machine_epyc, ARRAY_SIZE(machine_epyc));
    policy_build(&p, &s, true);
    compare(&p, ~0u);
    assert_true(p.xcr0 == 7);
    assert_true(policy_has(&p, FEATURE_XSAVE));
    assert_false(policy_has(&p, FEATURE_SEP));
}

/* Xen raises the highest extended leaf there, to announce that LFENCE serializes. */
static void max(void **state)
{
    (void)state;
    const struct policy_source s = {.cpuid = machine_cpuid, .xcr0 = 7, .amd = true};
    struct cpu_policy p;
    machine_set(machine_max, ARRAY_SIZE(machine_max));
    policy_build(&p, &s, true);
    compare(&p, CPUID_EXTENDED);
    assert_int_equal(policy_leaf(&p, CPUID_EXTENDED, 0)->a, 0x8000000a);
}

/* Xen hides AVX there, because of a flaw, and makes up ARCH_CAPS (leaf 7). */
static void skylake(void **state)
{
    (void)state;
    const struct policy_source s = {.cpuid = machine_cpuid, .xcr0 = 3, .intel = true};
    struct cpu_policy p;
    machine_set(machine_skylake, ARRAY_SIZE(machine_skylake));
    policy_build(&p, &s, true);
    compare(&p, 7);
    assert_int_equal(policy_leaf(&p, 7, 0)->b, 0x00080309);
    assert_true(p.xcr0 == 3);
}

/* What the tools are told of the machine itself; the words of Xen's physinfo there. */
static void host(void **state)
{
    (void)state;
    static const u32 words[] = {0x078bf3fd, 0xf6d83203, 0x2c500800, 0x75, 5, 0x008801a9};
    const struct policy_source s = {.cpuid = machine_cpuid, .xcr0 = 7, .amd = true};
    struct cpu_policy p;
    machine_set(machine_epyc, ARRAY_SIZE(machine_epyc));
    policy_build_raw(&p, &s);
    assert_int_equal(policy_feature_word(&p, 0), 0x078bfbfd);
    assert_int_equal(p.basic[0].a, 0xd);
    assert_int_equal(p.extended[0].a, 0x8000001e);
    policy_build_host(&p, &s);
    for (u32 i = 0; i < ARRAY_SIZE(words); i++) {
        u32 word = policy_feature_word(&p, i);
        /* That machine had been given no MONITOR. */
        assert_int_equal(i == 1 ? word & ~8u : word, words[i]);
    }
    /* Where gathers leak, AVX is not used, nor what it takes: as Xen says. */
    const struct policy_source without = {.cpuid = machine_cpuid, .xcr0 = 3, .amd = true};
    policy_build_host(&p, &without);
    assert_int_equal(policy_feature_word(&p, 1) & ~8u, 0xc6d82203);
    assert_int_equal(policy_feature_word(&p, 5), 0x00880189);
}

/* The tools take away, with all that depends on it, and add nothing. */
static void reduce(void **state)
{
    (void)state;
    const struct policy_source s = {.cpuid = machine_cpuid, .xcr0 = 7, .amd = true};
    struct cpu_policy most, wanted, p;
    u32 leaf = 0;
    machine_set(machine_epyc, ARRAY_SIZE(machine_epyc));
    policy_build_guest_most(&most, &s);
    policy_build(&wanted, &s, false);
    struct cpu_policy usual = wanted;
    assert_int_equal(policy_reduce(&p, &most, &wanted, &leaf), 0);
    assert_memory_equal(&p, &usual, sizeof(p));

    memset(wanted.feature, 0xff, sizeof(wanted.feature));
    wanted.feature[0].a = most.feature[0].a;
    wanted.basic[1].c = wanted.basic[1].d = wanted.extended[1].c = wanted.extended[1].d = ~0u;
    assert_int_equal(policy_reduce(&p, &most, &wanted, &leaf), 0);
    for (u32 w = 0; w < POLICY_FEATURE_WORDS; w++)
        assert_int_equal(policy_feature_word(&p, w) & ~policy_feature_word(&most, w), 0);

    wanted = usual;
    wanted.basic[1].c = 0; /* neither XSAVE nor AVX */
    assert_int_equal(policy_reduce(&p, &most, &wanted, &leaf), 0);
    assert_false(policy_has(&p, FEATURE_AVX2) || policy_has(&p, FEATURE_XSAVEC));
    assert_true(p.xcr0 == 0);
    assert_int_equal(policy_leaf(&p, 0xd, 2)->a, 0);
    assert_true(policy_has(&p, FEATURE_HYPERVISOR));

    struct cpu_policy before = p;
    wanted.basic[0].a = most.basic[0].a + 1;
    assert_int_equal(policy_reduce(&p, &most, &wanted, &leaf), -EINVAL);
    assert_int_equal(leaf, 0);
    wanted.basic[0].a = 7;
    wanted.extended[0].a = most.extended[0].a + 1;
    assert_int_equal(policy_reduce(&p, &most, &wanted, &leaf), -EINVAL);
    assert_int_equal(leaf, CPUID_EXTENDED);
    assert_memory_equal(&p, &before, sizeof(p));
}

/* --- a machine that has everything */

static struct cpuid_leaf everything(u32 leaf, u32 subleaf)
{
    static const struct {
        u32 size, offset;
    } components[10] = {[2] = {0x100, 0x240},
                        [5] = {0x40, 0x440},
                        [6] = {0x200, 0x480},
                        [7] = {0x400, 0x680},
                        [9] = {8, 0xa80}};
    if (leaf == 0)
        return (struct cpuid_leaf){0x20, 1, 2, 3};
    if (leaf == CPUID_EXTENDED)
        return (struct cpuid_leaf){0x80000028, 1, 2, 3};
    if (leaf == 7)
        return (struct cpuid_leaf){subleaf ? ~0u : 5, ~0u, ~0u, ~0u};
    if (leaf == 0xd && subleaf >= 2 && subleaf < 10)
        return (struct cpuid_leaf){components[subleaf].size, components[subleaf].offset,
                                   subleaf == 6 ? 2 : 0, 0};
    return (struct cpuid_leaf){~0u, ~0u, ~0u, ~0u};
}

static void xsave(void **state)
{
    (void)state;
    struct policy_source s = {.cpuid = everything, .xcr0 = 0xe7, .intel = true};
    struct cpu_policy p;
    policy_build(&p, &s, true);
    assert_true(p.xcr0 == 0xe7);
    assert_int_equal(policy_xsave_size(&p, 3, false), 0x240);
    assert_int_equal(policy_xsave_size(&p, 7, false), 0x340);
    assert_int_equal(policy_xsave_size(&p, 0xe7, false), 0xa80);
    assert_int_equal(policy_xsave_size(&p, 7, true), 0x340);
    assert_int_equal(policy_xsave_size(&p, 0xe7, true), 0x980);
    assert_true(policy_xcr0_ok(&p, 1));
    assert_true(policy_xcr0_ok(&p, 3));
    assert_true(policy_xcr0_ok(&p, 7));
    assert_true(policy_xcr0_ok(&p, 0xe7));
    assert_false(policy_xcr0_ok(&p, 0));
    assert_false(policy_xcr0_ok(&p, 5));
    assert_false(policy_xcr0_ok(&p, 0x27));
    assert_false(policy_xcr0_ok(&p, 0xe3));
    assert_false(policy_xcr0_ok(&p, 0x207));
    s.xcr0 = 0;
    policy_build(&p, &s, true);
    assert_false(policy_has(&p, FEATURE_XSAVE) || policy_has(&p, FEATURE_AVX) ||
                 policy_has(&p, FEATURE_AVX2) || policy_has(&p, FEATURE_AVX512F));
    assert_int_equal(policy_leaf(&p, 0xd, 0)->a, 0);
    assert_false(policy_xcr0_ok(&p, 1));
}

/* Whatever the machine has: what the hypervisor does not virtualize stays hidden. */
static void hidden(void **state)
{
    (void)state;
    static const u16 never[] = {
        POLICY_FEATURE(0, 1),  POLICY_FEATURE(0, 3),  POLICY_FEATURE(0, 12), POLICY_FEATURE(0, 13),
        POLICY_FEATURE(0, 17), POLICY_FEATURE(1, 3),  POLICY_FEATURE(1, 5),  POLICY_FEATURE(1, 17),
        POLICY_FEATURE(1, 21), POLICY_FEATURE(1, 24), POLICY_FEATURE(1, 27), POLICY_FEATURE(2, 26),
        POLICY_FEATURE(3, 2),  POLICY_FEATURE(3, 26), POLICY_FEATURE(4, 3),  POLICY_FEATURE(5, 7),
        POLICY_FEATURE(5, 20), POLICY_FEATURE(6, 2),  POLICY_FEATURE(6, 3),  POLICY_FEATURE(8, 14),
        POLICY_FEATURE(9, 26), POLICY_FEATURE(9, 27), POLICY_FEATURE(9, 31),
    };
    struct policy_source s = {
        .cpuid = everything, .xcr0 = 0xe7, .intel = true, .arch_capabilities = ~0ull};
    struct cpu_policy p;
    for (int hardware = 0; hardware < 2; hardware++) {
        policy_build(&p, &s, hardware);
        for (size_t n = 0; n < ARRAY_SIZE(never); n++)
            assert_false(policy_has(&p, never[n]));
        assert_true(policy_has(&p, FEATURE_HYPERVISOR));
        assert_int_equal(policy_has(&p, FEATURE_ITSC), hardware);
        assert_int_equal(policy_has(&p, FEATURE_ARCH_CAPS), hardware);
        assert_int_equal(!!p.arch_capabilities, hardware);
        assert_false(p.arch_capabilities & BIT(1)); /* EIBRS: there is no SPEC_CTRL */
    }
    assert_int_equal(policy_leaf(&p, 0, 0)->a, 0xd);
    assert_int_equal(policy_leaf(&p, CPUID_EXTENDED, 0)->a, 0x80000008);
    assert_int_equal(policy_leaf(&p, 1, 0)->b >> 24, 0);
    assert_int_equal(policy_leaf(&p, 5, 0)->a | policy_leaf(&p, 0xb, 0)->a, 0);
    assert_int_equal(policy_leaf(&p, 0x20, 0)->a | policy_leaf(&p, 0xfffffff0, 0)->a, 0);
    assert_int_equal(policy_leaf(&p, 0x80000022, 0)->a | policy_leaf(&p, 4, 99)->a, 0);
}

static void domain(void **state)
{
    (void)state;
    struct domain *d = calloc(1, sizeof(*d));
    assert_int_equal(policy_domain_create(d), 0);
    assert_true(policy_has(d->arch.policy, FEATURE_HYPERVISOR));
    policy_domain_destroy(d);
    assert_null(d->arch.policy);
    free(d);
}

/* --- MSRs */

static const struct {
    u32 msr;
    bool amd;
    u8 read, write;
    u64 value;
} observed[] = {
    {0x0, true, MSR_VALUE, MSR_FAULT, 0},
    {0x10, true, MSR_STATE, MSR_FAULT, 0},
    {0x1b, false, MSR_STATE, MSR_FAULT, 0},
    {0x3a, false, MSR_VALUE, MSR_FAULT, 1},
    {0x8b, true, MSR_NATIVE, MSR_FAULT, 0},
    {0x8b, false, MSR_NATIVE, MSR_ZERO, 0},
    {0xc1, false, MSR_VALUE, MSR_IGNORED, 0},
    {0xc8, false, MSR_VALUE, MSR_IGNORED, 0},
    {0xe7, true, MSR_FAULT, MSR_IGNORED, 0},
    {0x140, true, MSR_STATE, MSR_STATE, 0},
    {0x179, true, MSR_VALUE, MSR_IGNORED, 2},
    {0x179, false, MSR_VALUE, MSR_IGNORED, 0x1000c02},
    {0x17b, true, MSR_VALUE, MSR_IGNORED, 0},
    {0x198, false, MSR_VALUE, MSR_FAULT, 0},
    {0x199, false, MSR_VALUE, MSR_IGNORED, 0},
    {0x1a0, true, MSR_STATE, MSR_IGNORED, 0},
    {0x277, true, MSR_VALUE, MSR_FAULT, 0x50100070406},
    {0x29f, true, MSR_VALUE, MSR_IGNORED, 0},
    {0x345, true, MSR_VALUE, MSR_FAULT, 0},
    {0x400, true, MSR_VALUE, MSR_IGNORED, ~0ull},
    {0x401, true, MSR_VALUE, MSR_ZERO, 0},
    {0x404, true, MSR_VALUE, MSR_IGNORED, ~0ull},
    {0x407, false, MSR_VALUE, MSR_ZERO, 0},
    {0x47f, false, MSR_VALUE, MSR_IGNORED, 0},
    {0xc0000080, true, MSR_STATE, MSR_STATE, 0},
    {0xc0000102, true, MSR_STATE, MSR_STATE, 0},
    {0xc0010004, true, MSR_VALUE, MSR_IGNORED, 0},
    {0xc001001a, true, MSR_DEVICES, MSR_FAULT, 0},
    {0xc001001f, false, MSR_VALUE, MSR_IGNORED, 0},
    {0xc0010064, true, MSR_VALUE, MSR_IGNORED, 0},
    {0xc001020b, true, MSR_VALUE, MSR_IGNORED, 0},
    {0xc0011029, true, MSR_VALUE, MSR_IGNORED, 2},
};

static const struct {
    u32 msr;
    bool amd;
} refused[] = {
    {0x2, true},         {0x17, true},       {0x3a, true},       {0x48, true},
    {0xc1, true},        {0xc9, false},      {0x174, true},      {0x174, false},
    {0x186, true},       {0x198, true},      {0x1d9, true},      {0x200, true},
    {0x2ff, true},       {0x480, true},      {0x6e0, true},      {0x802, false},
    {0x40000001, true},  {0xc0000081, true}, {0xc0000084, true}, {0xc0010008, true},
    {0xc0010010, false}, {0xc001001b, true}, {0xc0010117, true}, {0xc0011029, false},
    {0xffffffff, true},
};

static void msr_rows(void **state)
{
    (void)state;
    const struct cpu_policy amd = {.amd = true}, intel = {.intel = true};
    for (size_t n = 0; n < ARRAY_SIZE(observed); n++) {
        const struct msr_row *row = policy_msr(observed[n].amd ? &amd : &intel, observed[n].msr);
        assert_non_null(row);
        assert_int_equal(row->read, observed[n].read);
        assert_int_equal(row->write, observed[n].write);
        assert_true(row->value == observed[n].value);
    }
    for (size_t n = 0; n < ARRAY_SIZE(refused); n++)
        assert_null(policy_msr(refused[n].amd ? &amd : &intel, refused[n].msr));
}

/*
 * The binary search finds what a walk over all numbers finds: rows in order, MSR_STATE with a
 * handler.
 */
static void msr_order(void **state)
{
    (void)state;
    static const u32 ranges[][2] = {
        {0, 0x2000}, {0x40000000, 0x40000100}, {0xc0000000, 0xc0012000}};
    const struct cpu_policy vendors[] = {{.amd = true}, {.intel = true}, {.amd = false}};
    for (size_t v = 0; v < ARRAY_SIZE(vendors); v++) {
        const struct msr_row *before = NULL;
        for (size_t n = 0; n < ARRAY_SIZE(ranges); n++) {
            for (u32 msr = ranges[n][0]; msr < ranges[n][1]; msr++) {
                const struct msr_row *row = policy_msr(&vendors[v], msr);
                if (!row)
                    continue;
                assert_true(msr >= row->first && msr <= row->last);
                assert_true(row >= before);
                assert_int_equal(row->state != MSR_STATE_NONE,
                                 row->read == MSR_STATE || row->write == MSR_STATE);
                before = row;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epyc),      cmocka_unit_test(max),    cmocka_unit_test(skylake),
        cmocka_unit_test(xsave),     cmocka_unit_test(hidden), cmocka_unit_test(domain),
        cmocka_unit_test(host),      cmocka_unit_test(reduce), cmocka_unit_test(msr_rows),
        cmocka_unit_test(msr_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
