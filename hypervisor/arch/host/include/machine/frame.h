/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On the host the simulated machine has these as functions. */
#ifndef DOMUS_MACHINE_FRAME_H
#define DOMUS_MACHINE_FRAME_H

#include "types.h"

struct frame;

struct frame *frame_of_mfn(mfn_t mfn);
#define frame_of_ram   frame_of_mfn
#define frame_in_table frame_of_mfn
mfn_t frame_mfn(const struct frame *f);
bool mfn_is_ram(mfn_t mfn);
void *frame_to_virt(const struct frame *f);
struct frame *virt_to_frame(const void *p);
void *mfn_to_virt(mfn_t mfn);
mfn_t virt_to_mfn(const void *p);
#define heap_to_mfn virt_to_mfn
void *paddr_to_virt(paddr_t pa);
paddr_t virt_to_paddr(const void *p);
u64 *m2p_entry(mfn_t mfn);

#endif
