/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copying between frames of which one or both are granted (GNTTABOP_copy), and giving a frame away
 * to a domain that opened an entry for it (GNTTABOP_transfer).
 */
#include "grant_private.h"
#include "arch/cpu.h"
#include "arch/memory.h"
#include "arch/vcpu.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

/* One end of a copy, and all that is held for it. */
struct copy_end {
    struct domain *domain;    /* with a reference; NULL: none yet */
    bool write;               /* that is its part in the copy */
    bool claimed;             /* entry claim.ref of the domain's */
    bool used;                /* claim.frame, as writable data */
    struct grant_claim claim; /* with the frame (NULL: none yet) and its bytes that may be copied */
    /* NULL, or for a transitive entry: whose entry is claimed, too; with a reference. */
    struct domain *behind;
    u32 behind_ref;
};

static inline void copy_end_init(struct copy_end *end, bool write)
{
    end->domain = end->behind = NULL;
    end->claim.frame = NULL;
    end->write = write;
    end->claimed = end->used = false;
}

/* The domain that a side of the copy names. GNTST_*. */
static inline int copy_domain_get(const struct gnttab_copy_ptr *side, struct copy_end *end)
{
    end->domain = domain_get(side->domid);
    return likely(end->domain && end->domain->grants) ? GNTST_okay : GNTST_bad_domain;
}

/* The grant behind a transitive one. There the domain that issued the first is the user. */
static noinline int copy_claim_behind(struct copy_end *end)
{
    const struct grant_wish wish = {.user = end->domain->id, .write = end->write, .uses = 1};
    domid_t id = end->claim.behind;
    struct grant_claim behind;
    /*
     * One's own grant, passed on by another, is allowed; an entry that stands for one beside it is
     * not.
     */
    if (id == end->domain->id || id >= DOMID_FIRST_RESERVED)
        return GNTST_general_error;
    struct domain *d = domain_get(id);
    if (!d)
        return GNTST_general_error;
    int status =
        d->grants ? grant_claim(d, end->claim.behind_ref, &wish, &behind) : GNTST_general_error;
    if (status != GNTST_okay) {
        domain_put(d);
        return status;
    }
    end->behind = d;
    end->behind_ref = behind.ref;
    end->claim.frame = behind.frame;
    end->claim.start = behind.start;
    end->claim.length = behind.length;
    return GNTST_okay;
}

static inline int copy_claim_grant(struct domain *user, u32 ref, struct copy_end *end)
{
    const struct grant_wish wish = {
        .user = user->id, .write = end->write, .transitive = true, .uses = 1};
    int status = grant_claim(end->domain, ref, &wish, &end->claim);
    if (unlikely(status != GNTST_okay)) {
        end->claim.frame = NULL;
        return status;
    }
    end->claimed = true;
    return likely(end->claim.frame) ? GNTST_okay : copy_claim_behind(end);
}

/* A frame of the user's own. */
static inline int copy_own_frame(struct domain *user, u64 gfn, struct copy_end *end)
{
    struct frame *f = arch_gfn_get_frame(user, GFN(gfn));
    if (unlikely(!f))
        return GNTST_bad_page;
    end->claim.frame = f;
    end->claim.start = 0;
    end->claim.length = PAGE_SIZE;
    return likely(frame_is_owned_by(f, user)) ? GNTST_okay : GNTST_bad_page;
}

/* Get hold of a side's frame. Whatever comes out, copy_end_release() follows. */
static inline int copy_end_acquire(struct domain *user, const struct gnttab_copy_ptr *side,
                                   bool is_grant, struct copy_end *end)
{
    int status;
    if (is_grant)
        status = copy_claim_grant(user, side->u.ref, end);
    else if (likely(side->domid == DOMID_SELF)) /* only its own frames may a domain name as such */
        status = copy_own_frame(user, side->u.gmfn, end);
    else
        status = GNTST_permission_denied;
    if (status != GNTST_okay || !end->write)
        return status;
    if (unlikely(frame_type_get_writable(end->claim.frame)))
        return GNTST_general_error;
    end->used = true;
    return GNTST_okay;
}

static inline void copy_end_release(struct copy_end *end)
{
    if (likely(end->claim.frame)) {
        if (end->used)
            frame_type_put_writable(end->claim.frame);
        frame_put(end->claim.frame);
    }
    if (unlikely(end->behind)) {
        grant_unclaim(end->behind, end->behind_ref, end->write, 1);
        domain_put(end->behind);
    }
    if (end->claimed)
        grant_unclaim(end->domain, end->claim.ref, end->write, 1);
    if (likely(end->domain))
        domain_put(end->domain);
}

/* len bytes at offset lie in what the end allows. */
static bool copy_end_covers(const struct copy_end *end, u32 offset, u32 len)
{
    return offset >= end->claim.start && offset + len <= end->claim.start + end->claim.length;
}

static int copy_do(struct domain *d, const struct gnttab_copy *op, struct copy_end *source,
                   struct copy_end *dest)
{
    bool source_grant = op->flags & GNTCOPY_source_gref, dest_grant = op->flags & GNTCOPY_dest_gref;
    int status = copy_domain_get(&op->source, source);
    if (status == GNTST_okay)
        status = copy_domain_get(&op->dest, dest);
    if (status == GNTST_okay)
        status = copy_end_acquire(d, &op->source, source_grant, source);
    if (status == GNTST_okay)
        status = copy_end_acquire(d, &op->dest, dest_grant, dest);
    if (status != GNTST_okay)
        return status;
    if ((u32)op->source.offset + op->len > PAGE_SIZE || (u32)op->dest.offset + op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    if (!copy_end_covers(source, op->source.offset, op->len) ||
        !copy_end_covers(dest, op->dest.offset, op->len))
        return GNTST_general_error;
    /* Within one frame the two may overlap. */
    memmove((char *)frame_to_virt(dest->claim.frame) + op->dest.offset,
            (const char *)frame_to_virt(source->claim.frame) + op->source.offset, op->len);
    return GNTST_okay;
}

long grant_op_copy(struct vcpu *v, void *arg)
{
    struct gnttab_copy *op = arg;
    struct copy_end source, dest;
    copy_end_init(&source, false);
    copy_end_init(&dest, true);
    op->status = (int16_t)copy_do(v->domain, op, &source, &dest);
    copy_end_release(&dest);
    copy_end_release(&source);
    return 0;
}

/* --- transfer */

/*
 * Tell the receiver that its entry is taken: from now on its guest must leave the entry alone until
 * it is completed. Its lock is held and ref checked. False: the entry does not accept a frame of
 * giver's.
 */
static bool transfer_commit(const struct grant_table *t, u32 ref, domid_t giver)
{
    const u32 accepts = GTF_accept_transfer | (u32)giver << 16;
    u32 *header = grant_header_at(t, ref);
    u32 old = READ_ONCE(*header);
    for (u32 i = 0; i < GRANT_HEADER_TRIES; i++) {
        if (old != accepts)
            return false;
        if (__atomic_compare_exchange_n(header, &old, old | GTF_transfer_committed, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

/* The entry says which guest frame it shall be ... */
static gfn_t transfer_gfn(const struct grant_table *t, u32 ref)
{
    return GFN(t->version == 1 ? READ_ONCE(grant_v1_at(t, ref)->frame)
                               : READ_ONCE(grant_v2_at(t, ref)->full_page.frame));
}

/* ... and says then which frame it is. */
static void transfer_complete(const struct grant_table *t, u32 ref, mfn_t mfn)
{
    if (t->version == 1)
        WRITE_ONCE(grant_v1_at(t, ref)->frame, (u32)mfn.v);
    else
        WRITE_ONCE(grant_v2_at(t, ref)->full_page.frame, mfn.v);
    __atomic_or_fetch(grant_header_at(t, ref), GTF_transfer_completed, __ATOMIC_SEQ_CST);
}

static int transfer_assign(struct domain *receiver, gfn_t gfn, struct frame *f)
{
    arch_gfn_assign(receiver, gfn, frame_mfn(f));
    int error = domain_assign_frames(receiver, f, 0);
    if (error)
        arch_gfn_assign(receiver, INVALID_GFN, frame_mfn(f));
    return error;
}

/* f, which is nobody's, becomes the receiver's. GNTST_*. */
static int transfer_give(struct domain *giver, struct domain *receiver, u32 ref, struct frame *f)
{
    struct grant_table *t = receiver->grants;
    int status = GNTST_general_error;
    spin_lock(&t->lock);
    u32 entries = grant_table_entries(t);
    if (!t->closed && ref < entries) {
        ref = (u32)index_clamp(ref, entries);
        if (!transfer_commit(t, ref, giver->id)) {
            log_guest(LOG_INFO, "d%u: entry %u of d%u takes no frame", giver->id, ref,
                      receiver->id);
        } else if (transfer_assign(receiver, transfer_gfn(t, ref), f)) {
            __atomic_and_fetch(grant_header_at(t, ref), ~(u32)GTF_transfer_committed,
                               __ATOMIC_SEQ_CST);
        } else {
            transfer_complete(t, ref, frame_mfn(f));
            status = GNTST_okay;
        }
    }
    spin_unlock(&t->lock);
    return status;
}

long grant_op_transfer(struct vcpu *v, void *arg)
{
    struct gnttab_transfer *op = arg;
    struct domain *d = v->domain;
    op->status = GNTST_bad_page;
    struct frame *f = arch_gfn_get_frame(d, GFN(op->mfn));
    if (!f)
        return 0;
    frame_put(f); /* stealing wants to be the only one; it checks the owner again */
    if (frame_steal(f, d))
        return 0;
    /* What d once mapped, and has not flushed since, must not reach into the receiver's memory. */
    tlb_flush_mask(&d->dirty_cpus);
    arch_gfn_assign(d, INVALID_GFN, frame_mfn(f));
    /* From here on the frame is lost to the caller, the ABI says, whatever happens. */
    struct domain *receiver = op->domid < DOMID_FIRST_RESERVED ? domain_get(op->domid) : NULL;
    op->status = GNTST_bad_domain;
    if (receiver && receiver->grants)
        op->status = (int16_t)transfer_give(d, receiver, op->ref, f);
    if (op->status != GNTST_okay) {
        memset(frame_to_virt(f), 0, PAGE_SIZE); /* nobody shall find the caller's data in it */
        heap_free(f, 0);
    }
    if (receiver)
        domain_put(receiver);
    return 0;
}
