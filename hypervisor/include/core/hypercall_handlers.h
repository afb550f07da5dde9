/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prototypes of the handlers of hypercalls, out of the table of hypercalls. */
#ifndef DOMUS_CORE_HYPERCALL_HANDLERS_H
#define DOMUS_CORE_HYPERCALL_HANDLERS_H

#include "core/hypercall.h"

#define HYPERCALL(name)                                                                            \
    long hypercall_##name(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6);
#define FAMILY(name) HYPERCALL(name)
#define ABSENT(name, reason)
#include "core/ops/hypercalls.def"
#undef HYPERCALL
#undef FAMILY
#undef ABSENT

#endif
