/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places in the code that depend on the processor: they are three-byte no-operations, which
 * alternatives_apply() overwrites at boot where SMAP is on. And rows of the exception table. For C
 * and assembly.
 */
#ifndef DOMUS_X86_ALTERNATIVE_H
#define DOMUS_X86_ALTERNATIVE_H

#define ALTERNATIVE_CLAC 0
#define ALTERNATIVE_STAC 1

#ifndef __ASSEMBLER__

#define ALTERNATIVE_STRING(x) #x
#define ALTERNATIVE(kind)                                                                          \
    "9: .byte 0x0f, 0x1f, 0x00\n\t"                                                                \
    ".pushsection .alternatives, \"a\"\n\t"                                                        \
    ".balign 4\n\t"                                                                                \
    ".long 9b - ., " ALTERNATIVE_STRING(kind) "\n\t"                                               \
                                              ".popsection\n\t"

/* If the instruction at label insn faults, go on at fixup. */
#define EXCEPTION_FIXUP(insn, fixup)                                                               \
    ".pushsection .exception_table, \"a\"\n\t"                                                     \
    ".balign 4\n\t"                                                                                \
    ".long " insn " - ., " fixup " - .\n\t"                                                        \
    ".popsection\n\t"

/* Let the hypervisor touch user pages, until guest_access_end(). */
static inline void guest_access_begin(void)
{
    __asm__ volatile(ALTERNATIVE(1) : : : "memory", "cc");
}

static inline void guest_access_end(void)
{
    __asm__ volatile(ALTERNATIVE(0) : : : "memory", "cc");
}

#endif
#endif
