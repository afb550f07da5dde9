/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's half of struct vcpu and struct domain, for simulated machines: next to nothing. */
#ifndef DOMUS_MACHINE_VCPU_H
#define DOMUS_MACHINE_VCPU_H

#include "abi/xen.h"
#include "core/lock.h"
#include "types.h"

struct frame;

struct arch_vcpu {
    bool kernel_mode;
};

struct arch_domain {
    u32 none;
};

#endif
