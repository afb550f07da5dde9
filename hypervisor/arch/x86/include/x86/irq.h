/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts: vectors, lines, and who gets them.
 *
 *   irq/vectors.c     vectors of CPUs, the table of IRQs, dispatch
 *   irq/ioapic.c      I/O APICs: the lines (GSIs)
 *   irq/msi.c         messages of PCI devices
 *   irq/pirq.c        IRQs that belong to domains
 *   irq/physdev_op.c  the hypercall by which domain 0 sets them up
 *   irq/i8259.c       the legacy controllers, silenced
 *
 * An IRQ has a machine-wide number: a GSI's own number (0 .. nr_gsis - 1), or for a message any
 * number from nr_gsis to nr_irqs - 1. A domain calls it by a number of its own (pirq); for domain
 * 0's GSIs both are the same.
 */
#ifndef DOMUS_X86_IRQ_H
#define DOMUS_X86_IRQ_H

#include "core/lock.h"
#include "core/percpu.h"
#include "core/timer.h"
#include "types.h"
#include "x86/regs.h"

struct domain;
struct vcpu;
struct pci_device;
struct msi_source;
struct ioapic;
struct irq;

/*
 * Vectors. 0x20-0x2f are where the 8259s would deliver what they cannot hold back (spurious
 * requests).
 */
#define VECTOR_PIC_FIRST     0x20u
#define VECTOR_DYNAMIC_FIRST 0x30u
#define VECTOR_DYNAMIC_LAST  0xefu
#define VECTOR_INT80         0x80u /* system calls of 32-bit programs in PV guests: never a device's */
#define VECTOR_INT82         0x82u /* hypercalls of 32-bit PV guests */
#define VECTOR_TIMER         0xf9u /* the CPU's own timer */
#define VECTOR_CALL          0xfcu /* another CPU asks for something (cpu/smp_call.c) */
#define VECTOR_SIGNAL        0xfdu /* look at softirqs and events */
#define VECTOR_APIC_ERROR    0xfeu
#define VECTOR_APIC_SPURIOUS 0xffu
#define NR_VECTORS           256u

/* IRQ numbers for messages, above the GSIs. */
#define NR_MSI_IRQS 1024u

/* How an IRQ's source is controlled. All are called with irq->lock held. */
struct irq_chip {
    const char *name;
    void (*mask)(struct irq *irq);
    void (*unmask)(struct irq *irq);
    /* Send it from now on to irq->cpu as irq->vector; the mask stays as it is. */
    void (*route)(struct irq *irq);
    /* True if route() can send it to another CPU while the source is live, there with the same
     * vector or with a new one. */
    bool (*can_move)(const struct irq *irq, bool new_vector);
    /* True if the end of an interrupt (EOI) has not reached the source yet, which would not know it
     * by another vector. NULL: there is no such thing. */
    bool (*is_ending)(const struct irq *irq);
};

/* Why an IRQ is masked: it interrupts when there is no reason left. */
#define IRQ_MASKED_UNUSED  BIT(0) /* nobody is bound to it */
#define IRQ_MASKED_SERVICE BIT(1) /* level-triggered: a guest has not ended it yet */
#define IRQ_MASKED_STORM   BIT(2) /* came too often; a timer will clear this */

#define IRQ_GUESTS_MAX 8u
#define IRQ_NO_CPU     0xffffffffu

struct irq_guest {
    struct domain *domain;
    u32 pirq;
    bool in_service; /* level-triggered: raised, and not ended by this domain yet */
};

struct irq {
    struct spinlock lock; /* LOCK_IRQ: all that follows */
    u16 number;
    u8 vector;     /* 0: none allocated */
    u8 old_vector; /* after a move, until an interrupt has come in by the new way; 0: none */
    u32 cpu;       /* where vector is allocated and interrupts go */
    u32 old_cpu;
    u32 wanted_cpu; /* it moves there when it next interrupts; IRQ_NO_CPU: stay */

    const struct irq_chip *chip; /* NULL: no such line, or a number that is free */
    struct ioapic *ioapic;       /* lines: where, and which pin */
    u32 pin;
    struct msi_source *msi; /* messages: where from; index in its block */
    u32 msi_index;
    bool level, active_low; /* trigger and polarity of a line */

    u8 masked; /* IRQ_MASKED_* */
    u8 nr_guests, nr_in_service;
    bool shareable;
    struct irq_guest guests[IRQ_GUESTS_MAX];
    /* The hypervisor's own handler instead of guests; set once. */
    void (*handler)(void *data);
    void *data;
    const char *name;

    u64 count; /* interrupts since boot */
    nsec_t storm_window;
    struct timer storm_timer;
};

extern u32 nr_gsis, nr_irqs;

/* Once, on the boot CPU, after acpi_init() and apic_init_boot(), with the heap there: 8259s
 * silenced, I/O APICs found and masked. */
void irq_init(void);
/* The descriptor, or NULL if number is out of range. */
struct irq *irq_of(u32 number);

/*
 * Entry code: an interrupt with a vector of 0x20-0xff, in guest or idle context, interrupts
 * disabled.
 */
void irq_dispatch(struct regs *regs, u32 vector);

/*
 * A line for the hypervisor itself, for good. The handler runs with interrupts disabled and no lock
 * held. -EINVAL: no such line; -EBUSY: somebody has it; -ENOSPC: no vector.
 */
must_check int irq_request(u32 gsi, void (*handler)(void *data), void *data, const char *name);
/*
 * Its trigger and polarity as the device has them. -EINVAL: no such line; -EBUSY: it is in use, and
 * set otherwise.
 */
must_check int irq_set_type(u32 gsi, bool level, bool active_low);
/* True if the hypervisor or a guest has the line (gsi < nr_gsis). */
bool irq_is_in_use(u32 gsi);

/* Debug key: every IRQ in use. */
void irq_dump(void);

/* --- between the files of irq/; irq->lock held where an irq is given */

/* Vectors for count (1, 2, 4 ... 32) IRQs from the first on, consecutive and aligned to count: on
 * cpu, or when it has too few left on any other that is online. -ENOSPC: none has as many. The IRQs
 * are not in use yet: no lock. */
must_check int irq_vectors_alloc(struct irq *first, u32 count, u32 cpu);
void irq_vectors_free(struct irq *irq);
/* Add and remove reasons. */
void irq_mask(struct irq *irq, u32 reason);
void irq_unmask(struct irq *irq, u32 reason);
/* Consecutive free numbers for messages: the first; 0: none. Reserved by setting their chip. */
u32 irq_numbers_alloc(u32 count, const struct irq_chip *chip);
void irq_number_free(struct irq *irq);
/* A CPU that takes interrupts of devices: the given one if it can. */
u32 irq_cpu_near(u32 cpu);

/* ioapic.c */
void ioapic_init(void);
/* Give every line's descriptor its chip. */
void ioapic_lines_init(void);
/* Write the line's whole entry, masked. */
void ioapic_program(struct irq *irq);
/* At boot: an ISA interrupt becomes an NMI of the boot CPU, and is nobody's line any more. False if
 * there is no such line. */
bool ioapic_isa_to_nmi(u32 irq);
/*
 * Registers as domain 0 sees them (PHYSDEVOP_apic_read, _write). -EINVAL: no such I/O APIC or
 * register.
 */
must_check int ioapic_guest_read(paddr_t base, u32 reg, u32 *value);
must_check int ioapic_guest_write(paddr_t base, u32 reg, u32 value);
/* XENPF_platform_quirk: whether the index register keeps its value. */
void ioapic_set_index_kept(bool kept);

/* i8259.c: remap to VECTOR_PIC_FIRST and mask everything. */
void i8259_silence(void);
/* True if the interrupt of that vector is no spurious one: it is acknowledged. */
bool i8259_interrupt(u32 vector);

/* pirq.c */
/* An IRQ that belongs to guests came in: tell them. Returns false if there are none. */
bool pirq_deliver(struct irq *irq);

/* A domain's table of pirqs; struct arch_domain.pirqs. Created when first needed. */
struct pirq {
    u16 irq; /* number; meaningful if mapped */
    bool mapped;
    bool reserved; /* handed out by PHYSDEVOP_get_free_pirq, not mapped yet */
};
/* A free number, for GSIs from 16 up, for messages from the top down; count consecutive ones: the
 * first. -ENOSPC, -ENOMEM. d->lock held. */
must_check int pirq_find_free(struct domain *d, bool gsi, u32 count);
/* pirq of d is irq. -EEXIST: either is mapped otherwise; -EINVAL, -ENOMEM. d->lock held. */
must_check int pirq_map(struct domain *d, u32 pirq, u32 irq);
/* The number that irq is mapped to in d, or -ENOENT. */
int pirq_of_irq(struct domain *d, u32 irq);
/*
 * Takes the mapping away, and whoever is bound to it; frees the message. -EINVAL: not mapped.
 * d->lock held.
 */
must_check int pirq_unmap(struct domain *d, u32 pirq);
/* Bits of the page that PHYSDEVOP_pirq_eoi_gmfn registered. -EBUSY: there is one. */
must_check int pirq_eoi_map_register(struct domain *d, u64 gfn, bool auto_unmask);
/* XENIRQSTAT_* of a pirq. -EINVAL. */
must_check int pirq_status(struct domain *d, u32 pirq, u32 *flags);
/* Whether the number is one of d's, mapped. */
bool pirq_is_mapped(struct domain *d, u32 pirq);
/*
 * A dying domain: every mapping, the page of bits, the table. After its event channels are closed.
 */
void pirq_domain_destroy(struct domain *d);

#endif
