/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deferred functions: run once, soon, on a chosen CPU, with no lock held and no guest context. */
#ifndef DOMUS_CORE_TASKLET_H
#define DOMUS_CORE_TASKLET_H

#include "lib/list.h"
#include "types.h"

struct tasklet {
    struct list_node node;
    void (*run)(void *data);
    void *data;
    u32 cpu;        /* where it is queued */
    bool scheduled; /* queued; cleared before it runs, so it may schedule itself again */
    bool running;
};

void tasklet_init(struct tasklet *t, void (*run)(void *data), void *data);
/* Does nothing if it waits already. Any context. */
void tasklet_schedule(struct tasklet *t, u32 cpu);
/* Take it off its queue, and wait until it does not run any more. Not from the tasklet itself. */
void tasklet_kill(struct tasklet *t);
void tasklets_init(void);

#endif
