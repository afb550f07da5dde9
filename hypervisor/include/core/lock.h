/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spin locks. Hypervisor code runs with interrupts disabled everywhere but in the windows of the
 * idle loop and of preemption points (core/softirq.h), and no lock is held there: so a lock needs
 * no variant for interrupts. A CPU that spins goes on serving the requests of others (TLB
 * shoot-down, calls: arch/cpu.h), so waiting for their answer with a lock held does not deadlock.
 *
 * Every lock has a rank; a CPU takes locks in ascending rank only. Debug builds check that, and
 * that nobody releases what he does not hold.
 */
#ifndef DOMUS_CORE_LOCK_H
#define DOMUS_CORE_LOCK_H

#include "types.h"

enum lock_rank {
    LOCK_TRACE,       /* how trace buffers are set up */
    LOCK_CPUPOOL,     /* which CPUs and domains are in which pool */
    LOCK_DOMAIN_LIST, /* the list of all domains */
    LOCK_DOMAIN,      /* one domain's life cycle and control operations */
    LOCK_PAGE_TABLES, /* one PV domain's page-table and descriptor-table types */
    LOCK_GRANT_TABLE, /* one domain's grant table */
    LOCK_GRANT_MAPS,  /* one domain's grant mappings */
    LOCK_EVENT,       /* one domain's set of event channels */
    LOCK_PCI,         /* the list of PCI devices, and what messages they have */
    LOCK_IRQ,         /* one interrupt line */
    LOCK_IRQ_CHIP,    /* an interrupt controller's registers */
    LOCK_PORT,        /* one event channel */
    LOCK_EVENT_QUEUE, /* one FIFO event queue */
    LOCK_VCPU_TIMER,  /* one vCPU's timers as its guest sets them */
    LOCK_SCHED,       /* one run queue */
    LOCK_CAP,         /* what is left of one domain's CPU time */
    LOCK_TIMER,       /* one CPU's timer heap */
    LOCK_TASKLET,     /* one CPU's tasklets */
    LOCK_LOG_DIRTY,   /* the log of one domain's writes; taken by faults on guests' memory */
    LOCK_CLAIM,       /* memory promised to domains */
    LOCK_FRAME_LIST,  /* one domain's list of frames */
    LOCK_HEAP,        /* the frame allocator */
    LOCK_POOL,        /* the small-object allocator */
    LOCK_RANGESET,    /* one rangeset */
    LOCK_PLATFORM,    /* PCI configuration ports, CMOS, PIT */
    LOCK_KEYHANDLER,  /* debug keys */
    LOCK_CONSOLE,     /* console output */
    LOCK_LEAF,        /* anything under which nothing else is taken */
};

/* A ticket lock: next is handed out, serving runs after it. */
struct spinlock {
    u16 serving, next;
#ifdef DOMUS_DEBUG
    u16 rank;
    u16 owner; /* CPU + 1, 0 if free */
#endif
};

#ifdef DOMUS_DEBUG
#define SPINLOCK_INIT(r)                                                                           \
    {                                                                                              \
        .rank = (r)                                                                                \
    }
#else
#define SPINLOCK_INIT(r)                                                                           \
    {                                                                                              \
        .serving = 0                                                                               \
    }
#endif

static inline void spin_init(struct spinlock *l, enum lock_rank rank)
{
    *l = (struct spinlock)SPINLOCK_INIT(rank);
    (void)rank;
}

/* Called by a CPU that must wait: pauses, and serves other CPUs' requests (arch). */
void cpu_wait(void);
/* void spin_wait(const struct spinlock *l, u16 ticket): until it is the ticket's turn. */
#include "machine/lock.h"

#ifdef DOMUS_DEBUG
void lock_debug_acquiring(struct spinlock *l);
void lock_debug_acquired(struct spinlock *l);
void lock_debug_releasing(struct spinlock *l);
/* The machine is dying and takes locks as it can: check no more. */
void lock_debug_stop(void);
#else
#define lock_debug_stop()       ((void)0)
#define lock_debug_acquiring(l) ((void)0)
#define lock_debug_acquired(l)  ((void)0)
#define lock_debug_releasing(l) ((void)0)
#endif

static inline void spin_lock(struct spinlock *l)
{
    lock_debug_acquiring(l);
    u16 ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);
    if (unlikely(__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket))
        spin_wait(l, ticket);
    lock_debug_acquired(l);
}

static inline bool spin_trylock(struct spinlock *l)
{
    u16 ticket = __atomic_load_n(&l->serving, __ATOMIC_RELAXED);
    u16 expected = ticket;
    if (!__atomic_compare_exchange_n(&l->next, &expected, (u16)(ticket + 1), false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    lock_debug_acquired(l);
    return true;
}

static inline void spin_unlock(struct spinlock *l)
{
    lock_debug_releasing(l);
    /* Only the holder writes it: one instruction that need not be atomic, and here. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    l->serving++;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline bool spin_is_locked(const struct spinlock *l)
{
    return READ_ONCE(l->serving) != READ_ONCE(l->next);
}

/* Two locks of one rank, always in the same order whoever asks: by address. a may equal b. */
static inline void spin_lock_pair(struct spinlock *a, struct spinlock *b)
{
    if (a == b) {
        spin_lock(a);
        return;
    }
    spin_lock(a < b ? a : b);
    spin_lock(a < b ? b : a);
}

static inline void spin_unlock_pair(struct spinlock *a, struct spinlock *b)
{
    spin_unlock(a);
    if (a != b)
        spin_unlock(b);
}

#endif
