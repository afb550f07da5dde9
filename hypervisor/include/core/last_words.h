/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The newest lines of the console, kept over a warm reboot (core/last_words.c). */
#ifndef DOMUS_CORE_LAST_WORDS_H
#define DOMUS_CORE_LAST_WORDS_H

#include "types.h"

#define LAST_WORDS_SLOT  256u    /* bytes for a line */
#define LAST_WORDS_BYTES KIB(64) /* of the area */

/* Log what an earlier run left in the area, and keep this run's words there from now on. The area
 * is the hypervisor's alone; its contents may be anything. Once, at boot. */
void last_words_init(void *area, size_t bytes);
/* Any context. Without its newline; cut off if it is too long. is_error: it may tell why the run
 * ended. */
void last_words_add(const char *line, size_t bytes, bool is_error);
/* The run ends in order: the next one need not hear of it. */
void last_words_forget(void);

#endif
