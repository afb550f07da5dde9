/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC of each CPU: acknowledging interrupts, signals to other CPUs, the CPU's own timer.
 * Registers are reached through memory (xAPIC) or MSRs (x2APIC); which is decided once, at boot.
 * Intel SDM vol. 3, chapter 10; AMD APM vol. 2, chapter 16.
 */
#ifndef DOMUS_X86_APIC_H
#define DOMUS_X86_APIC_H

#include "core/cpumask.h"
#include "types.h"

#define APIC_ID_NONE 0xffffffffu
/* Interrupt messages of devices name their CPU by 8 bits, of which 255 means all. */
#define APIC_ID_DEVICE_MAX 254u

/* How a register is reached, by its offset in the xAPIC's page. */
struct apic_access {
    const char *name;
    u32 (*read)(u32 reg);
    void (*write)(u32 reg, u32 value);
    /* Interrupt command register: to whom (an APIC id), and what. */
    void (*command)(u32 apic_id, u32 command);
    void (*command_self)(u32 command); /* with APIC_DESTINATION_SELF; in NMI handlers too */
    u32 (*id)(void);                   /* of the CPU that asks */
};
extern const struct apic_access *apic;

#define APIC_REG_EOI 0x0b0

/* The interrupt that is in service on this CPU, with the highest priority, is done. */
static inline void apic_eoi(void)
{
    apic->write(APIC_REG_EOI, 0);
}

/* On the boot CPU, after acpi_init(), with map_device() working: chooses the mode, sets up this
 * CPU's APIC, and gives numbers to all CPUs that the firmware lists (itself: 0). */
void apic_init_boot(void);
/* On each other CPU, before it opens interrupts. */
void apic_init_cpu(void);

/*
 * The timer. apic_timer_init(): on the boot CPU, once the clock (nanoseconds, monotonic) runs;
 * measures the APIC timer's frequency against it, unless there is a TSC deadline.
 * apic_timer_init_cpu(): on every CPU, the boot CPU included, before the first cpu_timer_set()
 * (arch/cpu.h).
 */
void apic_timer_init(nsec_t (*clock)(void));
void apic_timer_init_cpu(void);

/* CPUs that the firmware lists as usable are numbered 0 .. cpus_present - 1. */
extern u32 cpus_present;
/* Its APIC id and its id in ACPI; APIC_ID_NONE for a CPU that is not there. */
u32 cpu_apic_id(u32 cpu);
u32 cpu_acpi_uid(u32 cpu);
/* True if interrupts of devices can be sent to it. */
bool cpu_takes_device_irqs(u32 cpu);

/*
 * Send a fixed interrupt / NMI to another CPU, or to all of a set (this one included, if it is in).
 */
void apic_send(u32 cpu, u32 vector);
void apic_send_mask(const struct cpumask *mask, u32 vector);
/* To this CPU; also from an NMI handler, whatever it has interrupted. */
void apic_send_self(u32 vector);
/* Takes no lock, and may be used in NMI handlers that do not return to what they interrupted. */
void apic_send_nmi(u32 cpu);

/* Reset an application processor and start it in real mode at vector_page << 12 (Intel SDM vol.
 * 3, 8.4.4). Needs time_now(). 0: the messages were accepted (not yet: it runs); -EIO: they were
 * not. */
must_check int apic_start_cpu(u32 apic_id, u8 vector_page);
/* Reset it again, so that it waits for another start. */
void apic_stop_cpu(u32 apic_id);

/* Handlers of the APIC's own vectors (irq/vectors.c calls them; they do not end the interrupt). */
void apic_error_interrupt(void);
/* Which request is set in the CPU's in-service register: debugging. */
bool apic_in_service(u32 vector);

#endif
