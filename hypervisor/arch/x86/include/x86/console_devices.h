/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The devices of the console: serial lines and the text screen (platform/console_devices.c
 * chooses).
 */
#ifndef DOMUS_X86_CONSOLE_DEVICES_H
#define DOMUS_X86_CONSOLE_DEVICES_H

#include "abi/xen.h"
#include "types.h"

#define NR_SERIALS 2u

/*
 * Bring up com1 (0) or com2 (1) as its option says, and make it a console. False: there is no such
 * port.
 */
bool serial_init(u32 index);
/* Deliver what is typed, by the port's interrupt if it has one, else by a timer. */
void serial_init_input(void);
/* The I/O ports (inclusive) and the GSI of a line that is a console, which domain 0 must not touch.
 * False: the line is not used. *gsi is ~0 if its interrupt is not used. */
bool serial_resources(u32 index, u16 *first_port, u16 *last_port, u32 *gsi);

/* Make the screen a console if the loader left it in text mode 3 (80x25). */
bool vga_init(void);
/* Stop writing to it, unless the option vga=keep was given. */
void vga_give_to_domain0(void);
/*
 * What domain 0 is told of the screen, text or pixels; false if there is none. Bytes used: *size.
 */
bool vga_describe(struct dom0_vga_console_info *info, u32 *size);

#endif
