/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What domain 0's builder (arch/x86/dom0/build.c) decides before it fills memory: whether the
 * kernel can be domain 0, and where it, its RAM disk and tables go, for kernels and RAM disks that
 * no machine has room for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* The name is dom0/build.c's. */
#undef fail
#include "types.h"
/* A section for each function, so that the linker can leave out what is not called. */
#undef init_text
#define init_text
#include "hypervisor/arch/x86/dom0/build.c"

#define VIRT_BASE 0xffffffff80000000ull
#define KERNEL_MB 32u

static jmp_buf refused;

void start_refuse(const char *fmt, ...)
{
    longjmp(refused, 1);
}

static struct dom0_builder b;
static struct boot_module initrd;

/* An old kernel wants both in its base region; a new one says where the list goes. */
static void prepare(bool old, u64 memory_mb, u64 initrd_mb)
{
    b = (struct dom0_builder){.nr_pages = memory_mb << 8};
    b.kernel.virt_base = VIRT_BASE;
    b.kernel.virt_kstart = VIRT_BASE + MIB(16);
    b.kernel.virt_kend = VIRT_BASE + MIB(16) + MIB(KERNEL_MB);
    if (!old) {
        b.kernel.mod_start_pfn = (struct kernel_number){.present = true, .value = 1};
        b.kernel.init_p2m = (struct kernel_number){.present = true, .value = 0x8000000000};
    }
    initrd = (struct boot_module){.start = MIB(64), .end = MIB(64) + MIB(initrd_mb)};
    b.initrd_module = initrd_mb ? &initrd : NULL;
}

static bool fits(void)
{
    if (setjmp(refused))
        return false;
    layout(&b);
    return true;
}

static void check_base(void)
{
    assert_true(b.kernel.virt_kend <= b.virt_start_info && b.virt_start_info < b.virt_tables);
    assert_int_equal(b.virt_stack, b.virt_tables + (b.nr_tables << PAGE_SHIFT));
    assert_true(b.virt_stack + PAGE_SIZE + BASE_SLACK <= b.virt_end);
    assert_true(b.nr_tables >= 1 + tables_for(VIRT_BASE, b.virt_end));
    assert_true((b.virt_end - VIRT_BASE) >> PAGE_SHIFT <= b.nr_pages);
}

static void test_fits(void **state)
{
    static const u64 disks_mb[] = {0, 1, 100, 900};
    for (u32 old = 0; old < 2; old++)
        for (u32 i = 0; i < ARRAY_SIZE(disks_mb); i++) {
            prepare(old, 1024, disks_mb[i]);
            assert_true(fits());
            check_base();
            assert_int_equal(b.initrd_in_base, old);
            assert_true(b.initrd_pfn + b.initrd_pages <= b.nr_pages);
            assert_true(b.p2m_pfn + b.p2m_pages + b.p2m_tables <= b.nr_pages);
        }
}

/* More than there is memory. */
static void test_memory_too_small(void **state)
{
    for (u32 old = 0; old < 2; old++) {
        prepare(old, 1024, 1000);
        assert_false(fits());
        prepare(old, 1024, 3000);
        assert_false(fits());
        prepare(old, 16, 0);
        assert_false(fits());
        prepare(old, 0, 0);
        assert_false(fits());
    }
}

/* There is memory, but too few addresses between the kernel and their end. */
static void test_addresses_too_few(void **state)
{
    static const u64 disks_mb[] = {1998, 2000, 2047, 2048, 3000};
    for (u32 i = 0; i < ARRAY_SIZE(disks_mb); i++) {
        prepare(true, 16384, disks_mb[i]);
        assert_false(fits());
        prepare(false, 16384, disks_mb[i]);
        assert_true(fits());
        check_base();
    }
    prepare(true, 1900 << 10, 0); /* the list of 1.9 TiB takes 3.7 GiB */
    assert_false(fits());
    prepare(false, 1024, 0);
    b.kernel.virt_kend = ~0ull - 10 * PAGE_SIZE;
    assert_false(fits());
}

/* What is left for domain 0 leaves room for the list of it, on machines of all sizes. */
static void test_frame_list(void **state)
{
    const u64 most = 1ull << 30; /* 4 TiB: the longest list that the heap can give */
    for (u64 bytes = MIB(64); bytes <= MIB(1) << 23; bytes += bytes / 7) {
        u64 free = bytes >> PAGE_SHIFT, frames = frames_available(free);
        u32 order = order_for(frames * sizeof(u32));
        assert_true(order <= HEAP_MAX_ORDER);
        assert_true(frames + (1ull << order) <= free);
        assert_true(frames >= MIN(most, free - free / 256));
    }
    assert_int_equal(frames_available(0), 0);
    assert_int_equal(frames_available(1), 0);
}

static bool is_accepted(u64 supported, u64 required, bool listed)
{
    b = (struct dom0_builder){.kernel.features = {supported, required, listed}};
    if (setjmp(refused))
        return false;
    kernel_check_features(&b);
    return true;
}

/* A kernel that says what it is, and not that it can be domain 0, is none. */
static void test_features(void **state)
{
    const u64 dom0 = BIT(XENFEAT_dom0), other = BIT(XENFEAT_pae_pgdir_above_4gb);
    assert_true(is_accepted(0, 0, false));
    assert_true(is_accepted(dom0, 0, true));
    assert_true(is_accepted(dom0 | other, other, true));
    assert_false(is_accepted(other, 0, true));
    assert_false(is_accepted(0, 0, true));
    assert_false(is_accepted(dom0, BIT(XENFEAT_auto_translated_physmap), true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_frame_list),
        cmocka_unit_test(test_memory_too_small),
        cmocka_unit_test(test_addresses_too_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
