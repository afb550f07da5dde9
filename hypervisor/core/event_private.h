/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the event channels share:
 *
 *   event_channel.c   a domain's ports: allocation, binding, closing, sending, virtual interrupts
 *   event_op.c        the hypercall
 *   event_upcall.c    how a vCPU notices, and wakes up
 *   event_2level.c    pending bits in shared_info         (struct event_abi)
 *   event_fifo.c      pending words linked into queues    (struct event_abi)
 *
 * A port is found by its number without any lock: ports live in buckets that are only ever added
 * while the domain exists. LOCK_EVENT of a domain guards which of its ports are free; a port's own
 * LOCK_PORT, held together with that of the peer's port if it has one, must be taken to change its
 * state. So whoever holds the lock of one end knows that the other end, and the domain that it is
 * in, stay.
 */
#ifndef DOMUS_CORE_EVENT_PRIVATE_H
#define DOMUS_CORE_EVENT_PRIVATE_H

#include "core/event_channel.h"
#include "arch/vcpu.h"
#include "core/hypercall.h"
#include "core/percpu.h"
#include "core/sched.h"
#include "lib/bits.h"

enum event_port_state {
    EVENT_FREE,
    EVENT_RESERVED, /* port 0: never used, so that 0 means none */
    EVENT_UNBOUND,  /* waits for a domain to connect */
    EVENT_INTERDOMAIN,
    EVENT_PIRQ,
    EVENT_VIRQ,
    EVENT_IPI,
};

struct event_port {
    struct spinlock lock; /* LOCK_PORT */
    u8 state;             /* enum event_port_state */
    u8 priority;          /* FIFO: of the queue that it enters next */
    bool pending;         /* FIFO: became pending when its word did not exist yet */
    u8 last_priority; /* FIFO: queue that it entered last, of vCPU last_vcpu; both are changed */
    u16 last_vcpu;    /* with that queue's lock held, and read to find the lock */
    u16 vcpu;         /* that is notified */
    union {
        struct {
            struct domain *domain;
            u32 port;
        } remote;     /* EVENT_INTERDOMAIN */
        domid_t peer; /* EVENT_UNBOUND: who may connect */
        u32 pirq;     /* EVENT_PIRQ */
        u32 virq;     /* EVENT_VIRQ */
    };
};
STATIC_ASSERT(sizeof(struct event_port) == 32);

#define EVENT_BUCKET_PORTS ((u32)(PAGE_SIZE / sizeof(struct event_port)))

/*
 * How a guest sees pending events. port is the number of p, a port of d. Callers of set_pending,
 * unmask and is_pending hold either p's lock or that of its peer, and the port is bound.
 */
struct event_abi {
    u32 max_ports;
    void (*set_pending)(struct domain *d, u32 port, struct event_port *p);
    void (*clear_pending)(struct domain *d, u32 port, struct event_port *p);
    void (*unmask)(struct domain *d, u32 port, struct event_port *p);
    bool (*is_pending)(struct domain *d, u32 port, const struct event_port *p);
    bool (*is_masked)(struct domain *d, u32 port, const struct event_port *p);
    /*
     * A free port that the guest has not taken out of its queue yet: not to be used again now.
     * NULL: never.
     */
    bool (*is_busy)(struct domain *d, u32 port, const struct event_port *p);
    /* 0-EVTCHN_FIFO_PRIORITY_MIN, else -EINVAL. NULL: no priorities. */
    int (*set_priority)(struct event_port *p, u32 priority);
};

extern const struct event_abi event_abi_2level;
extern const struct event_abi event_abi_fifo;

struct event_fifo; /* event_fifo.c */

struct event_state {
    const struct event_abi *abi;
    u32 valid_ports;         /* ports in buckets; grows only */
    u32 pollers;             /* vCPUs in SCHEDOP_poll, atomic */
    u32 max_ports;           /* the domain's own limit */
    u32 bound_ports;         /* neither free nor reserved; LOCK_EVENT, as all that follows */
    u32 free_hint;           /* no port below it is free */
    u32 close_progress;      /* ports below it were closed by a reset or teardown under way */
    struct spinlock lock;    /* LOCK_EVENT */
    struct event_fifo *fifo; /* NULL: two-level; set before abi, read without the lock */
    u32 *pirq_ports; /* by pirq: its port or 0; allocated by the first binding, kept to the end */
    u32 pirq_limit;
    struct event_port *buckets[]; /* max_ports / EVENT_BUCKET_PORTS pages, or NULL */
};

/* The port of that number, which is below valid_ports. */
static inline struct event_port *event_port_at(const struct event_state *e, u32 port)
{
    return &e->buckets[port / EVENT_BUCKET_PORTS][port % EVENT_BUCKET_PORTS];
}

/* True if there is a port of the number that a guest says; then it is *i. */
static inline bool event_port_check(const struct event_state *e, u32 port, u64 *i)
{
    return index_check(port, __atomic_load_n(&e->valid_ports, __ATOMIC_ACQUIRE), i);
}

/* The port that a guest means, or NULL. */
static inline struct event_port *event_port_find(const struct event_state *e, u32 port)
{
    u64 i;
    return likely(event_port_check(e, port, &i)) ? event_port_at(e, (u32)i) : NULL;
}

static inline bool event_port_is_bound(const struct event_port *p)
{
    return p->state > EVENT_RESERVED;
}

/* event_mark_pending() for who knows where v's vcpu_info is. */
static inline void event_mark_pending_in(struct vcpu *v, struct vcpu_info *info)
{
    if (__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        return;
    if (unlikely(READ_ONCE(v->pause_flags) & (VCPU_PAUSED_BLOCKED | VCPU_PAUSED_POLL)))
        sched_unblock(v);
    else if (v->cpu != cpu_id())
        arch_vcpu_kick(v);
}

/* Wake vCPUs of d that poll for port, which has just become pending. */
void event_wake_pollers(struct domain *d, u32 port);
static inline void event_check_pollers(struct domain *d, const struct event_state *e, u32 port)
{
    if (unlikely(READ_ONCE(e->pollers)))
        event_wake_pollers(d, port);
}

/*
 * Binding, for the hypercall: d is the caller's domain but for alloc_unbound
 * (core/event_channel.h).
 */
must_check int event_bind_interdomain(struct domain *d, struct domain *remote, u32 remote_port,
                                      u32 *port);
must_check int event_bind_virq(struct domain *d, u32 virq, u32 vcpu, u32 *port);
must_check int event_bind_ipi(struct domain *d, u32 vcpu, u32 *port);
must_check int event_bind_pirq(struct domain *d, u32 pirq, bool share, u32 *port);
must_check int event_bind_vcpu(struct domain *d, u32 port, u32 vcpu);
must_check int event_close(struct domain *d, u32 port);
must_check int event_set_priority(struct domain *d, u32 port, u32 priority);
/* Fills status->status, vcpu and u. */
must_check int event_get_status(struct domain *d, struct evtchn_status *status);

/* event_fifo.c. The first control block switches d to FIFO. */
must_check int event_fifo_init_control(struct domain *d, struct evtchn_init_control *op);
must_check int event_fifo_expand(struct domain *d, gfn_t gfn);
/* Back to two-level, with no port bound; LOCK_EVENT held. */
void event_fifo_destroy(struct domain *d);

/* Handlers of the rows. */
#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/event_channel.def"
#undef SUBOP
#undef UNAVAILABLE

long hypercall_event_channel_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6);

#endif
