/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sub-operations of memory_op that are about this machine: its memory map, and the
 * machine-to-physical table.
 */
#include "abi/memory.h"
#include "arch/memory.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/memory_handlers.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/string.h"
#include "x86/boot.h"
#include "x86/page.h"

u64 m2p_get(mfn_t mfn)
{
    return mfn.v < m2p_limit ? READ_ONCE(*m2p_entry(mfn)) : INVALID_M2P_ENTRY;
}

mfn_t arch_ram_end(void)
{
    return MFN(m2p_limit);
}

long memory_op_machphys_mapping(struct vcpu *v, void *arg)
{
    struct xen_machphys_mapping *out = arg;
    out->v_start = LAYOUT_RO_M2P;
    out->v_end = LAYOUT_RO_M2P_END;
    out->max_mfn = v->domain->is_hardware ? m2p_limit - 1
                                          : (LAYOUT_RO_M2P_END - LAYOUT_RO_M2P) / sizeof(u64) - 1;
    return 0;
}

#define M2P_PIECE MIB(2)

/*
 * The frame behind each large page of the table; a hole repeats the piece before it, as the ABI has
 * it.
 */
long memory_op_machphys_mfn_list(struct vcpu *v, void *arg)
{
    struct xen_machphys_mfn_list *list = arg;
    u64 last = 0;
    u32 n = 0;
    u64 pieces = DIV_ROUND_UP(m2p_limit * sizeof(u64), M2P_PIECE);
    for (; n < list->max_extents && n < pieces; n++) {
        u64 mfn = paging_lookup(LAYOUT_RO_M2P + n * M2P_PIECE).v;
        if (mfn == INVALID_MFN.v)
            mfn = last;
        last = mfn;
        if (guest_write_at(list->extent_start, n, &mfn))
            return -EFAULT;
    }
    list->nr_extents = n;
    return 0;
}

/* A map as it is copied out: entries beyond the guest's room are counted only. */
struct map_writer {
    vaddr_t to;
    u32 room, count;
    int error;
};

static void map_write(struct map_writer *w, u64 start, u64 end, u32 type)
{
    struct xen_e820_entry e = {.addr = start, .size = end - start, .type = type};
    if (!w->error && w->count < w->room &&
        guest_copy_out(guest_element_address(w->to, sizeof(e), w->count), &e, sizeof(e)))
        w->error = -EFAULT;
    w->count++;
}

/* The firmware's ranges that start below end, from number `told` on; returns the next number. */
static u32 map_write_firmware(struct map_writer *w, u32 told, u64 end)
{
    for (; told < firmware_memory.count && firmware_memory.ranges[told].start < end; told++)
        map_write(w, firmware_memory.ranges[told].start, firmware_memory.ranges[told].end,
                  firmware_memory.ranges[told].type);
    return told;
}

/*
 * The firmware's map, and in it, in order, what d may not touch between the places that it may:
 * APICs, and what else the hypervisor drives.
 */
static void map_write_all(struct map_writer *w, struct domain *d)
{
    u64 next = 0;
    u32 told = 0;
    spin_lock(&d->iomem.lock);
    for (u32 i = 0; i < d->iomem.count; i++) {
        u64 first = d->iomem.ranges[i].first << PAGE_SHIFT;
        if (first > next) {
            told = map_write_firmware(w, told, next);
            map_write(w, next, first, MEMORY_RESERVED);
        }
        next = (d->iomem.ranges[i].last + 1) << PAGE_SHIFT;
    }
    spin_unlock(&d->iomem.lock);
    map_write_firmware(w, told, ~0ull);
}

long memory_op_machine_memory_map(struct vcpu *v, void *arg)
{
    struct xen_memory_map *map = arg;
    struct map_writer w = {.to = map->buffer.va, .room = map->nr_entries};
    map_write_all(&w, v->domain);
    if (w.error || w.count > w.room)
        return w.error ? w.error : -EINVAL;
    map->nr_entries = w.count;
    return 0;
}

/* --- what a domain takes for the machine's map */

#define GUEST_MAP_MAX 128u /* as many as the firmware's own interface may have */

long memory_op_memory_map(struct vcpu *v, void *arg)
{
    struct xen_memory_map *map = arg;
    struct domain *d = v->domain;
    struct xen_e820_entry *copy = object_new_array(struct xen_e820_entry, GUEST_MAP_MAX);
    if (!copy)
        return -ENOMEM;
    spin_lock(&d->lock);
    u32 n = d->arch.nr_memory_map;
    memcpy(copy, d->arch.memory_map, n * sizeof(*copy));
    spin_unlock(&d->lock);
    long result = n ? 0 : -ENOSYS;
    n = MIN(n, map->nr_entries);
    if (!result && guest_copy_out(map->buffer.va, copy, n * sizeof(*copy)))
        result = -EFAULT;
    map->nr_entries = n;
    object_free(copy);
    return result;
}

long memory_op_set_memory_map(struct vcpu *v, void *arg)
{
    const struct xen_foreign_memory_map *op = arg;
    u32 n = op->map.nr_entries;
    if (n > GUEST_MAP_MAX)
        return -EINVAL;
    struct domain *d = domain_get(op->domid);
    if (!d)
        return -ESRCH;
    long result = may_control(d) ? 0 : -EPERM;
    struct xen_e820_entry *entries = NULL, *old = NULL;
    if (!result && !(entries = object_new_array(struct xen_e820_entry, n ? n : 1)))
        result = -ENOMEM;
    if (!result && guest_copy_in(entries, op->map.buffer.va, n * sizeof(*entries)))
        result = -EFAULT;
    if (!result) {
        spin_lock(&d->lock);
        old = d->arch.memory_map;
        d->arch.memory_map = entries;
        d->arch.nr_memory_map = n;
        spin_unlock(&d->lock);
        entries = NULL;
    }
    object_free(entries);
    object_free(old);
    domain_put(d);
    return result;
}
