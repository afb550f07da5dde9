/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims: the tools reserve memory for a domain before they allocate it (XENMEM_claim_pages), so
 * that building it fails at once, not half-way. Only what domains are given counts against claims;
 * the hypervisor's own structures do not.
 */
#ifndef DOMUS_CORE_CLAIM_H
#define DOMUS_CORE_CLAIM_H

#include "core/domain.h"

/*
 * From now on d has a claim up to that many frames in all, those that it has included; 0: none.
 * -EINVAL: it has a claim, has so many frames already, may not have so many, or is going away;
 * -ENOMEM.
 */
must_check int claim_set(struct domain *d, u64 frames);
/*
 * True if so many frames may be allocated for d without breaking another's claim; claim_end() must
 * follow. *own: how many of them d was promised.
 */
must_check bool claim_begin(struct domain *d, u64 frames, u64 *own);
/* They were given to d, or not: then its claim is as before. */
void claim_end(struct domain *d, u64 frames, u64 own, bool given);
/* Frames claimed and not allocated, of all domains. */
u64 claims_total(void);

#endif
