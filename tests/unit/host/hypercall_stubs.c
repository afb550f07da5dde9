/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers that do nothing (host/hypercall_stubs.h). */
#include "core/hypercall_handlers.h"
#include "tests/unit/host/hypercall_stubs.h"

struct hypercall_stubs hypercall_stubs;

#define STUB __attribute__((weak))

static long hypercall_called(const char *function, struct vcpu *v, const u64 args[6])
{
    return hypercall_stubs.hypercall ? hypercall_stubs.hypercall(function, v, args) : 0;
}

static long subop_called(const char *function, struct vcpu *v, void *arg)
{
    return hypercall_stubs.subop ? hypercall_stubs.subop(function, v, arg) : 0;
}

#define HYPERCALL(name)                                                                            \
    STUB long hypercall_##name(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)     \
    {                                                                                              \
        const u64 args[6] = {a1, a2, a3, a4, a5, a6};                                              \
        return hypercall_called(#name, v, args);                                                   \
    }
#define FAMILY(name) HYPERCALL(name)
#define ABSENT(name, reason)
#include "core/ops/hypercalls.def"

#define SUBOP(command, function, type, direction, privilege)                                       \
    STUB long function(struct vcpu *v, void *arg);                                                 \
    STUB long function(struct vcpu *v, void *arg)                                                  \
    {                                                                                              \
        return subop_called(#function, v, arg);                                                    \
    }
#define UNAVAILABLE(command, error, reason)
#include "core/ops/all.def"
