/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two legacy interrupt controllers (Intel 8259A), which the I/O APICs replace: moved off the
 * vectors of exceptions, and masked for good. Even so they may raise a spurious request (their
 * input 7) when a line falls back at the wrong moment.
 */
#include "x86/acpi.h"
#include "x86/cpu.h"
#include "x86/irq.h"

#define PIC1_COMMAND 0x20
#define PIC1_DATA    0x21
#define PIC2_COMMAND 0xa0
#define PIC2_DATA    0xa1

/* Initialisation command words (8259A data sheet). */
#define ICW1_START_4_WORDS 0x11
#define ICW3_PIC1          0x04 /* the second one is on input 2 */
#define ICW3_PIC2          0x02
#define ICW4_8086          0x01
#define MASK_ALL           0xff
#define OCW3_READ_ISR      0x0b
#define OCW2_EOI           0x20

#define PIC_INPUTS    8u
#define PIC_INPUT_ALL 16u

init_text void i8259_silence(void)
{
    /* Without the flag there may still be some: writing is harmless. */
    port_out8(PIC1_DATA, MASK_ALL);
    port_out8(PIC2_DATA, MASK_ALL);
    port_out8(PIC1_COMMAND, ICW1_START_4_WORDS);
    port_out8(PIC1_DATA, VECTOR_PIC_FIRST);
    port_out8(PIC1_DATA, ICW3_PIC1);
    port_out8(PIC1_DATA, ICW4_8086);
    port_out8(PIC2_COMMAND, ICW1_START_4_WORDS);
    port_out8(PIC2_DATA, VECTOR_PIC_FIRST + PIC_INPUTS);
    port_out8(PIC2_DATA, ICW3_PIC2);
    port_out8(PIC2_DATA, ICW4_8086);
    port_out8(PIC1_DATA, MASK_ALL);
    port_out8(PIC2_DATA, MASK_ALL);
}

bool i8259_interrupt(u32 vector)
{
    u32 input = vector - VECTOR_PIC_FIRST;
    if (input >= PIC_INPUT_ALL)
        return false;
    bool second = input >= PIC_INPUTS;
    u16 command = second ? PIC2_COMMAND : PIC1_COMMAND;
    port_out8(command, OCW3_READ_ISR);
    if (!(port_in8(command) >> (input % PIC_INPUTS) & 1))
        return false;
    port_out8(command, OCW2_EOI);
    if (second)
        port_out8(PIC1_COMMAND, OCW2_EOI);
    return true;
}
