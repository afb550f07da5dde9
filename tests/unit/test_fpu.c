/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floating-point state on a processor that, like AMD's older ones, takes the place of the last x87
 * instruction from memory only if an exception is pending: what the vCPU before left there is never
 * what the next one finds, whatever a guest or a tool wrote into its area.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/guest_access.h"
#include "core/heap.h"
#include "errno.h"
#include "x86/cpu.h"
#include "x86/fpu.h"

#define FSW_ES         0x80
#define FSW_ZE         0x04 /* division by zero */
#define FCW_ZM         0x04 /* and its mask */
#define FCW_ALL_MASKED 0x37f

#define OTHERS_PLACE     0x1111u
#define OWN_PLACE        0x2222u
#define HYPERVISOR_PLACE 0x3333u

struct legacy_area {
    u16 fcw, fsw, ftw, fop;
    u64 fip, fdp;
};

struct cpu_features cpu_features;
static u64 fip; /* of the processor */
static struct vcpu vcpu;

static void x87_load(const struct legacy_area *a)
{
    /* ES is not believed but computed (AMD APM vol. 2, 11.4.4). */
    if (a->fsw & ~a->fcw & 0x3f)
        fip = a->fip;
}

void fxrstor64(const void *area)
{
    x87_load(area);
}

void xrstor64(const void *area)
{
    if (((const u64 *)area)[64] & 1)
        x87_load(area);
}

void x87_execute_one(void)
{
    fip = HYPERVISOR_PLACE;
}

void fxsave64(void *area)
{
}

void xsave64(void *area)
{
}

void xsaveopt64(void *area)
{
}

void write_xcr0(u64 v)
{
}

void clts(void)
{
}

u64 read_cr0(void)
{
    return 0;
}

void write_cr0(u64 v)
{
}

void *pages_alloc(u32 order)
{
    return calloc(1, PAGE_SIZE << order);
}

void pages_free(void *p, u32 order)
{
    free(p);
}

int(guest_copy_in)(void *to, vaddr_t from, size_t bytes)
{
    memcpy(to, (const void *)from, bytes);
    return 0;
}

static struct legacy_area *area(void)
{
    return (struct legacy_area *)vcpu.arch.fpu;
}

static int setup(void **state)
{
    cpu_features = (struct cpu_features){.amd = true, .xsave_size = PAGE_SIZE};
    assert_int_equal(fpu_create(&vcpu), 0);
    fip = OTHERS_PLACE;
    area()->fip = OWN_PLACE;
    return 0;
}

static int teardown(void **state)
{
    fpu_destroy(&vcpu);
    return 0;
}

static void the_place_is_ones_own_or_nobodys(void **state)
{
    fpu_restore(&vcpu);
    assert_int_equal(fip, HYPERVISOR_PLACE);

    /* Pending, and told so: the processor loads it. */
    fip = OTHERS_PLACE;
    area()->fcw = FCW_ALL_MASKED & ~FCW_ZM;
    area()->fsw = FSW_ZE | FSW_ES;
    fpu_restore(&vcpu);
    assert_int_equal(fip, OWN_PLACE);
}

static void a_summary_that_lies_is_not_believed(void **state)
{
    area()->fsw = FSW_ES;
    fpu_restore(&vcpu);
    assert_int_equal(fip, HYPERVISOR_PLACE);

    /* There is an exception, and it is masked. */
    fip = OTHERS_PLACE;
    area()->fsw = FSW_ES | FSW_ZE;
    fpu_restore(&vcpu);
    assert_int_equal(fip, HYPERVISOR_PLACE);

    /* There is one, and the summary does not tell: all the same to the processor. */
    area()->fcw = FCW_ALL_MASKED & ~FCW_ZM;
    area()->fsw = FSW_ZE;
    fpu_restore(&vcpu);
    assert_int_equal(fip, OWN_PLACE);
}

static void what_is_not_loaded_does_not_count(void **state)
{
    cpu_features.xsave = true;
    cpu_features.xcr0 = XCR0_X87_SSE;
    fpu_reset(&vcpu);
    area()->fcw = FCW_ALL_MASKED & ~FCW_ZM;
    area()->fsw = FSW_ES | FSW_ZE;
    area()->fip = OWN_PLACE;
    fpu_restore(&vcpu);
    assert_int_equal(fip, OWN_PLACE);

    /* The component is in its initial state, and what stands in the area is of old. */
    fip = OTHERS_PLACE;
    ((u64 *)vcpu.arch.fpu)[64] = 0;
    fpu_restore(&vcpu);
    assert_int_equal(fip, HYPERVISOR_PLACE);
}

/* A tool is told of what is not in the area as it is, and what it says is loaded. */
static void tools_see_what_the_guest_has(void **state)
{
    u8 legacy[FPU_LEGACY_BYTES];
    cpu_features.xsave = true;
    fpu_reset(&vcpu);
    memset(vcpu.arch.fpu, 0xa5, FPU_LEGACY_BYTES);
    area()->fcw = FCW_ALL_MASKED & ~FCW_ZM;
    fpu_legacy_get(&vcpu, legacy);
    assert_memory_equal(legacy, vcpu.arch.fpu, FPU_LEGACY_BYTES);

    u64 *components = (u64 *)vcpu.arch.fpu + 64;
    *components = 4; /* AVX only */
    fpu_legacy_get(&vcpu, legacy);
    for (u32 i = 0; i < 416; i++) {
        if (i < 24 || i >= 32)
            assert_int_equal(legacy[i], i == 0   ? FCW_ALL_MASKED & 0xff
                                        : i == 1 ? FCW_ALL_MASKED >> 8
                                                 : 0);
        else
            assert_int_equal(legacy[i], 0xa5); /* MXCSR is always saved */
    }
    fpu_legacy_set(&vcpu, legacy);
    assert_int_equal(*components, 7);
    assert_int_equal(((u32 *)vcpu.arch.fpu)[6] >> 16, 0);
    fpu_legacy_get(&vcpu, legacy);
    assert_memory_equal(legacy, vcpu.arch.fpu, FPU_LEGACY_BYTES);
}

static void newer_processors_load_it_always(void **state)
{
    cpu_features.fpu_error_pointers = true;
    fpu_restore(&vcpu);
    assert_int_not_equal(fip, HYPERVISOR_PLACE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_place_is_ones_own_or_nobodys),  TEST(a_summary_that_lies_is_not_believed),
        TEST(what_is_not_loaded_does_not_count), TEST(newer_processors_load_it_always),
        TEST(tools_see_what_the_guest_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
