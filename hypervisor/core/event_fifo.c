/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FIFO event ABI: each port has a word in an array of pages that the guest registers, and each
 * vCPU a control block with the heads of 16 queues, one for each priority. The hypervisor links the
 * words of pending ports into the queues; the guest takes them out at the heads.
 *
 * A word is PENDING; MASKED: the guest does not want it queued; LINKED: in a queue, or being put
 * there; BUSY: the hypervisor asks the guest to leave MASKED alone for an instant. The guest may
 * write all of it at any time, so links found there are never followed: the hypervisor keeps the
 * tail of each queue itself, and lies in the guest's words can only lose that guest's own events.
 *
 * Locks: LOCK_EVENT for setting up and taking down. A queue's LOCK_EVENT_QUEUE guards its tail, and
 * last_vcpu/last_priority of the ports that entered it last. (Frames are registered until the
 * domain goes back to two-level, when no port is bound, so no lock keeps them.)
 */
#include "event_private.h"
#include "arch/vcpu.h"
#include "core/frame.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/print.h"

#define WORDS_PER_FRAME ((u32)(PAGE_SIZE / sizeof(event_word_t)))
#define MAX_FRAMES      (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_FRAME)

/* The guest writes a word at most so often meanwhile without being up to mischief. */
#define LINK_TRIES 5
/* A port changes its queue so often at most while one tries to lock it. */
#define LOCK_TRIES 8

#define WORD_PENDING (1u << EVTCHN_FIFO_PENDING)
#define WORD_MASKED  (1u << EVTCHN_FIFO_MASKED)
#define WORD_LINKED  (1u << EVTCHN_FIFO_LINKED)
#define WORD_BUSY    (1u << EVTCHN_FIFO_BUSY)

struct event_fifo {
    u32 frames; /* grows only */
    event_word_t *words[MAX_FRAMES];
};

struct event_fifo_queue {
    struct spinlock lock;
    u32 tail; /* port that was linked last; 0: none */
    u16 vcpu;
    u8 priority;
};

struct event_fifo_vcpu {
    struct evtchn_fifo_control_block *control; /* NULL until registered */
    struct event_fifo_queue queues[EVTCHN_FIFO_MAX_QUEUES];
};

/*
 * One locked instruction each (lib/bits.h says why), returning whether the bit was set; full
 * barriers.
 */
static inline bool word_set(event_word_t *word, u32 mask)
{
    return (__atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline bool word_clear(event_word_t *word, u32 mask)
{
    return (__atomic_fetch_and(word, ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

/* The word of a port; NULL if its page is not registered. */
static inline event_word_t *event_fifo_word(const struct domain *d, u32 port)
{
    const struct event_fifo *fifo = d->events->fifo;
    u32 frame = port / WORDS_PER_FRAME;
    if (unlikely(frame >= __atomic_load_n(&fifo->frames, __ATOMIC_ACQUIRE)))
        return NULL;
    return fifo->words[frame] + port % WORDS_PER_FRAME;
}

/*
 * Make port follow the tail of a queue. False if the guest has taken the tail out, that is, the
 * queue is empty. A guest that keeps writing the word loses the events behind it.
 */
static bool event_fifo_link(const struct domain *d, event_word_t *tail, u32 port)
{
    u32 old = READ_ONCE(*tail);
    bool busy = false, linked = true;
    for (u32 i = 0; i < LINK_TRIES; i++) {
        if (!(old & WORD_LINKED)) {
            linked = false;
            break;
        }
        u32 new = (old & ~(u32)(EVTCHN_FIFO_LINK_MASK | WORD_BUSY)) | port;
        if (__atomic_compare_exchange_n(tail, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return true;
        if (!busy) {
            busy = true;
            (void)word_set(tail, WORD_BUSY);
            old = READ_ONCE(*tail);
        }
    }
    if (busy)
        (void)word_clear(tail, WORD_BUSY);
    if (linked)
        log_guest(LOG_WARNING, "d%u: event word unstable, port %u is not queued", d->id, port);
    return linked;
}

/*
 * Lock the queue that p enters next (of fv) and the one that it was in last; false: it keeps
 * moving.
 */
static bool event_fifo_lock(const struct domain *d, struct event_fifo_vcpu *fv,
                            struct event_port *p, struct event_fifo_queue **queue,
                            struct event_fifo_queue **old)
{
    *queue = &fv->queues[READ_ONCE(p->priority)];
    for (u32 i = 0; i < LOCK_TRIES; i++) {
        u16 last_vcpu = READ_ONCE(p->last_vcpu);
        u8 last_priority = READ_ONCE(p->last_priority);
        *old = &d->vcpus[last_vcpu]->event_fifo->queues[last_priority];
        spin_lock_pair(&(*queue)->lock, &(*old)->lock);
        /* Read one after the other they may not have belonged together. */
        if (likely(READ_ONCE(p->last_vcpu) == last_vcpu &&
                   READ_ONCE(p->last_priority) == last_priority))
            return true;
        spin_unlock_pair(&(*queue)->lock, &(*old)->lock);
    }
    return false;
}

/* Put a port whose word is now LINKED at the end of queue; both queues are locked. True if the
 * guest has to be pointed to the queue, because it starts with this one. */
static bool event_fifo_enqueue(struct domain *d, struct event_fifo_vcpu *fv, u32 port,
                               struct event_port *p, struct event_fifo_queue *queue,
                               struct event_fifo_queue *old)
{
    /* If it was the tail, the guest has taken it out of there, and that queue is empty. Nothing may
     * be linked behind it there now that its word is part of another. */
    if (old->tail == port)
        old->tail = 0;
    if (old != queue) {
        WRITE_ONCE(p->last_vcpu, queue->vcpu);
        WRITE_ONCE(p->last_priority, queue->priority);
    }
    u32 tail = queue->tail;
    queue->tail = port;
    if (tail && event_fifo_link(d, event_fifo_word(d, tail), port))
        return false;
    WRITE_ONCE(fv->control->head[queue->priority], port);
    return true;
}

static void event_fifo_set_pending(struct domain *d, u32 port, struct event_port *p)
{
    struct vcpu *v = d->vcpus[READ_ONCE(p->vcpu)];
    struct event_fifo_vcpu *fv = v->event_fifo;
    struct event_fifo_queue *queue, *old;
    event_word_t *word = event_fifo_word(d, port);
    if (unlikely(!word)) {
        /* event_fifo_expand() looks after it has published the page; look again after noting it. */
        WRITE_ONCE(p->pending, true);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        word = event_fifo_word(d, port);
        if (!word)
            return;
        WRITE_ONCE(p->pending, false);
    }
    /*
     * A guest must not unmask before it has registered the control block: till then nothing is
     * queued.
     */
    if (unlikely(!fv || !READ_ONCE(fv->control) || !event_fifo_lock(d, fv, p, &queue, &old))) {
        if (!word_set(word, WORD_PENDING))
            event_check_pollers(d, d->events, port);
        return;
    }
    /*
     * With the queue locked, so that whoever finds it PENDING finds it queued once he has the lock.
     */
    bool was_pending = word_set(word, WORD_PENDING), first = false;
    u32 priority = queue->priority;
    if (!(READ_ONCE(*word) & WORD_MASKED) && !word_set(word, WORD_LINKED))
        first = event_fifo_enqueue(d, fv, port, p, queue, old);
    spin_unlock_pair(&queue->lock, &old->lock);
    if (first && !word_set(&fv->control->ready, 1u << priority))
        event_mark_pending(v);
    if (!was_pending)
        event_check_pollers(d, d->events, port);
}

static void event_fifo_clear_pending(struct domain *d, u32 port, struct event_port *p)
{
    event_word_t *word = event_fifo_word(d, port);
    (void)p;
    if (word)
        (void)word_clear(word, WORD_PENDING);
}

static void event_fifo_unmask(struct domain *d, u32 port, struct event_port *p)
{
    event_word_t *word = event_fifo_word(d, port);
    if (!word)
        return;
    (void)word_clear(word, WORD_MASKED);
    if (READ_ONCE(*word) & WORD_PENDING)
        event_fifo_set_pending(d, port, p);
}

static bool event_fifo_is_pending(struct domain *d, u32 port, const struct event_port *p)
{
    const event_word_t *word = event_fifo_word(d, port);
    (void)p;
    return word && (READ_ONCE(*word) & WORD_PENDING);
}

static bool event_fifo_is_masked(struct domain *d, u32 port, const struct event_port *p)
{
    const event_word_t *word = event_fifo_word(d, port);
    (void)p;
    return !word || (READ_ONCE(*word) & WORD_MASKED);
}

static bool event_fifo_is_busy(struct domain *d, u32 port, const struct event_port *p)
{
    const event_word_t *word = event_fifo_word(d, port);
    (void)p;
    return word && (READ_ONCE(*word) & WORD_LINKED);
}

static int event_fifo_set_priority(struct event_port *p, u32 priority)
{
    if (priority > EVTCHN_FIFO_PRIORITY_MIN)
        return -EINVAL;
    /* Takes effect when it is queued next. */
    WRITE_ONCE(p->priority, (u8)priority);
    return 0;
}

const struct event_abi event_abi_fifo = {
    .max_ports = EVTCHN_FIFO_NR_CHANNELS,
    .set_pending = event_fifo_set_pending,
    .clear_pending = event_fifo_clear_pending,
    .unmask = event_fifo_unmask,
    .is_pending = event_fifo_is_pending,
    .is_masked = event_fifo_is_masked,
    .is_busy = event_fifo_is_busy,
    .set_priority = event_fifo_set_priority,
};

/*
 * --- setting up and taking down; LOCK_EVENT is held by the callers of all that follow but the
 * operations
 */

/* A guest's frame for the hypervisor to write at any time, held until event_fifo_put(). NULL if it
 * is not d's own memory or in use as something else than data. */
static void *event_fifo_get(struct domain *d, gfn_t gfn)
{
    struct frame *f = arch_gfn_get_frame(d, gfn);
    if (!f)
        return NULL;
    int error = frame_get_writable(f, d);
    frame_put(f);
    return error ? NULL : frame_to_virt(f);
}

static void event_fifo_put(const void *p)
{
    /* A control block starts anywhere in its frame. */
    frame_put_writable(virt_to_frame((const void *)((uintptr_t)p & PAGE_MASK)));
}

static int event_fifo_vcpu_create(struct vcpu *v)
{
    if (v->event_fifo)
        return 0;
    struct event_fifo_vcpu *fv = object_new(struct event_fifo_vcpu);
    if (!fv)
        return -ENOMEM;
    for (u32 i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++) {
        spin_init(&fv->queues[i].lock, LOCK_EVENT_QUEUE);
        fv->queues[i].vcpu = (u16)v->id;
        fv->queues[i].priority = (u8)i;
    }
    v->event_fifo = fv;
    return 0;
}

void event_vcpu_destroy(struct vcpu *v)
{
    struct event_fifo_vcpu *fv = v->event_fifo;
    if (!fv)
        return;
    v->event_fifo = NULL;
    if (fv->control)
        event_fifo_put(fv->control);
    object_free(fv);
}

static void event_fifo_destroy_vcpus(struct domain *d)
{
    struct vcpu *v;
    for_each_vcpu (d, v)
        event_vcpu_destroy(v);
}

void event_fifo_destroy(struct domain *d)
{
    struct event_state *e = d->events;
    struct event_fifo *fifo = e->fifo;
    ASSERT(!e->bound_ports);
    e->abi = &event_abi_2level;
    e->fifo = NULL;
    event_fifo_destroy_vcpus(d);
    for (u32 i = 0; i < fifo->frames; i++)
        event_fifo_put(fifo->words[i]);
    object_free(fifo);
}

static int event_fifo_register_control(struct vcpu *v, gfn_t gfn, u32 offset)
{
    if (v->event_fifo->control)
        return -EINVAL;
    char *page = event_fifo_get(v->domain, gfn);
    if (!page)
        return -EINVAL;
    __atomic_store_n(&v->event_fifo->control, (struct evtchn_fifo_control_block *)(page + offset),
                     __ATOMIC_RELEASE);
    return 0;
}

/* Everything is in place: from here on events go to the queues. */
static void event_fifo_switch(struct domain *d, struct event_fifo *fifo)
{
    struct event_state *e = d->events;
    u32 ports = MIN(e->valid_ports, (u32)EVTCHN_2L_NR_CHANNELS);
    __atomic_store_n(&e->fifo, fifo, __ATOMIC_RELEASE);
    __atomic_store_n(&e->abi, &event_abi_fifo, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    /* What is pending moves over, as soon as the pages of words come. Who still sets a bit the old
     * way sees e->fifo after that (event_2level.c). */
    for (u32 port = 1; port < ports; port++) {
        struct event_port *p = event_port_at(e, port);
        if (event_port_is_bound(p) && bit_test(d->shared_info->evtchn_pending, port))
            WRITE_ONCE(p->pending, true);
    }
}

/* The domain's first control block, of v. It stays two-level if anything fails. */
static int event_fifo_create(struct domain *d, struct vcpu *v, gfn_t gfn, u32 offset)
{
    struct event_fifo *fifo = object_new(struct event_fifo);
    struct vcpu *each;
    int error = fifo ? 0 : -ENOMEM;
    for_each_vcpu (d, each)
        if (!error)
            error = event_fifo_vcpu_create(each);
    if (!error)
        error = event_fifo_register_control(v, gfn, offset);
    if (error) {
        event_fifo_destroy_vcpus(d);
        object_free(fifo);
        return error;
    }
    event_fifo_switch(d, fifo);
    return 0;
}

int event_fifo_init_control(struct domain *d, struct evtchn_init_control *op)
{
    struct event_state *e = d->events;
    struct vcpu *v = domain_vcpu(d, op->vcpu);
    if (!v)
        return -ENOENT;
    if (op->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || op->offset % 8)
        return -EINVAL;
    int error;
    spin_lock(&e->lock);
    if (d->dying)
        error = -EINVAL;
    else if (!e->fifo)
        error = event_fifo_create(d, v, GFN(op->control_gfn), op->offset);
    else if (!(error = event_fifo_vcpu_create(v)))
        error = event_fifo_register_control(v, GFN(op->control_gfn), op->offset);
    spin_unlock(&e->lock);
    if (!error)
        op->link_bits = EVTCHN_FIFO_LINK_BITS;
    return error;
}

/* The page of words is there: give the ports that waited for it their events. */
static void event_fifo_catch_up(struct domain *d, u32 frame)
{
    struct event_state *e = d->events;
    u32 first = frame * WORDS_PER_FRAME;
    u32 end = MIN(first + WORDS_PER_FRAME, e->valid_ports);
    for (u32 port = first; port < end; port++) {
        struct event_port *p = event_port_at(e, port);
        if (!READ_ONCE(p->pending))
            continue;
        spin_lock(&p->lock);
        if (event_port_is_bound(p)) {
            p->pending = false;
            event_fifo_set_pending(d, port, p);
        }
        spin_unlock(&p->lock);
    }
}

int event_fifo_expand(struct domain *d, gfn_t gfn)
{
    struct event_state *e = d->events;
    int error = -EOPNOTSUPP;
    spin_lock(&e->lock);
    struct event_fifo *fifo = e->fifo;
    if (!fifo)
        goto out;
    u32 frame = fifo->frames;
    error = d->dying ? -EINVAL : frame >= MAX_FRAMES ? -ENOSPC : 0;
    if (error)
        goto out;
    event_word_t *words = event_fifo_get(d, gfn);
    if (!words) {
        error = -EINVAL;
        goto out;
    }
    fifo->words[frame] = words;
    __atomic_store_n(&fifo->frames, frame + 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    event_fifo_catch_up(d, frame);
out:
    spin_unlock(&e->lock);
    return error;
}
