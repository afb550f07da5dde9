/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables made of core/ops/: which function carries out which hypercall and which sub-operation,
 * and the dispatcher of sub-operations. Nothing here knows what any of them does.
 */
#include "abi/xen.h"
#include "abi/callback.h"
#include "abi/domctl.h"
#include "abi/event_channel.h"
#include "abi/grant_table.h"
#include "abi/hvm.h"
#include "abi/mca.h"
#include "abi/memory.h"
#include "abi/nmi.h"
#include "abi/physdev.h"
#include "abi/platform.h"
#include "abi/sched.h"
#include "abi/sysctl.h"
#include "abi/vcpu.h"
#include "abi/version.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "core/hypercall_handlers.h"
#include "errno.h"
#include "lib/bits.h"
#include "lib/print.h"
#include "lib/string.h"

/* --- hypercalls */

static long hypercall_absent(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    return -ENOSYS;
}

/* Every number answers: those without a row as absent ones do. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const hypercall_handler_t hypercall_table[NR_HYPERCALLS] = {
    [0 ... NR_HYPERCALLS - 1] = hypercall_absent,
#define HYPERCALL(name)      [__HYPERVISOR_##name] = hypercall_##name,
#define FAMILY(name)         HYPERCALL(name)
#define ABSENT(name, reason) [__HYPERVISOR_##name] = hypercall_absent,
#include "core/ops/hypercalls.def"
#undef HYPERCALL
#undef FAMILY
#undef ABSENT
};
#pragma GCC diagnostic pop

const char *const hypercall_names[NR_HYPERCALLS] = {
#define HYPERCALL(name)      [__HYPERVISOR_##name] = #name,
#define FAMILY(name)         HYPERCALL(name)
#define ABSENT(name, reason) HYPERCALL(name)
#include "core/ops/hypercalls.def"
#undef HYPERCALL
#undef FAMILY
#undef ABSENT
};

/* --- sub-operations */

#define SUBOP(command, function, type, direction, privilege)                                       \
    long function(struct vcpu *v, void *arg);                                                      \
    STATIC_ASSERT(direction == DIR_RAW || sizeof(type) <= SUBOP_ARG_MAX);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/all.def"
#undef SUBOP
#undef UNAVAILABLE

#define SUBOP(command, function, type, way, who)                                                   \
    [command] = {.name = #command,                                                                 \
                 .handler = function,                                                              \
                 .size = sizeof(type),                                                             \
                 .direction = way,                                                                 \
                 .privilege = who},
#define UNAVAILABLE(command, code, reason) [command] = {.name = #command, .error = code},

#define TABLE_BEGIN(family) static const struct subop family##_rows[] = {
#define TABLE_END(family)                                                                          \
    }                                                                                              \
    ;                                                                                              \
    const struct subop_table family##_ops = {#family, family##_rows, ARRAY_SIZE(family##_rows)};

#include "core/ops/tables.def"

static bool privilege_granted(const struct vcpu *v, enum subop_privilege needed)
{
    switch (needed) {
    case PRIV_ANY:
    case PRIV_CHECKED:
        return true;
    case PRIV_HARDWARE:
        return v->domain->is_hardware;
    case PRIV_CONTROL:
        return v->domain->is_control;
    }
    return false;
}

static long subop_unavailable(const struct subop *op)
{
    if (!op->name)
        return -ENOSYS;
    log_guest(LOG_INFO, "%s is not available", op->name);
    return op->error;
}

const struct subop *subop_find(const struct vcpu *v, const struct subop_table *table, u64 cmd,
                               long *answer)
{
    *answer = -ENOSYS;
    if (cmd >= table->count)
        return NULL;
    const struct subop *op = &table->ops[index_clamp(cmd, table->count)];
    if (unlikely(!op->handler)) {
        *answer = subop_unavailable(op);
        return NULL;
    }
    if (unlikely(!privilege_granted(v, op->privilege))) {
        *answer = -EPERM;
        return NULL;
    }
    return op;
}

long subop_dispatch(struct vcpu *v, const struct subop_table *table, u64 cmd, vaddr_t arg)
{
    u8 copy[SUBOP_ARG_MAX] aligned(16);
    long answer;
    const struct subop *op = subop_find(v, table, cmd, &answer);
    if (unlikely(!op))
        return answer;
    switch (op->direction) {
    case DIR_NONE:
        return op->handler(v, NULL);
    case DIR_RAW:
        return op->handler(v, &arg);
    case DIR_OUT:
        memset(copy, 0, op->size);
        break;
    default:
        if (guest_copy_in(copy, arg, op->size))
            return -EFAULT;
        break;
    }
    long result = op->handler(v, copy);
    if (op->direction != DIR_IN && result >= 0 && guest_copy_out(arg, copy, op->size))
        return -EFAULT;
    return result;
}
