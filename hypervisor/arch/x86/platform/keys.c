/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The debug key that belongs to x86: interrupts. */
#include "core/console.h"
#include "x86/irq.h"
#include "x86/keys.h"

static void key_irqs(u8 key)
{
    irq_dump();
}

void keys_machine_init(void)
{
    key_register('i', "show interrupts", key_irqs);
}
