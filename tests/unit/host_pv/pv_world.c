/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine of host_pv/pv_world.h. core/frame.c and lib/rangeset.c are the real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/cpu.h"
#include "arch/memory.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/hypercall.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/descriptors.h"
#include "x86/pv.h"
#include "tests/unit/host_pv/pv_world.h"

struct world world;
struct cpu_features cpu_features;
struct cpumask cpu_online_mask;
pte_t *hypervisor_l4;
u64 m2p_limit;

static u8 ram[WORLD_FRAMES][PAGE_SIZE] aligned(4096);
static struct frame table[WORLD_FRAMES];

/* --- frames: number 0 is not used, for an owner of 0 is none */

struct frame *frame_of_mfn(mfn_t mfn)
{
    return mfn.v && mfn.v < WORLD_FRAMES ? &table[mfn.v] : NULL;
}

mfn_t frame_mfn(const struct frame *f)
{
    return MFN((u64)(f - table));
}

void *mfn_to_virt(mfn_t mfn)
{
    assert_true(mfn.v && mfn.v < WORLD_FRAMES);
    return ram[mfn.v];
}

mfn_t virt_to_mfn(const void *p)
{
    u64 offset = (u64)((const u8 *)p - ram[0]);
    assert_true(offset < sizeof(ram));
    return MFN(offset / PAGE_SIZE);
}

void *frame_to_virt(const struct frame *f)
{
    return ram[f - table];
}

u64 *m2p_entry(mfn_t mfn)
{
    panic("there is no machine-to-physical table");
}

static struct frame *frames_take(u32 n)
{
    for (u32 i = 1; i + n <= WORLD_FRAMES; i++) {
        u32 k = 0;
        while (k < n && table[i + k].count == FRAME_FREE)
            k++;
        if (k < n)
            continue;
        for (k = 0; k < n; k++) {
            table[i + k] = (struct frame){.count = 0};
            memset(ram[i + k], 0, PAGE_SIZE);
        }
        return &table[i];
    }
    return NULL;
}

void heap_free(struct frame *f, u32 order)
{
    for (u32 i = 0; i < 1u << order; i++) {
        assert_int_equal(f[i].count, 0);
        assert_int_equal(f[i].type & FRAME_TYPE_COUNT, 0);
        f[i].count = FRAME_FREE;
    }
}

void *pages_alloc(u32 order)
{
    struct frame *f = frames_take(1u << order);
    return f ? frame_to_virt(f) : NULL;
}

void pages_free(void *p, u32 order)
{
    struct frame *f = &table[virt_to_mfn(p).v];
    heap_free(f, order);
}

void *page_alloc(void)
{
    return pages_alloc(0);
}

void page_free(void *page)
{
    pages_free(page, 0);
}

void *object_alloc(size_t bytes)
{
    return calloc(1, bytes);
}

void *object_alloc_array(size_t size, size_t n)
{
    return calloc(n, size);
}

void object_free(void *object)
{
    free(object);
}

/* --- domains */

static struct domain *domain_make(domid_t id, u32 vcpus)
{
    struct domain *d = frame_to_virt(frames_take(2));
    STATIC_ASSERT(sizeof(struct domain) <= 2 * PAGE_SIZE);
    d->id = id;
    d->refs = 1;
    d->frames_head = d->frames_tail = FRAME_LINK_END;
    d->max_frames = WORLD_FRAMES;
    spin_init(&d->frame_lock, LOCK_FRAME_LIST);
    spin_init(&d->arch.page_table_lock, LOCK_PAGE_TABLES);
    d->arch.devalidate_head = FRAME_LINK_END;
    rangeset_init(&d->iomem);
    rangeset_init(&d->ioports);
    cpumask_set(&d->dirty_cpus, 0);
    d->max_vcpus = vcpus;
    d->vcpus = calloc(vcpus + 1, sizeof(struct vcpu *));
    for (u32 i = 0; i < vcpus; i++) {
        struct vcpu *v = d->vcpus[i] = calloc(1, sizeof(*v));
        v->id = i;
        v->domain = d;
        v->arch.kernel_mode = true;
        v->arch.kernel_l4 = v->arch.user_l4 = INVALID_MFN;
        for (u32 g = 0; g < GDT_RESERVED_PAGE; g++)
            v->arch.gdt_frames[g] = INVALID_MFN;
    }
    d->shared_info = vcpus ? calloc(1, sizeof(*d->shared_info)) : NULL;
    if (vcpus) {
        d->shared_info->arch.max_pfn = WORLD_FRAMES - 1;
        assert_int_equal(perdomain_create(d), 0);
    }
    return d;
}

static void tlb_reset(void);

void world_init(void)
{
    memset(&world, 0, sizeof(world));
    memset(table, 0, sizeof(table));
    for (u32 i = 1; i < WORLD_FRAMES; i++)
        table[i].count = FRAME_FREE;
    host_percpu_init(1);
    cpu_features.nx = true;
    cpu_features.physical_bits = 40;
    cpumask_set(&cpu_online_mask, 0);
    hypervisor_l4 = page_alloc();
    for (u32 i = HYPERVISOR_FIRST_SLOT; i <= HYPERVISOR_LAST_SLOT; i++)
        hypervisor_l4[i] = 0xabc000 + i;
    world.io = domain_make(DOMID_IO, 0);
    world.xen = domain_make(DOMID_XEN, 0);
    world.io->is_system = world.xen->is_system = true;
    world.dom0 = domain_make(0, 2);
    world.dom0->is_control = world.dom0->is_hardware = true;
    world.guest = domain_make(7, 1);
    assert_int_equal(rangeset_add(&world.dom0->iomem, WORLD_DEVICE_MFN, WORLD_DEVICE_MFN + 15), 0);
    assert_int_equal(rangeset_add(&pv_mmio_readonly, WORLD_DEVICE_MFN + 15, WORLD_DEVICE_MFN + 15),
                     0);
    world_run(world.dom0);
    tlb_reset();
}

void world_run(struct domain *d)
{
    host_cpu_info[0].vcpu = d->vcpus[0];
}

static void domain_relinquish(struct domain *d)
{
    struct vcpu *v;
    int error;
    d->dying = DOMAIN_DYING;
    for_each_vcpu (d, v) {
        pv_drop_l4s(v);
        pv_gdt_clear(v);
        pv_ldt_unmap_all(v);
    }
    do
        error = pv_mm_relinquish(d);
    while (error == -ERESTART);
    assert_int_equal(error, 0);
    assert_int_equal(d->arch.devalidate_head, FRAME_LINK_END);
}

/* Nothing but the owner's own reference is left. */
static void domain_check_frames(struct domain *d)
{
    for (struct frame *f = frame_list_first(d); f; f = frame_list_next(f)) {
        assert_int_equal(f->type & FRAME_TYPE_COUNT, 0);
        assert_int_equal(f->count & FRAME_REFS, 1);
    }
}

static void domain_end(struct domain *d)
{
    struct frame *f;
    while ((f = frame_list_first(d)))
        assert_true(frame_release(f));
    assert_int_equal(d->refs, 1);
    assert_int_equal(d->tot_frames, 0);
    for (u32 i = 0; i < d->max_vcpus; i++)
        free(d->vcpus[i]);
    free(d->vcpus);
    free(d->shared_info);
    perdomain_destroy(d);
    rangeset_destroy(&d->iomem);
    rangeset_destroy(&d->ioports);
    heap_free(&table[virt_to_mfn(d).v], 1);
}

void world_end(void)
{
    host_cpu_info[0].vcpu = NULL;
    world.preempt_after = 0;
    domain_relinquish(world.dom0);
    domain_relinquish(world.guest);
    domain_check_frames(world.dom0);
    domain_check_frames(world.guest);
    domain_end(world.dom0);
    domain_end(world.guest);
    domain_end(world.io);
    domain_end(world.xen);
    rangeset_destroy(&pv_mmio_readonly);
    page_free(hypervisor_l4);
}

struct domain *domain_io(void)
{
    return world.io;
}

struct domain *domain_xen(void)
{
    return world.xen;
}

struct vcpu *domain_vcpu(const struct domain *d, u64 id)
{
    return id < d->max_vcpus ? d->vcpus[id] : NULL;
}

bool domain_try_ref(struct domain *d)
{
    return ++d->refs;
}

void domain_put(struct domain *d)
{
    assert_true(--d->refs);
}

struct domain *domain_get(domid_t id)
{
    struct domain *d = id == 0 ? world.dom0 : id == 7 ? world.guest : NULL;
    if (d)
        d->refs++;
    return d;
}

void domain_pause(struct domain *d)
{
    d->pause_count++;
}

void domain_unpause(struct domain *d)
{
    assert_true(d->pause_count--);
}

u64 m2p_get(mfn_t mfn)
{
    return mfn.v;
}

bool may_control(const struct domain *d)
{
    return d == current->domain || current->domain->is_control;
}

mfn_t world_frame(struct domain *d)
{
    struct frame *f = frames_take(1);
    assert_non_null(f);
    tlb_flush_local(); /* as the heap does for frames that were another's */
    assert_int_equal(domain_assign_frames(d, f, 0), 0);
    return frame_mfn(f);
}

pte_t *world_table(mfn_t mfn)
{
    return mfn_to_virt(mfn);
}

u32 world_type_count(mfn_t mfn)
{
    return (u32)(frame_of_mfn(mfn)->type & FRAME_TYPE_COUNT);
}

u32 world_refs(mfn_t mfn)
{
    return (u32)(frame_of_mfn(mfn)->count & FRAME_REFS);
}

u64 world_type(mfn_t mfn)
{
    return frame_of_mfn(mfn)->type & FRAME_TYPE_MASK;
}

/* --- the TLB: everything that could be reached since the last flush, may be remembered */

static u32 clock_now, clock_flushed;
static bool tlb_writable[WORLD_FRAMES];
static u32 tlb_walked[WORLD_FRAMES];  /* level as which it may be walked */
static bool tlb_shadow[WORLD_FRAMES]; /* may be walked as a shadow */

static void tlb_walk(mfn_t mfn, u32 level)
{
    struct frame *f = frame_of_mfn(mfn);
    if (!f)
        return;
    tlb_walked[mfn.v] = level;
    for (u32 i = 0; i < PTES_PER_TABLE; i++) {
        pte_t e = world_table(mfn)[i];
        if (!(e & PTE_PRESENT) ||
            (level == 4 && i >= HYPERVISOR_FIRST_SLOT && i <= HYPERVISOR_LAST_SLOT))
            continue;
        if (level > 1)
            tlb_walk(pte_mfn(e), level - 1);
        else if ((e & PTE_WRITE) && frame_of_mfn(pte_mfn(e)))
            tlb_writable[pte_mfn(e).v] = true;
    }
}

/* The same of shadows, which are the hypervisor's own pages. */
static void tlb_walk_shadow(mfn_t mfn, u32 level)
{
    tlb_shadow[mfn.v] = true;
    for (u32 i = 0; i < PTES_PER_TABLE; i++) {
        pte_t e = world_table(mfn)[i];
        if (!(e & PTE_PRESENT) ||
            (level == 4 && i >= HYPERVISOR_FIRST_SLOT && i <= HYPERVISOR_LAST_SLOT))
            continue;
        if (level > 1)
            tlb_walk_shadow(pte_mfn(e), level - 1);
        else if ((e & PTE_WRITE) && frame_of_mfn(pte_mfn(e)))
            tlb_writable[pte_mfn(e).v] = true;
    }
}

static void tlb_remember(void)
{
    struct domain *const domains[] = {world.dom0, world.guest};
    for (u32 i = 0; i < ARRAY_SIZE(domains); i++) {
        struct vcpu *v;
        for_each_vcpu (domains[i], v) {
            if (domains[i]->arch.log_dirty) {
                tlb_walk_shadow(v->arch.shadow_l4[0], 4);
                tlb_walk_shadow(v->arch.shadow_l4[1], 4);
                continue;
            }
            if (!mfn_is_invalid(v->arch.kernel_l4))
                tlb_walk(v->arch.kernel_l4, 4);
            if (!mfn_is_invalid(v->arch.user_l4))
                tlb_walk(v->arch.user_l4, 4);
        }
    }
}

static void tlb_reset(void)
{
    clock_now = clock_flushed = 1;
    memset(tlb_writable, 0, sizeof(tlb_writable));
    memset(tlb_walked, 0, sizeof(tlb_walked));
    memset(tlb_shadow, 0, sizeof(tlb_shadow));
}

mfn_t arch_ram_end(void)
{
    return MFN(WORLD_FRAMES);
}

void pv_step_trap(struct vcpu *v)
{
}

void tlb_flush_local(void)
{
    world.flushes++;
    clock_flushed = ++clock_now;
    memset(tlb_writable, 0, sizeof(tlb_writable));
    memset(tlb_walked, 0, sizeof(tlb_walked));
    memset(tlb_shadow, 0, sizeof(tlb_shadow));
    tlb_remember();
}

void tlb_flush_mask(const struct cpumask *mask)
{
    if (cpumask_test(mask, 0))
        tlb_flush_local();
}

void tlb_flush_since(const struct cpumask *mask, u32 stamp)
{
    if (cpumask_test(mask, 0) && clock_flushed <= stamp)
        tlb_flush_local();
}

void memory_write_back(const void *p, size_t bytes)
{
    mfn_t mfn = virt_to_mfn(p);
    if (world.behind_caches && mfn_eq(mfn, world.incoherent))
        memcpy(world_table(mfn), world.behind_caches, bytes);
    world.incoherent = INVALID_MFN;
}

void tlb_flush_page_mask(const struct cpumask *mask, vaddr_t va)
{
    world.page_flushes += cpumask_test(mask, 0);
}

void tlb_flush_page_local(vaddr_t va)
{
    world.page_flushes++;
}

u32 tlb_clock(void)
{
    return clock_now;
}

void pv_load_cr3(struct vcpu *v)
{
    world.cr3_loads++;
    tlb_flush_local();
}

static void report(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

static bool is_protected(const struct frame *f)
{
    u64 t = f->type & FRAME_TYPE_MASK;
    return (t >= FRAME_TYPE_L1 && t <= FRAME_TYPE_DESC) && (f->type & FRAME_TYPE_COUNT);
}

/* The shadow allows no more than the guest's own table. */
static void shadow_check(mfn_t shadow, mfn_t guest, u32 level)
{
    for (u32 i = 0; i < PTES_PER_TABLE; i++) {
        pte_t s = world_table(shadow)[i];
        if (!(s & PTE_PRESENT) ||
            (level == 4 && i >= HYPERVISOR_FIRST_SLOT && i <= HYPERVISOR_LAST_SLOT))
            continue;
        assert_false(mfn_is_invalid(guest));
        pte_t g = world_table(guest)[i];
        assert_int_equal(g & (PTE_PRESENT | PTE_ACCESSED), PTE_PRESENT | PTE_ACCESSED);
        assert_int_equal((s ^ g) & PTE_NX, 0);
        assert_true(!(s & PTE_WRITE) || (g & PTE_WRITE));
        if (level > 1) {
            shadow_check(pte_mfn(s), pte_mfn(g), level - 1);
        } else {
            assert_int_equal(pte_mfn(s).v, pte_mfn(g).v);
            assert_true(!(s & PTE_WRITE) || (g & PTE_DIRTY));
        }
    }
}

static void shadows_check(struct domain *d)
{
    struct vcpu *v;
    for_each_vcpu (d, v) {
        if (!d->arch.log_dirty)
            continue;
        shadow_check(v->arch.shadow_l4[0], v->arch.kernel_l4, 4);
        shadow_check(v->arch.shadow_l4[1], v->arch.user_l4, 4);
    }
}

void world_check(void)
{
    shadows_check(world.dom0);
    shadows_check(world.guest);
    assert_int_equal(pv_mm_audit(world.dom0, report), 0);
    assert_int_equal(pv_mm_audit(world.guest, report), 0);
    tlb_remember();
    for (u32 i = 1; i < WORLD_FRAMES; i++) {
        if (tlb_writable[i])
            assert_false(is_protected(&table[i]));
        if (tlb_walked[i])
            assert_int_equal(table[i].type >> FRAME_TYPE_SHIFT, tlb_walked[i]);
        if (tlb_shadow[i])
            assert_true(!table[i].count && !table[i].owner);
    }
}

/* --- guest memory: the lowest page is not mapped, nor is anything that the test does not have */

bool guest_range_ok(vaddr_t va, u64 bytes)
{
    return va < BIT(47) && bytes < BIT(47);
}

int guest_copy_in(void *to, vaddr_t from, size_t bytes)
{
    if (!guest_range_ok(from, bytes) || (bytes && from < PAGE_SIZE))
        return -EFAULT;
    if (bytes)
        memcpy(to, (const void *)from, bytes);
    return 0;
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    if (!guest_range_ok(to, bytes) || (bytes && to < PAGE_SIZE))
        return -EFAULT;
    if (bytes)
        memcpy((void *)to, from, bytes);
    return 0;
}

int guest_clear(vaddr_t to, size_t bytes)
{
    if (!guest_range_ok(to, bytes) || (bytes && to < PAGE_SIZE))
        return -EFAULT;
    memset((void *)to, 0, bytes);
    return 0;
}

/* --- hypercalls */

bool preempt_pending(void)
{
    return world.preempt_after && !--world.preempt_after;
}

long hypercall_continue(struct vcpu *v, u32 nr_args, ...)
{
    va_list args;
    va_start(args, nr_args);
    for (u32 i = 0; i < nr_args; i++)
        world.continued_args[i] = va_arg(args, u64);
    va_end(args);
    world.continued = true;
    world.continued_count = nr_args;
    return 0;
}

long world_call(world_hypercall_t call, u64 a1, u64 a2, u64 a3, u64 a4)
{
    u64 a[4] = {a1, a2, a3, a4};
    for (;;) {
        world.continued = false;
        long result = call(current, a[0], a[1], a[2], a[3], 0, 0);
        if (!world.continued)
            return result;
        for (u32 i = 0; i < world.continued_count; i++)
            a[i] = world.continued_args[i];
    }
}

long world_mmu_update(u64 ptr, u64 val)
{
    struct mmu_update u = {.ptr = ptr, .val = val};
    return world_call(hypercall_mmu_update, (u64)&u, 1, 0, DOMID_SELF);
}

long world_mmuext(u32 command, u64 arg1, u64 arg2)
{
    struct mmuext_op op = {.cmd = command, .arg1.mfn = arg1, .arg2.src_mfn = arg2};
    return world_call(hypercall_mmuext_op, (u64)&op, 1, 0, DOMID_SELF);
}

struct tree tree_make(struct domain *d)
{
    struct tree t = {world_frame(d), world_frame(d), world_frame(d), world_frame(d),
                     world_frame(d)};
    world_table(t.l4)[1] = pte_make(t.l3, RW);
    world_table(t.l3)[2] = pte_make(t.l2, RW);
    world_table(t.l2)[3] = pte_make(t.l1, RW);
    world_table(t.l1)[0] = pte_make(t.data, RW);
    return t;
}

struct tree tree_load(struct domain *d)
{
    struct tree t = tree_make(d);
    assert_int_equal(world_mmuext(MMUEXT_PIN_L4_TABLE, t.l4.v, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, t.l4.v, 0), 0);
    return t;
}

/* --- the rest of the hypervisor */

int pv_decode_memory_write(struct vcpu *v, const struct regs *r, struct memory_write *w)
{
    *w = world.write;
    return 0;
}

void ldt_load(u64 base, u32 entries)
{
    world.ldt_loads++;
}

void cache_write_back(void)
{
}

void cpu_call(const struct cpumask *mask, void (*function)(void *data), void *data)
{
}

void cpu_wait(void)
{
    panic("nobody else would release this lock");
}

void log_line(enum log_level level, const char *fmt, ...)
{
}

void log_guest(enum log_level level, const char *fmt, ...)
{
    world.log_lines++;
}

noreturn void panic(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

int text_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(buf, size, fmt, args);
    va_end(args);
    return n;
}
