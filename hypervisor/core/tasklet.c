/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasklets: a list per CPU, run by SOFTIRQ_TASKLET. They are rare, so one lock guards all the
 * lists: a tasklet can then be found on whichever list it is by who only knows the tasklet.
 */
#include "core/percpu.h"
#include "core/lock.h"
#include "core/softirq.h"
#include "core/tasklet.h"

struct tasklet_queue {
    struct list_node list; /* next is NULL before its first use */
    u32 length;
};

static DEFINE_PER_CPU(struct tasklet_queue, tasklet_queue);
static struct spinlock tasklet_lock = SPINLOCK_INIT(LOCK_TASKLET);

void tasklet_init(struct tasklet *t, void (*run)(void *data), void *data)
{
    *t = (struct tasklet){.run = run, .data = data};
    list_init(&t->node);
}

void tasklet_schedule(struct tasklet *t, u32 cpu)
{
    struct tasklet_queue *queue = &per_cpu(tasklet_queue, cpu);
    bool added = false;

    spin_lock(&tasklet_lock);
    if (!t->scheduled) {
        if (!queue->list.next)
            list_init(&queue->list);
        list_push_back(&queue->list, &t->node);
        queue->length++;
        t->cpu = cpu;
        t->scheduled = true;
        added = true;
    }
    spin_unlock(&tasklet_lock);
    if (added)
        softirq_raise_on(cpu, SOFTIRQ_TASKLET);
}

/* Off its queue; the lock is held. */
static void tasklet_unlink(struct tasklet *t)
{
    list_remove(&t->node);
    per_cpu(tasklet_queue, t->cpu).length--;
    t->scheduled = false;
}

void tasklet_kill(struct tasklet *t)
{
    spin_lock(&tasklet_lock);
    for (;;) {
        if (t->scheduled)
            tasklet_unlink(t);
        if (!t->running)
            break;
        spin_unlock(&tasklet_lock);
        cpu_wait();
        spin_lock(&tasklet_lock);
    }
    spin_unlock(&tasklet_lock);
}

/* The next tasklet of this CPU that can run here, taken off the queue; NULL if there is none. One
 * that still runs on another CPU waits at the end of the queue. */
static struct tasklet *tasklet_take(struct tasklet_queue *queue)
{
    struct tasklet *t = list_entry(queue->list.next, struct tasklet, node);

    if (t->running) {
        list_remove(&t->node);
        list_push_back(&queue->list, &t->node);
        return NULL;
    }
    tasklet_unlink(t);
    t->running = true;
    return t;
}

/* Runs as many as wait when it starts: those that schedule themselves again come in the next round,
 * and other softirqs between. A tasklet's memory may be gone once it does not run: it is not
 * touched then. */
static void tasklet_softirq(void)
{
    struct tasklet_queue *queue = &this_cpu(tasklet_queue);

    spin_lock(&tasklet_lock);
    for (u32 n = queue->length; n && queue->length; n--) {
        struct tasklet *t = tasklet_take(queue);
        if (!t)
            continue;
        spin_unlock(&tasklet_lock);
        t->run(t->data);
        spin_lock(&tasklet_lock);
        t->running = false;
    }
    bool more = queue->length != 0;
    spin_unlock(&tasklet_lock);
    if (more)
        softirq_raise(SOFTIRQ_TASKLET);
}

void tasklets_init(void)
{
    softirq_register(SOFTIRQ_TASKLET, tasklet_softirq);
}
