/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HYPERVISOR_memory_op: how much memory a domain has, and how it gets and gives it back. Commands
 * that work on lists of extents save the number of extents done in the command's upper bits when
 * they are preempted.
 */
#include "abi/memory.h"
#include "arch/memory.h"
#include "arch/vcpu.h"
#include "core/claim.h"
#include "core/cmdline.h"
#include "core/domain.h"
#include "core/frame.h"
#include "core/grant_table.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/hypercall_handlers.h"
#include "core/memory_handlers.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/print.h"

#define COMMAND_BITS  6 /* the rest of cmd is progress */
#define COMMAND_MASK  (BIT(COMMAND_BITS) - 1)
#define EXTENTS_MAX   (UINT32_MAX >> COMMAND_BITS) /* the ABI's */
#define PREEMPT_EVERY 16u
/* XENMEMF_get_node(): any; and those that this ABI's callers may name, whether they are there or
 * not. */
#define NODE_NOT_NAMED 0xffu
#define NODE_NUMBERS   64u
/* Of a resource in one call. */
#define RESOURCE_FRAMES_MAX 1024u
/* What the ABI knows as the largest extent: 1 GiB. */
#define EXTENT_ORDER_TOP 18u

/*
 * Largest extents, by who calls. Scrubbing 2 MiB at once keeps a CPU for some 100 microseconds; who
 * controls the machine may keep it for longer.
 */
static u32 order_max_guest = 9, order_max_control = EXTENT_ORDER_TOP, order_max_hardware = 12;

/*
 * Up to four numbers, each of which may be left out; the last is for domains with devices of their
 * own, and there are none.
 */
static int option_memop_max_order(const char *value)
{
    u64 orders[] = {order_max_guest, order_max_control, order_max_hardware, 0};
    for (u32 i = 0; *value; i++) {
        if (*value != ',' &&
            (i == ARRAY_SIZE(orders) || cmdline_parse_number(value, &orders[i], &value)))
            return -EINVAL;
        if (*value && *value++ != ',')
            return -EINVAL;
    }
    order_max_guest = (u32)MIN(orders[0], (u64)EXTENT_ORDER_TOP);
    order_max_control = (u32)MIN(orders[1], (u64)EXTENT_ORDER_TOP);
    order_max_hardware = (u32)MIN(orders[2], (u64)EXTENT_ORDER_TOP);
    return 0;
}
OPTION_DEFINE_CUSTOM("memop-max-order", option_memop_max_order);

static u32 extent_order_max(const struct domain *caller)
{
    u32 order = order_max_guest;
    if (caller->is_control)
        order = MAX(order, order_max_control);
    if (caller->is_hardware)
        order = MAX(order, order_max_hardware);
    return order;
}

/* cmd >> COMMAND_BITS of the call that this CPU carries out: extents done by its earlier parts. */
static DEFINE_PER_CPU(u64, memory_op_done);

static bool command_counts_extents(u64 command)
{
    return command == XENMEM_increase_reservation || command == XENMEM_decrease_reservation ||
           command == XENMEM_populate_physmap;
}

long hypercall_memory_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6)
{
    this_cpu(memory_op_done) = cmd >> COMMAND_BITS;
    if (unlikely(cmd >> COMMAND_BITS && (cmd & COMMAND_MASK) < memory_ops.count &&
                 !command_counts_extents(cmd & COMMAND_MASK)))
        return -EINVAL;
    return subop_dispatch(v, &memory_ops, cmd & COMMAND_MASK, arg);
}

/* Where memory shall come from. */
struct placement {
    u32 node, address_bits, heap_flags;
};

/* What mem_flags say of it; node: if they name none. False: what they ask for is refused. */
static bool placement_read(struct placement *p, u32 mem_flags, u32 node)
{
    u32 bits = XENMEMF_get_address_bits(mem_flags), named = XENMEMF_get_node(mem_flags);
    bool exact = mem_flags & XENMEMF_exact_node_request, may_name = current->domain->is_control;
    /* Who has no privilege cannot name a node: its wishes are not heard, its conditions not met. */
    if (named != NODE_NOT_NAMED && (may_name ? named >= NODE_NUMBERS : exact))
        return false;
    p->node = named != NODE_NOT_NAMED && may_name ? named : node;
    p->address_bits = bits ? bits : ADDRESS_ANY;
    p->heap_flags = exact ? HEAP_EXACT_NODE : 0;
    return true;
}

static struct frame *placement_alloc(const struct placement *p, u32 order)
{
    return heap_alloc(order, p->node, p->address_bits, p->heap_flags);
}

/* --- reservations */

struct reservation {
    struct xen_memory_reservation r;
    struct domain *d; /* referenced */
    u64 done;
    struct placement place;
    u32 command;
    vaddr_t arg;
};

/*
 * 0, or the hypercall's result in *result: the ABI answers most errors with the extents done so
 * far.
 */
static bool reservation_begin(struct reservation *op, u32 command, vaddr_t arg, long *result)
{
    op->done = this_cpu(memory_op_done);
    op->command = command;
    op->arg = arg;
    *result = (long)op->done;
    if (guest_copy_in(&op->r, arg, sizeof(op->r)) || op->r.nr_extents > EXTENTS_MAX ||
        op->done >= op->r.nr_extents)
        return false;
    op->d = domain_get(op->r.domid);
    if (!op->d)
        return false;
    if (!may_control(op->d)) {
        domain_put(op->d);
        *result = -EPERM;
        return false;
    }
    if (!placement_read(&op->place, op->r.mem_flags, op->d->node_affinity) ||
        (command == XENMEM_populate_physmap && op->r.mem_flags & XENMEMF_populate_on_demand)) {
        domain_put(op->d);
        return false;
    }
    return true;
}

/* One extent, number op->done: true if it is done. */
typedef bool (*extent_function_t)(struct reservation *op);

/* The extents one after the other, until one fails or this CPU has something more urgent to do. */
static long reservation_run(u32 command, vaddr_t arg, extent_function_t extent)
{
    struct reservation op;
    long result;
    if (!reservation_begin(&op, command, arg, &result))
        return result;
    u64 first = op.done;
    bool preempted = false;
    bool allowed = op.r.extent_order <= extent_order_max(current->domain);
    while (allowed && op.done < op.r.nr_extents) {
        bool asks = op.done != first && (op.r.extent_order || op.done % PREEMPT_EVERY == 0);
        if ((preempted = asks && preempt_pending()) || !extent(&op))
            break;
        op.done++;
    }
    result = (long)op.done;
    if (preempted)
        result = hypercall_continue(current, 2, (u64)op.command | op.done << COMMAND_BITS, op.arg);
    domain_put(op.d);
    return result;
}

/* d calls frames that are about to be its own gfn and following (INVALID_GFN: nothing). */
static void extent_name(struct domain *d, gfn_t gfn, mfn_t mfn, u32 order)
{
    for (u64 i = 0; i < 1ull << order; i++)
        arch_gfn_assign(d, gfn.v == INVALID_GFN.v ? gfn : GFN(gfn.v + i), MFN(mfn.v + i));
}

/* Fresh frames for an extent, which the domain calls gfn and following (INVALID_GFN: nothing). */
static bool extent_allocate(struct reservation *op, gfn_t gfn, u64 *mfn)
{
    u32 order = op->r.extent_order;
    u64 own;
    if (!claim_begin(op->d, 1ull << order, &own))
        return false;
    struct frame *f = placement_alloc(&op->place, order);
    if (f) {
        *mfn = frame_mfn(f).v;
        extent_name(op->d, gfn, MFN(*mfn), order);
        if (domain_assign_frames(op->d, f, order)) {
            extent_name(op->d, INVALID_GFN, MFN(*mfn), order);
            heap_free(f, order);
            f = NULL;
        }
    }
    claim_end(op->d, 1ull << order, own, f);
    return f;
}

static bool extent_increase(struct reservation *op)
{
    u64 mfn;
    return extent_allocate(op, INVALID_GFN, &mfn) &&
           (guest_handle_is_null(op->r.extent_start) ||
            !guest_write_at(op->r.extent_start, op->done, &mfn));
}

static bool extent_populate(struct reservation *op)
{
    u64 gfn, mfn;
    return !guest_read_at(&gfn, op->r.extent_start, op->done) &&
           /* cppcheck-suppress uninitvar ; guest_read_at() sets it */
           extent_allocate(op, GFN(gfn), &mfn) &&
           !guest_write_at(op->r.extent_start, op->done, &mfn);
}

/* d gives up its own reference to a frame; it goes as soon as nothing maps it. */
static bool page_remove(struct domain *d, u64 gfn)
{
    struct frame *f = arch_gfn_get_frame(d, GFN(gfn));
    /* What the hypervisor shares with d is not d's to give away. */
    if (f && (f->count & FRAME_HYPERVISOR)) {
        frame_put(f);
        f = NULL;
    }
    if (!f) {
        log_guest(LOG_INFO, "domain %u: frame %#lx to be removed is not its own", d->id,
                  (unsigned long)gfn);
        return false;
    }
    arch_gfn_assign(d, INVALID_GFN, frame_mfn(f));
    frame_release(f);
    frame_put(f);
    return true;
}

static bool extent_decrease(struct reservation *op)
{
    u64 gfn;
    if (guest_read_at(&gfn, op->r.extent_start, op->done))
        return false;
    for (u64 i = 0; i < 1ull << op->r.extent_order; i++)
        /* cppcheck-suppress uninitvar ; guest_read_at() sets it */
        if (!page_remove(op->d, gfn + i))
            return false;
    return true;
}

long memory_op_increase(struct vcpu *v, void *arg)
{
    return reservation_run(XENMEM_increase_reservation, *(vaddr_t *)arg, extent_increase);
}

long memory_op_populate(struct vcpu *v, void *arg)
{
    return reservation_run(XENMEM_populate_physmap, *(vaddr_t *)arg, extent_populate);
}

long memory_op_decrease(struct vcpu *v, void *arg)
{
    return reservation_run(XENMEM_decrease_reservation, *(vaddr_t *)arg, extent_decrease);
}

/* --- exchange */

/*
 * Frames handed over at once, at most 2^this; by who controls others, as kernels with drivers that
 * want more than 2 MiB in one piece expect it.
 */
#define EXCHANGE_ORDER_MAX         9u
#define EXCHANGE_ORDER_MAX_CONTROL 12u

struct exchange {
    struct xen_memory_exchange x;
    struct domain *d;
    u32 chunk_order; /* the larger of both extent orders: what is exchanged in one go */
    u64 in_per_chunk, out_per_chunk;
    struct placement place;
};

static int exchange_check(struct exchange *e)
{
    const struct xen_memory_reservation *in = &e->x.in, *out = &e->x.out;
    u32 order_max =
        MIN(extent_order_max(current->domain),
            current->domain->is_control ? EXCHANGE_ORDER_MAX_CONTROL : EXCHANGE_ORDER_MAX);
    u64 in_pages, out_pages;
    if (in->extent_order > order_max || out->extent_order > order_max)
        return -EPERM;
    if (__builtin_mul_overflow(in->nr_extents, 1ull << in->extent_order, &in_pages) ||
        __builtin_mul_overflow(out->nr_extents, 1ull << out->extent_order, &out_pages) ||
        in_pages != out_pages || in->domid != out->domid || e->x.nr_exchanged > in->nr_extents)
        return -EINVAL;
    e->chunk_order = MAX(in->extent_order, out->extent_order);
    e->in_per_chunk = 1ull << (e->chunk_order - in->extent_order);
    e->out_per_chunk = 1ull << (e->chunk_order - out->extent_order);
    return placement_read(&e->place, out->mem_flags, NODE_ANY) ? 0 : -EINVAL;
}

/* Take the frames of one chunk away from d, or none of them. */
static int exchange_take(struct exchange *e, u64 extent, struct frame **taken)
{
    u64 n = 0;
    int error = 0;
    u64 per_extent = 1ull << e->x.in.extent_order;
    for (u64 i = 0; i < e->in_per_chunk && !error; i++) {
        u64 gfn = 0;
        error = guest_read_at(&gfn, e->x.in.extent_start, extent + i);
        for (u64 k = 0; k < per_extent && !error; k++) {
            struct frame *f = frame_of_mfn(MFN(gfn + k));
            if (!f || frame_borrow(f, e->d))
                error = -EINVAL;
            else
                taken[n++] = f;
        }
    }
    frames_clear_marks(taken, n);
    while (error && n)
        frame_return(taken[--n], e->d);
    return error;
}

/* Frames for one chunk of output, in its extents. */
static int exchange_allocate(struct exchange *e, struct frame **given)
{
    for (u64 i = 0; i < e->out_per_chunk; i++) {
        given[i] = placement_alloc(&e->place, e->x.out.extent_order);
        if (given[i])
            continue;
        while (i)
            heap_free(given[--i], e->x.out.extent_order);
        return -ENOMEM;
    }
    return 0;
}

static int exchange_give(struct exchange *e, u64 extent, struct frame **given)
{
    int error = 0;
    u32 order = e->x.out.extent_order;
    for (u64 i = 0; i < e->out_per_chunk; i++) {
        u64 gfn = 0, mfn = frame_mfn(given[i]).v;
        if (guest_read_at(&gfn, e->x.out.extent_start, extent + i)) {
            error = -EFAULT;
            gfn = INVALID_GFN.v;
        }
        extent_name(e->d, GFN(gfn), MFN(mfn), order);
        /* In place of what was taken: it can only fail when d is dying. */
        if (domain_replace_frames(e->d, given[i], order)) {
            extent_name(e->d, INVALID_GFN, MFN(mfn), order);
            heap_free(given[i], order);
            error = -EINVAL;
            continue;
        }
        if (!error)
            error = guest_write_at(e->x.out.extent_start, extent + i, &mfn);
    }
    return error;
}

static int exchange_chunk(struct exchange *e, u64 in_extent, u64 out_extent, struct frame **frames)
{
    u64 pages = 1ull << e->chunk_order;
    struct frame **taken = frames, **given = frames + pages;
    int error = exchange_take(e, in_extent, taken);
    if (error)
        return error;
    error = exchange_allocate(e, given);
    if (error) {
        for (u64 i = 0; i < pages; i++)
            frame_return(taken[i], e->d);
        return error;
    }
    for (u64 i = 0; i < pages; i++) {
        arch_gfn_assign(e->d, INVALID_GFN, frame_mfn(taken[i]));
        heap_free(taken[i], 0);
    }
    return exchange_give(e, out_extent, given);
}

static long exchange_run(struct vcpu *v, struct exchange *e, vaddr_t arg)
{
    struct frame **frames =
        object_new_array(struct frame *, 2ull << MAX(e->chunk_order, EXCHANGE_ORDER_MAX));
    u64 done = e->x.nr_exchanged / e->in_per_chunk, chunks = e->x.in.nr_extents / e->in_per_chunk;
    int error = frames ? 0 : -ENOMEM;
    bool preempted = false;
    for (u64 first = done; !error && done < chunks; done++) {
        if (done != first && (preempted = preempt_pending()))
            break;
        error = exchange_chunk(e, done * e->in_per_chunk, done * e->out_per_chunk, frames);
        if (error)
            break;
    }
    object_free(frames);
    e->x.nr_exchanged = done * e->in_per_chunk;
    if (guest_copy_out(arg + offsetof(struct xen_memory_exchange, nr_exchanged), &e->x.nr_exchanged,
                       sizeof(e->x.nr_exchanged)))
        error = -EFAULT;
    if (preempted && !error)
        return hypercall_continue(v, 2, (u64)XENMEM_exchange, arg);
    return error;
}

long memory_op_exchange(struct vcpu *v, void *arg)
{
    struct exchange e;
    vaddr_t at = *(vaddr_t *)arg;
    if (guest_copy_in(&e.x, at, sizeof(e.x)))
        return -EFAULT;
    long error = exchange_check(&e);
    if (error)
        return error;
    if (e.x.nr_exchanged == e.x.in.nr_extents)
        return 0;
    e.d = domain_get(e.x.in.domid);
    if (!e.d)
        return -ESRCH;
    error = may_control(e.d) ? exchange_run(v, &e, at) : -EPERM;
    domain_put(e.d);
    return error;
}

/* --- queries */

long memory_op_maximum_ram_page(struct vcpu *v, void *arg)
{
    return (long)arch_ram_end().v; /* one beyond, in spite of its name: so the ABI has it */
}

static long domain_query(const struct xen_memory_domain *arg, long (*query)(const struct domain *d))
{
    struct domain *d = domain_get(arg->domid);
    if (!d)
        return -ESRCH;
    long result = may_control(d) ? query(d) : -EPERM;
    domain_put(d);
    return result;
}

static long query_current(const struct domain *d)
{
    return (long)d->tot_frames;
}

static long query_maximum(const struct domain *d)
{
    return (long)MIN(d->max_frames, (u64)UINT32_MAX); /* the ABI's "unlimited" */
}

static long query_maximum_gfn(const struct domain *d)
{
    /* PV guests say how many there are, not which is the highest. */
    struct frame *f = domain_shared_info_get(d);
    if (!f)
        return 0;
    const struct shared_info *shared = frame_to_virt(f);
    u64 frames = READ_ONCE(shared->arch.max_pfn);
    frame_put(f);
    return (long)MAX(frames, 1ull) - 1;
}

long memory_op_current_reservation(struct vcpu *v, void *arg)
{
    return domain_query(arg, query_current);
}

long memory_op_maximum_reservation(struct vcpu *v, void *arg)
{
    return domain_query(arg, query_maximum);
}

long memory_op_maximum_gpfn(struct vcpu *v, void *arg)
{
    return domain_query(arg, query_maximum_gfn);
}

/* Pages are not shared between guests: none are, and none were saved by it. */
long memory_op_sharing_freed(struct vcpu *v, void *arg)
{
    return 0;
}

long memory_op_sharing_shared(struct vcpu *v, void *arg)
{
    return 0;
}

/* --- for the tools */

long memory_op_claim_pages(struct vcpu *v, void *arg)
{
    const struct xen_memory_reservation *r = arg;
    if (r->extent_order || r->mem_flags || !guest_handle_is_null(r->extent_start))
        return -EINVAL;
    /* Named by number, and if there is none the argument is wrong: so the ABI has it here. */
    struct domain *d = r->domid < DOMID_FIRST_RESERVED ? domain_get(r->domid) : NULL;
    if (!d)
        return -EINVAL;
    long error = v->domain->is_control ? claim_set(d, r->nr_extents) : -EPERM;
    domain_put(d);
    return error;
}

/* Frames of d's grant table; a count of 0 asks for how many there may be. */
static long resource_grant_table(struct domain *d, struct xen_mem_acquire_resource *r)
{
    u64 status = r->id == XENMEM_resource_grant_table_id_status ? XENMAPIDX_grant_table_status : 0;
    if (r->id != XENMEM_resource_grant_table_id_shared && !status)
        return -EINVAL;
    u32 max = grant_table_frames_max(d, status);
    if (guest_handle_is_null(r->frame_list) == !!r->nr_frames)
        return -EINVAL;
    if (!r->nr_frames) {
        r->nr_frames = max;
        return 0;
    }
    if (r->frame + r->nr_frames > max)
        return -EINVAL;
    if (r->nr_frames > RESOURCE_FRAMES_MAX)
        return -E2BIG;
    for (u32 i = 0; i < r->nr_frames; i++) {
        mfn_t mfn;
        int error = grant_table_frame(d, (r->frame + i) | status, &mfn);
        if (!error)
            error = guest_write_at(r->frame_list, i, &mfn.v);
        if (error)
            return error;
    }
    return 0;
}

long memory_op_acquire_resource(struct vcpu *v, void *arg)
{
    struct xen_mem_acquire_resource *r = arg;
    if (r->pad)
        return -EINVAL;
    if (r->frame >> 32 || (r->frame + r->nr_frames) >> 32)
        return -EINVAL;
    /* Of other domains, by their numbers. */
    struct domain *d = r->domid == DOMID_SELF ? NULL : domain_get(r->domid);
    if (!d)
        return -ESRCH;
    long result = -EOPNOTSUPP;
    if (d == v->domain || !v->domain->is_control)
        result = -EPERM;
    else if (r->type == XENMEM_resource_grant_table)
        result = resource_grant_table(d, r);
    else if (r->type == XENMEM_resource_ioreq_server || r->type == XENMEM_resource_vmtrace_buf)
        result = -EINVAL; /* a paravirtual guest has none of them */
    domain_put(d);
    return result;
}
