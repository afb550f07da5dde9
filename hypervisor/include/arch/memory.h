/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core asks of a domain's guest-to-machine translation, and of the machine's memory. */
#ifndef DOMUS_ARCH_MEMORY_H
#define DOMUS_ARCH_MEMORY_H

#include "core/domain.h"
#include "core/frame.h"
#include "types.h"

/* mfn, which is d's or about to be, is its guest frame gfn from now on; INVALID_GFN: none. For PV
 * guests that is only an entry of the machine-to-physical table: they keep their own translation.
 * The caller holds the frame, or nobody else has it yet: what a domain has, it may give back. */
void arch_gfn_assign(struct domain *d, gfn_t gfn, mfn_t mfn);
/* Something else than its owner may have written to f, which is a domain's and held. */
void arch_frame_written(struct frame *f);
/* One beyond the machine's highest frame of RAM. */
mfn_t arch_ram_end(void);

#endif
