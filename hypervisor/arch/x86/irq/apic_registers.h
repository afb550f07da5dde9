/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of a local APIC, for the files of irq/ that program it: offsets in the xAPIC's page
 * (an x2APIC's MSR is 0x800 + offset / 16). Intel SDM vol. 3, 10.4-10.6.
 */
#ifndef DOMUS_IRQ_APIC_REGISTERS_H
#define DOMUS_IRQ_APIC_REGISTERS_H

#include "types.h"

#define APIC_REG_ID              0x020
#define APIC_REG_VERSION         0x030
#define APIC_REG_TASK_PRIORITY   0x080
#define APIC_REG_SPURIOUS        0x0f0
#define APIC_REG_IN_SERVICE      0x100 /* 8 words of 32 vectors */
#define APIC_REG_STRIDE          0x10
#define APIC_REG_ERROR_STATUS    0x280
#define APIC_REG_COMMAND_LOW     0x300
#define APIC_REG_COMMAND_HIGH    0x310
#define APIC_REG_LVT_TIMER       0x320
#define APIC_REG_LVT_THERMAL     0x330
#define APIC_REG_LVT_PERFORMANCE 0x340
#define APIC_REG_LVT_LINT0       0x350
#define APIC_REG_LVT_LINT1       0x360
#define APIC_REG_LVT_ERROR       0x370
#define APIC_REG_TIMER_INITIAL   0x380
#define APIC_REG_TIMER_CURRENT   0x390
#define APIC_REG_TIMER_DIVIDE    0x3e0

#define APIC_ID_SHIFT          24 /* xAPIC only */
#define APIC_SPURIOUS_ENABLE   BIT(8)
#define APIC_VERSION_LVT_SHIFT 16 /* index of the last local vector */

/* Index of the last local vector, on APICs that have these. */
#define APIC_LVT_INDEX_PERFORMANCE 4u
#define APIC_LVT_INDEX_THERMAL     5u

/* Delivery modes: of commands, local vectors and messages of devices alike. */
#define APIC_DELIVERY_FIXED   (0u << 8)
#define APIC_DELIVERY_NMI     (4u << 8)
#define APIC_DELIVERY_INIT    (5u << 8)
#define APIC_DELIVERY_STARTUP (6u << 8)

#define APIC_COMMAND_PENDING  BIT(12)
#define APIC_COMMAND_ASSERT   (1u << 14)
#define APIC_DESTINATION_SELF (1u << 18)

#define APIC_LVT_LOW            (1u << 13)
#define APIC_LVT_MASKED         (1u << 16)
#define APIC_LVT_TIMER_ONE_SHOT (0u << 17)
#define APIC_LVT_TIMER_DEADLINE (2u << 17)

#define APIC_ERROR_SEND_ACCEPT BIT(2)

#endif
