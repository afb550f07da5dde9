/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds domain 0 from the boot modules: unpacks the kernel, gives the domain its memory, lays out
 * the kernel's first address space and its start information, and makes vCPU 0 ready to enter it.
 *
 * Physical frames of the domain (pfn), from 0: the base region, which the kernel finds mapped at
 * virt_base - the kernel, start info, page tables, boot stack; then the initial RAM disk; then the
 * physical-to-machine list with the page tables that map it at the kernel's INIT_P2M address; then
 * free memory. Source: Xen public ABI, xen.h ("start of day memory layout"), elfnote.h.
 */
#include "abi/elfnote.h"
#include "abi/features.h"
#include "abi/xen.h"
#include "arch/memory.h"
#include "arch/vcpu.h"
#include "core/cmdline.h"
#include "core/domain.h"
#include "core/frame.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/decompress.h"
#include "lib/kernel_image.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/boot.h"
#include "x86/console_devices.h"
#include "x86/cpu.h"
#include "x86/dom0.h"
#include "x86/panic.h"
#include "x86/pv.h"
#include "x86/pv_mm.h"

#define BASE_ALIGN      MIB(4)   /* the base region ends on such a border ... */
#define BASE_SLACK      KIB(512) /* ... with at least so much mapped and unused (ABI) */
#define CHUNK_ORDER     18u      /* memory comes in pieces of at most 1 GiB */
#define PIECE_ORDER_MIN 9u       /* and above 4 GiB of at least 2 MiB, but for the rest */
#define PTE_TABLE       (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)
#define PTE_DATA        (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

struct dom0_builder {
    struct domain *d;
    const struct boot_module *kernel_module, *initrd_module;
    struct kernel_image kernel;
    void *elf; /* unpacked, elf_order */
    u32 elf_order;
    u64 nr_pages;
    u32 *mfns; /* of each pfn */
    u32 mfns_order;

    /* Virtual addresses; the base region is [virt_base, virt_end). */
    vaddr_t virt_start_info, virt_tables, virt_stack, virt_end, virt_initrd, virt_p2m;
    u64 nr_tables;
    bool initrd_in_base, p2m_in_base;
    u64 initrd_pages, initrd_pfn;
    u64 p2m_pages, p2m_pfn, p2m_tables;
    u64 next_table; /* pfn of the next page for page tables */
    mfn_t l4;
};

static noreturn void fail(const char *what, const char *why)
{
    start_refuse("domain 0 cannot be built: %s%s%s", what, why ? ": " : "", why ? why : "");
}

/* --- the kernel */

static u32 order_for(u64 bytes)
{
    u32 order = 0;
    while ((PAGE_SIZE << order) < bytes)
        order++;
    return order;
}

static const void *module_data(const struct boot_module *m)
{
    return paddr_to_virt(m->start);
}

static init_text void kernel_unpack(struct dom0_builder *b)
{
    const char *why = NULL;
    struct kernel_source source;
    u64 size = b->kernel_module->end - b->kernel_module->start;
    if (kernel_source_find(module_data(b->kernel_module), size, &source, &why))
        fail("the first module is not a kernel", why);
    const void *elf = source.data;
    if (source.compressed) {
        if (source.unpacked_size > heap_free_frames() << PAGE_SHIFT)
            fail("the kernel", "its unpacked size exceeds the memory there is");
        b->elf_order = order_for(source.unpacked_size);
        struct frame *f = b->elf_order > HEAP_MAX_ORDER
                              ? NULL
                              : heap_alloc(b->elf_order, NODE_ANY, ADDRESS_ANY, HEAP_NO_SCRUB);
        void *scratch = object_alloc(DECOMPRESS_SCRATCH_SIZE);
        if (!f || !scratch)
            fail("the kernel", "no memory to unpack it");
        b->elf = frame_to_virt(f);
        if (kernel_source_unpack(&source, b->elf, scratch, DECOMPRESS_SCRATCH_SIZE, &why))
            fail("the kernel cannot be unpacked", why);
        object_free(scratch);
        elf = b->elf;
    }
    if (kernel_image_parse(elf, source.unpacked_size, &b->kernel, &why) ||
        kernel_image_check_pv(&b->kernel, &why))
        fail("the kernel cannot be loaded", why);
    log_info("domain 0 kernel: %s %s, at %#lx-%#lx, entry %#lx",
             b->kernel.guest_os ? b->kernel.guest_os : "?",
             b->kernel.guest_version ? b->kernel.guest_version : "?",
             (unsigned long)b->kernel.virt_kstart, (unsigned long)b->kernel.virt_kend,
             (unsigned long)b->kernel.entry);
}

/* Features that a PV hardware domain of ours has, and that a kernel may require. */
#define FEATURES_OFFERED                                                                           \
    (BIT(XENFEAT_pae_pgdir_above_4gb) | BIT(XENFEAT_mmu_pt_update_preserve_ad) |                   \
     BIT(XENFEAT_highmem_assist) | BIT(XENFEAT_gnttab_map_avail_bits) | BIT(XENFEAT_dom0) |        \
     BIT(XENFEAT_memory_op_vnode_supported) | BIT(XENFEAT_writable_page_tables))

static init_text void kernel_check_features(const struct dom0_builder *b)
{
    const struct kernel_features *f = &b->kernel.features;
    u64 missing = f->required & ~FEATURES_OFFERED;
    if (f->listed && !(f->supported & BIT(XENFEAT_dom0)))
        fail("the kernel", "its Xen notes say what it can, and being domain 0 is not among it");
    if (missing)
        start_refuse(
            "domain 0 cannot be built: the kernel requires features %#lx that are not there",
            (unsigned long)missing);
}

/* --- layout */

/* Tables of levels 1 to 3 that mapping [start, end) needs, besides the one L4. */
static u64 tables_for(vaddr_t start, vaddr_t end)
{
    u64 n = 0;
    for (u32 shift = 21; shift <= 39; shift += 9)
        n += ((end - 1) >> shift) - (start >> shift) + 1;
    return n;
}

static init_text void layout_base(struct dom0_builder *b)
{
    u64 base = b->kernel.virt_base;
    vaddr_t at = ROUND_UP(b->kernel.virt_kend, PAGE_SIZE);
    if (b->initrd_in_base) {
        b->virt_initrd = at;
        at += b->initrd_pages << PAGE_SHIFT;
    }
    if (b->p2m_in_base) {
        b->virt_p2m = at;
        at += b->p2m_pages << PAGE_SHIFT;
    }
    b->virt_start_info = at;
    b->virt_tables = at + PAGE_SIZE;
    /* The tables map themselves: the more there are, the more there must be. */
    u64 tables = 1;
    for (;;) {
        b->virt_stack = b->virt_tables + (tables << PAGE_SHIFT);
        b->virt_end = ROUND_UP(b->virt_stack + PAGE_SIZE + BASE_SLACK, BASE_ALIGN);
        if (!kernel_addresses_usable(base, b->virt_end))
            fail("the kernel",
                 "it, its RAM disk and its tables pass the end of the addresses that it may use");
        u64 needed = 1 + tables_for(base, b->virt_end);
        if (needed <= tables)
            break;
        tables = needed;
    }
    b->nr_tables = tables;
}

/* The table at the kernel's INIT_P2M, whose size only the domain's memory tells. */
static init_text void layout_p2m_check(const struct dom0_builder *b)
{
    vaddr_t end = b->virt_p2m + (b->p2m_pages << PAGE_SHIFT);
    if (!kernel_addresses_usable(b->virt_p2m, end))
        fail("the kernel", "its p2m table passes the end of the addresses that it may use");
    if (b->virt_p2m < b->virt_end && end > b->kernel.virt_base)
        fail("the kernel", "it wants the p2m table where it, its RAM disk or its tables are");
}

static init_text void layout(struct dom0_builder *b)
{
    u64 initrd_bytes = b->initrd_module ? b->initrd_module->end - b->initrd_module->start : 0;
    b->initrd_pages = DIV_ROUND_UP(initrd_bytes, PAGE_SIZE);
    b->initrd_in_base = !b->kernel.mod_start_pfn.value;
    b->p2m_in_base = !b->kernel.init_p2m.present;
    b->p2m_pages = DIV_ROUND_UP(b->nr_pages * sizeof(u64), PAGE_SIZE);
    layout_base(b);

    u64 pfn = (b->virt_end - b->kernel.virt_base) >> PAGE_SHIFT;
    if (b->initrd_in_base) {
        b->initrd_pfn = (b->virt_initrd - b->kernel.virt_base) >> PAGE_SHIFT;
    } else {
        b->initrd_pfn = pfn;
        pfn += b->initrd_pages;
    }
    if (b->p2m_in_base) {
        b->p2m_pfn = (b->virt_p2m - b->kernel.virt_base) >> PAGE_SHIFT;
    } else {
        b->virt_p2m = b->kernel.init_p2m.value;
        layout_p2m_check(b);
        b->p2m_pfn = pfn;
        b->p2m_tables = tables_for(b->virt_p2m, b->virt_p2m + (b->p2m_pages << PAGE_SHIFT));
        pfn += b->p2m_pages + b->p2m_tables;
    }
    if (pfn > b->nr_pages)
        start_refuse(
            "domain 0 cannot be built: its %lu MiB of memory (dom0_mem) are too little: kernel, "
            "initial "
            "RAM disk of %lu MiB and tables need %lu MiB",
            (unsigned long)(b->nr_pages >> 8), (unsigned long)(initrd_bytes >> 20),
            (unsigned long)(pfn >> 8) + 1);
}

/* --- memory */

/*
 * How many of the free frames can be domain 0's: while it is built the list of them, which is one
 * piece, takes memory too.
 */
static init_text u64 frames_available(u64 free)
{
    u64 most = MIN(free, (PAGE_SIZE << HEAP_MAX_ORDER) / sizeof(u32));
    u64 list = 1ull << order_for(most * sizeof(u32));
    return free > list ? MIN(most, free - list) : 0;
}

static init_text void frame_list_create(struct dom0_builder *b)
{
    b->mfns_order = order_for(b->nr_pages * sizeof(u32));
    struct frame *list = heap_alloc(b->mfns_order, NODE_ANY, ADDRESS_ANY, HEAP_NO_SCRUB);
    if (!list)
        fail("memory", "none for its frame list");
    b->mfns = frame_to_virt(list);
}

/*
 * Frames for pfns [pfn, end). Smaller pieces above 4 GiB go before larger ones below: domain 0 asks
 * for memory there later, for its devices, and gets it only of what it does not have yet.
 */
static init_text void memory_allocate(struct dom0_builder *b, u64 pfn, u64 end)
{
    u32 order = CHUNK_ORDER, flags = HEAP_NO_SCRUB | HEAP_ABOVE_4G;
    while (pfn < end) {
        while ((1ull << order) > end - pfn)
            order--;
        struct frame *f = heap_alloc(order, b->d->node_affinity, ADDRESS_ANY, flags);
        if (!f && flags & HEAP_ABOVE_4G && order <= PIECE_ORDER_MIN) {
            flags &= ~(u32)HEAP_ABOVE_4G;
            order = CHUNK_ORDER;
            continue;
        }
        if (!f && order) {
            order--;
            continue;
        }
        if (!f || domain_assign_frames(b->d, f, order))
            fail("memory", "the heap is used up");
        u64 mfn = frame_mfn(f).v;
        for (u64 i = 0; i < 1ull << order; i++) {
            b->mfns[pfn + i] = (u32)(mfn + i);
            arch_gfn_assign(b->d, GFN(pfn + i), MFN(mfn + i));
        }
        pfn += 1ull << order;
    }
}

static void *pfn_to_virt(const struct dom0_builder *b, u64 pfn)
{
    return mfn_to_virt(MFN(b->mfns[pfn]));
}

static u64 base_pfn(const struct dom0_builder *b, vaddr_t va)
{
    return (va - b->kernel.virt_base) >> PAGE_SHIFT;
}

/* Copy (or clear: data NULL) to guest-physical memory, whose frames need not be contiguous. */
static void region_write(const struct dom0_builder *b, u64 byte, const u8 *data, u64 bytes)
{
    while (bytes) {
        u64 inside = byte & (PAGE_SIZE - 1), n = MIN(bytes, PAGE_SIZE - inside);
        u8 *to = (u8 *)pfn_to_virt(b, byte >> PAGE_SHIFT) + inside;
        if (data) {
            memcpy(to, data, n);
            data += n;
        } else {
            memset(to, 0, n);
        }
        byte += n;
        bytes -= n;
    }
}

static init_text void segments_load(const struct dom0_builder *b)
{
    for (u32 i = 0; i < b->kernel.elf.segments; i++) {
        struct kernel_segment s = kernel_image_segment(&b->kernel, i);
        u64 at = s.vaddr - b->kernel.virt_base;
        region_write(b, at, s.data, s.file_size);
        region_write(b, at + s.file_size, NULL, s.memory_size - s.file_size);
    }
}

static init_text void initrd_load(const struct dom0_builder *b)
{
    if (b->initrd_module)
        region_write(b, b->initrd_pfn << PAGE_SHIFT, module_data(b->initrd_module),
                     b->initrd_module->end - b->initrd_module->start);
}

/* --- page tables */

static init_text mfn_t table_new(struct dom0_builder *b)
{
    mfn_t mfn = MFN(b->mfns[b->next_table++]);
    memset(mfn_to_virt(mfn), 0, PAGE_SIZE);
    return mfn;
}

/* The level-1 entry of va, with its tables made from next_table on as needed. */
static init_text pte_t *table_entry(struct dom0_builder *b, vaddr_t va)
{
    pte_t *table = mfn_to_virt(b->l4);
    for (u32 level = 4; level > 1; level--) {
        pte_t *e = &table[pte_index(va, level)];
        if (!*e)
            *e = pte_make(table_new(b), PTE_TABLE);
        table = mfn_to_virt(pte_mfn(*e));
    }
    return &table[pte_index(va, 1)];
}

static init_text void tables_build(struct dom0_builder *b)
{
    u64 tables_first = base_pfn(b, b->virt_tables), tables_end = tables_first + b->nr_tables;
    b->next_table = tables_first;
    b->l4 = table_new(b);
    for (vaddr_t va = b->kernel.virt_base; va < b->virt_end; va += PAGE_SIZE) {
        u64 pfn = base_pfn(b, va);
        u64 flags = PTE_DATA;
        if (pfn >= tables_first && pfn < tables_end)
            flags &= ~PTE_WRITE; /* no page table is writable */
        *table_entry(b, va) = pte_make(MFN(b->mfns[pfn]), flags);
    }
    BUG_ON(b->next_table > tables_end);
    /* Pages set aside and not needed are plain memory that the kernel takes for page tables. */
    for (; b->next_table < tables_end;)
        table_new(b);
    if (b->p2m_in_base)
        return;
    b->next_table = b->p2m_pfn + b->p2m_pages;
    for (u64 i = 0; i < b->p2m_pages; i++)
        *table_entry(b, b->virt_p2m + (i << PAGE_SHIFT)) =
            pte_make(MFN(b->mfns[b->p2m_pfn + i]), PTE_DATA);
    BUG_ON(b->next_table > b->p2m_pfn + b->p2m_pages + b->p2m_tables);
}

/* --- what the kernel is told */

static init_text void p2m_write(const struct dom0_builder *b)
{
    for (u64 page = 0, pfn = 0; page < b->p2m_pages; page++) {
        u64 *list = pfn_to_virt(b, b->p2m_pfn + page);
        for (u64 i = 0; i < PAGE_SIZE / sizeof(u64); i++, pfn++)
            list[i] = pfn < b->nr_pages ? b->mfns[pfn] : ~0ull;
    }
}

/* What the kernel may know of the screen follows the start info in its page. */
static init_text void screen_describe(struct start_info *si)
{
    u32 size;
    if (!vga_describe((struct dom0_vga_console_info *)(si + 1), &size))
        return;
    si->console.dom0.info_off = sizeof(*si);
    si->console.dom0.info_size = size;
}

/* A module's command line without the file's name. */
static init_text const char *module_arguments(const struct boot_module *m)
{
    const char *text = m->cmdline;
    if (!boot_info.named)
        return text;
    while (*text && *text != ' ')
        text++;
    while (*text == ' ')
        text++;
    return text;
}

static init_text void start_info_write(const struct dom0_builder *b)
{
    struct start_info *si = pfn_to_virt(b, base_pfn(b, b->virt_start_info));
    memset(si, 0, PAGE_SIZE);
    memcpy(si->magic, "xen-3.0-x86_64", sizeof("xen-3.0-x86_64"));
    si->nr_pages = b->nr_pages;
    si->shared_info = virt_to_paddr(b->d->shared_info);
    si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
    si->pt_base = b->virt_tables;
    si->nr_pt_frames = b->nr_tables;
    si->mfn_list = b->virt_p2m;
    if (!b->p2m_in_base) {
        si->first_p2m_pfn = b->p2m_pfn;
        si->nr_p2m_frames = b->p2m_pages + b->p2m_tables;
    }
    if (b->initrd_module) {
        si->mod_len = b->initrd_module->end - b->initrd_module->start;
        si->mod_start = b->initrd_in_base ? b->virt_initrd : b->initrd_pfn;
        if (!b->initrd_in_base)
            si->flags |= SIF_MOD_START_PFN;
    }
    const char *line = module_arguments(b->kernel_module), *more = cmdline_for_domain0();
    int length = text_format((char *)si->cmd_line, sizeof(si->cmd_line), "%s%s%s", line,
                             *line && *more ? " " : "", more);
    if (length >= (int)sizeof(si->cmd_line))
        log_warning("domain 0's command line is cut to %zu characters", sizeof(si->cmd_line) - 1);
    screen_describe(si);
}

static init_text void hypercall_page_write(const struct dom0_builder *b)
{
    u64 at = b->kernel.hypercall_page.value - b->kernel.virt_base;
    if (b->kernel.hypercall_page.present)
        pv_hypercall_page_write(pfn_to_virt(b, at >> PAGE_SHIFT));
}

static init_text void vcpu_start(const struct dom0_builder *b, struct vcpu *v)
{
    struct regs *r = &v->arch.regs;
    int error = pv_pin_l4(b->d, b->l4);
    if (!error)
        error = pv_set_kernel_l4(v, b->l4);
    if (error)
        panic("domain 0 cannot be built: its page tables are not accepted (error %d)", error);
    r->rip = b->kernel.entry;
    r->rsp = b->virt_stack + PAGE_SIZE;
    r->rsi = b->virt_start_info;
    r->cs = SELECTOR_RING3_CS64;
    r->ss = SELECTOR_RING3_DS;
    r->rflags = RFLAGS_IF | RFLAGS_FIXED;
    v->arch.kernel_sp = r->rsp;
    v->arch.kernel_ss = SELECTOR_RING3_DS;
    v->arch.kernel_mode = true;
    v->initialised = true;
}

/* --- all together */

static init_text void vcpus_create(struct domain *d)
{
    u32 online = cpumask_count(&cpu_online_mask), cpu = 0;
    for (u32 id = 0; id < d->max_vcpus; id++) {
        struct vcpu *v = vcpu_create(d, id);
        if (!v)
            panic("domain 0 cannot be built: no memory for its vcpu %u", id);
        cpu = id ? cpumask_next(&cpu_online_mask, cpu + 1) : 0;
        if (cpu >= NR_CPUS)
            cpu = cpumask_first(&cpu_online_mask);
        if (!dom0_vcpus_pin || !online)
            continue;
        struct cpumask only = {};
        cpumask_set(&only, cpu);
        if (sched_set_affinity(v, &only, &v->sched.affinity_soft))
            log_warning("domain 0's vcpu %u cannot be pinned to cpu %u", id, cpu);
    }
}

static init_text void modules_release(u32 first, u32 end)
{
    for (u32 i = first; i < end; i++)
        boot_memory_release(boot_info.modules[i].start, boot_info.modules[i].end);
}

/* What modules_release() will bring. */
static init_text u64 modules_frames(void)
{
    u64 frames = 0;
    for (u32 i = 0; i < boot_info.nr_modules; i++)
        frames += boot_memory_frames(boot_info.modules[i].start, boot_info.modules[i].end);
    return frames;
}

/* All frames of domain 0, with its kernel and RAM disk in them. What those came in is given back as
 * soon as they are where they belong: memory may be scarce. */
static init_text void memory_fill(struct dom0_builder *b)
{
    u64 pfn = (b->virt_end - b->kernel.virt_base) >> PAGE_SHIFT;
    memory_allocate(b, 0, pfn);
    segments_load(b);
    if (b->elf)
        heap_free(virt_to_frame(b->elf), b->elf_order);
    modules_release(0, 1);
    if (b->initrd_module && !b->initrd_in_base) {
        if (b->initrd_pages > heap_free_frames())
            fail("memory", "the initial RAM disk must have room twice");
        memory_allocate(b, pfn, pfn + b->initrd_pages);
        pfn += b->initrd_pages;
    }
    initrd_load(b);
    modules_release(1, boot_info.nr_modules);
    memory_allocate(b, pfn, b->nr_pages);
}

init_text struct domain *dom0_build(void)
{
    struct dom0_builder b = {};
    int error;
    if (!boot_info.nr_modules)
        fail("the boot loader passed no module",
             "the first must be its kernel, the second, if any, its initial RAM disk");
    b.kernel_module = &boot_info.modules[0];
    b.initrd_module = boot_info.nr_modules > 1 ? &boot_info.modules[1] : NULL;
    if (boot_info.nr_modules > 2)
        log_warning(
            "boot modules: domain 0 has no use for the third of %u (\"%s\") and any after it",
            boot_info.nr_modules, boot_info.modules[2].cmdline);
    kernel_unpack(&b);
    kernel_check_features(&b);

    b.d = domain_create(0, dom0_choose_vcpus(cpumask_count(&cpu_online_mask)), &error);
    if (!b.d)
        panic("domain 0 cannot be built: no memory for its structures (error %d)", error);
    if (b.kernel.pae_mode && !strcmp(b.kernel.pae_mode, "yes"))
        b.d->vm_assist |= BIT(VMASST_TYPE_pae_extended_cr3); /* the note asks for it (elfnote.h) */
    hardware_domain = b.d;
    dom0_grant_permissions(b.d);
    vcpus_create(b.d);

    /* What is free now, and what will be when all is unpacked. */
    u64 free = heap_free_frames() + (b.elf ? 1ull << b.elf_order : 0) + modules_frames();
    b.nr_pages = dom0_choose_pages(frames_available(free));
    b.d->max_frames = dom0_choose_max_pages(b.nr_pages);
    layout(&b);
    frame_list_create(&b);
    memory_fill(&b);
    tables_build(&b);
    p2m_write(&b);
    start_info_write(&b);
    hypercall_page_write(&b);
    vcpu_start(&b, b.d->vcpus[0]);

    log_info("domain 0: %lu MiB, %u vcpus, initial RAM disk of %lu KiB",
             (unsigned long)(b.nr_pages >> 8), b.d->max_vcpus,
             (unsigned long)(b.initrd_pages << 2));
    heap_free(virt_to_frame(b.mfns), b.mfns_order);
    return b.d;
}
