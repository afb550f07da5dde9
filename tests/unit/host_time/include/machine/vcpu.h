/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What time/time.c keeps in struct vcpu, for tests of it on simulated CPUs. */
#ifndef DOMUS_MACHINE_VCPU_H
#define DOMUS_MACHINE_VCPU_H

#include "abi/xen.h"
#include "core/lock.h"
#include "types.h"
#include "x86/time.h"

struct frame;

struct arch_vcpu {
    bool kernel_mode;
    bool time_valid;
    s64 time_offset;
    struct vcpu_info *time_info;
    vaddr_t time_area;
};

struct arch_domain {
    struct guest_tsc tsc;
};

#endif
