/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernels under subjects/ share. Each has one subject of the ABI and prints a transcript
 * of lines "subject: case -> answer" that must be the same on Domus and on Xen, whatever machine
 * they run on and wherever things lie in its memory. Instructions are tried from a page at a fixed
 * address, in kernel or in user mode, with known registers.
 */
#ifndef DOMUS_TESTS_GUESTS_SUBJECT_H
#define DOMUS_TESTS_GUESTS_SUBJECT_H

#include "guest.h"

/* One line of the transcript; SUBJECT is defined before this header is included. */
#define SAY(format, ...) print(SUBJECT ": " format "\n", ##__VA_ARGS__)
/* A case whose answer is a number: a result, negative for errors. */
#define RESULT(case, value) SAY("%s -> %ld", case, (s64)(value))

/* Of a call, for a line that tells more than it: arguments of SAY are evaluated in any order. */
extern s64 answer;

/* Pages at fixed addresses. The first three can be written, executed, and used from both modes. */
#define LOW_CODE  0x500000ul
#define LOW_STACK 0x501000ul /* two pages; code starts with rsp 64 bytes below their end */
#define LOW_DATA  0x503000ul
#define LOW_CONST 0x504000ul /* read-only */
#define LOW_NX    0x505000ul /* not executable */
#define LOW_NONE  0x506000ul /* not present */
#define LOW_RSP   (LOW_STACK + 2 * PAGE_SIZE - 64)

/* Addresses that nobody can use. */
#define NONCANONICAL 0x8000000000000000ul
#define HYPERVISORS  0xffff82d040000000ul

/* The same pages where the kernel itself has them. */
extern u8 code_page[PAGE_SIZE], data_page[PAGE_SIZE], const_page[PAGE_SIZE], nx_page[PAGE_SIZE];

/* Maps the pages, and lets user mode use the kernel's tables. First of all. */
void subject_start(void);

enum mode { KERNEL, USER };

/* Registers for the next run; `in_reset` gives each a value that is known again. */
extern struct trap_regs in;
void in_reset(void);

struct code {
    const u8 *start, *end;
};

/*
 * Machine code, from the assembler: CODE("rdmsr"). It must not depend on its place. (The first asm
 * has no operands, and so no use for percent signs.)
 */
#define CODE(assembly)                                                                             \
    ({                                                                                             \
        struct code code_;                                                                         \
        __asm__(".pushsection .rodata\n771: " assembly "\n772: .popsection");                      \
        __asm__ volatile("movq $771b, %0; movq $772b, %1" : "=r"(code_.start), "=r"(code_.end));   \
        code_;                                                                                     \
    })

/* Runs it in that mode from LOW_CODE up to its end (int3) or its first exception: `outcome`. */
void run(enum mode mode, struct code code);
/* The same with any code selector. */
void run_at(u64 cs, struct code code);
/*
 * What the run ended in: "done" or "#GP(18) at +2", and the registers that it changed. A place is
 * relative to LOW_CODE.
 */
char *run_answer(void);
/* The name of what ended it, with the error code: "#PF(6)". */
char *trap_text(const struct trap_regs *regs);

/* Runs the instruction and prints what became of it, with `in` as it is. */
#define TRY_IN(mode_, assembly)                                                                    \
    do {                                                                                           \
        run(mode_, CODE(assembly));                                                                \
        SAY("%s%s -> %s", (mode_) == KERNEL ? "" : "user ", assembly, run_answer());               \
    } while (0)

/* The same in both modes. */
#define TRY(assembly)                                                                              \
    do {                                                                                           \
        TRY_IN(KERNEL, assembly);                                                                  \
        TRY_IN(USER, assembly);                                                                    \
    } while (0)

#endif
