/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains and their virtual CPUs: what exists, who may use it, and how it goes away.
 *
 * A domain is reached by domain_get() and kept by a reference; its id may be reused once it is off
 * the list, its structure lives until the last reference is dropped. Teardown: domain_kill() marks
 * it dying and gives up everything that it holds, in slices; frames of its own stay until nobody
 * maps them.
 */
#ifndef DOMUS_CORE_DOMAIN_H
#define DOMUS_CORE_DOMAIN_H

#include "abi/xen.h"
#include "abi/vcpu.h"
#include "core/console.h"
#include "core/cpumask.h"
#include "core/lock.h"
#include "core/sched.h"
#include "core/timer.h"
#include "lib/list.h"
#include "lib/rangeset.h"
#include "machine/vcpu.h" /* struct arch_vcpu, struct arch_domain */
#include "types.h"

struct event_state; /* core/event_channel.h */
struct event_fifo_vcpu;
struct grant_table; /* core/grant_table.h */

#define NR_DOMAIN_VCPUS_MAX 512u

/* domain.shutdown_code until a reason is latched; the first one latched stays. */
#define SHUTDOWN_CODE_NONE 0xff

/* SCHEDOP_watchdog: timers that a domain may have. */
#define NR_DOMAIN_WATCHDOGS 2

/* Reasons why a vCPU does not run, besides pause_count; bits of vcpu.pause_flags. */
#define VCPU_PAUSED_BLOCKED  BIT(0) /* SCHEDOP_block, until an event is pending */
#define VCPU_PAUSED_DOWN     BIT(1) /* not brought up, or taken down */
#define VCPU_PAUSED_POLL     BIT(2) /* SCHEDOP_poll, until a port or its time-out */
#define VCPU_PAUSED_SHUTDOWN BIT(3) /* the domain is shut down */

struct vcpu {
    u32 id;
    u32 cpu; /* where it runs, or ran last; changed by the scheduler only */
    struct domain *domain;

    /* What the guest sees of it: in shared_info, or where it registered one; or NULL (not yet: ids
     * above the shared page's 32 before they register). Always writable, by the directmap. */
    struct vcpu_info *info;
    struct frame *info_frame; /* held (writable) if registered, else NULL */

    u64 pause_flags;   /* VCPU_PAUSED_*, atomic bits */
    u32 pause_count;   /* nested pauses by the hypervisor and the toolstack, atomic */
    bool initialised;  /* it has a context to run with */
    bool initialising; /* VCPUOP_initialise is at work on it; atomic */
    bool is_idle;
    bool running; /* on a CPU right now; written by the scheduler */

    struct sched_unit sched;

    /* Runstate (vcpu_op): what it did since state_entry_time, and totals, in ns. */
    struct vcpu_runstate_info runstate;
    vaddr_t runstate_guest;  /* guest address that wants copies; 0: none */
    vaddr_t time_area_guest; /* secondary vcpu_time_info; 0: none */

    struct spinlock timer_lock;
    struct timer singleshot_timer, periodic_timer, poll_timer;
    nsec_t periodic_period, periodic_last;

    /* Event channels: see core/event_channel.h. */
    u32 virq_port[NR_VIRQS]; /* port that a VIRQ is bound to (global ones: in vCPU 0); 0: none */
    struct event_fifo_vcpu *event_fifo;
    u32 poll_port; /* SCHEDOP_poll: the one port polled, 0 none, ~0 several */

    bool nmi_pending;
    bool hypercall_continued; /* set by hypercall_continue() */

    struct arch_vcpu arch;
};

enum domain_dying { DOMAIN_ALIVE, DOMAIN_DYING, DOMAIN_DEAD };

struct domain {
    domid_t id;
    u32 refs;                         /* atomic */
    struct domain *next_unreferenced; /* among those that wait to be freed */
    struct list_node node;            /* in the list of domains */
    struct spinlock lock;

    struct vcpu **vcpus; /* max_vcpus pointers, NULL until created */
    u32 max_vcpus;

    bool is_hardware; /* owns the devices (domain 0) */
    bool is_control;  /* may control other domains */
    bool is_idle;
    bool is_system; /* DOMID_IO, DOMID_XEN: own frames, never run */
    u8 dying;       /* enum domain_dying */
    bool is_shut_down;
    u8 shutdown_code; /* SHUTDOWN_*, or SHUTDOWN_CODE_NONE; latched under lock */
    u32 suspend_port; /* its end of the channel that hears of SHUTDOWN_suspend; 0: none */
    u32 pause_count;
    u32 control_pauses; /* of pause_count, by the tools; changed by domctl only */
    bool was_started;   /* the tools let it run once: what it is made of stands */
    bool is_xenstore;   /* the tools say that it runs their store */
    u32 cpupool;        /* core/cpupool.h */

    struct shared_info *shared_info; /* a frame of its own, FRAME_HYPERVISOR */

    /* Memory. tot/max in frames. */
    struct spinlock frame_lock; /* the list and the counts below */
    u32 frames_head, frames_tail;
    u64 tot_frames, max_frames;
    u64 borrowed_frames; /* taken by exchanges under way, which give others for them */
    u32 frame_refs;      /* frames not yet back in the heap; holds one domain reference while > 0 */
    u32 node_affinity;
    u64 node_mask;        /* nodes that the tools chose; 0: none chosen */
    u64 claimed_frames;   /* promised, not yet allocated; core/claim.h */
    u64 frames_unvisited; /* domain_kill(): of the list, still to be released */
    u32 kill_progress;    /* domain_kill(): parts of it that are done */

    /* What its guest may touch. */
    struct rangeset ioports, iomem, irqs;

    struct event_state *events;
    struct grant_table *grants;

    struct cpumask dirty_cpus; /* CPUs that may have its translations in their TLBs */
    s64 time_offset;           /* seconds, of its wall clock */
    u8 handle[16];             /* UUID */
    u64 vm_assist;
    struct log_limit log_limit; /* of lines that it causes */
    struct sched_cap cap;

    struct timer watchdogs[NR_DOMAIN_WATCHDOGS]; /* SCHEDOP_watchdog; under lock */
    u32 watchdogs_used;                          /* bit n: watchdogs[n] is set up */

    struct arch_domain arch;
};

extern struct domain *hardware_domain;
/* Owner of the idle vCPUs, whose ids are CPU numbers. */
extern struct domain *idle_domain;
/* The system domains; once, with the heap there. */
void domains_init(void);
/*
 * Walk all domains: the one after d (NULL: the first), with a reference; d's reference is dropped.
 */
struct domain *domain_list_next(struct domain *d);
/* Option noreboot: halt instead of restarting after a crash. */
extern bool option_noreboot;

/* The vCPU whose context is on this CPU (possibly the idle one). machine/percpu.h: current */
#define for_each_vcpu(d, v)                                                                        \
    for (u32 vcpu_i_ = 0; vcpu_i_ < (d)->max_vcpus; vcpu_i_++)                                     \
        if (((v) = (d)->vcpus[vcpu_i_]) != NULL)

/* The vCPU of that number, or NULL. */
struct vcpu *domain_vcpu(const struct domain *d, u64 id);

/* A reference to the domain of that id (DOMID_SELF: the caller's own), NULL if there is none. */
struct domain *domain_get(domid_t id);
bool domain_try_ref(struct domain *d);
/* The same of the domain with the lowest id that is not below first; no system domain. */
struct domain *domain_get_from(u32 first);
/*
 * The last one leaves d to be freed soon, by this CPU: so any lock up to LOCK_TASKLET may be held.
 */
void domain_put(struct domain *d);
/*
 * d's shared_info for somebody else than its own vCPUs, who do not keep d from ending: its frame,
 * with a reference; NULL if it is gone.
 */
must_check struct frame *domain_shared_info_get(const struct domain *d);
/* The system domains that own what no guest owns. */
struct domain *domain_io(void);
struct domain *domain_xen(void);

/* Whether the running domain may act on d: itself, or any if it is a control domain. */
bool may_control(const struct domain *d);

/* What a domain is created with and keeps. */
struct domain_config {
    u32 max_vcpus;
    u32 max_event_ports;
    u32 max_grant_version, max_grant_frames, max_maptrack_frames;
    u32 cpupool;
    bool is_hardware; /* owns the devices, and controls the others */
    bool is_xenstore;
    bool control_paused; /* by the tools, who will let it run */
};

/* Create, not yet running, with no memory. NULL and *error on failure. */
struct domain *domain_create_configured(domid_t id, const struct domain_config *config, int *error);
/*
 * The same with the greatest limits of events and the usual ones of grants. Domain 0 is the
 * hardware domain.
 */
struct domain *domain_create(domid_t id, u32 max_vcpus, int *error);
must_check struct vcpu *vcpu_create(struct domain *d, u32 id);
/* -ERESTART while there is more to do. Caller holds a reference. */
must_check int domain_kill(struct domain *d);
/* It was shut down, and goes on where it stopped. */
void domain_resume(struct domain *d);
/* The guest asked, or crashed: stop all its vCPUs and tell the control domain. */
void domain_shutdown(struct domain *d, u8 reason);
/*
 * Take a domain's watchdog timers down for good, when its vCPUs run no more and are still there.
 * (core/sched_op.c)
 */
void watchdog_domain_destroy(struct domain *d);
/* The domain's own fault: log why, then shut it down with SHUTDOWN_crash. */
void domain_crash(struct domain *d, const char *fmt, ...) format_printf(2, 3);

/* Nested. _sync waits until it does not run any more (never with current). */
void vcpu_pause(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
/* (core/vcpu_op.c) */
void vcpu_send_nmi(struct vcpu *v);
void domain_pause(struct domain *d);
void domain_unpause(struct domain *d);

/* True if nothing keeps it from running. */
static inline bool vcpu_runnable(const struct vcpu *v)
{
    return !READ_ONCE(v->pause_flags) && !READ_ONCE(v->pause_count) &&
           !READ_ONCE(v->domain->pause_count);
}

/* Reset to the state before it was brought up (VCPUOP_initialise may come again). Pauses its domain
 * meanwhile. */
void vcpu_reset(struct vcpu *v);
/* Use the vcpu_info at this guest frame and byte offset from now on. -ENXIO: not within
 * a frame, or misaligned; -EINVAL: no such place, the
 * frame is not to be written to, v has one, or v is another that is not down. */
must_check int vcpu_register_info(struct vcpu *v, gfn_t gfn, u32 offset);

#endif
