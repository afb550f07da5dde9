/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The library of the test kernels: tiny PV kernels that boot as domain 0, on Domus or on Xen, print
 * what they find on the console and end the machine. Each defines guest_main().
 */
#ifndef DOMUS_TESTS_GUESTS_GUEST_H
#define DOMUS_TESTS_GUESTS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/callback.h"
#include "abi/event_channel.h"
#include "abi/memory.h"
#include "abi/sched.h"
#include "abi/vcpu.h"
#include "abi/version.h"
#include "abi/xen.h"
#include "layout.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define PAGE_SIZE    4096u
#define PAGE_ALIGNED __attribute__((aligned(4096)))
#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))

#define PTE_P        0x1ull
#define PTE_W        0x2ull
#define PTE_U        0x4ull
#define PTE_A        0x20ull
#define PTE_D        0x40ull
#define PTE_PS       0x80ull
#define PTE_G        0x100ull
#define PTE_NX       (1ull << 63)
#define PTE_ADDRESS  0x000ffffffffff000ull
#define PTE_ORDINARY (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)

extern struct start_info *start_info;
extern volatile struct shared_info *shared_info;

void guest_main(void);

/* --- hypercalls */

static inline s64 hypercall(u64 number, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    register u64 r10 __asm__("r10") = a4;
    register u64 r8 __asm__("r8") = a5;
    __asm__ volatile("syscall"
                     : "+a"(number), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                     :
                     : "rcx", "r11", "r9", "memory");
    return (s64)number;
}

#define HYPERCALL0(n)          hypercall(__HYPERVISOR_##n, 0, 0, 0, 0, 0)
#define HYPERCALL1(n, a)       hypercall(__HYPERVISOR_##n, (u64)(a), 0, 0, 0, 0)
#define HYPERCALL2(n, a, b)    hypercall(__HYPERVISOR_##n, (u64)(a), (u64)(b), 0, 0, 0)
#define HYPERCALL3(n, a, b, c) hypercall(__HYPERVISOR_##n, (u64)(a), (u64)(b), (u64)(c), 0, 0)
#define HYPERCALL4(n, a, b, c, d)                                                                  \
    hypercall(__HYPERVISOR_##n, (u64)(a), (u64)(b), (u64)(c), (u64)(d), 0)

/* --- console and the end */

/* %s %d %u %x, with l for 64 bits, and widths for none of them. */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);
/* The same as a string, which stays until 15 others were made. */
__attribute__((format(printf, 1, 2))) char *text(const char *format, ...);
/*
 * Ends the domain. Domain 0 ends the machine by rebooting it, which QEMU is told to take for its
 * end.
 */
__attribute__((noreturn)) void guest_end(void);
/*
 * True if word stands in the command line; number_after("case=", n) is the number behind it, or n.
 */
bool argument(const char *word);
const char *argument_text(const char *word); /* what stands behind it; NULL: the word does not */
u64 number_after(const char *word, u64 otherwise);

/* --- memory: everything in the first mapping */

u64 mfn_of(const volatile void *p);
/* The virtual address of a frame of ours within the first mapping. */
void *virt_of_mfn(u64 mfn);
/* The frame of the table of `level` (1-4) that maps va, and its index of va's entry. */
volatile u64 *table_entry(const volatile void *va, u32 level);
/* The machine address of that entry, as mmu_update takes it. */
u64 entry_address(const volatile void *va, u32 level);
/* The entry that maps a page of ours, with these flags. */
u64 pte_of(const volatile void *p, u64 flags);
s64 map(const volatile void *va, u64 entry); /* update_va_mapping with INVLPG */
s64 mmu_write(u64 machine_address, u64 value);
s64 mmuext(u32 command, u64 arg1, u64 arg2);

/* Maps a page at a low address; all that are mapped so must lie in the same 2 MiB. */
s64 map_low(u64 va, const volatile void *page, u64 flags);

/* --- time and chance */

u64 system_time(void);
/* Blocks for that long; other vCPUs, and the idle loop, run meanwhile. */
void sleep_ns(u64 nanoseconds);
void random_seed(u64 seed);
u64 random(void);

/* --- traps */

struct trap_regs {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 vector, error, rip, cs, rflags, rsp, ss;
};

/* What an attempt ended in. No trap: vector is NO_TRAP, and result what was returned. */
#define NO_TRAP 0xffffull
extern struct trap_regs outcome;
extern u64 entry_rflags; /* with which the last handler was entered */
extern u64 attempt_result, failsafe_selectors[4];

/* Calls f; true if it came back without an exception. `outcome` tells more. */
bool attempt_call(u64 (*f)(u64), u64 argument);
/* Enters what frame says, by the hypercall or the instruction; the next trap ends it. */
void attempt_iret(const struct iret_context *frame);
void attempt_iretq(const struct iret_context *frame);
/* The same with all registers, by the hypercall; vector and error are not used. */
void attempt_enter(const struct trap_regs *regs);

/* Starts that vCPU, with the same page tables, events masked, and no exception handlers. */
s64 vcpu_start(u32 id, void (*entry)(void), void (*event)(void), void *stack_end);

/* All handlers, callbacks and the stack as they were at the start. */
void guest_restore(void);
/*
 * Sees each trap before anything else, and may change the registers: true to go on with them. NULL:
 * none.
 */
extern bool (*trap_hook)(struct trap_regs *regs);
/* Outside of attempts: events, NMIs and debug exceptions are returned from, the others end the
 * test. */
extern bool traps_tolerated;
/* Sets the handler of one vector; 0 for none. */
void trap_set(u8 vector, void (*entry)(void));
/* The handler that the library has for that vector. */
void *trap_entry(u8 vector);
s64 callback_set(u16 type, void (*entry)(void));

extern char entry_return[], entry_return_syscall[], entry_syscall[], entry_failsafe[],
    entry_event[];
/* Take back the upcall that vCPU 0 or 1 is told of; go on at fault_fixup instead. */
extern char entry_return_event[], entry_return_event_1[], entry_fixup[], entry_fixup_no_error[];
extern u64 fault_fixup;
extern char entry_sysenter[], entry_syscall32[], entry_nmi[], kernel_stack_end[];

static inline u64 rdtsc(void)
{
    u32 low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (u64)high << 32 | low;
}

void *memset(void *to, int byte, size_t bytes);
void *memcpy(void *to, const void *from, size_t bytes);

#endif
