/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the interrupt code of x86 keeps in struct domain, for tests of it on simulated CPUs. */
#ifndef DOMUS_MACHINE_VCPU_H
#define DOMUS_MACHINE_VCPU_H

#include "abi/xen.h"
#include "core/lock.h"
#include "types.h"

struct frame;
struct pirq;

struct arch_vcpu {
    bool kernel_mode;
};

struct arch_domain {
    u64 pirq_count;
    struct pirq *pirqs;
    u32 nr_pirqs;
    mfn_t pirq_eoi_map_mfn;
    u64 *pirq_eoi_map;
    bool auto_unmask;
};

#endif
