/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the groups of the probe share: a way to make a hypercall out of domain 0's user space,
 * arguments that no hypervisor can follow, and the lines of the transcript.
 *
 * A line is "PROBE group name = result", with what the hypervisor wrote where it is the same on
 * every machine of a kind. What cannot be the same (frame numbers, times) is printed as a statement
 * about it: "ok" or not.
 */
#ifndef DOMUS_PROBE_H
#define DOMUS_PROBE_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "abi/xen.h"

/* Addresses that cannot be an argument: nothing mapped, outside of all spaces, the hypervisor's
 * own. */
#define BAD_UNMAPPED     0x1000ull
#define BAD_NONCANONICAL 0x8000000000000000ull
#define BAD_HYPERVISOR   0xffff820000000000ull

/* No domain. */
#define DOMID_NONE 4711

/* A hypercall's result: negative values are errors of the hypervisor (or of the kernel, if it
 * refuses). */
long hypercall(uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5);

/* Starts the lines of a group. */
void group(const char *name);
/* One line. */
void line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line "text = result", where the result is printed as a number; returns it. */
long result(const char *name, long value);

/* An argument that stands in memory of its own, wholly present; zeros at the start. */
void *page_new(void);

static inline uint64_t address(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

/* name(cmd, each bad address): three lines. */
void bad_addresses(const char *name, uint64_t number, uint64_t cmd);

/* Number of virtual CPUs that the kernel sees. */
unsigned cpus_seen(void);

/* The groups. */
void probe_version(void);
void probe_sched(void);
void probe_vcpu(void);
void probe_memory(void);
void probe_memory_change(void);
void probe_event(void);
void probe_event_ports(void);
void probe_grant(void);
void probe_physdev(void);
void probe_platform(void);
void probe_mca(void);
void probe_tools(void);
void probe_offline(void);
void probe_mmu(void);
void probe_processor(void);
void probe_console(void);
void probe_table(void);

#endif
