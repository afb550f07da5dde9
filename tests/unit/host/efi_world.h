/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the code for UEFI finds around it: a small physical memory, pages and objects that are
 * counted and may run out, a guest's memory (the host's own, but for one address that faults).
 */
#ifndef DOMUS_TEST_EFI_WORLD_H
#define DOMUS_TEST_EFI_WORLD_H

#include "types.h"

#define MEMORY_BYTES KIB(64)
#define PAGES_MAX    64u
#define BAD          0xbad000ull /* a guest's address that faults */

extern u8 memory[MEMORY_BYTES]; /* physical */
/* Mappings of it, lines of the log that warn, FPU states put aside, pages and objects in use. */
extern u32 mappings, warnings, fpu_depth, nr_pages, nr_objects;
extern u32 allocations_left;
extern u64 cr3;

/* All pages are free again. */
void pages_forget(void);

#endif
