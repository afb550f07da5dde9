/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a CPU does when no vCPU wants it. */
#ifndef DOMUS_X86_IDLE_H
#define DOMUS_X86_IDLE_H

#include "types.h"

noreturn void idle_loop(void);

#endif
