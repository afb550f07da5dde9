/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domains without a machine (host/guests.h). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch/cpu.h"
#include "arch/memory.h"
#include "arch/vcpu.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/hypercall.h"
#include "core/sched.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/print.h"
#include "tests/unit/host/guests.h"

struct guests_hooks guests;
struct domain *hardware_domain;
struct cpumask cpu_online_mask;

static char ram[GUESTS_FRAMES][PAGE_SIZE] aligned(4096);
static struct frame table[GUESTS_FRAMES];
static struct domain *list[16];
static u32 listed, objects;

/* --- frames: number 0 is not used, for an owner of 0 is none */

struct frame *frame_of_mfn(mfn_t mfn)
{
    return mfn.v && mfn.v < GUESTS_FRAMES ? &table[mfn.v] : NULL;
}

mfn_t frame_mfn(const struct frame *f)
{
    return MFN((u64)(f - table));
}

void *mfn_to_virt(mfn_t mfn)
{
    return ram[mfn.v];
}

mfn_t virt_to_mfn(const void *p)
{
    return MFN((u64)((const char *)p - ram[0]) / PAGE_SIZE);
}

void *frame_to_virt(const struct frame *f)
{
    return ram[f - table];
}

struct frame *virt_to_frame(const void *p)
{
    return &table[virt_to_mfn(p).v];
}

struct frame *heap_alloc(u32 order, u32 node, u32 address_bits, u32 flags)
{
    u32 n = 1u << order;
    if (guests.fail_allocation_after && !--guests.fail_allocation_after)
        return NULL;
    for (u32 i = n; i + n <= GUESTS_FRAMES; i += n) {
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
        BUG_ON(f[i].count || (f[i].type & FRAME_TYPE_COUNT));
        f[i].count = FRAME_FREE;
    }
}

u32 guests_frames_used(void)
{
    u32 used = 0;
    for (u32 i = 1; i < GUESTS_FRAMES; i++)
        used += table[i].count != FRAME_FREE;
    return used;
}

/* --- small objects */

void *object_alloc(size_t bytes)
{
    if (guests.fail_allocation_after && !--guests.fail_allocation_after)
        return NULL;
    objects++;
    return calloc(1, bytes);
}

void *object_alloc_array(size_t size, size_t n)
{
    return object_alloc(size * n);
}

void object_free(void *object)
{
    objects -= object != NULL;
    free(object);
}

void *page_alloc(void)
{
    if (guests.fail_allocation_after && !--guests.fail_allocation_after)
        return NULL;
    objects++;
    return memset(aligned_alloc(PAGE_SIZE, PAGE_SIZE), 0, PAGE_SIZE);
}

void page_free(void *page)
{
    objects--;
    free(page);
}

u32 guests_objects_used(void)
{
    return objects;
}

/* --- domains */

void guests_init(void)
{
    host_percpu_init(1);
    guests = (struct guests_hooks){.wakes = 0};
    memset(table, 0, sizeof(table));
    for (u32 i = 1; i < GUESTS_FRAMES; i++)
        table[i].count = FRAME_FREE;
    memset(list, 0, sizeof(list));
    listed = objects = 0;
    hardware_domain = NULL;
}

void guests_run(struct vcpu *v)
{
    host_cpu_info[0].vcpu = v;
}

struct domain *guests_domain(domid_t id, u32 vcpus)
{
    struct domain *d = mfn_to_virt(frame_mfn(heap_alloc(1, 0, 0, 0)));
    STATIC_ASSERT(sizeof(struct domain) <= 2 * PAGE_SIZE);
    d->id = id;
    d->refs = 1;
    d->frames_head = d->frames_tail = FRAME_LINK_END;
    d->max_frames = GUESTS_FRAMES;
    spin_init(&d->frame_lock, LOCK_FRAME_LIST);
    d->max_vcpus = vcpus;
    d->vcpus = calloc(vcpus, sizeof(struct vcpu *));
    d->shared_info = frame_to_virt(heap_alloc(0, 0, 0, 0));
    for (u32 i = 0; i < vcpus; i++) {
        struct vcpu *v = d->vcpus[i] = calloc(1, sizeof(*v));
        v->id = i;
        v->domain = d;
        v->info = i < XEN_LEGACY_MAX_VCPUS ? &d->shared_info->vcpu_info[i] : NULL;
    }
    if (!listed) {
        hardware_domain = d;
        d->is_hardware = d->is_control = true;
        guests_run(d->vcpus[0]);
    }
    list[listed++] = d;
    return d;
}

static void domain_end(struct domain *d)
{
    BUG_ON(d->frame_refs);
    for (u32 i = 0; i < listed; i++)
        if (list[i] == d)
            list[i] = NULL;
    for (u32 i = 0; i < d->max_vcpus; i++)
        free(d->vcpus[i]);
    free(d->vcpus);
    heap_free(virt_to_frame(d->shared_info), 0);
    heap_free(virt_to_frame(d), 1);
}

void guests_domain_end(struct domain *d)
{
    struct frame *f;
    while ((f = frame_list_first(d)))
        BUG_ON(!frame_release(f));
    BUG_ON(d->refs != 1);
    domain_put(d);
}

struct vcpu *domain_vcpu(const struct domain *d, u64 id)
{
    return id < d->max_vcpus ? d->vcpus[id] : NULL;
}

bool domain_try_ref(struct domain *d)
{
    return d->refs ? ++d->refs : false;
}

void domain_put(struct domain *d)
{
    if (!--d->refs)
        domain_end(d);
}

struct domain *domain_get(domid_t id)
{
    if (id == DOMID_SELF)
        id = current->domain->id;
    for (u32 i = 0; i < listed; i++)
        if (list[i] && list[i]->id == id && domain_try_ref(list[i]))
            return list[i];
    return NULL;
}

bool may_control(const struct domain *d)
{
    return d == current->domain || current->domain->is_control;
}

struct frame *guests_frame(struct domain *d, u8 byte)
{
    struct frame *f = heap_alloc(0, 0, 0, 0);
    memset(frame_to_virt(f), byte, PAGE_SIZE);
    BUG_ON(domain_assign_frames(d, f, 0));
    return f;
}

/* --- guest memory: the test's own; the lowest page is not mapped */

bool guest_range_ok(vaddr_t va, u64 bytes)
{
    return va < 1ull << 47 && bytes < 1ull << 47;
}

int guest_copy_in(void *to, vaddr_t from, size_t bytes)
{
    if (from < PAGE_SIZE || !guest_range_ok(from, bytes))
        return -EFAULT;
    memcpy(to, (const void *)from, bytes);
    return 0;
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    if (to < PAGE_SIZE || !guest_range_ok(to, bytes))
        return -EFAULT;
    memcpy((void *)to, from, bytes);
    return 0;
}

/* --- hooks */

struct frame *arch_gfn_get_frame(struct domain *d, gfn_t gfn)
{
    struct frame *f = frame_of_mfn(MFN(gfn.v));
    struct domain *owner = f ? frame_owner(f) : NULL;
    return owner && frame_get(f, owner) ? f : NULL;
}

int arch_grant_map(struct domain *d, u64 addr, mfn_t frame, u32 flags)
{
    guests.grant_maps++;
    return guests.grant_map_result;
}

int arch_grant_unmap(struct domain *d, u64 addr, u64 new_addr, mfn_t frame, u32 flags)
{
    guests.grant_unmaps++;
    guests.grant_new_addr = new_addr;
    return guests.grant_unmap_result;
}

u32 arch_pirq_limit(const struct domain *d)
{
    return 64;
}

int arch_pirq_bind(struct vcpu *v, u32 pirq, bool share)
{
    guests.pirq_binds++;
    return guests.pirq_bind_result;
}

void arch_pirq_unbind(struct domain *d, u32 pirq)
{
    guests.pirq_unbinds++;
}

void arch_pirq_set_affinity(struct domain *d, u32 pirq, const struct vcpu *v)
{
    guests.pirq_affinities++;
}

void arch_vcpu_kick(struct vcpu *v)
{
    guests.kicks++;
}

void sched_wake(struct vcpu *v)
{
    guests.wakes++;
}

void sched_unblock(struct vcpu *v)
{
    v->pause_flags &= ~(VCPU_PAUSED_BLOCKED | VCPU_PAUSED_POLL);
    guests.wakes++;
}

void tlb_flush_mask(const struct cpumask *mask)
{
    guests.flushes++;
}

void memory_write_back(const void *p, size_t bytes)
{
}

void tlb_flush_since(const struct cpumask *mask, u32 stamp)
{
}

u32 tlb_clock(void)
{
    return 1;
}

bool preempt_pending(void)
{
    return guests.preempt_after && !--guests.preempt_after;
}

long hypercall_continue(struct vcpu *v, u32 nr_args, ...)
{
    va_list args;
    va_start(args, nr_args);
    for (u32 i = 0; i < nr_args; i++)
        guests.continued[i] = va_arg(args, u64);
    va_end(args);
    guests.continuations++;
    return 0;
}

const struct subop_table event_channel_ops, grant_table_ops;

long subop_dispatch(struct vcpu *v, const struct subop_table *ops, u64 cmd, vaddr_t arg)
{
    return -ENOSYS; /* tests call the handlers */
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

void arch_gfn_assign(struct domain *d, gfn_t gfn, mfn_t mfn)
{
    guests.m2p[mfn.v] = gfn.v;
}

/* No domain's writes are logged here. */
void arch_frame_written(struct frame *f)
{
    if (guests.on_frame_written)
        guests.on_frame_written(f);
}
