/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attacks on the page tables: a writable way to one by every order of steps, frames of others,
 * large pages, reserved bits, the hypervisor's slots, writes of odd sizes to tables, gates in
 * descriptor tables; then a storm of pseudo-random steps (`seed=N`). The results must be Xen's, and
 * no page table is ever writable.
 */
#include "guest.h"
#include "abi/grant_table.h"

#define READ_ONLY     (PTE_ORDINARY & ~PTE_W)
#define ROUGH_RAM_END 0x1f000 /* frames: below all that firmware has at the top of 512 MiB */

static u64 a[512] PAGE_ALIGNED, b[512] PAGE_ALIGNED, c[512] PAGE_ALIGNED, d[512] PAGE_ALIGNED;
static u64 spare[512] PAGE_ALIGNED;

#define CASE(name, result) print("case %s: %ld\n", name, (s64)(result))

static u64 mfn_a, mfn_b, mfn_c, mfn_d;

static s64 pin(u32 level, u64 mfn)
{
    return mmuext(MMUEXT_PIN_L1_TABLE + level - 1, mfn, 0);
}

static s64 unpin(u64 mfn)
{
    return mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
}

static s64 entry_set(u64 table_mfn, u32 index, u64 value)
{
    return mmu_write(table_mfn * PAGE_SIZE + index * 8, value);
}

/* All four pages as plain memory that holds zeros. */
static void reset(void)
{
    u64 *const all[] = {a, b, c, d};
    for (u32 i = 0; i < COUNT(all); i++)
        unpin(mfn_of(all[i]));
    for (u32 i = 0; i < COUNT(all); i++)
        map(all[i], pte_of(all[i], PTE_ORDINARY));
    for (u32 i = 0; i < COUNT(all); i++)
        memset(all[i], 0, PAGE_SIZE);
    map(spare, pte_of(spare, PTE_ORDINARY));
}

static s64 read_only(const volatile void *page)
{
    return map(page, pte_of(page, READ_ONLY));
}

/* --- a writable mapping of a table, in every order */

static void writable_tables(void)
{
    for (u32 level = 1; level <= 4; level++) {
        reset();
        CASE("pin what is mapped writable", pin(level, mfn_a));
        CASE("map it read-only", read_only(a));
        CASE("pin it", pin(level, mfn_a));
        CASE("pin it again", pin(level, mfn_a));
        CASE("pin it as another level", pin(level % 4 + 1, mfn_a));
        CASE("map it writable by itself", map(a, pte_of(a, PTE_ORDINARY)));
        CASE("map it writable elsewhere", map(spare, mfn_a * PAGE_SIZE | PTE_ORDINARY));
        CASE("map it read-only elsewhere", map(spare, mfn_a * PAGE_SIZE | READ_ONLY));
        CASE("turn that writable", map(spare, mfn_a * PAGE_SIZE | PTE_ORDINARY));
        CASE("unpin it", unpin(mfn_a));
        CASE("unpin it again", unpin(mfn_a));
        CASE("map it writable then", map(spare, mfn_a * PAGE_SIZE | PTE_ORDINARY));
        CASE("pin it while mapped so", pin(level, mfn_a));
    }
    reset();
    a[0] = mfn_a * PAGE_SIZE | PTE_ORDINARY;
    read_only(a);
    CASE("a table that maps itself writable", pin(1, mfn_a));
    reset();
    a[0] = mfn_a * PAGE_SIZE | READ_ONLY;
    read_only(a);
    CASE("a table that maps itself read-only", pin(1, mfn_a));
    CASE("... and turns that writable", entry_set(mfn_a, 0, mfn_a * PAGE_SIZE | PTE_ORDINARY));
    reset();
    a[7] = mfn_b * PAGE_SIZE | PTE_ORDINARY;
    b[3] = mfn_a * PAGE_SIZE | PTE_ORDINARY;
    read_only(a);
    read_only(b);
    CASE("a table that maps the one above it writable", pin(2, mfn_b));
    reset();
    a[7] = mfn_c * PAGE_SIZE | PTE_ORDINARY;
    b[3] = mfn_a * PAGE_SIZE | PTE_ORDINARY;
    c[1] = mfn_b * PAGE_SIZE | PTE_ORDINARY;
    read_only(a);
    read_only(b);
    read_only(c);
    CASE("the same two levels up", pin(3, mfn_c));
    reset();
    b[3] = mfn_a * PAGE_SIZE | PTE_ORDINARY;
    read_only(a);
    read_only(b);
    CASE("a link to an empty table", pin(2, mfn_b));
    CASE("map the linked one writable", map(a, pte_of(a, PTE_ORDINARY)));
    CASE("unlink it", entry_set(mfn_b, 3, 0));
    CASE("map it writable when unlinked", map(a, pte_of(a, PTE_ORDINARY)));
    CASE("link it when writable", entry_set(mfn_b, 3, mfn_a * PAGE_SIZE | PTE_ORDINARY));
}

/* --- entries that nobody may have */

static void bad_entries(void)
{
    static const u64 bits[] = {PTE_PS,     PTE_G,  1ull << 52, 1ull << 58, 1ull << 59,
                               1ull << 62, PTE_NX, 0x18,       0xe00};
    reset();
    read_only(a);
    read_only(b);
    read_only(c);
    pin(1, mfn_a);
    pin(2, mfn_b);
    pin(3, mfn_c);
    for (u32 i = 0; i < COUNT(bits); i++) {
        CASE("level 1, bits", entry_set(mfn_a, 0, mfn_d * PAGE_SIZE | PTE_ORDINARY | bits[i]));
        CASE("level 2, bits", entry_set(mfn_b, 0, mfn_a * PAGE_SIZE | PTE_ORDINARY | bits[i]));
        CASE("level 3, bits", entry_set(mfn_c, 0, mfn_b * PAGE_SIZE | PTE_ORDINARY | bits[i]));
    }
    CASE("level 2, large page of ours",
         entry_set(mfn_b, 1, (mfn_d & ~511ull) * PAGE_SIZE | PTE_ORDINARY | PTE_PS));
    CASE("level 3, huge page", entry_set(mfn_c, 1, PTE_ORDINARY | PTE_PS));
    CASE("level 2, link to data", entry_set(mfn_b, 1, mfn_d * PAGE_SIZE | PTE_ORDINARY));
    CASE("level 3, link to level 1", entry_set(mfn_c, 1, mfn_a * PAGE_SIZE | PTE_ORDINARY));
    CASE("level 2, link to level 3", entry_set(mfn_b, 1, mfn_c * PAGE_SIZE | PTE_ORDINARY));
    CASE("not present, anything", entry_set(mfn_b, 2, ~1ull));
    CASE("an address beyond all memory", entry_set(mfn_a, 1, 0x000ffffffffff000 | PTE_ORDINARY));
    for (u32 slot = 255; slot < 274; slot++)
        if (slot >= 256 && slot < 272)
            CASE("the hypervisor's slot",
                 entry_set(mfn_of((void *)start_info->pt_base), slot, mfn_c * PAGE_SIZE | 7));
    CASE("the hypervisor's slot emptied", entry_set(mfn_of((void *)start_info->pt_base), 262, 0));
    CASE("a shared_info page as a table", pin(1, start_info->shared_info / PAGE_SIZE));
    CASE("no frame as a table", pin(1, 0xfffffff));
    CASE("no frame as a base", mmuext(MMUEXT_NEW_BASEPTR, 0xfffffff, 0));
    CASE("frame 0 as a base", mmuext(MMUEXT_NEW_BASEPTR, 0, 0));
    CASE("all ones as a base", mmuext(MMUEXT_NEW_BASEPTR, ~0ull, 0));
    CASE("no frame as a user base", mmuext(MMUEXT_NEW_USER_BASEPTR, 0xfffffff, 0));
    CASE("data as a base", mmuext(MMUEXT_NEW_BASEPTR, mfn_d, 0));
    CASE("level 1 as a base", mmuext(MMUEXT_NEW_BASEPTR, mfn_a, 0));
    CASE("data as a user base", mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_d, 0));
}

/* --- frames of others */

/* The first frame of this domain's table of grants, which it shares with the hypervisor. */
static u64 grant_frame(void)
{
    static u64 frame;
    struct gnttab_setup_table setup = {
        .dom = DOMID_SELF, .nr_frames = 1, .frame_list.va = (u64)&frame};
    HYPERCALL3(grant_table_op, GNTTABOP_setup_table, &setup, 1);
    return frame;
}

static bool is_ours(u64 mfn)
{
    u64 pfn = ((const u64 *)MACH2PHYS_VIRT_START)[mfn];
    return pfn < start_info->nr_pages && ((const u64 *)start_info->mfn_list)[pfn] == mfn;
}

static void others_frames(void)
{
    u64 mapped = 0, tables = 0, described = 0;
    /* The hypervisor's, which it shares with this domain wherever they lie. */
    u64 information = start_info->shared_info / PAGE_SIZE, grants = grant_frame();
    for (u64 mfn = 0x100; mfn < ROUGH_RAM_END; mfn++) {
        if (is_ours(mfn) || mfn == information || mfn == grants)
            continue;
        mapped +=
            !map(spare, mfn * PAGE_SIZE | PTE_ORDINARY) + !map(spare, mfn * PAGE_SIZE | READ_ONLY);
        if (mfn % 16 == 0) {
            tables += !pin(1 + mfn / 16 % 4, mfn);
            described += !HYPERCALL2(set_gdt, &mfn, 512);
        }
    }
    map(spare, pte_of(spare, PTE_ORDINARY));
    CASE("frames of others that could be mapped", mapped);
    CASE("frames of others that became page tables", tables);
    CASE("frames of others that became descriptor tables", described);
}

/* --- stores to tables */

static u64 store(u64 how)
{
    volatile u64 address = (u64)a; /* the compiler is not to look through it */
    volatile u8 *at = (volatile u8 *)address;
    switch (how) {
    case 0:
        *(volatile u64 *)at = mfn_d * PAGE_SIZE | PTE_ORDINARY;
        break;
    case 1:
        *(volatile u64 *)at = mfn_a * PAGE_SIZE | PTE_ORDINARY;
        break;
    case 2:
        *(volatile u32 *)at = (u32)(mfn_a * PAGE_SIZE | PTE_ORDINARY);
        break;
    case 3:
        *at = 0x67;
        break;
    case 4:
        *(volatile u64 *)(at + 4) = mfn_d * PAGE_SIZE | PTE_ORDINARY;
        break;
    case 5:
        __atomic_exchange_n((u64 *)a, mfn_a * PAGE_SIZE | PTE_ORDINARY, __ATOMIC_SEQ_CST);
        break;
    case 6:
        __atomic_exchange_n((u64 *)a, 0, __ATOMIC_SEQ_CST);
        break;
    case 7:
        __atomic_fetch_or((u64 *)a, PTE_W, __ATOMIC_SEQ_CST);
        break;
    case 8:
        *(volatile u64 *)(at + PAGE_SIZE - 4) = ~0ull;
        break;
    default:
        *(volatile u64 *)((u64)MACH2PHYS_VIRT_START + mfn_a * 8) = 0;
        break;
    }
    return 0;
}

static void stores(void)
{
    for (u32 how = 0; how < 10; how++) {
        reset();
        read_only(a);
        pin(1, mfn_a);
        attempt_call(store, how);
        /* Whether Xen adds "global", and its cache attributes for device memory, is its own matter.
         */
        print("case store %lu to a table: vector %lx, entry %lx %lx\n", (u64)how, outcome.vector,
              a[0] & 0xfff & ~(u64)(PTE_G | 0x18), a[511]);
    }
}

/* --- descriptor tables */

static void descriptors(void)
{
    static const u64 bad[] = {
        0x0000ec00e0080000, /* call gate */
        0x0000ee00e0080000, /* interrupt gate */
        0x0000e50000280000, /* task gate */
        0x0000890000000067, /* TSS */
        0x0000820000000fff, /* LDT */
    };
    static const u64 fine[] = {0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff,
                               0x0000600000000000};
    u64 frame = mfn_a;
    for (u32 i = 0; i < COUNT(bad) + COUNT(fine); i++) {
        u64 descriptor = i < COUNT(bad) ? bad[i] : fine[i - COUNT(bad)];
        reset();
        a[9] = descriptor;
        read_only(a);
        CASE("table with a descriptor", HYPERCALL2(set_gdt, &frame, 512));
        CASE("what became of its privilege", a[9] >> 45 & 3);
        CASE("map it writable", map(spare, mfn_a * PAGE_SIZE | PTE_ORDINARY));
        CASE("make it a page table", pin(1, mfn_a));
        CASE("update", HYPERCALL2(update_descriptor, mfn_a * PAGE_SIZE + 64, descriptor));
        HYPERCALL2(set_gdt, &frame, 0);
    }
    reset();
    CASE("a writable page as descriptors", HYPERCALL2(set_gdt, &frame, 512));
    CASE("too many descriptors", HYPERCALL2(set_gdt, &frame, 7169));
    HYPERCALL2(set_gdt, &frame, 0);
}

/* --- the storm */

#define STORM_FRAMES 8

static u64 storm[STORM_FRAMES][512] PAGE_ALIGNED;
static const u32 storm_level[STORM_FRAMES] = {1, 1, 1, 2, 2, 3, 3, 4};

static u64 storm_store(u64 packed)
{
    storm[packed & 7][packed >> 3 & 3] = packed >> 16;
    return 0;
}

/* Links of a table to one of its own level are an extra of Xen's: none are tried. */
static u64 storm_entry(u32 table)
{
    u32 to = (u32)(random() % STORM_FRAMES);
    if (storm_level[table] > 1 && storm_level[to] == storm_level[table])
        to = 0;
    if (random() % 4 == 0)
        return random() % 2 ? 0 : mfn_of(storm[to]) * PAGE_SIZE;
    return mfn_of(storm[to]) * PAGE_SIZE | (random() % 2 ? PTE_ORDINARY : READ_ONLY);
}

static s64 storm_step(u32 *kind)
{
    u32 i = (u32)(random() % STORM_FRAMES);
    u64 mfn = mfn_of(storm[i]);
    *kind = (u32)(random() % 6);
    switch (*kind) {
    case 0:
        return map(storm[i], mfn * PAGE_SIZE | (random() % 2 ? PTE_ORDINARY : READ_ONLY));
    case 1:
    case 2:
        return entry_set(mfn, (u32)(random() % 4), storm_entry(i));
    case 3:
        return !!pin(storm_level[i], mfn); /* of several reasons either may be told */
    case 4:
        return unpin(mfn);
    default:
        attempt_call(storm_store, i | (random() % 4) << 3 | storm_entry(i) << 16);
        return (s64)outcome.vector;
    }
}

static void storms(u64 steps)
{
    u64 sum = 0;
    for (u32 i = 0; i < STORM_FRAMES; i++)
        read_only(storm[i]);
    for (u64 n = 0; n < steps; n++) {
        u32 kind;
        s64 result = storm_step(&kind);
        sum = sum * 31 + (u64)result;
        if (argument("trace"))
            print("case step %lu kind %u: %ld\n", n, kind, result);
        else if (n % 64 == 63)
            print("case steps to %lu: %lx\n", n, sum);
    }
}

void guest_main(void)
{
    mfn_a = mfn_of(a);
    mfn_b = mfn_of(b);
    mfn_c = mfn_of(c);
    mfn_d = mfn_of(d);
    random_seed(number_after("seed=", 1));
    if (!argument("storm")) {
        writable_tables();
        bad_entries();
        stores();
        descriptors();
        others_frames();
    }
    storms(number_after("steps=", 2000));
    print("done\n");
}
