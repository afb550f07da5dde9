/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of what a PV domain writes while it is migrated, and the tables that make it: what
 * log_dirty.c (the log, and what the tools ask of it) and mm_shadow.c (the tables) share.
 *
 * While the log is on, the processor does not walk the guest's page tables but shadows of them, so
 * that the guest reads in its own tables just what it wrote. Rules:
 *
 * - A shadow is a page for one table of level 1-3 of the guest's, found by its frame number; those
 *   of level 4 belong to vCPUs, one for the kernel and one for user mode, and follow the base
 *   pointers. Entries are filled by page faults and are never more than the guest's own entry
 *   allows.
 *
 * - Whoever changes an entry of a live table clears the shadow's entry before he drops what the old
 *   one stood for (mm_entry_changed()); a table that is none any more loses its shadow.
 *
 * - A level-1 entry allows writes only if the frame is in the log. To begin a new log the level-4
 *   shadows are emptied and the epoch counts on; a shadow of an older epoch loses what it must lose
 *   when it is next linked.
 *
 * - Accessed and dirty bits, which the processor sets in the shadows, are set in the guest's
 *   entries by the fault that fills.
 *
 * Shadows are bounded in number. When there are no more, all are given up and filled again.
 */
#ifndef DOMUS_PV_MM_LOG_DIRTY_H
#define DOMUS_PV_MM_LOG_DIRTY_H

#include "abi/domctl.h"
#include "core/domain.h"
#include "x86/page.h"

struct log_dirty {
    struct spinlock lock; /* all of this, and the shadows */

    /* One bit for each guest frame number below nr_bits: written since the log was last taken. */
    u64 nr_bits;
    u32 order; /* of the pages of each bitmap */
    u64 *bits;
    u64 *taken;    /* what was found then and goes to the tools, who clear it */
    bool is_taken; /* from then until all of it went there; nobody else takes it meanwhile */
    const struct vcpu *taker;
    u64 taken_bytes; /* of it, that went there already */
    struct xen_domctl_shadow_op_stats stats;

    u32 epoch;
    u32 nr_shadows, max_shadows;
    u32 free;     /* shadows of nothing, linked by frame.next; FRAME_LINK_END */
    u32 *buckets; /* by the table's frame number, linked likewise; frame.prev is that number */
};

/* Shadows for d, whose vCPUs do not run: none yet, and room for some. -ENOMEM. */
must_check int shadow_create(struct domain *d, struct log_dirty *log);
void shadow_destroy(struct domain *d, struct log_dirty *log);
/* The lock is held: nothing can be written from now on but by a fault; once all CPUs of d have
 * flushed. */
void shadow_revoke(struct domain *d, struct log_dirty *log);

/* The log's domain writes to its frame. */
void log_dirty_mark(struct log_dirty *log, mfn_t mfn);
/* Nothing of it need be marked: it is in the log, or never can be. */
bool log_dirty_has(const struct log_dirty *log, mfn_t mfn);

#endif
