/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The description of the hypercall interface, and what carries it out.
 *
 * Every hypercall stands once in core/ops/hypercalls.def, and every sub-operation once in its
 * family's core/ops/FAMILY.def, as rows of
 *
 *   HYPERCALL(name)
 *       number __HYPERVISOR_<name>, handler hypercall_<name>()
 *   SUBOP(FAMILY_COMMAND, handler, argument type, direction, privilege)
 *       the ABI's name of the number, the function that does it, what its argument points to,
 *       which way it is copied, who may ask
 *   UNAVAILABLE(FAMILY_COMMAND, error, "reason")
 *       known, and not there: answers that error
 *
 * core/hypercall_table.c turns the rows into tables. The dispatcher checks the privilege, copies
 * the argument in, calls the handler with the copy, and copies it back if the handler did not fail:
 * a handler never sees guest memory that can change under it.
 */
#ifndef DOMUS_CORE_HYPERCALL_H
#define DOMUS_CORE_HYPERCALL_H

#include "types.h"

struct vcpu;

enum subop_direction {
    DIR_NONE,  /* no argument: the handler gets NULL */
    DIR_IN,    /* copied in only */
    DIR_OUT,   /* zeroed, handed to the handler, copied out */
    DIR_INOUT, /* copied in, and out again on success (>= 0) */
    DIR_RAW,   /* the handler copies itself: arg points to a vaddr_t, the guest address */
};

enum subop_privilege {
    PRIV_ANY,      /* every domain, about itself */
    PRIV_HARDWARE, /* the hardware domain (owns the devices) */
    PRIV_CONTROL,  /* a domain with control over others */
    PRIV_CHECKED,  /* depends on the argument: the handler itself asks may_control() */
};

/* The argument type of DIR_NONE rows. */
struct no_argument {
};

typedef long (*subop_handler_t)(struct vcpu *v, void *arg);

struct subop {
    const char *name;
    subop_handler_t handler;
    s16 error; /* UNAVAILABLE rows (no handler): the answer */
    u16 size;
    u8 direction;
    u8 privilege;
};

/* Largest argument that the dispatcher copies (on its stack), in bytes. */
#define SUBOP_ARG_MAX 512

/* A dense table, indexed by the sub-operation's number; missing ones have no handler. */
struct subop_table {
    const char *family; /* e.g. event_channel, in core/ops/tables.def; the table is <family>_ops */
    const struct subop *ops;
    u32 count;
};

/*
 * -ENOSYS for a number that is not there, -EPERM without the privilege, -EFAULT, else the
 * handler's.
 */
long subop_dispatch(struct vcpu *v, const struct subop_table *table, u64 cmd, vaddr_t arg);
/* The first half of that, for families that copy their arguments themselves: the row, whose handler
 * v may call; or NULL and *answer. */
const struct subop *subop_find(const struct vcpu *v, const struct subop_table *table, u64 cmd,
                               long *answer);

/*
 * Continuation: the hypercall that runs on v will be issued again with these arguments (as many as
 * given; the others stay), after interrupts and softirqs have been served. The handler returns this
 * function's value. Works inside a multicall too.
 */
long hypercall_continue(struct vcpu *v, u32 nr_args, ...); /* arguments are u64 */

/*
 * One table for each family, of core/ops/FAMILY.def. What handlers get differs in four: of
 * grant_table one element of the array, of vcpu the vCPU that is operated on as v, of domctl a
 * struct domctl_call (core/control.h), of console see core/console_io.c.
 */
extern const struct subop_table callback_ops;
extern const struct subop_table hvm_ops; /* core/ops/hvm.def */
extern const struct subop_table mca_ops; /* core/ops/mca.def */
extern const struct subop_table nmi_ops;
extern const struct subop_table event_channel_ops;
extern const struct subop_table grant_table_ops;
extern const struct subop_table memory_ops;
extern const struct subop_table sched_ops;
extern const struct subop_table version_ops;
extern const struct subop_table console_ops;
extern const struct subop_table vcpu_ops;
extern const struct subop_table physdev_ops;
extern const struct subop_table platform_ops;
extern const struct subop_table sysctl_ops;
extern const struct subop_table domctl_ops;

/* Handlers of HYPERCALL rows: long hypercall_<name>(struct vcpu *v, u64 a1 ... a6). */
typedef long (*hypercall_handler_t)(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6);

#define NR_HYPERCALLS 64
extern const hypercall_handler_t hypercall_table[NR_HYPERCALLS];
/* The table by which guests come: that one, or while somebody traces another. */
extern const hypercall_handler_t *hypercall_entries;
extern const char *const hypercall_names[NR_HYPERCALLS];

#endif
