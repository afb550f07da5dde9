/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The debug keys that show the state of the core: domains and vCPUs, event channels, grant tables,
 * run queues, timers and memory. Each asks the subsystem that knows.
 *
 * They run where a key is handled, with interrupts disabled and no lock held, while the machine
 * goes on: what they show of other CPUs is true at some moment only.
 */
#include "arch/vcpu.h"
#include "core/audit.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/event_channel.h"
#include "core/grant_table.h"
#include "core/heap.h"
#include "core/sched.h"
#include "core/timer.h"
#include "lib/print.h"

#define MIB_OF_FRAMES(n) ((unsigned long)((n) >> (20 - PAGE_SHIFT)))

static void key_event_channels(u8 key)
{
    for (struct domain *d = domain_list_next(NULL); d; d = domain_list_next(d))
        event_dump(d);
}

static void key_grant_tables(u8 key)
{
    for (struct domain *d = domain_list_next(NULL); d; d = domain_list_next(d))
        grant_dump(d);
}

static void vcpu_show(struct vcpu *v)
{
    static const char *const states[] = {"runs", "waits", "blocked", "offline"};
    struct vcpu_runstate_info r;
    sched_runstate_get(v, &r);
    u32 state = (u32)r.state;
    /* Nothing keeps the domain from ending meanwhile. */
    const struct vcpu_info *info = READ_ONCE(v->info);
    log_always(
        "  vcpu %u: cpu %u, %s%s, paused by flags %#lx and %u times, upcall %u mask %u, nmi %u",
        v->id, v->cpu, state < ARRAY_SIZE(states) ? states[state] : "?",
        READ_ONCE(v->running) ? ", on its cpu" : "", (unsigned long)READ_ONCE(v->pause_flags),
        READ_ONCE(v->pause_count), info ? READ_ONCE(info->evtchn_upcall_pending) : 0,
        info ? READ_ONCE(info->evtchn_upcall_mask) : 0, READ_ONCE(v->nmi_pending));
    log_always("    ms: ran %lu, waited %lu, blocked %lu, offline %lu",
               (unsigned long)(r.time[0] / 1000000), (unsigned long)(r.time[1] / 1000000),
               (unsigned long)(r.time[2] / 1000000), (unsigned long)(r.time[3] / 1000000));
    if (timer_is_active(&v->singleshot_timer))
        log_always("    its timer is set to %lu us, on cpu %u",
                   (unsigned long)(v->singleshot_timer.expires / 1000), v->singleshot_timer.cpu);
    arch_vcpu_dump(v);
}

static void domain_show(struct domain *d)
{
    struct vcpu *v;
    log_always("domain %u: %u references, %lu frames of at most %lu%s%s%s%s", d->id,
               READ_ONCE(d->refs), (unsigned long)READ_ONCE(d->tot_frames),
               (unsigned long)d->max_frames, d->is_hardware ? ", hardware" : "",
               d->is_control ? ", control" : "", d->dying ? ", dying" : "",
               d->is_shut_down ? ", shut down" : "");
    for_each_vcpu (d, v)
        if (v->initialised || !(READ_ONCE(v->pause_flags) & VCPU_PAUSED_DOWN))
            vcpu_show(v);
}

static void key_domains(u8 key)
{
    for (struct domain *d = domain_list_next(NULL); d; d = domain_list_next(d))
        domain_show(d);
}

static void key_run_queues(u8 key)
{
    sched_dump();
}

static void key_timers(u8 key)
{
    timers_dump();
}

static void key_memory(u8 key)
{
    log_always("heap: %lu of %lu MiB free (%lu frames), small objects: %lu bytes",
               MIB_OF_FRAMES(heap_free_frames()), MIB_OF_FRAMES(heap_total_frames()),
               (unsigned long)heap_free_frames(), (unsigned long)object_heap_bytes());
    for (u32 node = 0; node < HEAP_NODES_MAX; node++)
        if (heap_free_frames_node(node))
            log_always("  node %u: %lu frames free", node,
                       (unsigned long)heap_free_frames_node(node));
    for (struct domain *d = domain_list_next(NULL); d; d = domain_list_next(d))
        log_always("domain %u: %lu frames (%lu MiB) of at most %lu", d->id,
                   (unsigned long)READ_ONCE(d->tot_frames), MIB_OF_FRAMES(READ_ONCE(d->tot_frames)),
                   (unsigned long)d->max_frames);
}

static void audit_line(const char *line)
{
    log_always("audit: %s", line);
}

static void key_audit(u8 key)
{
    int faults = audit_machine(audit_line);
    if (faults)
        log_always("audit: %d contradictions", faults);
    else
        log_always(
            "audit: frames, page tables, event channels and grants of all domains are clean");
}

void keys_state_init(void)
{
    key_register('A', "audit all domains: frames, page tables, ports, grants", key_audit);
    key_register('a', "show all timers", key_timers);
    key_register('e', "show event channels", key_event_channels);
    key_register('g', "show grant tables", key_grant_tables);
    key_register('m', "show the use of memory", key_memory);
    key_register('q', "show domains and vCPUs, with registers", key_domains);
    key_register('r', "show run queues", key_run_queues);
}
