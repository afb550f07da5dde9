/* SPDX-License-Identifier: MIT */
/*
 * Event channels: hypercall event_channel_op(cmd, struct *), and the two ways in which pending
 * events are laid out in memory: two-level bitmaps in the shared info page, and queues (FIFO).
 */
#ifndef DOMUS_ABI_EVENT_CHANNEL_H
#define DOMUS_ABI_EVENT_CHANNEL_H

#include "xen.h"

#define EVTCHNOP_bind_interdomain 0
#define EVTCHNOP_bind_virq        1
#define EVTCHNOP_bind_pirq        2
#define EVTCHNOP_close            3
#define EVTCHNOP_send             4
#define EVTCHNOP_status           5
#define EVTCHNOP_alloc_unbound    6
#define EVTCHNOP_bind_ipi         7
#define EVTCHNOP_bind_vcpu        8
#define EVTCHNOP_unmask           9
#define EVTCHNOP_reset            10
#define EVTCHNOP_init_control     11
#define EVTCHNOP_expand_array     12
#define EVTCHNOP_set_priority     13

typedef uint32_t evtchn_port_t;
DEFINE_GUEST_HANDLE(evtchn_port, evtchn_port_t);
DEFINE_GUEST_HANDLE(const_evtchn_port, const evtchn_port_t);

/* Opens a port of `dom` to which `remote_dom` may connect. */
struct evtchn_alloc_unbound {
    domid_t dom;
    domid_t remote_dom;
    evtchn_port_t port; /* out */
};

/* Connects a new port of the caller to an unbound one of `remote_dom`. */
struct evtchn_bind_interdomain {
    domid_t remote_dom;
    evtchn_port_t remote_port;
    evtchn_port_t local_port; /* out */
};

struct evtchn_bind_virq {
    uint32_t virq; /* VIRQ_* */
    uint32_t vcpu;
    evtchn_port_t port; /* out */
};

#define BIND_PIRQ__WILL_SHARE 1

struct evtchn_bind_pirq {
    uint32_t pirq;
    uint32_t flags;     /* BIND_PIRQ__* */
    evtchn_port_t port; /* out */
};

struct evtchn_bind_ipi {
    uint32_t vcpu;
    evtchn_port_t port; /* out */
};

struct evtchn_close {
    evtchn_port_t port;
};

struct evtchn_send {
    evtchn_port_t port;
};

/* evtchn_status.status. */
#define EVTCHNSTAT_closed      0
#define EVTCHNSTAT_unbound     1
#define EVTCHNSTAT_interdomain 2
#define EVTCHNSTAT_pirq        3
#define EVTCHNSTAT_virq        4
#define EVTCHNSTAT_ipi         5

struct evtchn_status {
    domid_t dom;        /* in */
    evtchn_port_t port; /* in */
    uint32_t status;    /* out, as all that follows: EVTCHNSTAT_* */
    uint32_t vcpu;      /* that is notified */
    union {
        struct {
            domid_t dom; /* that may connect */
        } unbound;
        struct {
            domid_t dom;
            evtchn_port_t port;
        } interdomain;
        uint32_t pirq;
        uint32_t virq;
    } u;
};

struct evtchn_bind_vcpu {
    evtchn_port_t port;
    uint32_t vcpu;
};

struct evtchn_unmask {
    evtchn_port_t port;
};

/* Closes all ports and goes back to two-level. */
struct evtchn_reset {
    domid_t dom;
};

/* Switches to queues, and gives a vCPU its control block. */
struct evtchn_init_control {
    uint64_t control_gfn;
    uint32_t offset; /* bytes into the frame, a multiple of 8 */
    uint32_t vcpu;
    uint8_t link_bits; /* out: EVTCHN_FIFO_LINK_BITS */
    uint8_t _pad[7];
};

/* Adds one frame of event words. */
struct evtchn_expand_array {
    uint64_t array_gfn;
};

struct evtchn_set_priority {
    evtchn_port_t port;
    uint32_t priority; /* EVTCHN_FIFO_PRIORITY_* */
};

/* Argument of the older hypercall, event_channel_op_compat: number and argument in one. */
struct evtchn_op {
    uint32_t cmd;
    union {
        struct evtchn_alloc_unbound alloc_unbound;
        struct evtchn_bind_interdomain bind_interdomain;
        struct evtchn_bind_virq bind_virq;
        struct evtchn_bind_pirq bind_pirq;
        struct evtchn_bind_ipi bind_ipi;
        struct evtchn_close close;
        struct evtchn_send send;
        struct evtchn_status status;
        struct evtchn_bind_vcpu bind_vcpu;
        struct evtchn_unmask unmask;
    } u;
};
DEFINE_GUEST_HANDLE(evtchn_op, struct evtchn_op);

/* Two-level: 64 words of 64 bits each for pending and for masked. */
#define EVTCHN_2L_NR_CHANNELS 4096

/* FIFO: lower numbers are served first. */
#define EVTCHN_FIFO_PRIORITY_MAX     0
#define EVTCHN_FIFO_PRIORITY_DEFAULT 7
#define EVTCHN_FIFO_PRIORITY_MIN     15
#define EVTCHN_FIFO_MAX_QUEUES       (EVTCHN_FIFO_PRIORITY_MIN + 1)

/* FIFO: an event word is four flags, by bit number, and the port that follows in its queue. */
typedef uint32_t event_word_t;

#define EVTCHN_FIFO_PENDING     31
#define EVTCHN_FIFO_MASKED      30
#define EVTCHN_FIFO_LINKED      29
#define EVTCHN_FIFO_BUSY        28
#define EVTCHN_FIFO_LINK_BITS   17
#define EVTCHN_FIFO_LINK_MASK   ((1 << EVTCHN_FIFO_LINK_BITS) - 1)
#define EVTCHN_FIFO_NR_CHANNELS (1 << EVTCHN_FIFO_LINK_BITS)

/* FIFO: one for each vCPU. */
struct evtchn_fifo_control_block {
    uint32_t ready; /* bitmap of queues that are not empty */
    uint32_t _rsvd;
    uint32_t head[EVTCHN_FIFO_MAX_QUEUES]; /* first port of each queue, 0 for none */
};

#endif
