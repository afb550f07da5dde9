/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every handler of every hypercall and sub-operation, out of the tables in core/ops/, so that the
 * tables can be linked: each tells the test that it was called. A test that links the real one gets
 * that instead.
 */
#ifndef DOMUS_HOST_HYPERCALL_STUBS_H
#define DOMUS_HOST_HYPERCALL_STUBS_H

#include "core/hypercall.h"

struct hypercall_stubs {
    /* What the handlers do; NULL: return 0. function is the handler's name, without hypercall_. */
    long (*hypercall)(const char *function, struct vcpu *v, const u64 args[6]);
    long (*subop)(const char *function, struct vcpu *v, void *arg);
};
extern struct hypercall_stubs hypercall_stubs;

#endif
