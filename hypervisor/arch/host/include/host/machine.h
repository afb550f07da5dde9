/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simulated machine: RAM with its frame table, processors with TLBs that keep what was not
 * flushed, a clock that stands still until it is told to go on, and PV guests that do what a test
 * or a fuzzer says. The hypervisor's own code - core/, sched/, lib/, and of arch/x86 all that is
 * logic - runs on it unchanged, in one thread of an ordinary process.
 *
 *   memory.c     RAM, the frame table, guest memory through the guest's own page tables
 *   objects.c    the sanitizer's eye on small objects
 *   tlb.c        what each CPU may remember, and what it must not
 *   cpus.c       CPUs as contexts that hand one thread to each other at chosen points
 *   processor.c  instructions and registers
 *   vcpu.c       context switches, the way into guests and out of them
 *   devices.c    interrupt controllers, firmware, power: next to nothing
 *   boot.c       from nothing to domains that run; snapshots of all that
 *
 * Everything is deterministic: what happens depends on the decisions of struct host_program alone.
 */
#ifndef DOMUS_HOST_MACHINE_H
#define DOMUS_HOST_MACHINE_H

#include "core/domain.h"
#include "core/frame.h"
#include "core/percpu.h"
#include "types.h"

#define HOST_CPUS   3u
#define HOST_FRAMES 1536u
/* Device memory that domain 0 may map. */
#define HOST_DEVICE_MFN    0x80000ull
#define HOST_DEVICE_FRAMES 16u

/* --- who decides */

/* Why a CPU could let another one go on. */
enum host_why {
    HOST_LOCKING,  /* it is about to take a lock */
    HOST_UNLOCKED, /* it has just released one */
    HOST_COPYING,  /* it is about to touch a guest's memory */
    HOST_WINDOW,   /* interrupts are open: also one may come in */
    HOST_WAITING,  /* it can go on only when another has: the answer is another CPU */
    HOST_BETWEEN,  /* it is in its guest, or idle */
};

struct host_program {
    /*
     * Which CPU goes on. *interrupt: set it if an interrupt of no consequence is to come in at
     * HOST_WINDOW, which makes preempt_pending() true.
     */
    u32 (*choose)(enum host_why why, bool *interrupt);
    /* v, which runs in its guest on this CPU, does something: host_hypercall(), or an access to
     * memory. */
    void (*guest_step)(struct vcpu *v);
    /* False: nothing is left to be done; host_run() ends when all CPUs have come to rest. */
    bool (*more)(void);
    /* All CPUs are in guests or idle: the moment for an audit. */
    void (*at_rest)(void);
};

/* --- time */

extern nsec_t host_now;
/* Lets time pass; timers that are due run when their CPU next does something. */
void host_time_advance(nsec_t by);

/* --- life */

/* Once for a process: a machine that has started, with domain 0 (privileged, without memory yet)
 * and no other domain. */
void host_boot(void);
/*
 * A PV domain as the tools would build it: frames of data, mapped writable from HOST_GUEST_VA on,
 * page by page, the last of them read-only because they are its page tables; each vCPU at rest in
 * its kernel. Aborts if it cannot be made.
 */
struct domain *host_domain_build(domid_t id, u32 vcpus, u32 frames);
#define HOST_GUEST_VA     0x100000000000ull
#define HOST_GUEST_TABLES 4u /* level 4, 3, 2, 1 */

/* Keep the machine as it is now; and have it like that again. Between host_run()s only. */
void host_snapshot(void);
void host_restore(void);

/* Let the CPUs run. False: domain 0 switched the machine off. */
bool host_run(const struct host_program *program);

/*
 * Kill every domain but the system's own, and have all that was put off done. Returns what is left
 * that should not be: each is told to report.
 */
u32 host_end(void (*report)(const char *line));

/* --- for programs */

/* The guest that runs on this CPU makes a hypercall. It may not be over when this returns: then the
 * guest makes it again before its next step, as the ABI's continuations want it. The last thing of
 * a step. */
void host_hypercall(u32 number, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6);
/*
 * Its kernel writes 8 bytes at va by a MOV, through its page tables: if that faults, the write may
 * be one to a page table, which is emulated. False: it faulted for good, without an exception.
 */
bool host_guest_store(struct vcpu *v, vaddr_t va, u64 value);

/* Bytes at this address are every guest's at any time, whatever its tables say: for arguments of
 * hypercalls. Each CPU has its own. */
#define HOST_WINDOW_VA    0x7ff000000000ull
#define HOST_WINDOW_BYTES 0x4000ull
u8 *host_window(void);

/* --- looking */

/* Everything that must hold when all CPUs are at rest: the auditor's view of all domains, and that
 * no TLB holds what it must not. Returns the number of faults. */
int host_audit(void (*report)(const char *line));
/* The auditor's memory, which is not the machine's: nothing changes by an audit. */
void *host_audit_alloc(u32 order);
void host_audit_free(void *p, u32 order);
/* Prints the log's last lines. */
void host_log_show(void);

/* --- between the files of arch/host */

struct host_processor {
    u64 cr0, cr3, cr4;
    u64 fs_base, gs_base, shadow_gs_base;
    u16 ds, es, fs, gs;
    u64 tsc_aux;
    nsec_t deadline; /* of its timer; ~0: none */
    u32 vectors;     /* HOST_VECTOR_*: sent to it, not taken yet */
};
#define HOST_VECTOR_CALL   BIT(0)
#define HOST_VECTOR_SIGNAL BIT(1)
extern struct host_processor host_processors[HOST_CPUS];

/* After RAM was restored: no object is forbidden any more. */
void host_objects_allow_all(void);
/* RAM, at the same address in every run. */
#define host_ram ((u8 *)0x200000000000ull)
void host_memory_init(void);
/* Where a guest address leads to, by the page tables that this CPU has loaded; NULL: a fault. */
void *host_translate(vaddr_t va, bool write);

/* This CPU's TLB forgets everything. */
void host_tlb_flush(u32 cpu);
/* Each CPU remembers all that it could reach now. */
void host_tlb_fill(void);
int host_tlb_audit(void (*report)(const char *line));

/* Another CPU may go on here. */
void host_switch_point(enum host_why why);
/* Interrupts are open for an instant. */
void host_interrupts_take(void);
/* The machine is switched off: host_run() ends. */
noreturn void host_power_off(void);
/* The guest of this CPU does what its registers say: that, or a step of the program. */
void host_guest_go_on(const struct host_program *program);
/* Where the guest is between its steps; its code, which lies in the window. */
#define HOST_TEXT_VA (HOST_WINDOW_VA + 0x3f00)
#define HOST_REST_VA (HOST_TEXT_VA + 2)
void host_text_init(void);
/* The CPU's life: called on its own stack. */
noreturn void host_cpu_main(void);
/* This CPU is in its guest, or idle, until it is chosen. */
void host_park(void);
/* From anywhere on this CPU's stack: back to host_cpu_main()'s loop. */
noreturn void host_cpu_unwind(void);

#endif
