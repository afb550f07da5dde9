/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM, the frame table, the machine-to-physical table; and guest memory, reached as a processor
 * does it: by a walk through the page tables in CR3.
 *
 * Frame 0 is not used, since an owner of 0 is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "core/guest_access.h"
#include "core/heap.h"
#include "errno.h"
#include "host/machine.h"
#include "lib/string.h"
#include "x86/memory_map.h"
#include "x86/page.h"
#include "x86/pv_mm.h"
#include "x86/regs.h"

struct frame host_frames[HOST_FRAMES];
static u64 m2p[HOST_FRAMES];
u64 m2p_limit = HOST_FRAMES;
struct memory_map machine_memory, firmware_memory;
static u8 windows[HOST_CPUS][HOST_WINDOW_BYTES];

/* --- frames */

static void out_of_ram(const char *what)
{
    fprintf(stderr, "host: %s: no such place in RAM\n", what);
    abort();
}

struct frame *frame_of_mfn(mfn_t mfn)
{
    return mfn.v && mfn.v < HOST_FRAMES ? &host_frames[mfn.v] : NULL;
}

mfn_t frame_mfn(const struct frame *f)
{
    return MFN((u64)(f - host_frames));
}

bool mfn_is_ram(mfn_t mfn)
{
    return frame_of_mfn(mfn) != NULL;
}

void *mfn_to_virt(mfn_t mfn)
{
    if (mfn.v >= HOST_FRAMES)
        out_of_ram("mfn_to_virt");
    return host_ram + mfn.v * PAGE_SIZE;
}

mfn_t virt_to_mfn(const void *p)
{
    u64 offset = (u64)p - (u64)host_ram;
    if (offset >= HOST_FRAMES * PAGE_SIZE)
        out_of_ram("virt_to_mfn");
    return MFN(offset >> PAGE_SHIFT);
}

void *frame_to_virt(const struct frame *f)
{
    return mfn_to_virt(frame_mfn(f));
}

struct frame *virt_to_frame(const void *p)
{
    return &host_frames[virt_to_mfn(p).v];
}

void *paddr_to_virt(paddr_t pa)
{
    return (u8 *)mfn_to_virt(mfn_of_paddr(pa)) + pa % PAGE_SIZE;
}

paddr_t virt_to_paddr(const void *p)
{
    return paddr_of_mfn(virt_to_mfn(p)) + (u64)p % PAGE_SIZE;
}

u64 *m2p_entry(mfn_t mfn)
{
    return &m2p[mfn.v];
}

void host_memory_init(void)
{
    void *ram = mmap(host_ram, HOST_FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (ram != host_ram)
        out_of_ram("mmap");
    memset(m2p, 0xff, sizeof(m2p));
    machine_memory.count = 1;
    machine_memory.ranges[0] = (struct memory_range){
        .start = PAGE_SIZE, .end = HOST_FRAMES * PAGE_SIZE, .type = MEMORY_RAM};
    firmware_memory = machine_memory;
    heap_add(MFN(1), MFN(HOST_FRAMES));
}

/* --- guest memory */

u8 *host_window(void)
{
    return windows[cpu_id()];
}

/* As a processor in ring 3: every entry on the way must be present and a user's. */
static void *translate(vaddr_t va, bool write)
{
    if (va >= HOST_WINDOW_VA && va < HOST_WINDOW_VA + HOST_WINDOW_BYTES)
        return host_window() + (va - HOST_WINDOW_VA);
    mfn_t table = mfn_of_paddr(host_processors[cpu_id()].cr3);
    for (u32 level = 4; level; level--) {
        pte_t *e = (pte_t *)mfn_to_virt(table) + (va >> (PAGE_SHIFT + 9 * (level - 1)) & 511);
        if ((*e & (PTE_PRESENT | PTE_USER)) != (PTE_PRESENT | PTE_USER) ||
            (write && !(*e & PTE_WRITE)))
            return NULL;
        *e |= PTE_ACCESSED | (write && level == 1 ? PTE_DIRTY : 0);
        table = pte_mfn(*e);
        if (!frame_of_mfn(table))
            return NULL; /* device memory: nothing is there */
    }
    return (u8 *)mfn_to_virt(table) + va % PAGE_SIZE;
}

void *host_translate(vaddr_t va, bool write)
{
    void *place;
    while (!(place = translate(va, write)))
        if (!pv_shadow_fault(current, va, write ? PF_WRITE : 0))
            return NULL;
    return place;
}

bool guest_range_ok(vaddr_t va, u64 bytes)
{
    vaddr_t end;
    if (__builtin_add_overflow(va, bytes, &end))
        return false;
    return end <= 0x0000800000000000ull || va >= LAYOUT_END;
}

/* Page by page. in: from the guest to data, or else back; data NULL: zeros. */
static int guest_copy(vaddr_t va, u8 *data, size_t bytes, bool in)
{
    if (!guest_range_ok(va, bytes))
        return -EFAULT;
    host_switch_point(HOST_COPYING);
    while (bytes) {
        size_t piece = MIN(bytes, (size_t)(PAGE_SIZE - va % PAGE_SIZE));
        u8 *place = host_translate(va, !in);
        if (!place)
            return -EFAULT;
        if (in)
            memcpy(data, place, piece);
        else if (data)
            memcpy(place, data, piece);
        else
            memset(place, 0, piece);
        va += piece;
        bytes -= piece;
        data = data ? data + piece : NULL;
    }
    return 0;
}

int guest_copy_in(void *to, vaddr_t from, size_t bytes)
{
    return guest_copy(from, to, bytes, true);
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    return guest_copy(to, (u8 *)from, bytes, false);
}

int guest_clear(vaddr_t to, size_t bytes)
{
    return guest_copy(to, NULL, bytes, false);
}
