/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzzers of the simulated machine share: an input whose front says what guests do, and
 * whose back says which CPU overtakes which; a run of it with an audit whenever all CPUs are at
 * rest; the end of all domains, of which nothing may be left.
 */
#ifndef DOMUS_FUZZ_MACHINE_INPUT_H
#define DOMUS_FUZZ_MACHINE_INPUT_H

#include "host/machine.h"

/* The next bytes of the front; 0 when there are no more. */
u8 input_u8(void);
u16 input_u16(void);
u32 input_u32(void);
u64 input_u64(void);
void input_bytes(void *to, size_t bytes);

/*
 * Runs an input on the machine as it was at host_snapshot(). step: what the running guest does
 * next, as the input says. Aborts with the log if something does not hold.
 */
void input_run(const u8 *data, size_t size, void (*step)(struct vcpu *v));

/* A place in this CPU's window for arguments, from its start on; reset at each step. */
void *window_take(size_t bytes, vaddr_t *va);

#endif
