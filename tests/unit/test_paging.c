/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may be mapped of devices and firmware (arch/x86/mm/paging.c): no address that the processor
 * does not have, whoever names it. An entry with such an address is a fault of its own kind, at the
 * first access.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "hypervisor/arch/x86/mm/paging.c"

#define PHYSICAL_BITS 40
#define END           (1ull << PHYSICAL_BITS)

/* --- what paging.c stands on; nothing of it is reached */

struct cpu_features cpu_features = {.physical_bits = PHYSICAL_BITS};
struct memory_map machine_memory;
struct cpumask cpu_online_mask;
pte_t boot_l4[PTES_PER_TABLE];
u8 image_start[1], image_end[1], text_end[1], rodata_end[1], init_start[1], load_end[1];

void *page_alloc(void)
{
    return NULL;
}

paddr_t boot_memory_alloc(u64 bytes, u64 align, paddr_t limit)
{
    fail_msg("a page table is wanted");
    return 0;
}

void boot_memory_add(paddr_t start, paddr_t end)
{
}

mfn_t memory_map_ram_end(const struct memory_map *map)
{
    return MFN(0);
}

int frame_show_to(struct frame *f, struct domain *d)
{
    return 0;
}

void spin_wait_keeping_registers(void);
void spin_wait_keeping_registers(void)
{
    fail_msg("nobody else is there to hold a lock");
}

struct domain *domain_xen(void)
{
    return NULL;
}

void cpu_call(const struct cpumask *mask, void (*function)(void *data), void *data)
{
}

void cpu_wait(void)
{
}

void log_line(enum log_level level, const char *fmt, ...)
{
}

void panic(const char *fmt, ...)
{
    abort();
}

/* --- */

static void test_no_such_address(void **state)
{
    static const struct {
        paddr_t pa;
        size_t bytes;
    } impossible[] = {{END, 1},         {END - 1, 2},     {END - PAGE_SIZE, PAGE_SIZE + 1},
                      {1ull << 51, 16}, {~0ull - 15, 16}, {0, 0}};
    for (u32 i = 0; i < ARRAY_SIZE(impossible); i++) {
        assert_null(map_firmware(impossible[i].pa, impossible[i].bytes));
        assert_null(map_device(impossible[i].pa, impossible[i].bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_such_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
