/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building domain 0 out of the boot modules. */
#ifndef DOMUS_X86_DOM0_H
#define DOMUS_X86_DOM0_H

#include "core/domain.h"
#include "types.h"

/*
 * Memory and virtual CPUs as the command line (dom0_mem=, dom0_max_vcpus=) and the machine allow;
 * dom0/config.c.
 */
u64 dom0_choose_pages(u64 available);
u64 dom0_choose_max_pages(u64 pages);
u32 dom0_choose_vcpus(u32 cpus);
extern bool dom0_vcpus_pin;

/*
 * Permissions of the hardware domain: everything but what the hypervisor needs for itself;
 * dom0/permissions.c.
 */
void dom0_grant_permissions(struct domain *d);

/* Build it; panics with one clear line if it cannot be. vCPU 0 is ready to run, but paused. */
struct domain *dom0_build(void);

#endif
