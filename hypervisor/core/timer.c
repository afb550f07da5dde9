/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timers: a pairing heap per CPU, linked through the timers. A timer is armed in constant time, the
 * earliest is found at once, and taking one out costs O(log n) on average (n if n were armed
 * since). The CPU's hardware timer is only ever moved to an earlier moment from here: when it fires
 * and nothing is due, because a timer was stopped or put off, it is set anew. So a guest that puts
 * off its timer again and again does not touch the hardware.
 */
#include "arch/cpu.h"
#include "core/lock.h"
#include "core/percpu.h"
#include "core/softirq.h"
#include "core/time.h"
#include "core/timer.h"
#include "lib/print.h"

#define NEVER (~0ull)

struct timer_queue {
    struct spinlock lock;
    struct timer *root; /* the earliest; NULL: none */
    /* The hardware timer is set to this, or (another CPU asked) SOFTIRQ_TIMER is raised to set it.
     * 0 while the handler runs, which sets it in the end. */
    nsec_t deadline;
};

static DEFINE_PER_CPU(struct timer_queue, timer_queue);

/* Both are roots, or NULL. */
static struct timer *heap_meld(struct timer *a, struct timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->expires < a->expires) {
        struct timer *t = a;
        a = b;
        b = t;
    }
    b->sibling = a->child;
    if (a->child)
        a->child->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/*
 * One heap of a list of siblings: melds them in pairs from the left, then the pairs from the right.
 */
static struct timer *heap_meld_siblings(struct timer *first)
{
    struct timer *pairs = NULL, *root = NULL;

    while (first) {
        struct timer *a = first, *b = a->sibling;
        first = b ? b->sibling : NULL;
        a->sibling = a->prev = NULL;
        if (b)
            b->sibling = b->prev = NULL;
        a = heap_meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    while (pairs) {
        struct timer *next = pairs->sibling;
        pairs->sibling = NULL;
        root = heap_meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void heap_insert(struct timer_queue *q, struct timer *t)
{
    t->heap_index = 1;
    q->root = heap_meld(q->root, t);
}

static void heap_remove(struct timer_queue *q, struct timer *t)
{
    struct timer *below = t->child ? heap_meld_siblings(t->child) : NULL;

    if (q->root == t) {
        q->root = below;
    } else {
        if (t->prev->child == t)
            t->prev->child = t->sibling;
        else
            t->prev->sibling = t->sibling;
        if (t->sibling)
            t->sibling->prev = t->prev;
        q->root = heap_meld(q->root, below);
    }
    t->child = t->sibling = t->prev = NULL;
    t->heap_index = 0;
}

/* Locks the queue that the timer belongs to: t->cpu changes with both queues' locks held. */
static struct timer_queue *timer_lock(const struct timer *t)
{
    for (;;) {
        u32 cpu = READ_ONCE(t->cpu);
        struct timer_queue *q = &per_cpu(timer_queue, cpu);
        spin_lock(&q->lock);
        if (likely(READ_ONCE(t->cpu) == cpu))
            return q;
        spin_unlock(&q->lock);
    }
}

/* A timer of that CPU was armed; its queue is locked. */
static void timer_queue_advance(struct timer_queue *q, u32 cpu, nsec_t expires)
{
    if (expires >= q->deadline)
        return;
    q->deadline = expires;
    if (cpu == cpu_id())
        cpu_timer_set(expires);
    else
        softirq_raise_on(cpu, SOFTIRQ_TIMER);
}

void timer_init(struct timer *t, void (*function)(void *), void *data, u32 cpu)
{
    *t = (struct timer){.function = function, .data = data, .cpu = cpu};
}

void timer_set(struct timer *t, nsec_t expires)
{
    struct timer_queue *q = timer_lock(t);

    if (likely(!t->killed)) {
        if (t->heap_index)
            heap_remove(q, t);
        t->expires = expires;
        heap_insert(q, t);
        timer_queue_advance(q, t->cpu, expires);
    }
    spin_unlock(&q->lock);
}

void timer_stop(struct timer *t)
{
    struct timer_queue *q = timer_lock(t);

    if (t->heap_index)
        heap_remove(q, t);
    spin_unlock(&q->lock);
}

void timer_migrate(struct timer *t, u32 cpu)
{
    struct timer_queue *to = &per_cpu(timer_queue, cpu);

    for (;;) {
        u32 old = READ_ONCE(t->cpu);
        struct timer_queue *from = &per_cpu(timer_queue, old);
        if (old == cpu)
            return;

        spin_lock_pair(&from->lock, &to->lock);
        bool found = READ_ONCE(t->cpu) == old;
        if (likely(found)) {
            bool active = t->heap_index;
            if (active)
                heap_remove(from, t);
            t->cpu = cpu;
            if (active) {
                heap_insert(to, t);
                timer_queue_advance(to, cpu, t->expires);
            }
        }
        spin_unlock_pair(&from->lock, &to->lock);
        if (likely(found))
            return;
    }
}

void timer_kill(struct timer *t)
{
    struct timer_queue *q = timer_lock(t);

    t->killed = true;
    if (t->heap_index)
        heap_remove(q, t);
    spin_unlock(&q->lock);

    while (__atomic_load_n(&t->running, __ATOMIC_ACQUIRE))
        cpu_wait();
}

bool timer_is_active(const struct timer *t)
{
    return READ_ONCE(t->heap_index) != 0;
}

/* Runs what was due when it started, then sets the hardware timer for the rest. */
static void timer_softirq(void)
{
    struct timer_queue *q = &this_cpu(timer_queue);
    nsec_t now = time_now();
    struct timer *t;

    spin_lock(&q->lock);
    q->deadline = 0;
    while ((t = q->root) != NULL && t->expires <= now) {
        heap_remove(q, t);
        /* A count: the function may still run when the timer fires again on another CPU. It is
         * given back last, as after that the timer may be gone. */
        __atomic_add_fetch(&t->running, 1, __ATOMIC_RELAXED);
        spin_unlock(&q->lock);
        t->function(t->data);
        __atomic_sub_fetch(&t->running, 1, __ATOMIC_RELEASE);
        spin_lock(&q->lock);
    }
    q->deadline = t ? t->expires : NEVER;
    cpu_timer_set(q->deadline);
    spin_unlock(&q->lock);
}

int timers_init_cpu(u32 cpu)
{
    struct timer_queue *q = &per_cpu(timer_queue, cpu);

    spin_init(&q->lock, LOCK_TIMER);
    q->root = NULL;
    q->deadline = NEVER;
    return 0;
}

void timers_init(void)
{
    softirq_register(SOFTIRQ_TIMER, timer_softirq);
    BUG_ON(timers_init_cpu(cpu_id()) != 0);
}

void timers_dump(void)
{
    nsec_t now = time_now();
    u32 cpu;

    log_info("system time %llu", (unsigned long long)now);
    for_each_online_cpu (cpu) {
        struct timer_queue *q = &per_cpu(timer_queue, cpu);

        spin_lock(&q->lock);
        if (q->root)
            log_info("CPU %u: the next timer, of %#lx, is due in %lld us; hardware set to %lld us",
                     cpu, (unsigned long)q->root->function,
                     (long long)(q->root->expires - now) / 1000,
                     (long long)(q->deadline - now) / 1000);
        else
            log_info("CPU %u: no timers", cpu);
        spin_unlock(&q->lock);
    }
}
