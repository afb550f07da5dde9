/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug keys that belong to x86. */
#ifndef DOMUS_X86_KEYS_H
#define DOMUS_X86_KEYS_H

/* Once, after keys_init(). */
void keys_machine_init(void);

#endif
