/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One instance of a variable per physical CPU. Because hypervisor code is not interrupted
 * (core/lock.h), a CPU uses its own instances without any lock.
 */
#ifndef DOMUS_CORE_PERCPU_H
#define DOMUS_CORE_PERCPU_H

#include "types.h"

#define NR_CPUS 256

#define PERCPU_SECTION        ".bss.percpu"
#define DECLARE_PER_CPU(t, n) extern __typeof__(t) percpu_##n
#define DEFINE_PER_CPU(t, n)  section(PERCPU_SECTION) __typeof__(t) percpu_##n

/* Number of the CPU that runs this, and the distance of its instances from the link-time ones:
 * machine/percpu.h gives cpu_id(), percpu_offset() and percpu_offset_of(cpu). All instances start
 * as zeros. */
#include "machine/percpu.h"

#define per_cpu(n, cpu) (*(__typeof__(&percpu_##n))((char *)&percpu_##n + percpu_offset_of(cpu)))
#define this_cpu(n)     (*(__typeof__(&percpu_##n))((char *)&percpu_##n + percpu_offset()))

#endif
