/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prototypes of the handlers of memory_op's sub-operations. */
#ifndef DOMUS_CORE_MEMORY_HANDLERS_H
#define DOMUS_CORE_MEMORY_HANDLERS_H

#include "core/hypercall.h"

#define SUBOP(command, function, type, direction, privilege)                                       \
    long function(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/memory.def"
#undef SUBOP
#undef UNAVAILABLE

#endif
