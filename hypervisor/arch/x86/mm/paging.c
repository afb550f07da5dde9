/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's own address space: directmap, frame table, machine-to-physical table, the image
 * with the permissions of its parts, and an area for device mappings. Built once by paging_init()
 * in hypervisor_l4; every other top-level table copies its slots.
 */
#include "arch/cpu.h"
#include "core/domain.h"
#include "core/frame.h"
#include "core/heap.h"
#include "core/lock.h"
#include "errno.h"
#include "lib/bits.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/boot.h"
#include "x86/cpu.h"
#include "x86/memory_map.h"
#include "x86/page.h"

#define LARGE_PAGE  MIB(2)
#define HUGE_PAGE   GIB(1)
#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)

/* Frames whose M2P entries fill one large page. */
#define FRAMES_PER_M2P_CHUNK (LARGE_PAGE / sizeof(u64))

extern pte_t boot_l4[PTES_PER_TABLE];

pte_t *hypervisor_l4;
paddr_t image_physical = BOOT_LOAD_ADDRESS;
u64 m2p_limit;

static bool heap_is_ready;
u64 frame_limit;

/* Which chunks of the frame table have RAM. */
static init_data u64 chunks_with_ram[FRAME_CHUNKS_MAX / 64];

/* Low memory identity-mapped and executable, for application processors: one large page. */
static pte_t identity_l3[PTES_PER_TABLE] aligned(4096);
static pte_t identity_l2[PTES_PER_TABLE] aligned(4096);

/* Device mappings: pages of the area in use. */
#define MAPPING_PAGES 65536u
static u64 mapping_used[MAPPING_PAGES / 64];
static struct spinlock mapping_lock = SPINLOCK_INIT(LOCK_LEAF);

#define FRAMES_MAX (FRAME_CHUNKS_MAX * FRAMES_PER_TABLE_CHUNK)
STATIC_ASSERT(LAYOUT_DIRECTMAP_END - LAYOUT_DIRECTMAP >= FRAMES_MAX << PAGE_SHIFT);
STATIC_ASSERT(LAYOUT_DIRECTMAP - LAYOUT_FRAMES >= FRAMES_MAX * sizeof(struct frame));
STATIC_ASSERT(LAYOUT_RO_M2P_END - LAYOUT_RO_M2P >= FRAMES_MAX * sizeof(u64) &&
              LAYOUT_MAPPINGS - LAYOUT_M2P >= FRAMES_MAX * sizeof(u64));

static struct frame *frame_at(u64 mfn)
{
    return (struct frame *)LAYOUT_FRAMES + mfn;
}

/* --- tables */

void *table_alloc(void)
{
    if (heap_is_ready)
        return page_alloc();
    void *p = paddr_to_virt(boot_memory_alloc(PAGE_SIZE, PAGE_SIZE, GIB(4)));
    memset(p, 0, PAGE_SIZE);
    return p;
}

/* The entry of that level for va, with tables above it made as needed; NULL if out of memory. */
static pte_t *entry_for(vaddr_t va, u32 level, u64 table_flags)
{
    pte_t *table = hypervisor_l4;
    for (u32 l = 4; l > level; l--) {
        pte_t *e = &table[pte_index(va, l)];
        if (!(*e & PTE_PRESENT)) {
            void *next = table_alloc();
            if (!next)
                return NULL;
            *e = pte_make(virt_to_mfn(next), table_flags);
        }
        BUG_ON(*e & PTE_PSE && l < 4);
        table = mfn_to_virt(pte_mfn(*e));
    }
    return &table[pte_index(va, level)];
}

int paging_map(vaddr_t va, mfn_t mfn, u64 flags)
{
    pte_t *e = entry_for(va, 1, TABLE_FLAGS);
    if (!e)
        return -ENOMEM;
    *e = pte_make(mfn, flags);
    return 0;
}

mfn_t paging_lookup(vaddr_t va)
{
    pte_t *table = hypervisor_l4;
    for (u32 l = 4; l; l--) {
        pte_t e = table[pte_index(va, l)];
        if (!(e & PTE_PRESENT))
            return INVALID_MFN;
        if (l == 1 || (l < 4 && e & PTE_PSE)) {
            u64 inside = va & (BIT(PAGE_SHIFT + 9 * (l - 1)) - 1);
            return mfn_of_paddr((e & PTE_ADDR & ~(BIT(PAGE_SHIFT + 9 * (l - 1)) - 1)) + inside);
        }
        table = mfn_to_virt(pte_mfn(e));
    }
    return INVALID_MFN;
}

static void flush_mapping(void *va)
{
    invlpg((vaddr_t)va);
}

void paging_unmap(vaddr_t va)
{
    pte_t *e = entry_for(va, 1, TABLE_FLAGS);
    if (!e || !*e)
        return;
    *e = 0;
    invlpg(va);
    if (cpumask_count(&cpu_online_mask) > 1)
        cpu_call(&cpu_online_mask, flush_mapping, (void *)va);
}

/* Map [va, va + bytes) to pa with the largest pages that fit; all aligned to large pages. */
static init_text void map_large(vaddr_t va, paddr_t pa, u64 bytes, u64 flags, u64 table_flags)
{
    while (bytes) {
        bool huge = cpu_features.page1gb && !((va | pa) & (HUGE_PAGE - 1)) && bytes >= HUGE_PAGE;
        pte_t *e = entry_for(va, huge ? 3 : 2, table_flags);
        BUG_ON(!e);
        u64 step = huge ? HUGE_PAGE : LARGE_PAGE;
        *e = pte_make(mfn_of_paddr(pa), flags | PTE_PSE);
        va += step;
        pa += step;
        bytes -= step;
    }
}

static init_text void map_image(void)
{
    for (u8 *p = image_start; p < image_end; p += PAGE_SIZE) {
        u64 flags = p < text_end     ? PAGE_HYPERVISOR_RX
                    : p < rodata_end ? PAGE_HYPERVISOR_RO
                                     : PAGE_HYPERVISOR;
        if (p >= init_start && p < load_end)
            flags &= ~PTE_NX; /* .init.text; unmapped when domain 0 starts */
        BUG_ON(paging_map((vaddr_t)p, mfn_of_paddr(image_paddr(p)), flags));
    }
}

static init_text void map_directmap(void)
{
    u64 done = 0;
    for (u32 i = 0; i < machine_memory.count; i++) {
        const struct memory_range *r = &machine_memory.ranges[i];
        if (r->type != MEMORY_RAM)
            continue;
        u64 start = MAX(ROUND_DOWN(r->start, LARGE_PAGE), done);
        u64 end = ROUND_UP(r->end, LARGE_PAGE);
        if (start >= end)
            continue;
        map_large(LAYOUT_DIRECTMAP + start, start, end - start, PAGE_HYPERVISOR, TABLE_FLAGS);
        done = end;
    }
}

/* --- frame table and machine-to-physical table */

static init_text void frame_table_add_chunk(u64 chunk)
{
    paddr_t pa = boot_memory_alloc(LARGE_PAGE, LARGE_PAGE, ~0ull);
    map_large(LAYOUT_FRAMES + chunk * LARGE_PAGE, pa, LARGE_PAGE, PAGE_HYPERVISOR, TABLE_FLAGS);
    struct frame *f = frame_at(chunk * FRAMES_PER_TABLE_CHUNK);
    memset(f, 0, LARGE_PAGE);
    bit_set(chunks_with_ram, chunk);
}

/*
 * Nothing of the chunk is RAM: the table has one page that says so of its frames, which can be read
 * in place of all such. So whoever has a frame's number need not ask whether it has an entry.
 */
static init_text void frame_table_add_hole(u64 chunk)
{
    static init_data pte_t *pages;
    if (!pages) {
        struct frame *holes = table_alloc();
        for (u32 i = 0; i < PAGE_SIZE / sizeof(*holes); i++)
            holes[i].count = FRAME_NOT_RAM;
        pages = table_alloc();
        for (u32 i = 0; i < PTES_PER_TABLE; i++)
            pages[i] = pte_make(virt_to_mfn(holes), PAGE_HYPERVISOR_RO);
    }
    pte_t *e = entry_for(LAYOUT_FRAMES + chunk * LARGE_PAGE, 2, TABLE_FLAGS);
    BUG_ON(!e);
    *e = pte_make(virt_to_mfn(pages), TABLE_FLAGS);
}

static init_text void frame_table_mark_holes(u64 first, u64 end)
{
    for (u64 mfn = first; mfn < end; mfn++)
        frame_at(mfn)->count = FRAME_NOT_RAM;
}

static init_text void frame_table_init(void)
{
    u64 chunk_end = 0, covered = 0;
    for (u32 i = 0; i < machine_memory.count; i++) {
        const struct memory_range *r = &machine_memory.ranges[i];
        if (r->type != MEMORY_RAM)
            continue;
        u64 first = r->start >> PAGE_SHIFT, end = r->end >> PAGE_SHIFT;
        u64 chunk = first / FRAMES_PER_TABLE_CHUNK;
        if (chunk >= chunk_end) {
            frame_table_mark_holes(covered, chunk_end * FRAMES_PER_TABLE_CHUNK);
            while (chunk_end < chunk)
                frame_table_add_hole(chunk_end++);
            covered = chunk * FRAMES_PER_TABLE_CHUNK;
        }
        while (chunk_end < DIV_ROUND_UP(end, FRAMES_PER_TABLE_CHUNK))
            frame_table_add_chunk(chunk_end++);
        frame_table_mark_holes(covered, first);
        covered = end;
    }
    frame_table_mark_holes(covered, chunk_end * FRAMES_PER_TABLE_CHUNK);
    frame_table_mark_holes(0, LOW_MEMORY_END >> PAGE_SHIFT);
    frame_limit = covered;
}

/* True if any of the frame table's chunks that the M2P chunk covers is there, that is, any RAM. */
static init_text bool m2p_chunk_needed(u64 chunk)
{
    u64 per = FRAMES_PER_M2P_CHUNK / FRAMES_PER_TABLE_CHUNK;
    for (u64 i = 0; i < per && chunk * per + i < FRAME_CHUNKS_MAX; i++)
        if (bit_test(chunks_with_ram, chunk * per + i))
            return true;
    return false;
}

static init_text void m2p_init(void)
{
    u64 chunks = DIV_ROUND_UP(frame_limit, FRAMES_PER_M2P_CHUNK);
    for (u64 c = 0; c < chunks; c++) {
        if (!m2p_chunk_needed(c))
            continue;
        paddr_t pa = boot_memory_alloc(LARGE_PAGE, LARGE_PAGE, ~0ull);
        map_large(LAYOUT_M2P + c * LARGE_PAGE, pa, LARGE_PAGE, PAGE_HYPERVISOR, TABLE_FLAGS);
        map_large(LAYOUT_RO_M2P + c * LARGE_PAGE, pa, LARGE_PAGE, PAGE_HYPERVISOR_RO | PTE_USER,
                  TABLE_FLAGS | PTE_USER);
        memset((void *)(LAYOUT_M2P + c * LARGE_PAGE), 0xff, LARGE_PAGE);
    }
    m2p_limit = frame_limit;
}

init_text void paging_share_m2p(void)
{
    for (u64 c = 0; c < DIV_ROUND_UP(frame_limit, FRAMES_PER_M2P_CHUNK); c++) {
        mfn_t mfn = paging_lookup(LAYOUT_M2P + c * LARGE_PAGE);
        for (u32 i = 0; !mfn_is_invalid(mfn) && i < LARGE_PAGE / PAGE_SIZE; i++)
            BUG_ON(frame_show_to(frame_of_mfn(MFN(mfn.v + i)), domain_xen()));
    }
}

/*
 * Copy the image, this function's stack included, to image_physical, and go on there: with the new
 * tables its addresses are the same. From the first byte copied to the switch nothing may be
 * written but registers.
 */
static init_text void image_move(void)
{
    const void *from = image_start;
    void *to = paddr_to_virt(image_physical);
    u64 words = (u64)(image_end - image_start) / sizeof(u64);
    __asm__ volatile("rep movsq\n\t"
                     "mov %3, %%cr3"
                     : "+S"(from), "+D"(to), "+c"(words)
                     : "r"(virt_to_paddr(hypervisor_l4))
                     : "memory");
}

init_text void paging_init(void)
{
    paddr_t loaded = image_physical;
    u64 image_bytes = (u64)(image_end - image_start);
    /* Low memory, where loaders put us, is scarce: live at the top of what 32 bits address. */
    image_physical = boot_memory_alloc(image_bytes, LARGE_PAGE, GIB(4));
    hypervisor_l4 = table_alloc();
    map_image();
    map_directmap();
    /* Slots that every domain's tables share must exist before the first copy is made. */
    BUG_ON(!entry_for(LAYOUT_MAPPINGS, 1, TABLE_FLAGS) ||
           !entry_for(LAYOUT_RO_M2P, 3, TABLE_FLAGS | PTE_USER));
    for (u64 va = LAYOUT_DIRECTMAP; va < LAYOUT_DIRECTMAP_END; va += GIB(512))
        if (va - LAYOUT_DIRECTMAP <= paddr_of_mfn(memory_map_ram_end(&machine_memory)))
            BUG_ON(!entry_for(va, 3, TABLE_FLAGS));
    identity_l3[0] = pte_make(virt_to_mfn(identity_l2), TABLE_FLAGS);
    identity_l2[0] = pte_make(MFN(0), TABLE_FLAGS | PTE_PSE);
    image_move();
    write_cr4(read_cr4() | CR4_PGE);
    boot_memory_add(loaded, loaded + image_bytes);
    frame_table_init();
    m2p_init();
}

void paging_heap_ready(void)
{
    heap_is_ready = true;
}

void paging_identity_enable(bool on)
{
    hypervisor_l4[0] = on ? pte_make(virt_to_mfn(identity_l3), TABLE_FLAGS) : 0;
    write_cr3(read_cr3());
}

/* --- device mappings */

/* A run of unused pages with a free one on either side; 0 if there is none. Marks the run. */
static vaddr_t mapping_reserve(size_t pages)
{
    u32 run = 0;
    vaddr_t va = 0;
    spin_lock(&mapping_lock);
    for (u32 i = 1; i < MAPPING_PAGES && !va; i++) {
        run = bit_test(mapping_used, i) ? 0 : run + 1;
        if (run < pages + 2)
            continue;
        u32 first = i - (u32)pages;
        for (u32 n = first; n < first + pages; n++)
            bit_set(mapping_used, n);
        va = LAYOUT_MAPPINGS + (u64)first * PAGE_SIZE;
    }
    spin_unlock(&mapping_lock);
    return va;
}

static void mapping_release(vaddr_t va, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        paging_unmap(va + i * PAGE_SIZE);
    spin_lock(&mapping_lock);
    for (size_t i = 0; i < pages; i++)
        bit_clear(mapping_used, (va - LAYOUT_MAPPINGS) / PAGE_SIZE + i);
    spin_unlock(&mapping_lock);
}

static void *map_physical(paddr_t pa, size_t bytes, u64 flags)
{
    paddr_t first = ROUND_DOWN(pa, PAGE_SIZE);
    if (!bytes || pa + bytes < pa || pa + bytes > BIT(cpu_features.physical_bits))
        return NULL;
    size_t pages = (ROUND_UP(pa + bytes, PAGE_SIZE) - first) >> PAGE_SHIFT;
    vaddr_t va = mapping_reserve(pages);
    if (!va)
        return NULL;
    for (size_t i = 0; i < pages; i++)
        if (paging_map(va + i * PAGE_SIZE, MFN((first >> PAGE_SHIFT) + i), flags)) {
            mapping_release(va, pages);
            return NULL;
        }
    return (void *)(va + (pa - first));
}

void *map_device(paddr_t pa, size_t bytes)
{
    return map_physical(pa, bytes, PAGE_HYPERVISOR_UC);
}

void *map_firmware(paddr_t pa, size_t bytes)
{
    return map_physical(pa, bytes, PAGE_HYPERVISOR_RO);
}

void map_remove(void *p, size_t bytes)
{
    vaddr_t first = ROUND_DOWN((vaddr_t)p, PAGE_SIZE);
    mapping_release(first, (ROUND_UP((vaddr_t)p + bytes, PAGE_SIZE) - first) >> PAGE_SHIFT);
}
