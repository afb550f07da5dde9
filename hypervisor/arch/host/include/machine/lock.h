/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a lock (core/lock.h). */
#ifndef DOMUS_MACHINE_LOCK_H
#define DOMUS_MACHINE_LOCK_H

static inline void spin_wait(const struct spinlock *l, u16 ticket)
{
    do
        cpu_wait();
    while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket);
}

#endif
