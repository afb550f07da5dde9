/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptor tables: which descriptors are taken and what they become, set_gdt and set_ldt with
 * good and bad arguments, and what the processor makes of selectors then.
 */
#define SUBJECT "descriptors"
#include "subject.h"

#define ENTRIES_PER_PAGE 512
#define LDT_WINDOW       0xffff820000010000ull /* of vCPU 0 */

static u64 gdt[2][512] PAGE_ALIGNED, ldt[2][512] PAGE_ALIGNED, spare[512] PAGE_ALIGNED;

/* Every type of descriptor, with flags in turn: access byte and flags of a flat segment. */
static u64 descriptor(u32 access, u32 flags)
{
    return 0xffff | (u64)access << 40 | 0xfull << 48 | (u64)flags << 52;
}

static s64 update(const void *at, u64 value)
{
    return HYPERCALL2(update_descriptor, mfn_of(at) * PAGE_SIZE + (u64)at % PAGE_SIZE, value);
}

static void read_only(const void *page)
{
    map(page, pte_of(page, PTE_ORDINARY & ~PTE_W));
}

static void types(void)
{
    for (u32 access = 0; access < 256; access++)
        for (u32 flags = 0; flags < 16; flags += access % 16 >= 8 ? 2 : 4) {
            u64 d = descriptor(access, flags);
            ldt[0][1] = 0;
            s64 result = update(&ldt[0][1], d);
            SAY("update %lx -> %ld, %lx", d, result, ldt[0][1]);
        }
    static const u64 odd[] = {0,
                              1,
                              0x0000600000000000,
                              0x00006000ffffffff,
                              0xff00ff00ffffffff,
                              0x00cf0000ffffffff,
                              0x0000ec00e0080000,
                              0x0000ee00e0080000,
                              0x0000ef00e0080000,
                              0x00008e00e0080000,
                              0x0000ec01e0331000,
                              0x0000ec00e0330000,
                              0x0000ec00ffff0000,
                              0x0000ecffe033ffff,
                              0x0000ec00e0330000 | 1ull << 48,
                              0x00008b0000000067};
    for (u32 i = 0; i < COUNT(odd); i++) {
        ldt[0][1] = 0;
        s64 result = update(&ldt[0][1], odd[i]);
        SAY("update %lx -> %ld, %lx", odd[i], result, ldt[0][1]);
    }
}

static void update_places(void)
{
    u64 fine = descriptor(0xf3, 0xc), at = mfn_of(ldt[0]) * PAGE_SIZE;
    RESULT("update misaligned", HYPERCALL2(update_descriptor, at + 4, fine));
    RESULT("update of a page table",
           HYPERCALL2(update_descriptor, mfn_of((void *)start_info->pt_base) * PAGE_SIZE, fine));
    RESULT("update beyond all memory", HYPERCALL2(update_descriptor, 0xfffffffff000, fine));
    RESULT("update of frame 0", HYPERCALL2(update_descriptor, 0, fine));
    RESULT("update of shared_info", HYPERCALL2(update_descriptor, start_info->shared_info, fine));
    RESULT("update of data", update(&spare[3], fine));
    SAY("data then -> %lx", spare[3]);
    RESULT("update of data with a gate that is refused", update(&spare[3], 0x0000890000000067));
    SAY("data then -> %lx", spare[3]);
}

static s64 gdt_set(const u64 *frames, u64 entries)
{
    return HYPERCALL2(set_gdt, frames, entries);
}

static void gdts(void)
{
    u64 frames[16] = {mfn_of(gdt[0]), mfn_of(gdt[1])};
    static const u64 counts[] = {1,    8,    512,        513,         1024, 7168,
                                 7169, 8192, 0xffffffff, 0x100000001, 0};
    for (u32 i = 0; i < COUNT(counts); i++)
        SAY("set_gdt writable, %lu entries -> %ld", counts[i], gdt_set(frames, counts[i]));
    gdt[0][4] = descriptor(0x93, 0xc); /* ring 0: is made ring 3 */
    gdt[0][5] = descriptor(0xfb, 0xa);
    gdt[0][6] = descriptor(0xf3, 0xc);
    gdt[0][7] = descriptor(0x73, 0xc); /* not present */
    gdt[0][8] = descriptor(0xf1, 0xc);
    gdt[1][1] = descriptor(0xf7, 0xc);
    read_only(gdt[0]);
    read_only(gdt[1]);
    for (u32 i = 0; i < COUNT(counts); i++)
        SAY("set_gdt, %lu entries -> %ld", counts[i], gdt_set(frames, counts[i]));
    RESULT("set_gdt of two pages", gdt_set(frames, 1024));
    SAY("ring 0 became -> %lx", gdt[0][4]);
    RESULT("then writable", map(gdt[0], pte_of(gdt[0], PTE_ORDINARY)));
    RESULT("set_gdt of frames that are not there", gdt_set((void *)LOW_NONE, 512));
    RESULT("set_gdt of frames nowhere", gdt_set((void *)NONCANONICAL, 512));
    RESULT("set_gdt of frames nowhere, none", gdt_set((void *)NONCANONICAL, 0));
    RESULT("set_gdt of two pages again", gdt_set(frames, 1024));
    frames[1] = 0xfffffff;
    RESULT("set_gdt with a frame that is none", gdt_set(frames, 1024));
    frames[1] = 0;
    RESULT("set_gdt with frame 0", gdt_set(frames, 1024));
    frames[1] = mfn_of((void *)start_info->pt_base);
    RESULT("set_gdt with a page table", gdt_set(frames, 1024));
    frames[1] = start_info->shared_info / PAGE_SIZE;
    RESULT("set_gdt with shared_info", gdt_set(frames, 1024));
    frames[1] = frames[0];
    RESULT("set_gdt of one page twice", gdt_set(frames, 1024));
    frames[1] = mfn_of(gdt[1]);
    spare[1] = 0x0000890000000067;
    read_only(spare);
    frames[1] = mfn_of(spare);
    RESULT("set_gdt with a bad descriptor", gdt_set(frames, 1024));
    map(spare, pte_of(spare, PTE_ORDINARY));
    spare[1] = 0;
    frames[1] = mfn_of(gdt[1]);
    RESULT("set_gdt of two pages at last", gdt_set(frames, 1024));
}

static void try_selector(u64 selector)
{
    in.rbx = selector;
    in.rcx = 0;
    run(KERNEL, CODE("mov %ebx, %ds; mov %ds, %ecx"));
    SAY("ds %lx -> %s, %lx", selector, trap_text(&outcome), outcome.rcx);
    run(USER, CODE("mov %ebx, %fs; mov %fs, %ecx"));
    SAY("user fs %lx -> %s, %lx", selector, trap_text(&outcome), outcome.rcx);
    run(USER, CODE("mov %ebx, %ss; mov %ss, %ecx"));
    SAY("user ss %lx -> %s, %lx", selector, trap_text(&outcome), outcome.rcx);
    run(KERNEL, CODE("mov %ebx, %eax; lar %eax, %ecx; mov $-1, %edx; lsl %eax, %edx; verr %ax; "
                     "setz %al; verw %ax; setz %ah"));
    SAY("lar, lsl of %lx -> %s %lx %lx %lx", selector, trap_text(&outcome), outcome.rcx,
        outcome.rdx, outcome.rax & 0xffff);
    in.rsp = LOW_RSP;
    run(USER, CODE("lea 9f(%rip), %rax; push %rbx; push %rax; lretq; 9: nop"));
    SAY("user far return to cs %lx -> %s", selector, trap_text(&outcome));
    run(KERNEL, CODE("xor %ecx, %ecx; mov %ecx, %ds; mov %ecx, %es"));
    run(KERNEL, CODE("xor %ecx, %ecx; mov %ecx, %fs; mov %ecx, %gs"));
    in_reset();
}

static void selectors(void)
{
    static const u16 all[] = {0,      3,      4,      7,      0x20,         0x23,
                              0x2b,   0x33,   0x3b,   0x43,   0x1000 | 0xb, 0x1ffb,
                              0x2003, 0xdffb, 0xe003, 0xe008, 0xe00b,       0xe010,
                              0xe018, 0xe019, 0xe020, 0xe023, 0xe02b,       0xe033,
                              0xe03b, 0xe040, 0xe043, 0xe04b, 0xe053,       0xe05b,
                              0xe063, 0xe06b, 0xe073, 0xe07b, 0xe803,       0xeffb,
                              0xf003, 0xfff8, 0xffff, 0xf,    0x17,         0x1f,
                              0x27,   0x2f,   0x1007, 0x100f, 0x2007};
    for (u32 i = 0; i < COUNT(all); i++)
        try_selector(all[i]);
}

/* Where the processor reads this vCPU's LDT is no place for anybody else. */
static void look_through_window(void)
{
    for (u32 mode = 0; mode < 2; mode++) {
        in.rdx = LDT_WINDOW;
        run(mode ? USER : KERNEL, CODE("mov (%rdx), %eax"));
        SAY("read of the window -> %s", trap_text(&outcome));
    }
}

static void ldts(void)
{
    static const struct {
        u64 at;
        u32 entries;
    } tables[] = {{0, 0},
                  {0, 1},
                  {1, 1},
                  {8, 1},
                  {NONCANONICAL, 1},
                  {HYPERVISORS, 1},
                  {NONCANONICAL, 0},
                  {0x7ffffffff000, 1024},
                  {LOW_DATA, 8192},
                  {LOW_DATA, 8193},
                  {LOW_DATA, ~0u},
                  {LOW_DATA + 8, 1},
                  {~0xfffull, 512},
                  {~0xfffull, 513}};
    for (u32 i = 0; i < COUNT(tables); i++)
        SAY("set_ldt %lx, %u entries -> %ld", tables[i].at, tables[i].entries,
            mmuext(MMUEXT_SET_LDT, tables[i].at, tables[i].entries));
    mmuext(MMUEXT_SET_LDT, (u64)ldt, 0);
    ldt[0][1] = descriptor(0xf3, 0xc);
    ldt[0][2] = descriptor(0xfb, 0xa);
    ldt[0][3] = descriptor(0xfb, 0xc);
    ldt[0][4] = descriptor(0x73, 0xc);
    ldt[0][5] = descriptor(0xf6, 0xc);
    RESULT("set_ldt of writable pages", mmuext(MMUEXT_SET_LDT, (u64)ldt, 1024));
    try_selector(0xf);
    RESULT("then read-only", map(ldt[0], pte_of(ldt[0], PTE_ORDINARY & ~PTE_W)));
    try_selector(0xf);
    RESULT("then writable", map(ldt[0], pte_of(ldt[0], PTE_ORDINARY)));
    RESULT("update while in use", update(&ldt[0][6], descriptor(0xf3, 0xc)));
    try_selector(0x37);
    RESULT("the second page read-only", map(ldt[1], pte_of(ldt[1], PTE_ORDINARY & ~PTE_W)));
    selectors();
    look_through_window();
    RESULT("set_ldt of fewer", mmuext(MMUEXT_SET_LDT, (u64)ldt, 2));
    try_selector(0xf);
    try_selector(0x17);
    RESULT("set_ldt of none", mmuext(MMUEXT_SET_LDT, 0, 0));
    try_selector(0xf);
    look_through_window();
    RESULT("then writable", map(ldt[0], pte_of(ldt[0], PTE_ORDINARY)));
}

static void tables_seen(void)
{
    in.rsp = LOW_RSP;
    TRY("sldt %eax");
    TRY("str %eax");
    run(KERNEL, CODE("sgdt (%rsp); movzwl (%rsp), %eax"));
    SAY("sgdt -> %s limit %lx", trap_text(&outcome), outcome.rax);
    run(KERNEL, CODE("sidt (%rsp); movzwl (%rsp), %eax"));
    SAY("sidt -> %s limit %lx", trap_text(&outcome), outcome.rax);
    in_reset();
}

static void base_selectors(void)
{
    static const u64 all[] = {0, 3, 0x23, 0x2b, 0x3b, 0xe02b, 0xe023, 0xe008, 0xfff8, 0x20033, 0xf};
    for (u32 i = 0; i < COUNT(all); i++) {
        SAY("user gs by selector %lx -> %ld", all[i],
            HYPERCALL2(set_segment_base, SEGBASE_GS_USER_SEL, all[i]));
        run(USER, CODE("mov %gs, %eax"));
        SAY("then user gs -> %lx", outcome.rax & 0xffff);
    }
    HYPERCALL2(set_segment_base, SEGBASE_GS_USER_SEL, 0);
}

void guest_main(void)
{
    subject_start();
    types();
    update_places();
    gdts();
    selectors();
    ldts();
    base_selectors();
    if (argument("machine"))
        tables_seen();
    RESULT("set_gdt of none", HYPERCALL2(set_gdt, 0, 0));
    try_selector(0x33);
    SAY("end -> 0");
}
