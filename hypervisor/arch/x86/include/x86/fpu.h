/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87, SSE, AVX... state of vCPUs: switched whole, at each context switch, so nothing can leak. */
#ifndef DOMUS_X86_FPU_H
#define DOMUS_X86_FPU_H

#include "core/domain.h"

/* Bytes of the legacy (FXSAVE) part that every area begins with. */
#define FPU_LEGACY_BYTES 512u

must_check int fpu_create(struct vcpu *v);
void fpu_destroy(struct vcpu *v);
/* As after reset: FCW 0x37f, MXCSR 0x1f80, everything else in its initial state. */
void fpu_reset(struct vcpu *v);
/* The legacy part, FPU_LEGACY_BYTES, of v, which does not run: to a tool, and from a tool or a
 * guest, whatever it says. */
void fpu_legacy_get(const struct vcpu *v, void *to);
void fpu_legacy_set(struct vcpu *v, const void *from);
/* Of v, which does not run: the components that are not in their initial state. */
u64 fpu_components(const struct vcpu *v);
/* Another area for v, in the standard format, with no others than those components. -EINVAL: it
 * could not be loaded; -EFAULT, -ENOMEM. */
must_check int fpu_replace(struct vcpu *v, vaddr_t from, u32 bytes, u64 components);
/* The processor's registers to v's area, and back. */
void fpu_save(struct vcpu *v);
void fpu_restore(struct vcpu *v);

#endif
