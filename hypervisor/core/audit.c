/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The auditor (core/audit.h): for each domain, that its frames are its own and counted, that its
 * ports are paired, that its grants are used by those who say so; that no frame belongs to a domain
 * that is gone; and what the architecture knows of page tables (arch_domain_audit()).
 *
 * Each lock is taken for as long as one look lasts, as whoever changes these things does.
 */
#include "core/audit.h"
#include "arch/memory.h"
#include "arch/vcpu.h"
#include "core/heap.h"
#include "event_private.h"
#include "grant_private.h"
#include "lib/print.h"

struct audit {
    audit_report_t report;
    struct domain *d;
    int faults;
    u64 frames_owned; /* by the domains that there are */
};

static void complain(struct audit *a, const char *fmt, ...) format_printf(2, 3);
static void complain(struct audit *a, const char *fmt, ...)
{
    char line[160];
    int n = a->d ? text_format(line, sizeof(line), "d%u: ", a->d->id) : 0;
    va_list args;
    va_start(args, fmt);
    text_vformat(line + n, sizeof(line) - (size_t)n, fmt, args);
    va_end(args);
    a->faults++;
    a->report(line);
}

/* --- frames */

/* d's list: as long as it is counted, in both directions, of d's frames only. */
static void frame_list_audit(struct audit *a)
{
    struct domain *d = a->d;
    u64 n = 0;
    u32 before = FRAME_LINK_END;
    for (struct frame *f = frame_list_first(d); f && n <= d->tot_frames; f = frame_list_next(f)) {
        u64 mfn = frame_mfn(f).v, count = READ_ONCE(f->count);
        if (frame_owner(f) != d || (count & (FRAME_FREE | FRAME_NOT_RAM | FRAME_HYPERVISOR)))
            complain(a, "frame %#lx is in its list, and not its own", mfn);
        if (f->prev != before)
            complain(a, "frame %#lx is linked to %#x, and follows %#x", mfn, f->prev, before);
        if (d->dying == DOMAIN_DEAD && (count & FRAME_ALLOCATED))
            complain(a, "frame %#lx was not given up", mfn);
        before = (u32)mfn;
        n++;
    }
    if (n != d->tot_frames)
        complain(a, "%lu frames in its list, %lu counted", n, d->tot_frames);
}

/* The frame table: what says that it is d's. */
static void frame_table_audit(struct audit *a)
{
    struct domain *d = a->d;
    u64 listed = 0, shared = 0;
    for (u64 mfn = 0; mfn < arch_ram_end().v; mfn++) {
        const struct frame *f = frame_of_mfn(MFN(mfn));
        if (!f || frame_owner(f) != d)
            continue;
        *(f->count & FRAME_HYPERVISOR ? &shared : &listed) += 1;
        if (!(f->count & FRAME_REFS))
            complain(a, "frame %#lx without a reference", mfn);
    }
    if (listed != d->tot_frames || listed + shared != d->frame_refs)
        complain(a, "owns %lu and shares %lu frames; counted are %lu, and %u together", listed,
                 shared, d->tot_frames, d->frame_refs);
    a->frames_owned += listed + shared;
}

static void frames_audit(struct audit *a)
{
    spin_lock(&a->d->frame_lock);
    frame_list_audit(a);
    frame_table_audit(a);
    spin_unlock(&a->d->frame_lock);
}

/* No domain: all frames together. */
static void all_frames_audit(struct audit *a)
{
    u64 owned = 0;
    for (u64 mfn = 0; mfn < arch_ram_end().v; mfn++) {
        const struct frame *f = frame_of_mfn(MFN(mfn));
        if (!f)
            continue;
        owned += f->owner != 0;
        if ((f->count & FRAME_FREE) && (f->owner || (f->count & FRAME_REFS)))
            complain(a, "frame %#lx is free, and somebody's", mfn);
    }
    if (owned != a->frames_owned)
        complain(a, "%lu frames have an owner, %lu one that exists", owned, a->frames_owned);
}

/* --- event channels */

static bool port_is_found(const struct domain *d, u32 port, const struct event_port *p)
{
    const struct event_port *peer;
    const struct vcpu *v = domain_vcpu(d, p->vcpu);
    switch (p->state) {
    case EVENT_INTERDOMAIN:
        peer = event_port_find(p->remote.domain->events, p->remote.port);
        return peer && peer->state == EVENT_INTERDOMAIN && peer->remote.domain == d &&
               peer->remote.port == port;
    case EVENT_PIRQ:
        return event_pirq_port(d, p->pirq) == port;
    case EVENT_VIRQ:
        /* Global ones are noted in vCPU 0, whoever is told of them. */
        return (v && v->virq_port[p->virq] == port) || d->vcpus[0]->virq_port[p->virq] == port;
    default:
        return v || !p->vcpu; /* a port may be there before the first vCPU is */
    }
}

static void events_audit(struct audit *a)
{
    struct event_state *e = a->d->events;
    u32 bound = 0;
    spin_lock(&e->lock);
    for (u32 port = 0; port < e->valid_ports; port++) {
        struct event_port *p = event_port_at(e, port);
        if (!event_port_is_bound(p))
            continue;
        bound++;
        spin_lock(&p->lock); /* now its peer stays */
        bool found = port_is_found(a->d, port, p);
        spin_unlock(&p->lock);
        if (!found)
            complain(a, "port %u in state %u, and its other end does not know it", port, p->state);
    }
    if (bound != e->bound_ports || (bound && a->d->dying == DOMAIN_DEAD))
        complain(a, "%u ports are bound, %u counted", bound, e->bound_ports);
    spin_unlock(&e->lock);
}

/* --- grants */

static u32 map_uses(const struct grant_map *m)
{
    return !!(m->flags & GNTMAP_host_map) + !!(m->flags & GNTMAP_device_map);
}

/* The mapping of handle that d has; its flags are 0 if there is none. */
static struct grant_map map_read(struct grant_table *t, u32 handle)
{
    spin_lock(&t->maps_lock);
    struct grant_map m = t->maps[handle / GRANT_MAPS_PER_PAGE][handle % GRANT_MAPS_PER_PAGE];
    spin_unlock(&t->maps_lock);
    return m;
}

/* Each mapping of d's is one that the granter knows; uses of granter's entries in all. */
static u64 maps_audit(struct audit *a, struct domain *d, const struct domain *granter)
{
    struct grant_table *t = d->grants;
    u64 uses = 0;
    for (u32 handle = 0; handle < READ_ONCE(t->nr_maps); handle++) {
        struct grant_map m = map_read(t, handle);
        if (!m.flags || m.granter != granter)
            continue;
        uses += map_uses(&m);
        struct grant_table *gt = granter->grants;
        spin_lock(&gt->lock);
        const struct grant_active *active = grant_active_at(gt, m.ref);
        bool known = active->user == d->id && active->frame &&
                     (m.flags & GNTMAP_readonly ? active->readers : active->writers);
        spin_unlock(&gt->lock);
        if (!known && map_read(t, handle).flags == m.flags)
            complain(a, "d%u maps entry %u by handle %u, which the granter does not know", d->id,
                     m.ref, handle);
    }
    return uses;
}

static void grants_audit(struct audit *a)
{
    struct grant_table *t = a->d->grants;
    u64 used = 0, mapped = 0;
    u32 claimed = 0;
    spin_lock(&t->lock);
    for (u32 ref = 0; ref < grant_table_entries(t); ref++) {
        const struct grant_active *active = grant_active_at(t, ref);
        used += (u64)active->readers + active->writers;
        claimed += ref >= GNTTAB_NR_RESERVED_ENTRIES && grant_active_in_use(active);
        if (active->frame && grant_active_in_use(active) &&
            !(READ_ONCE(active->frame->count) & FRAME_REFS))
            complain(a, "entry %u is in use, its frame is gone", ref);
    }
    if (claimed != t->claimed)
        complain(a, "%u entries are in use, %u counted", claimed, t->claimed);
    spin_unlock(&t->lock);
    for (struct domain *d = domain_list_next(NULL); d; d = domain_list_next(d))
        mapped += maps_audit(a, d, a->d);
    if (used != mapped)
        complain(a, "its grants have %lu uses, and are mapped %lu times", used, mapped);
}

/* --- all of it */

int audit_machine(audit_report_t report)
{
    struct audit a = {.report = report};
    struct domain *const systems[] = {domain_io(), domain_xen()};
    for (u32 i = 0; i < ARRAY_SIZE(systems); i++) {
        a.d = systems[i];
        frames_audit(&a);
    }
    for (a.d = domain_list_next(NULL); a.d; a.d = domain_list_next(a.d)) {
        frames_audit(&a);
        events_audit(&a);
        grants_audit(&a);
        int tables = arch_domain_audit(a.d, report);
        if (tables < 0)
            complain(&a, "no memory for an audit of its page tables");
        else
            a.faults += tables;
    }
    all_frames_audit(&a);
    return a.faults;
}
