/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine of test_efi.c (efi_world.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/lock.h"
#include "errno.h"
#include "lib/print.h"
#include "machine/frame.h"
#include "x86/fpu.h"
#include "x86/instructions.h"
#include "x86/page.h"
#include "x86/tlb.h"
#include "tests/unit/host/efi_world.h"

_Thread_local u32 host_cpu;
u8 memory[MEMORY_BYTES] aligned(4096);
u32 mappings, warnings, fpu_depth, nr_pages, nr_objects, allocations_left;
u64 cr3;
static void *pages[PAGES_MAX];

void pages_forget(void)
{
    while (nr_pages)
        free(pages[--nr_pages]);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    (void)fmt;
    warnings += level <= LOG_WARNING;
}

void cpu_wait(void)
{
}

void *map_firmware(paddr_t pa, size_t bytes)
{
    if (pa >= MEMORY_BYTES || bytes > MEMORY_BYTES - pa)
        return NULL;
    mappings++;
    return memory + pa;
}

void map_remove(void *p, size_t bytes)
{
    (void)p;
    (void)bytes;
    mappings--;
}

void *paddr_to_virt(paddr_t pa)
{
    assert_true(pa < MEMORY_BYTES);
    return memory + pa;
}

/* Pages of tables lie where the host has them. */
mfn_t virt_to_mfn(const void *p)
{
    return (mfn_t){(u64)p >> PAGE_SHIFT};
}

void *mfn_to_virt(mfn_t mfn)
{
    return (void *)(mfn.v << PAGE_SHIFT);
}

paddr_t virt_to_paddr(const void *p)
{
    return (paddr_t)p;
}

static bool allocation_fails(void)
{
    return !allocations_left || !allocations_left--;
}

void *page_alloc(void)
{
    if (allocation_fails())
        return NULL;
    assert_true(nr_pages < PAGES_MAX);
    void *p = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    memset(p, 0, PAGE_SIZE);
    pages[nr_pages] = p;
    return pages[nr_pages++];
}

void page_free(void *p)
{
    assert_true(nr_pages && pages[nr_pages - 1] == p);
    nr_pages--;
    free(p);
}

void *object_alloc(size_t bytes)
{
    if (allocation_fails())
        return NULL;
    nr_objects++;
    return calloc(1, bytes);
}

void object_free(void *p)
{
    nr_objects -= p != NULL;
    free(p);
}

u64 read_cr3(void)
{
    return cr3;
}

void tlb_load_cr3(u64 v)
{
    cr3 = v;
}

void fpu_save(struct vcpu *v)
{
    (void)v;
    fpu_depth++;
}

void fpu_restore(struct vcpu *v)
{
    (void)v;
    fpu_depth--;
}

int guest_copy_in(void *to, vaddr_t from, size_t bytes)
{
    if (from == BAD)
        return -EFAULT;
    memcpy(to, (const void *)from, bytes);
    return 0;
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    if (to == BAD)
        return -EFAULT;
    memcpy((void *)to, from, bytes);
    return 0;
}
