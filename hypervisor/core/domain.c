/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of domains and vCPUs: created with nothing, looked up by id, kept by references, paused,
 * shut down, killed in slices, freed with the last reference.
 */
#include "core/domain.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/claim.h"
#include "core/event_channel.h"
#include "core/frame.h"
#include "core/grant_table.h"
#include "core/heap.h"
#include "core/last_words.h"
#include "core/softirq.h"
#include "core/tasklet.h"
#include "core/time.h"
#include "abi/sched.h"
#include "errno.h"
#include "lib/bits.h"
#include "lib/print.h"
#include "lib/string.h"

/* Frames that domain_kill() gives up between two preemption points. */
#define RELEASE_BATCH 16

static struct list_node domains = LIST_INIT(domains);
static struct spinlock domains_lock = SPINLOCK_INIT(LOCK_DOMAIN_LIST);

struct domain *hardware_domain, *idle_domain;
static struct domain *io_domain, *xen_domain;

static u32 domain_struct_order(void)
{
    u32 order = 0;
    while ((PAGE_SIZE << order) < sizeof(struct domain))
        order++;
    return order;
}

/* --- references */

bool domain_try_ref(struct domain *d)
{
    u32 old = READ_ONCE(d->refs);
    do {
        if (!old)
            return false;
    } while (!__atomic_compare_exchange_n(&d->refs, &old, old + 1, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return true;
}

struct domain *domain_get(domid_t id)
{
    struct domain *d = current->domain, *found = NULL;
    /* That which runs is on the list: no need to look for it. */
    if (id == DOMID_SELF || id == d->id)
        return domain_try_ref(d) ? d : NULL;
    spin_lock(&domains_lock);
    list_for_each (d, &domains, node) {
        if (d->id == id && domain_try_ref(d)) {
            found = d;
            break;
        }
    }
    spin_unlock(&domains_lock);
    return found;
}

struct domain *domain_get_from(u32 first)
{
    struct domain *d, *found = NULL;
    spin_lock(&domains_lock);
    list_for_each (d, &domains, node)
        if (d->id >= first && (!found || d->id < found->id) && domain_try_ref(d)) {
            if (found)
                domain_put(found);
            found = d;
        }
    spin_unlock(&domains_lock);
    return found;
}

static void domain_free(struct domain *d)
{
    struct vcpu *v;
    spin_lock(&domains_lock);
    list_remove(&d->node);
    spin_unlock(&domains_lock);
    for_each_vcpu (d, v) {
        sched_vcpu_destroy(v);
        event_vcpu_destroy(v);
        arch_vcpu_destroy(v);
        object_free(v);
    }
    event_domain_free(d);
    grant_domain_destroy(d);
    arch_domain_destroy(d);
    rangeset_destroy(&d->ioports);
    rangeset_destroy(&d->iomem);
    rangeset_destroy(&d->irqs);
    object_free(d->vcpus);
    pages_free(d, domain_struct_order());
    /* Its number is free now: the second time that the tools are told. */
    event_raise_host_virq(VIRQ_DOM_EXC);
}

/*
 * Domains without a reference. References are dropped with locks held, by unmapping another's frame
 * for example, that freeing a domain must not be done under.
 */
static struct domain *unreferenced;
static struct tasklet unreferenced_tasklet;

static void unreferenced_free(void *data)
{
    struct domain *d = __atomic_exchange_n(&unreferenced, NULL, __ATOMIC_ACQ_REL);
    while (d) {
        struct domain *next = d->next_unreferenced;
        domain_free(d);
        d = next;
    }
}

void domain_put(struct domain *d)
{
    if (likely(__atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL)))
        return;
    d->next_unreferenced = READ_ONCE(unreferenced);
    while (!__atomic_compare_exchange_n(&unreferenced, &d->next_unreferenced, d, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        continue;
    tasklet_schedule(&unreferenced_tasklet, cpu_id());
}

struct domain *domain_io(void)
{
    return io_domain;
}

struct domain *domain_xen(void)
{
    return xen_domain;
}

struct frame *domain_shared_info_get(const struct domain *d)
{
    const struct shared_info *shared = READ_ONCE(d->shared_info);
    struct frame *f = shared ? virt_to_frame(shared) : NULL;
    return f && frame_get_from(f, frame_owner_name(d)) ? f : NULL;
}

bool may_control(const struct domain *d)
{
    return d == current->domain || current->domain->is_control;
}

struct domain *domain_list_next(struct domain *d)
{
    struct domain *next = NULL;
    spin_lock(&domains_lock);
    struct list_node *n = d ? d->node.next : domains.next;
    while (n != &domains && !next) {
        struct domain *candidate = list_entry(n, struct domain, node);
        if (domain_try_ref(candidate))
            next = candidate;
        n = n->next;
    }
    spin_unlock(&domains_lock);
    if (d)
        domain_put(d);
    return next;
}

/* --- creation */

struct vcpu *domain_vcpu(const struct domain *d, u64 id)
{
    return id < d->max_vcpus ? d->vcpus[index_clamp(id, d->max_vcpus)] : NULL;
}

static struct domain *domain_allocate(domid_t id, u32 max_vcpus)
{
    struct domain *d = pages_alloc(domain_struct_order());
    if (!d)
        return NULL;
    d->id = id;
    d->refs = 1;
    d->shutdown_code = SHUTDOWN_CODE_NONE;
    d->max_vcpus = max_vcpus;
    d->frames_head = d->frames_tail = FRAME_LINK_END;
    d->node_affinity = NODE_ANY;
    spin_init(&d->lock, LOCK_DOMAIN);
    spin_init(&d->frame_lock, LOCK_FRAME_LIST);
    rangeset_init(&d->ioports);
    rangeset_init(&d->iomem);
    rangeset_init(&d->irqs);
    list_init(&d->node);
    d->vcpus = max_vcpus ? object_new_array(struct vcpu *, max_vcpus) : NULL;
    if (max_vcpus && !d->vcpus) {
        pages_free(d, domain_struct_order());
        return NULL;
    }
    return d;
}

static struct domain *domain_create_system(domid_t id, u32 max_vcpus)
{
    struct domain *d = domain_allocate(id, max_vcpus);
    if (!d)
        panic("no memory for the system domain %#x", id);
    d->is_system = true;
    d->max_frames = ~0ull;
    return d;
}

void domains_init(void)
{
    tasklet_init(&unreferenced_tasklet, unreferenced_free, NULL);
    io_domain = domain_create_system(DOMID_IO, 0);
    xen_domain = domain_create_system(DOMID_XEN, 0);
    idle_domain = domain_create_system(DOMID_IDLE, NR_CPUS);
    idle_domain->is_idle = true;
}

static int shared_info_create(struct domain *d)
{
    struct frame *f = heap_alloc(0, NODE_ANY, 32 + PAGE_SHIFT, 0);
    if (!f)
        return -ENOMEM;
    int error = frame_share_with(f, d);
    if (error) {
        heap_free(f, 0);
        return error;
    }
    d->shared_info = frame_to_virt(f);
    return 0;
}

struct domain *domain_create_configured(domid_t id, const struct domain_config *config, int *error)
{
    struct domain *d = domain_allocate(id, config->max_vcpus);
    *error = -ENOMEM;
    if (!d)
        return NULL;
    d->is_hardware = d->is_control = config->is_hardware;
    sched_domain_init(d);
    *error = arch_domain_create(d);
    if (!*error)
        *error = shared_info_create(d);
    if (!*error)
        *error = event_domain_init(d, config->max_event_ports);
    if (!*error)
        *error = grant_domain_init(d, config->max_grant_version, config->max_grant_frames,
                                   config->max_maptrack_frames);
    if (*error) {
        /* Its last part drops the list's reference, the only one. */
        while (domain_kill(d) == -ERESTART)
            continue;
        return NULL;
    }
    d->cpupool = config->cpupool;
    d->is_xenstore = config->is_xenstore;
    d->pause_count = d->control_pauses = config->control_paused;
    spin_lock(&domains_lock);
    list_push_back(&domains, &d->node);
    spin_unlock(&domains_lock);
    wallclock_update_domain(d);
    return d;
}

struct domain *domain_create(domid_t id, u32 max_vcpus, int *error)
{
    const struct domain_config config = {
        .max_vcpus = max_vcpus,
        .max_event_ports = EVTCHN_FIFO_NR_CHANNELS,
        .max_grant_version = GRANT_VERSION_MAX,
        .max_grant_frames = grant_frames_max,
        .max_maptrack_frames = grant_maptrack_frames_max,
        .is_hardware = id == 0,
    };
    return domain_create_configured(id, &config, error);
}

struct vcpu *vcpu_create(struct domain *d, u32 id)
{
    if (id >= d->max_vcpus || d->vcpus[id])
        return NULL;
    struct vcpu *v = object_new(struct vcpu);
    if (!v)
        return NULL;
    v->id = id;
    v->domain = d;
    v->is_idle = d->is_idle;
    v->pause_flags = d->is_idle ? 0 : VCPU_PAUSED_DOWN;
    spin_init(&v->timer_lock, LOCK_VCPU_TIMER);
    if (d->shared_info && id < ARRAY_SIZE(d->shared_info->vcpu_info))
        v->info = &d->shared_info->vcpu_info[id];
    if (v->info)
        v->info->evtchn_upcall_mask = 1;
    if (!d->is_idle && arch_vcpu_create(v))
        goto fail;
    if (sched_vcpu_init(v)) {
        if (!d->is_idle)
            arch_vcpu_destroy(v);
        goto fail;
    }
    __atomic_store_n(&d->vcpus[id], v, __ATOMIC_RELEASE);
    return v;

fail:
    object_free(v);
    return NULL;
}

void vcpu_reset(struct vcpu *v)
{
    /* The whole domain: a sibling may be initialising v, or bringing it up. */
    domain_pause(v->domain);
    arch_vcpu_reset(v);
    v->initialised = false;
    v->nmi_pending = false;
    __atomic_or_fetch(&v->pause_flags, VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);
    __atomic_and_fetch(&v->pause_flags, ~VCPU_PAUSED_BLOCKED, __ATOMIC_SEQ_CST);
    event_poll_end(v);
    domain_unpause(v->domain);
}

static void vcpu_info_move(struct vcpu *v, struct frame *f, u32 offset)
{
    struct vcpu_info *info = (struct vcpu_info *)((u8 *)frame_to_virt(f) + offset);
    if (v->info) {
        memcpy(info, v->info, sizeof(*info));
    } else {
        memset(info, 0, sizeof(*info));
        info->evtchn_upcall_mask = 1;
    }
    v->info_frame = f;
    __atomic_store_n(&v->info, info, __ATOMIC_RELEASE);
    event_vcpu_info_moved(v);
}

int vcpu_register_info(struct vcpu *v, gfn_t gfn, u32 offset)
{
    struct domain *d = v->domain;
    if (offset > PAGE_SIZE - sizeof(struct vcpu_info) || offset % sizeof(u64))
        return -ENXIO;
    if (v != current && !(READ_ONCE(v->pause_flags) & VCPU_PAUSED_DOWN))
        return -EINVAL;
    struct frame *f = arch_gfn_get_frame(d, gfn);
    if (!f)
        return -EINVAL;
    if (frame_type_get_writable(f)) {
        frame_put(f);
        return -EINVAL;
    }
    spin_lock(&d->lock);
    bool has_one = v->info_frame != NULL;
    if (!has_one)
        vcpu_info_move(v, f, offset);
    spin_unlock(&d->lock);
    if (!has_one)
        return 0;
    frame_put_writable(f);
    return -EINVAL;
}

/* --- pausing and shutting down */

void vcpu_pause(struct vcpu *v)
{
    __atomic_add_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST);
    if (v != current)
        sched_sleep_sync(v);
    else
        sched_sleep_nosync(v);
}

void vcpu_unpause(struct vcpu *v)
{
    if (!__atomic_sub_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST))
        sched_wake(v);
}

void domain_pause(struct domain *d)
{
    struct vcpu *v;
    __atomic_add_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST);
    for_each_vcpu (d, v) {
        if (v != current)
            sched_sleep_sync(v);
        else
            sched_sleep_nosync(v);
    }
}

void domain_unpause(struct domain *d)
{
    struct vcpu *v;
    if (!__atomic_sub_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST))
        for_each_vcpu (d, v)
            sched_wake(v);
}

void domain_resume(struct domain *d)
{
    struct vcpu *v;
    domain_pause(d);
    spin_lock(&d->lock);
    d->is_shut_down = false;
    d->shutdown_code = SHUTDOWN_CODE_NONE;
    for_each_vcpu (d, v)
        __atomic_and_fetch(&v->pause_flags, ~VCPU_PAUSED_SHUTDOWN, __ATOMIC_SEQ_CST);
    spin_unlock(&d->lock);
    domain_unpause(d);
}

static const char *shutdown_name(u8 reason)
{
    static const char *const names[] = {
        [SHUTDOWN_poweroff] = "power off", [SHUTDOWN_reboot] = "reboot",
        [SHUTDOWN_suspend] = "suspend",    [SHUTDOWN_crash] = "crash",
        [SHUTDOWN_watchdog] = "watchdog",  [SHUTDOWN_soft_reset] = "soft reset",
    };
    return reason < ARRAY_SIZE(names) && names[reason] ? names[reason] : "unknown reason";
}

static noreturn void machine_shutdown(u8 reason)
{
    bool orderly = reason == SHUTDOWN_poweroff || reason == SHUTDOWN_reboot;
    log_line(orderly ? LOG_INFO : LOG_ERROR, "domain 0 shuts the machine down: %s",
             shutdown_name(reason));
    if (orderly)
        last_words_forget();
    if (reason == SHUTDOWN_poweroff)
        machine_power_off();
    if (reason != SHUTDOWN_reboot && option_noreboot) {
        log_error("not restarting, because of 'noreboot'; the machine is halted");
        machine_halt();
    }
    machine_restart();
}

void domain_shutdown(struct domain *d, u8 reason)
{
    struct vcpu *v;
    spin_lock(&d->lock);
    if (d->shutdown_code == SHUTDOWN_CODE_NONE)
        d->shutdown_code = reason;
    reason = d->shutdown_code;
    if (d == hardware_domain) {
        spin_unlock(&d->lock);
        machine_shutdown(reason);
    }
    if (d->is_shut_down) {
        spin_unlock(&d->lock);
        return;
    }
    for_each_vcpu (d, v) {
        __atomic_or_fetch(&v->pause_flags, VCPU_PAUSED_SHUTDOWN, __ATOMIC_SEQ_CST);
        sched_sleep_nosync(v);
    }
    /* Who sees this waits until its vCPUs are off their CPUs: now it can. */
    __atomic_store_n(&d->is_shut_down, true, __ATOMIC_RELEASE);
    spin_unlock(&d->lock);
    u32 port = READ_ONCE(d->suspend_port);
    if (reason != SHUTDOWN_suspend || !port || event_send(d, port))
        event_raise_host_virq(VIRQ_DOM_EXC);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
    char text[160];
    va_list args;
    va_start(args, fmt);
    text_vformat(text, sizeof(text), fmt, args);
    va_end(args);
    if (d->is_shut_down)
        return;
    log_error("domain %u crashed: %s", d->id, text);
    if (d == current->domain)
        arch_vcpu_dump(current);
    domain_shutdown(d, SHUTDOWN_crash);
}

/* --- teardown */

/*
 * Give up the owner's references, once around the list: a frame that others still map stays there,
 * perhaps given up before.
 */
static int frames_release(struct domain *d)
{
    while (d->frames_unvisited) {
        spin_lock(&d->frame_lock);
        struct frame *f = frame_list_first(d);
        bool found = f && frame_get(f, d);
        if (f)
            frame_list_rotate(d);
        spin_unlock(&d->frame_lock);
        if (!f)
            break;
        d->frames_unvisited--;
        if (found) {
            frame_release(f);
            frame_put(f);
        }
        if (d->frames_unvisited % RELEASE_BATCH == 0 && preempt_pending())
            return -ERESTART;
    }
    return 0;
}

static int vcpu_info_release(struct domain *d)
{
    struct vcpu *v;
    for_each_vcpu (d, v) {
        struct frame *f = v->info_frame;
        v->info = NULL;
        v->info_frame = NULL;
        if (f)
            frame_put_writable(f);
    }
    return 0;
}

/* In this order, each until it does not say -ERESTART, and never again. */
static int (*const kill_parts[])(struct domain *d) = {
    grant_domain_release_mappings,
    event_domain_destroy,
    arch_domain_relinquish,
    vcpu_info_release,
    frames_release,
};

int domain_kill(struct domain *d)
{
    if (d->dying == DOMAIN_DEAD)
        return 0;
    if (d->dying == DOMAIN_ALIVE) {
        spin_lock(&d->frame_lock);
        d->dying = DOMAIN_DYING;
        d->frames_unvisited = d->tot_frames;
        spin_unlock(&d->frame_lock);
        /* Of no frame at all: nothing to refuse. */
        BUG_ON(claim_set(d, 0));
        domain_pause(d);
        /* Nobody sets them any more, and they look at vCPUs, which go with the last reference. */
        watchdog_domain_destroy(d);
        sched_domain_destroy(d);
    }
    for (; d->kill_progress < ARRAY_SIZE(kill_parts); d->kill_progress++) {
        int error = kill_parts[d->kill_progress](d);
        if (error)
            return error;
    }
    struct shared_info *shared = d->shared_info;
    WRITE_ONCE(d->shared_info, NULL);
    if (shared)
        frame_unshare(virt_to_frame(shared));
    d->dying = DOMAIN_DEAD;
    event_raise_host_virq(VIRQ_DOM_EXC);
    domain_put(d); /* the list's */
    return 0;
}
