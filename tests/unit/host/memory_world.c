/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine of host/memory_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "arch/cpu.h"
#include "arch/memory.h"
#include "core/guest_access.h"
#include "core/lock.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/print.h"
#include "tests/unit/host/memory_world.h"

struct memory_world memory_world;
struct cpumask cpu_online_mask, cpu_active_mask;

static struct frame *table;
static u8 *directmap;
static u32 clock_now, clock_flushed;
static u64 random_state;
static softirq_handler_t softirq_handlers[NR_SOFTIRQS];
static u32 softirqs;

/* --- frames */

bool memory_world_is_ram(u64 mfn)
{
    return (mfn >= WORLD_LOW_START && mfn < WORLD_LOW_END) ||
           (mfn >= WORLD_MID_START && mfn < WORLD_MID_END) ||
           (mfn >= WORLD_HIGH_START && mfn < WORLD_HIGH_END);
}

u32 memory_world_node(u64 mfn)
{
    return mfn >= WORLD_NODE1;
}

struct frame *frame_of_mfn(mfn_t mfn)
{
    return memory_world_is_ram(mfn.v) ? &table[mfn.v] : NULL;
}

mfn_t frame_mfn(const struct frame *f)
{
    return MFN((u64)(f - table));
}

bool mfn_is_ram(mfn_t mfn)
{
    return memory_world_is_ram(mfn.v);
}

void *mfn_to_virt(mfn_t mfn)
{
    return directmap + (mfn.v << PAGE_SHIFT);
}

mfn_t virt_to_mfn(const void *p)
{
    return MFN((u64)((const u8 *)p - directmap) >> PAGE_SHIFT);
}

void *frame_to_virt(const struct frame *f)
{
    return mfn_to_virt(frame_mfn(f));
}

struct frame *virt_to_frame(const void *p)
{
    return &table[virt_to_mfn(p).v];
}

static u32 node_of_paddr(paddr_t pa)
{
    return memory_world_node(pa >> PAGE_SHIFT);
}

static void *reserve(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

static void ram_add(u64 start, u64 end)
{
    memset(mfn_to_virt(MFN(start)), WORLD_GARBAGE, (end - start) << PAGE_SHIFT);
    heap_add(MFN(start), MFN(end));
}

void memory_world_reset(void)
{
    memory_world = (struct memory_world){.panics = true};
    random_state = 42;
}

void memory_world_init(void)
{
    host_percpu_init(1);
    cpumask_set(&cpu_online_mask, 0);
    clock_now = clock_flushed = 1;
    table = reserve(WORLD_HIGH_END * sizeof(struct frame));
    directmap = reserve(WORLD_HIGH_END << PAGE_SHIFT);
    heap_node_of_paddr = node_of_paddr;
    ram_add(WORLD_LOW_START, WORLD_LOW_END);
    ram_add(WORLD_MID_START, WORLD_MID_END);
    ram_add(WORLD_HIGH_START, WORLD_HIGH_END);
    memory_world_reset();
}

void memory_world_clock_set(u32 now, u32 flushed)
{
    clock_now = now;
    clock_flushed = flushed;
}

u32 memory_world_random(u32 limit)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(random_state >> 33) % limit;
}

/* --- the processor */

u32 tlb_clock(void)
{
    return clock_now;
}

static void flush(void)
{
    memory_world.flushes++;
    if (memory_world.on_flush)
        memory_world.on_flush();
    clock_flushed = ++clock_now;
}

void tlb_flush_mask(const struct cpumask *mask)
{
    if (!cpumask_empty(mask))
        flush();
}

void memory_write_back(const void *p, size_t bytes)
{
    memory_world.write_backs++;
}

void tlb_flush_since(const struct cpumask *mask, u32 stamp)
{
    if (!cpumask_empty(mask) && clock_flushed <= stamp)
        flush();
}

void cpu_interrupt_window(void)
{
    memory_world.windows++;
}

void cpu_wait(void)
{
    panic("nobody else would release this lock");
}

bool preempt_pending(void)
{
    return memory_world.preempt_after && !--memory_world.preempt_after;
}

void softirq_register(enum softirq nr, softirq_handler_t handler)
{
    softirq_handlers[nr] = handler;
}

void softirq_raise_on(u32 cpu, enum softirq nr)
{
    softirqs |= (u32)BIT(nr);
}

void softirq_raise(enum softirq nr)
{
    softirq_raise_on(0, nr);
}

void memory_world_softirqs(void)
{
    while (softirqs) {
        u32 nr = (u32)__builtin_ctz(softirqs);
        softirqs &= softirqs - 1;
        softirq_handlers[nr]();
    }
}

/* --- guest memory: the test's own; the lowest page is not mapped */

bool guest_range_ok(vaddr_t va, u64 bytes)
{
    return va <= BIT(47) && bytes <= BIT(47) - va;
}

static bool copy_fails(vaddr_t va, size_t bytes)
{
    memory_world.copies++;
    if (memory_world.copy_fail_after && !--memory_world.copy_fail_after)
        return true;
    return va < PAGE_SIZE || !guest_range_ok(va, bytes);
}

int guest_copy_in(void *to, vaddr_t from, size_t bytes)
{
    if (copy_fails(from, bytes))
        return -EFAULT;
    memcpy(to, (const void *)from, bytes);
    if (memory_world.copied_changes)
        memset((void *)from, WORLD_GARBAGE, bytes);
    return 0;
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    if (copy_fails(to, bytes))
        return -EFAULT;
    memcpy((void *)to, from, bytes);
    return 0;
}

int guest_clear(vaddr_t to, size_t bytes)
{
    if (copy_fails(to, bytes))
        return -EFAULT;
    memset((void *)to, 0, bytes);
    return 0;
}

u8 *memory_world_page(u64 mfn)
{
    return mfn_to_virt(MFN(mfn));
}

bool memory_world_page_is(u64 mfn, u8 byte)
{
    const u8 *p = memory_world_page(mfn);
    for (u32 i = 0; i < PAGE_SIZE; i++)
        if (p[i] != byte)
            return false;
    return true;
}

/* --- text */

void log_line(enum log_level level, const char *fmt, ...)
{
    memory_world.log_lines++;
}

void log_guest(enum log_level level, const char *fmt, ...)
{
    memory_world.log_lines++;
}

void log_always(const char *fmt, ...)
{
}

int text_vformat(char *buf, size_t size, const char *fmt, va_list args)
{
    return vsnprintf(buf, size, fmt, args);
}

noreturn void panic(const char *fmt, ...)
{
    static char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (memory_world.panics)
        mock_assert(0, text, "panic", 0);
    fprintf(stderr, "%s\n", text);
    abort();
}

/* No domain's writes are logged here. */
void arch_frame_written(struct frame *f)
{
}
