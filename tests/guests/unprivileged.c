/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that the tools start, as small as one can be, for what is done with many of them:
 *
 *   end=N   shuts down at once with that reason (SHUTDOWN_*)
 *   spin    uses all of the processor that it gets
 *
 * Without either it sleeps until it is destroyed.
 */
#include "guest.h"

void guest_main(void)
{
    struct sched_shutdown how = {.reason = (u32)number_after("end=", ~0ull)};
    if (how.reason != ~0u)
        HYPERCALL2(sched_op, SCHEDOP_shutdown, &how);
    while (argument("spin"))
        __asm__ volatile("pause");
    /* No ports and no time-out; events stay masked, since there is nobody to take them. */
    struct sched_poll nothing = {.nr_ports = 0};
    for (;;)
        HYPERCALL2(sched_op, SCHEDOP_poll, &nothing);
}
