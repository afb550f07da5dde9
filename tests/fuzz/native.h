/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One instruction on the processor that runs the test, in a sandbox: a page of code, whose end is
 * the end of what can be fetched, and pages of data, all at fixed low addresses between pages that
 * nobody can touch. Linux only: registers are loaded by returning from a signal's handler, with
 * single-stepping on, and read by the next signal.
 */
#ifndef DOMUS_TESTS_FUZZ_NATIVE_H
#define DOMUS_TESTS_FUZZ_NATIVE_H

#include "x86/decode.h"
#include "x86/regs.h"

/* Below 2 GiB, so that addresses of 32 bits reach them, signed ones too. */
#define NATIVE_CODE_END   0x10000000ull
#define NATIVE_DATA       0x10100000ull
#define NATIVE_DATA_BYTES 0x4000u

/* How it ended. */
enum native_end {
    NATIVE_STEPPED,  /* complete, or one iteration of it */
    NATIVE_FETCHING, /* its bytes went on beyond those given */
    NATIVE_INVALID,  /* no instruction (#UD) */
    NATIVE_FAULT,    /* another exception: it was decoded whole */
    NATIVE_UNKNOWN,  /* on a machine without 32-bit code: it was not told */
};

/* Once. */
void native_init(void);
/* Whether this machine runs 32-bit code. One that does not is no processor, but a hypervisor that
 * plays one, and does not always tell what faulted. */
bool native_has_compat(void);

/* Of FS and GS, which instructions may name. */
u64 native_segment_base(enum insn_segment segment);

/* The address at which an instruction of so many bytes has to begin. */
static inline u64 native_rip(size_t bytes)
{
    return NATIVE_CODE_END - bytes;
}

/*
 * Executes the instruction of size bytes, of which only the first given are there, with the
 * registers *r (rip is set here; of rflags the arithmetic ones and DF count), which become those
 * that it leaves. mode: INSN_MODE_64 or INSN_MODE_32.
 */
enum native_end native_execute(const u8 *bytes, size_t given, enum insn_mode mode, struct regs *r);

/* How the last one ended, to the standard error. */
void native_print(void);

#endif
