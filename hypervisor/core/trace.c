/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace buffers (core/trace.h, abi/trace.h), and what sysctl does with them. The tools set their
 * size once; from then on the frames are DOMID_XEN's. The description is shown to the tools, so
 * that it can be relied on here; the rings are shared with them, and only `cons` is ever read back,
 * and checked. Each CPU writes its own ring, so no lock is taken.
 */
#include "core/trace.h"
#include "arch/cpu.h"
#include "core/control.h"
#include "core/event_channel.h"
#include "core/frame.h"
#include "core/heap.h"
#include "core/percpu.h"
#include "core/tasklet.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

#define WORD             sizeof(u32)
#define TIME_WORDS       2u
#define LOST_EXTRA_WORDS 4u
#define LOST_BYTES       ((1 + TIME_WORDS + LOST_EXTRA_WORDS) * WORD)
/* Numbers of pages, and places in the description, have 16 bits; so offsets have their 32. */
#define PLACES_MAX 0xffffu

struct trace_ring {
    const u32 *mfns; /* in the description; NULL: no buffer */
    u32 prod;
    u32 session; /* of tracing that what follows is about */
    u32 lost;    /* records for which there was no room */
    u64 lost_since;
    struct tasklet tell; /* the tool, that the ring is half full */
};

bool trace_on;

static DEFINE_PER_CPU(struct trace_ring, trace_ring);
static struct spinlock trace_lock = SPINLOCK_INIT(LOCK_TRACE);
static struct t_info *info;
static u32 info_bytes;
static u32 ring_bytes; /* without struct t_buf; a multiple of a word */
static u32 event_mask = TRC_ALL;
static struct cpumask trace_cpus = {.bits = {[0 ... CPUMASK_WORDS - 1] = ~0ull}};
static u32 trace_session;

static void trace_switch(bool on)
{
    __atomic_store_n(&trace_on, on, __ATOMIC_RELEASE);
    hypercalls_trace(on);
}

/* --- the ring */

static struct t_buf *ring_head(const struct trace_ring *r)
{
    return mfn_to_virt(MFN(r->mfns[0]));
}

/* The place of a word, at a number of bytes from the ring's beginning; its frames are scattered. */
static u32 *ring_word(const struct trace_ring *r, u32 at)
{
    at += sizeof(struct t_buf);
    return (u32 *)((u8 *)mfn_to_virt(MFN(r->mfns[at / PAGE_SIZE])) + at % PAGE_SIZE);
}

static u32 ring_to_end(const struct trace_ring *r)
{
    return ring_bytes - r->prod % ring_bytes;
}

static void ring_advance(struct trace_ring *r, u32 bytes)
{
    r->prod = (r->prod + bytes) % (2 * ring_bytes);
}

/* False: the tool has spoilt the ring. */
static bool ring_used(const struct trace_ring *r, u32 *bytes)
{
    u32 cons = READ_ONCE(ring_head(r)->cons);
    *bytes = (r->prod + 2 * ring_bytes - cons) % (2 * ring_bytes);
    return cons < 2 * ring_bytes && cons % WORD == 0 && *bytes <= ring_bytes;
}

static u32 record_bytes(bool timed, u32 words)
{
    return (u32)((1 + (timed ? TIME_WORDS : 0) + words) * WORD);
}

/* What a record costs at a place, with what is left over at the ring's end; and the place after. */
static u32 record_cost(u32 *at, u32 bytes)
{
    u32 to_end = ring_bytes - *at, cost = bytes + (bytes > to_end ? to_end : 0);
    *at = (*at + cost) % ring_bytes;
    return cost;
}

static u32 record_head(u32 event, bool timed, u32 words)
{
    return event | words << TRACE_EXTRA_SHIFT | (timed ? (u32)TRC_HD_CYCLE_FLAG : 0);
}

/* A record that reaches to the ring's end. What follows its first word does not matter. */
static void ring_fill_up(struct trace_ring *r, u32 bytes)
{
    u32 words = (u32)(bytes / WORD - 1);
    bool timed = words > TRACE_EXTRA_MAX;
    *ring_word(r, r->prod % ring_bytes) =
        record_head(TRC_TRACE_WRAP_BUFFER, timed, words - (timed ? TIME_WORDS : 0));
    ring_advance(r, bytes);
}

/* There is room. */
static void ring_put(struct trace_ring *r, u32 event, bool timed, const u32 *extra, u32 words)
{
    u32 bytes = record_bytes(timed, words), to_end = ring_to_end(r);
    if (bytes > to_end)
        ring_fill_up(r, to_end);
    u32 at = r->prod % ring_bytes;
    *ring_word(r, at) = record_head(event, timed, words);
    if (timed) {
        u64 now = cpu_cycles();
        *ring_word(r, at += WORD) = (u32)now;
        *ring_word(r, at += WORD) = (u32)(now >> 32);
    }
    for (u32 i = 0; i < words; i++)
        *ring_word(r, at += WORD) = extra[i];
    ring_advance(r, bytes);
}

static void ring_put_lost(struct trace_ring *r)
{
    const struct vcpu *v = current;
    const u32 extra[LOST_EXTRA_WORDS] = {r->lost, v->id << 16 | v->domain->id, (u32)r->lost_since,
                                         (u32)(r->lost_since >> 32)};
    ring_put(r, TRC_LOST_RECORDS, true, extra, LOST_EXTRA_WORDS);
    r->lost = 0;
}

/* --- records */

/* A common bit of classes, and one of subclasses. */
static bool event_wanted(u32 event)
{
    u32 common = READ_ONCE(event_mask) & event;
    return common >> TRC_CLS_SHIFT && (common >> TRC_SUBCLS_SHIFT & 0xf) &&
           cpumask_test(&trace_cpus, cpu_id());
}

static void tell_tool(void *data)
{
    event_raise_host_virq(VIRQ_TBUF);
}

void trace_record(u32 event, bool timed, const void *extra, u32 bytes)
{
    struct trace_ring *r = &this_cpu(trace_ring);
    u32 copy[TRACE_EXTRA_MAX] = {0}, words = (u32)DIV_ROUND_UP(bytes, WORD), used;
    BUG_ON(words > TRACE_EXTRA_MAX);
    if (!event_wanted(event) || !__atomic_load_n(&r->mfns, __ATOMIC_ACQUIRE))
        return;
    memcpy(copy, extra, bytes);
    if (r->session != READ_ONCE(trace_session)) {
        r->session = READ_ONCE(trace_session);
        r->lost = 0;
    }
    if (!ring_used(r, &used)) {
        trace_switch(false);
        log_warning("trace: CPU %u's buffer was spoilt; tracing ends", cpu_id());
        return;
    }
    u32 at = r->prod % ring_bytes;
    u32 needed = r->lost ? record_cost(&at, LOST_BYTES) : 0;
    needed += record_cost(&at, record_bytes(timed, words));
    if (needed > ring_bytes - used) {
        if (!r->lost++)
            r->lost_since = cpu_cycles();
        return;
    }
    if (r->lost)
        ring_put_lost(r);
    ring_put(r, event, timed, copy, words);
    __atomic_store_n(&ring_head(r)->prod, r->prod, __ATOMIC_RELEASE);
    if (used < ring_bytes / 2 && used + needed >= ring_bytes / 2)
        tasklet_schedule(&r->tell, cpu_id());
}

/* --- sysctl; the lock is held */

static void frames_free(void *first, u32 bytes)
{
    for (u32 offset = 0; offset < bytes; offset += PAGE_SIZE)
        heap_free(virt_to_frame((u8 *)first + offset), 0);
}

/* Contiguous, all zeros; bytes are whole pages. */
static void *frames_alloc(u32 bytes)
{
    u32 order = 0;
    while (PAGE_SIZE << order < bytes)
        order++;
    u8 *first = pages_alloc(order);
    if (first)
        frames_free(first + bytes, (u32)(PAGE_SIZE << order) - bytes);
    return first;
}

/* All of the rings' frames, or none. */
static bool rings_alloc(u32 *mfns, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        struct frame *f = heap_alloc(0, NODE_ANY, 32 + PAGE_SHIFT, 0);
        if (!f) {
            while (i--)
                heap_free(frame_of_mfn(MFN(mfns[i])), 0);
            return false;
        }
        mfns[i] = (u32)frame_mfn(f).v;
    }
    return true;
}

static void rings_share(struct t_info *t, u32 *mfns, u32 first, u32 cpus, u32 pages)
{
    for (u32 i = 0; i < cpus * pages; i++)
        BUG_ON(frame_share_with(frame_of_mfn(MFN(mfns[i])), domain_xen()));
    for (u32 offset = 0; offset < info_bytes; offset += PAGE_SIZE)
        BUG_ON(frame_show_to(virt_to_frame((u8 *)t + offset), domain_xen()));
    info = t;
    ring_bytes = pages * PAGE_SIZE - (u32)sizeof(struct t_buf);
    for (u32 cpu = 0; cpu < cpus; cpu++) {
        struct trace_ring *r = &per_cpu(trace_ring, cpu);
        t->mfn_offset[cpu] = (u16)(first + cpu * pages);
        tasklet_init(&r->tell, tell_tool, NULL);
        __atomic_store_n(&r->mfns, mfns + cpu * pages, __ATOMIC_RELEASE);
    }
}

/* Once. More pages than can be described become as many as can. */
static long size_set(u32 pages)
{
    u32 cpu, cpus = 0;
    if (info)
        return pages == info->tbuf_size ? -EBUSY : -EINVAL;
    if (!pages)
        return -EINVAL;
    for_each_online_cpu (cpu)
        cpus = cpu + 1;
    u32 first = (u32)DIV_ROUND_UP(offsetof(struct t_info, mfn_offset) + cpus * sizeof(u16), WORD);
    pages = MIN(pages, (PLACES_MAX - first) / MAX(cpus - 1, 1u));
    u32 bytes = (u32)ROUND_UP((first + cpus * pages) * WORD, PAGE_SIZE);
    struct t_info *t = frames_alloc(bytes);
    if (!t)
        return -ENOMEM;
    u32 *mfns = (u32 *)t + first;
    if (!rings_alloc(mfns, cpus * pages)) {
        frames_free(t, bytes);
        return -ENOMEM;
    }
    t->tbuf_size = (u16)pages;
    info_bytes = bytes;
    rings_share(t, mfns, first, cpus, pages);
    return 0;
}

static long enable(void)
{
    if (!info)
        return -EINVAL;
    if (!trace_on)
        WRITE_ONCE(trace_session, trace_session + 1);
    trace_switch(true);
    return 0;
}

static long tbuf_operation(struct xen_sysctl_tbuf_op *op)
{
    struct cpumask cpus;
    switch (op->cmd) {
    case XEN_SYSCTL_TBUFOP_get_info:
        op->evt_mask = event_mask;
        op->buffer_mfn = info ? virt_to_mfn(info).v : 0;
        op->size = info_bytes;
        return 0;
    case XEN_SYSCTL_TBUFOP_set_cpu_mask:
        if (control_bitmap_in(cpus.bits, NR_CPUS, &op->cpu_mask))
            return -EFAULT;
        trace_cpus = cpus;
        return 0;
    case XEN_SYSCTL_TBUFOP_set_evt_mask:
        WRITE_ONCE(event_mask, op->evt_mask);
        return 0;
    case XEN_SYSCTL_TBUFOP_set_size:
        return size_set(op->size);
    case XEN_SYSCTL_TBUFOP_enable:
        return enable();
    case XEN_SYSCTL_TBUFOP_disable:
        trace_switch(false);
        return 0;
    default:
        return -EINVAL;
    }
}

long sysctl_tbuf_op(struct vcpu *v, void *arg)
{
    spin_lock(&trace_lock);
    long result = tbuf_operation(&((struct xen_sysctl *)arg)->u.tbuf_op);
    spin_unlock(&trace_lock);
    return result;
}
