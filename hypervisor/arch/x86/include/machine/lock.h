/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for a lock (core/lock.h): a call that keeps all registers (cpu/thunks.S). Nearly every
 * lock is free when it is taken, and so nobody has to keep anything over the call for the case that
 * it is not.
 */
#ifndef DOMUS_MACHINE_LOCK_H
#define DOMUS_MACHINE_LOCK_H

static inline void spin_wait(const struct spinlock *l, u16 ticket)
{
    __asm__ volatile("push %[lock]\n\t"
                     "push %[ticket]\n\t"
                     "call spin_wait_keeping_registers\n\t"
                     "add $16, %%rsp"
                     :
                     : [lock] "r"(l), [ticket] "r"((u64)ticket)
                     : "memory", "cc");
}

/* What that calls. */
void spin_wait_turn(const struct spinlock *l, u16 ticket);

#endif
