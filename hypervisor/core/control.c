/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sysctl.c and domctl.c share (core/control.h): versions, bitmaps, what the tools are told of
 * a domain.
 */
#include "core/control.h"
#include "core/frame.h"
#include "core/guest_access.h"
#include "core/sched.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

#define GPADDR_BITS_PV 52 /* a machine address, whatever the processor has of it */

int control_version_check(const struct vcpu *v, const char *interface, u32 asked, u32 known)
{
    if (likely(asked == known))
        return 0;
    log_guest(LOG_WARNING, "%s: domain %u asks for version %#x of the interface; known is %#x only",
              interface, v->domain->id, asked, known);
    return -EACCES;
}

/* --- bitmaps */

#define WORD_BYTES sizeof(u64)

int control_bitmap_in(u64 *words, u32 nr_bits, const struct xenctl_bitmap *bitmap)
{
    u32 bits = MIN(nr_bits, bitmap->nr_bits);
    memset(words, 0, DIV_ROUND_UP(nr_bits, 64u) * WORD_BYTES);
    if (guest_copy_in(words, bitmap->bitmap.va, DIV_ROUND_UP(bits, 8u)))
        return -EFAULT;
    if (bits % 64)
        words[bits / 64] &= BIT(bits % 64) - 1;
    return 0;
}

int control_bitmap_out(const struct xenctl_bitmap *bitmap, const u64 *words, u32 nr_bits)
{
    u32 bits = MIN(nr_bits, bitmap->nr_bits), whole = bits / 8;
    u32 bytes = bitmap->nr_bits / 8 + (bitmap->nr_bits % 8 != 0); /* a sum would wrap */
    vaddr_t to = bitmap->bitmap.va;
    if (guest_copy_out(to, words, whole))
        return -EFAULT;
    if (bits % 8) {
        u8 last = (u8)(((const u8 *)words)[whole] & (BIT(bits % 8) - 1));
        if (guest_copy_out(to + whole, &last, sizeof(last)))
            return -EFAULT;
        whole++;
    }
    return guest_clear(to + whole, bytes - whole);
}

/* --- domains */

/* Sums over the vCPUs: time, and how the domain is. */
static void info_vcpus(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    struct vcpu_runstate_info runstate;
    struct vcpu *v;
    u32 flags = XEN_DOMINF_blocked;
    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for_each_vcpu (d, v) {
        sched_runstate_get(v, &runstate);
        info->cpu_time += runstate.time[RUNSTATE_running];
        info->max_vcpu_id = v->id;
        u64 paused = READ_ONCE(v->pause_flags);
        if (paused & VCPU_PAUSED_DOWN)
            continue;
        if (!(paused & (VCPU_PAUSED_BLOCKED | VCPU_PAUSED_POLL)))
            flags &= ~XEN_DOMINF_blocked;
        if (READ_ONCE(v->running))
            flags |= XEN_DOMINF_running;
        info->nr_online_vcpus++;
    }
    info->flags |= info->nr_online_vcpus ? flags : 0;
}

void control_domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    struct vcpu *v;
    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info_vcpus(d, info);
    if (d->dying == DOMAIN_DEAD)
        info->flags |= XEN_DOMINF_dying;
    if (__atomic_load_n(&d->is_shut_down, __ATOMIC_ACQUIRE)) {
        /* Who hears so may rely on it: what still ran on other CPUs has stopped. */
        for_each_vcpu (d, v)
            if (v != current)
                sched_sleep_sync(v);
        info->flags |= XEN_DOMINF_shutdown | (u32)d->shutdown_code << XEN_DOMINF_shutdownshift;
    }
    if (d->control_pauses)
        info->flags |= XEN_DOMINF_paused;
    if (d->is_xenstore)
        info->flags |= XEN_DOMINF_xs_domain;
    info->tot_pages = READ_ONCE(d->tot_frames);
    info->max_pages = MIN(d->max_frames, (u64)UINT32_MAX); /* no limit, to the tools */
    info->outstanding_pages = d->claimed_frames;
    struct shared_info *shared = READ_ONCE(d->shared_info);
    info->shared_info_frame = shared ? virt_to_mfn(shared).v : INVALID_MFN.v;
    memcpy(info->handle, d->handle, sizeof(info->handle));
    info->cpupool = d->cpupool;
    info->gpaddr_bits = GPADDR_BITS_PV;
}
