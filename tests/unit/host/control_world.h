/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What control operations stand on beside domains (domain_world.h): the machine's CPUs and nodes,
 * the scheduler, the console. Tests see what was asked of it.
 */
#ifndef DOMUS_TESTS_CONTROL_WORLD_H
#define DOMUS_TESTS_CONTROL_WORLD_H

#include "types.h"

struct control_world {
    bool reissued;     /* a hypercall is to go on */
    int context_error; /* what arch_vcpu_set_context() answers */
    char keys_handled[8];
    struct vcpu *nmi_sent_to;
};
extern struct control_world control_world;

#endif
