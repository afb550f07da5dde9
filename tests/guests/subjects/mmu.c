/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MMU's calls: every command of mmu_update, mmuext_op and update_va_mapping with wrong frames,
 * levels, flags and domains, what was done of a list that stops half-way, and bits of entries.
 */
#define SUBJECT "mmu"
#include "subject.h"

#define READ_ONLY (PTE_ORDINARY & ~PTE_W)

static u64 a[512] PAGE_ALIGNED, b[512] PAGE_ALIGNED;
static u64 page[512] PAGE_ALIGNED;

/* Xen marks what is for the kernel only by bit 52, and the rest as global; Domus has no use for
 * that. */
static u64 flags_of(u64 entry)
{
    return entry & ~PTE_ADDRESS & ~PTE_G & ~(1ull << 52);
}

static s64 ext(u32 cmd, u64 arg1, u64 arg2, domid_t dom)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = arg1, .arg2.src_mfn = arg2};
    return HYPERCALL4(mmuext_op, &op, 1, 0, dom);
}

static const domid_t doms[] = {DOMID_SELF, 4711,          DOMID_IO,   DOMID_XEN,
                               DOMID_COW,  DOMID_INVALID, DOMID_IDLE, 0xffff};

static void extended(void)
{
    const struct {
        const char *name;
        u64 value;
    } frames[] = {{"data", mfn_of(page)},
                  {"no frame", 0xfffffff},
                  {"frame 0", 0},
                  {"all ones", ~0ull},
                  {"shared_info", start_info->shared_info / PAGE_SIZE},
                  {"the first table", mfn_of((void *)start_info->pt_base)},
                  {"2^52", 1ull << 52}};
    for (u32 cmd = 0; cmd < 24; cmd++) {
        if (cmd == MMUEXT_NEW_BASEPTR || cmd == MMUEXT_NEW_USER_BASEPTR || cmd == MMUEXT_SET_LDT)
            continue;
        for (u32 i = 0; i < COUNT(frames); i++) {
            /* The first table is pinned by whoever built the domain, if at all. */
            if (i == 5 && cmd <= MMUEXT_UNPIN_TABLE)
                continue;
            if (i == 4 && cmd >= MMUEXT_CLEAR_PAGE)
                continue; /* it holds the mask of events */
            bool flush = cmd >= MMUEXT_TLB_FLUSH_LOCAL && cmd <= MMUEXT_INVLPG_ALL;
            SAY("command %u of %s -> %ld", cmd, frames[i].name,
                flush ? ext(cmd, (u64)page, (u64)&page[0], DOMID_SELF)
                      : ext(cmd, frames[i].value, mfn_of(a), DOMID_SELF));
            if (cmd <= MMUEXT_PIN_L4_TABLE)
                ext(MMUEXT_UNPIN_TABLE, frames[i].value, 0, DOMID_SELF);
        }
    }
    static const u32 base[] = {MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR};
    for (u32 c = 0; c < COUNT(base); c++)
        for (u32 i = 0; i < COUNT(frames); i++)
            SAY("command %u of %s -> %ld", base[c], frames[i].name,
                ext(base[c], frames[i].value, 0, DOMID_SELF));
    ext(MMUEXT_NEW_USER_BASEPTR, mfn_of((void *)start_info->pt_base), 0, DOMID_SELF);
    static const u64 places[] = {NONCANONICAL, HYPERVISORS, LOW_NONE, 0, ~0ull};
    for (u32 i = 0; i < COUNT(places); i++) {
        SAY("INVLPG_LOCAL %lx -> %ld", places[i],
            ext(MMUEXT_INVLPG_LOCAL, places[i], 0, DOMID_SELF));
        SAY("INVLPG_ALL %lx -> %ld", places[i], ext(MMUEXT_INVLPG_ALL, places[i], 0, DOMID_SELF));
        SAY("INVLPG_MULTI with mask at %lx -> %ld", places[i],
            ext(MMUEXT_INVLPG_MULTI, (u64)page, places[i], DOMID_SELF));
        SAY("TLB_FLUSH_MULTI with mask at %lx -> %ld", places[i],
            ext(MMUEXT_TLB_FLUSH_MULTI, 0, places[i], DOMID_SELF));
    }
    for (u32 d = 0; d < COUNT(doms); d++) {
        SAY("flush for domain %x -> %ld", doms[d], ext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0, doms[d]));
        SAY("pin for domain %x -> %ld", doms[d],
            ext(MMUEXT_PIN_L1_TABLE, mfn_of(page), 0, doms[d]));
        ext(MMUEXT_UNPIN_TABLE, mfn_of(page), 0, DOMID_SELF);
        SAY("clear for domain %x -> %ld", doms[d],
            ext(MMUEXT_CLEAR_PAGE, mfn_of(page), 0, doms[d]));
    }
    page[3] = 7;
    answer = ext(MMUEXT_CLEAR_PAGE, mfn_of(page), 0, DOMID_SELF);
    SAY("clear -> %ld, %lx", answer, page[3]);
    b[3] = 9;
    answer = ext(MMUEXT_COPY_PAGE, mfn_of(page), mfn_of(b), DOMID_SELF);
    SAY("copy -> %ld, %lx", answer, page[3]);
    SAY("copy from no frame -> %ld", ext(MMUEXT_COPY_PAGE, mfn_of(page), 0xfffffff, DOMID_SELF));
    SAY("copy from a page table -> %ld",
        ext(MMUEXT_COPY_PAGE, mfn_of(page), mfn_of((void *)start_info->pt_base), DOMID_SELF));
}

static void lists(void)
{
    struct mmuext_op ops[4] = {{.cmd = MMUEXT_TLB_FLUSH_LOCAL},
                               {.cmd = MMUEXT_TLB_FLUSH_LOCAL},
                               {.cmd = 99},
                               {.cmd = MMUEXT_TLB_FLUSH_LOCAL}};
    u32 done = 77;
    SAY("four commands, the third wrong -> %ld", HYPERCALL4(mmuext_op, ops, 4, &done, DOMID_SELF));
    SAY("done -> %u", done);
    SAY("none -> %ld", HYPERCALL4(mmuext_op, ops, 0, &done, DOMID_SELF));
    SAY("done -> %u", done);
    SAY("a count with the top bit -> %ld",
        HYPERCALL4(mmuext_op, ops, 0x80000002, &done, DOMID_SELF));
    SAY("the result to nowhere -> %ld", HYPERCALL4(mmuext_op, ops, 2, NONCANONICAL, DOMID_SELF));
    struct mmu_update u[3] = {{.ptr = entry_address(page, 1), .val = pte_of(page, PTE_ORDINARY)},
                              {.ptr = 0xfffffff000, .val = 0},
                              {.ptr = entry_address(page, 1), .val = pte_of(page, PTE_ORDINARY)}};
    done = 77;
    SAY("three updates, the second wrong -> %ld", HYPERCALL4(mmu_update, u, 3, &done, DOMID_SELF));
    SAY("done -> %u", done);
    for (u32 d = 0; d < COUNT(doms); d++) {
        SAY("update for domain %x -> %ld", doms[d], HYPERCALL4(mmu_update, u, 1, 0, doms[d]));
        SAY("update of domain %x's table -> %ld", doms[d],
            HYPERCALL4(mmu_update, u, 1, 0, DOMID_SELF | (u64)(doms[d] + 1) << 16));
    }
    for (u32 type = 0; type < 8; type++) {
        if (type % 4 == MMU_MACHPHYS_UPDATE)
            continue; /* of the table's frame, which must keep its name */
        struct mmu_update one = {.ptr = entry_address(page, 1) | type,
                                 .val = pte_of(page, PTE_ORDINARY)};
        SAY("update of type %u -> %ld", type, HYPERCALL4(mmu_update, &one, 1, 0, DOMID_SELF));
    }
    for (u32 type = 0; type < 8; type++) {
        struct mmu_update one = {.ptr = mfn_of(page) * PAGE_SIZE | type};
        one.val = ((u64)page - GUEST_VIRT_BASE) / PAGE_SIZE;
        SAY("update of data, type %u -> %ld", type, HYPERCALL4(mmu_update, &one, 1, 0, DOMID_SELF));
    }
}

/* Single bits of entries of each level, as they are taken and what is kept of them. */
static void bits(void)
{
    map(a, pte_of(a, READ_ONLY));
    map(b, pte_of(b, READ_ONLY));
    SAY("pin -> %ld %ld", ext(MMUEXT_PIN_L1_TABLE, mfn_of(a), 0, DOMID_SELF),
        ext(MMUEXT_PIN_L2_TABLE, mfn_of(b), 0, DOMID_SELF));
    for (u32 bit = 0; bit < 64; bit++) {
        if (bit >= 12 && bit < 52)
            continue;
        s64 first = mmu_write(mfn_of(a) * PAGE_SIZE, pte_of(page, READ_ONLY) ^ 1ull << bit);
        SAY("level 1 with bit %u -> %ld, %lx", bit, first, flags_of(a[0]));
        s64 second = mmu_write(mfn_of(b) * PAGE_SIZE, pte_of(a, PTE_ORDINARY) ^ 1ull << bit);
        SAY("level 2 with bit %u -> %ld, %lx", bit, second, flags_of(b[0]));
        mmu_write(mfn_of(a) * PAGE_SIZE, 0);
        mmu_write(mfn_of(b) * PAGE_SIZE, 0);
    }
    SAY("A and D are kept -> %ld", mmu_write(mfn_of(a) * PAGE_SIZE, pte_of(page, PTE_ORDINARY)));
    mmu_write(mfn_of(a) * PAGE_SIZE | MMU_PT_UPDATE_PRESERVE_AD, pte_of(page, PTE_P | PTE_U));
    SAY("entry -> %lx", flags_of(a[0]));
    SAY("unpin -> %ld %ld", ext(MMUEXT_UNPIN_TABLE, mfn_of(b), 0, DOMID_SELF),
        ext(MMUEXT_UNPIN_TABLE, mfn_of(a), 0, DOMID_SELF));
    map(a, pte_of(a, PTE_ORDINARY));
    map(b, pte_of(b, PTE_ORDINARY));
}

static void va_mappings(void)
{
    static const u64 places[] = {
        NONCANONICAL, HYPERVISORS, 0xffff800000000000, 0x700000000000, ~0xfffull, 0, LOW_NONE};
    for (u32 i = 0; i < COUNT(places); i++) {
        SAY("map at %lx -> %ld", places[i],
            HYPERCALL3(update_va_mapping, places[i], pte_of(page, PTE_ORDINARY), 0));
        SAY("unmap at %lx -> %ld", places[i],
            HYPERCALL3(update_va_mapping, places[i], 0, UVMF_INVLPG));
    }
    for (u64 flags = 0; flags < 12; flags++)
        SAY("flags %lx -> %ld", flags,
            HYPERCALL3(update_va_mapping, page, pte_of(page, PTE_ORDINARY), flags));
    static const u64 masks[] = {NONCANONICAL, HYPERVISORS & ~7ull, LOW_NONE, LOW_DATA};
    for (u32 i = 0; i < COUNT(masks); i++)
        SAY("flush by mask at %lx -> %ld %ld", masks[i],
            HYPERCALL3(update_va_mapping, page, pte_of(page, PTE_ORDINARY),
                       masks[i] | UVMF_TLB_FLUSH),
            HYPERCALL3(update_va_mapping, page, pte_of(page, PTE_ORDINARY),
                       masks[i] | UVMF_INVLPG));
    SAY("mapped misaligned -> %ld",
        HYPERCALL3(update_va_mapping, (u64)page + 5, pte_of(page, PTE_ORDINARY), UVMF_INVLPG));
    for (u32 d = 0; d < COUNT(doms); d++)
        SAY("for domain %x -> %ld", doms[d],
            HYPERCALL4(update_va_mapping_otherdomain, page, pte_of(page, PTE_ORDINARY), 0,
                       doms[d]));
    static const u64 entries[] = {0xfffffff000 | PTE_ORDINARY,
                                  0xffffffffff000 | PTE_ORDINARY,
                                  PTE_ORDINARY,
                                  0xfee00000 | PTE_ORDINARY,
                                  0xffffffffffffffff,
                                  0xfffffffffffffffe};
    for (u32 i = 0; i < COUNT(entries); i++)
        if (entries[i] != (0xfee00000 | PTE_ORDINARY) || !(start_info->flags & SIF_INITDOMAIN))
            SAY("entry %lx -> %ld", entries[i], map(b, entries[i]));
    map(b, 0);
}

static void assists(void)
{
    for (u32 cmd = 0; cmd < 4; cmd++)
        for (u32 type = 0; type < 40; type += type >= 8 && type < 30 ? 8 : 1) {
            /* Left as they are: they would change what is to come. */
            if (type == VMASST_TYPE_writable_pagetables || type == VMASST_TYPE_m2p_strict)
                continue;
            SAY("assist %u %u -> %ld", cmd, type, HYPERCALL2(vm_assist, cmd, type));
        }
    static const u64 wild[] = {64, 0xffffffff, 1ull << 32};
    for (u32 i = 0; i < COUNT(wild); i++)
        SAY("assist %lx -> %ld", wild[i], HYPERCALL2(vm_assist, VMASST_CMD_enable, wild[i]));
}

/* Stores to page tables by instructions of all kinds. */
static void stores(void)
{
    map(a, pte_of(a, READ_ONLY));
    RESULT("pin", ext(MMUEXT_PIN_L1_TABLE, mfn_of(a), 0, DOMID_SELF));
    in.rbx = (u64)&a[4];
    u64 entry = pte_of(page, PTE_ORDINARY);
#define STORE(assembly)                                                                            \
    do {                                                                                           \
        mmu_write(mfn_of(a) * PAGE_SIZE + 32, entry);                                              \
        in.rax = entry;                                                                            \
        in.rcx = PTE_W;                                                                            \
        in.rdi = (u64)&a[4];                                                                       \
        run(KERNEL, CODE(assembly));                                                               \
        SAY("store by %s -> %s at +%lx, flags %lx zf %lx, entry %lx", assembly,                    \
            trap_text(&outcome), outcome.rip - LOW_CODE, outcome.rflags & 0x8d5,                   \
            outcome.rflags >> 6 & 1, flags_of(a[4]));                                              \
        run(USER, CODE(assembly));                                                                 \
        SAY("user store by %s -> vector %lx", assembly, outcome.vector);                           \
    } while (0)
    STORE("movq %rcx, (%rbx)");
    STORE("movq $0, (%rbx)");
    STORE("movl $0, (%rbx)");
    STORE("movb $0, (%rbx)");
    STORE("movw $0, (%rbx)");
    STORE("movl $0, 4(%rbx)");
    STORE("andq $~2, (%rbx)");
    STORE("lock; andq $~2, (%rbx)");
    STORE("lock; btrq $1, (%rbx)");
    STORE("btsq $1, (%rbx)");
    STORE("btcq $6, (%rbx)");
    STORE("orq %rcx, (%rbx)");
    STORE("xorq %rcx, (%rbx)");
    STORE("addq $0, (%rbx)");
    STORE("subq $2, (%rbx)");
    STORE("notq (%rbx)");
    STORE("incq (%rbx)");
    STORE("xchg %rcx, (%rbx)");
    STORE("mov (%rbx), %rax; lock; cmpxchg %rcx, (%rbx)");
    STORE("mov (%rbx), %rax; cmpxchg %rcx, (%rbx)");
    STORE("mov $0, %eax; lock; cmpxchg %rcx, (%rbx)");
    STORE("lock; xadd %rcx, (%rbx)");
    STORE("lock; cmpxchg8b (%rbx)");
    STORE("lock; cmpxchg16b -32(%rbx)");
    STORE("stosq");
    STORE("push %rcx; pop (%rbx)");
    STORE("movnti %rcx, (%rbx)");
    STORE("movq %rcx, %xmm0; movq %xmm0, (%rbx)");
    STORE("movq %rcx, -4(%rbx)");
    STORE("sete (%rbx)");
    STORE("shlq $1, (%rbx)");
#undef STORE
    in_reset();
    ext(MMUEXT_UNPIN_TABLE, mfn_of(a), 0, DOMID_SELF);
    map(a, pte_of(a, PTE_ORDINARY));
}

void guest_main(void)
{
    subject_start();
    extended();
    lists();
    bits();
    va_mappings();
    assists();
    stores();
    SAY("end -> 0");
}
