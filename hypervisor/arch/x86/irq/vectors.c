/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IRQs and the vectors that they arrive by: the table of all IRQs, which vector of which CPU
 * belongs to which, and the dispatch of every interrupt that the entry code hands over.
 *
 * An IRQ that is to go to another CPU moves when it next interrupts: that is the moment when its
 * source is known to have nothing else under way. Its old vector stays valid until an interrupt
 * came in by the new one.
 */
#include "arch/cpu.h"
#include "core/domain.h"
#include "core/heap.h"
#include "core/softirq.h"
#include "core/time.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/apic.h"
#include "x86/irq.h"
#include "x86/smp.h"

/* More than this many interrupts of one source within STORM_TIME: it is masked for STORM_PAUSE. */
#define STORM_COUNT 1024u
#define STORM_TIME  MILLISECONDS(1)
#define STORM_PAUSE MILLISECONDS(10)

u32 nr_gsis, nr_irqs;

static struct irq *irqs;
/* Which IRQ a vector of this CPU belongs to: its number + 1; 0: none. Written under vector_lock,
 * read by the CPU itself without. */
static DEFINE_PER_CPU(u16[NR_VECTORS], vector_irq);
static struct spinlock vector_lock = SPINLOCK_INIT(LOCK_LEAF);
/* Where the last search for a free number for a message began. */
static u32 number_hint;

struct irq *irq_of(u32 number)
{
    return number < nr_irqs ? &irqs[number] : NULL;
}

u32 irq_cpu_near(u32 cpu)
{
    return cpu_takes_device_irqs(cpu) ? cpu : 0;
}

/* --- vectors */

static bool vector_is_dynamic(u32 vector)
{
    return vector >= VECTOR_DYNAMIC_FIRST && vector <= VECTOR_DYNAMIC_LAST &&
           vector != VECTOR_INT80 && vector != VECTOR_INT82;
}

static bool vectors_are_free(u32 cpu, u32 vector, u32 count)
{
    for (u32 i = 0; i < count; i++)
        if (!vector_is_dynamic(vector + i) || per_cpu(vector_irq, cpu)[vector + i])
            return false;
    return true;
}

/* The first of count free vectors, a preferred one if possible; 0: none. vector_lock held. */
static u32 vectors_find(u32 cpu, u32 count, u32 preferred)
{
    if (preferred && vectors_are_free(cpu, preferred, count))
        return preferred;
    u32 vector = ROUND_UP(VECTOR_DYNAMIC_FIRST, count);
    for (; vector <= VECTOR_DYNAMIC_LAST; vector += count)
        if (vectors_are_free(cpu, vector, count))
            return vector;
    return 0;
}

static bool vectors_take(struct irq *first, u32 count, u32 cpu)
{
    u32 vector = vectors_find(cpu, count, 0);
    for (u32 i = 0; vector && i < count; i++) {
        struct irq *irq = first + i;
        irq->vector = (u8)(vector + i);
        irq->cpu = cpu;
        WRITE_ONCE(per_cpu(vector_irq, cpu)[vector + i], (u16)(irq->number + 1));
    }
    return vector != 0;
}

int irq_vectors_alloc(struct irq *first, u32 count, u32 cpu)
{
    spin_lock(&vector_lock);
    bool taken = vectors_take(first, count, cpu);
    u32 other;
    for_each_online_cpu (other) {
        if (taken)
            break;
        if (other != cpu && cpu_takes_device_irqs(other))
            taken = vectors_take(first, count, other);
    }
    spin_unlock(&vector_lock);
    return taken ? 0 : -ENOSPC;
}

static void old_vector_free(struct irq *irq)
{
    if (!irq->old_vector)
        return;
    spin_lock(&vector_lock);
    WRITE_ONCE(per_cpu(vector_irq, irq->old_cpu)[irq->old_vector], 0);
    spin_unlock(&vector_lock);
    irq->old_vector = 0;
}

void irq_vectors_free(struct irq *irq)
{
    old_vector_free(irq);
    if (!irq->vector)
        return;
    spin_lock(&vector_lock);
    WRITE_ONCE(per_cpu(vector_irq, irq->cpu)[irq->vector], 0);
    spin_unlock(&vector_lock);
    irq->vector = 0;
}

/* --- moving */

/*
 * Go to wanted_cpu, if there is a vector; otherwise everything stays, and the wish is forgotten. It
 * waits for the next time while the end of this one is still under way.
 */
static void irq_move(struct irq *irq)
{
    u32 cpu = irq->wanted_cpu;
    if (irq->chip->is_ending && irq->chip->is_ending(irq))
        return;
    irq->wanted_cpu = IRQ_NO_CPU;
    if (cpu == irq->cpu || !cpu_takes_device_irqs(cpu))
        return;
    spin_lock(&vector_lock);
    u32 vector = vectors_find(cpu, 1, irq->vector);
    if (vector && !irq->chip->can_move(irq, vector != irq->vector))
        vector = 0;
    if (vector)
        WRITE_ONCE(per_cpu(vector_irq, cpu)[vector], (u16)(irq->number + 1));
    spin_unlock(&vector_lock);
    if (!vector)
        return;
    irq->old_vector = irq->vector;
    irq->old_cpu = irq->cpu;
    irq->vector = (u8)vector;
    irq->cpu = cpu;
    irq->chip->route(irq);
}

/*
 * An interrupt of irq came in here by this vector: end a move, or begin the one that is wished for.
 */
static void irq_settle(struct irq *irq, u32 vector)
{
    if (irq->old_vector && irq->cpu == cpu_id() && irq->vector == vector)
        old_vector_free(irq);
    if (irq->wanted_cpu != IRQ_NO_CPU && !irq->old_vector)
        irq_move(irq);
}

/* --- masks */

void irq_mask(struct irq *irq, u32 reason)
{
    if (!irq->masked)
        irq->chip->mask(irq);
    irq->masked |= (u8)reason;
}

void irq_unmask(struct irq *irq, u32 reason)
{
    if (!irq->masked)
        return;
    irq->masked &= (u8)~reason;
    if (!irq->masked)
        irq->chip->unmask(irq);
}

/* --- storms */

static void storm_over(void *data)
{
    struct irq *irq = data;
    spin_lock(&irq->lock);
    if (irq->chip)
        irq_unmask(irq, IRQ_MASKED_STORM);
    spin_unlock(&irq->lock);
}

/* STORM_COUNT more interrupts came in. */
static void storm_check(struct irq *irq)
{
    nsec_t now = time_now();
    bool storm = now - irq->storm_window < STORM_TIME;
    irq->storm_window = now;
    if (!storm)
        return;
    log_guest(LOG_WARNING, "irq: IRQ %u interrupts too often; masked for %lu ms", irq->number,
              (unsigned long)(STORM_PAUSE / MILLISECONDS(1)));
    irq_mask(irq, IRQ_MASKED_STORM);
    timer_set(&irq->storm_timer, now + STORM_PAUSE);
}

/* --- dispatch */

/* The vector belonged to an IRQ that is gone, or to none. */
static void vector_unclaimed(u32 vector)
{
    apic_eoi();
    log_guest(LOG_WARNING, "irq: CPU %u: interrupt on vector %#x, which nobody has", cpu_id(),
              vector);
}

static void irq_arrived(struct irq *irq, u32 vector)
{
    if (irq->handler) {
        irq->count++;
        irq->handler(irq->data);
        apic_eoi();
        return;
    }
    spin_lock(&irq->lock);
    if (unlikely(!irq->chip)) { /* it was on its way when the device was told to be quiet */
        apic_eoi();
        spin_unlock(&irq->lock);
        return;
    }
    /* A level-triggered line stays up until its guests have served the device. */
    bool level = irq->level;
    if (level)
        irq_mask(irq, IRQ_MASKED_SERVICE);
    apic_eoi();
    if (unlikely(irq->wanted_cpu != IRQ_NO_CPU || irq->old_vector))
        irq_settle(irq, vector);
    if (unlikely(++irq->count % STORM_COUNT == 0))
        storm_check(irq);
    bool told = pirq_deliver(irq);
    if (level && !told)
        irq_unmask(irq, IRQ_MASKED_SERVICE);
    spin_unlock(&irq->lock);
}

static void device_interrupt(u32 vector)
{
    u32 entry = READ_ONCE(this_cpu(vector_irq)[vector]);
    if (entry) {
        irq_arrived(&irqs[entry - 1], vector);
        return;
    }
    /* Spurious requests of the 8259s come without an acknowledgement from the APIC. */
    if (vector < VECTOR_DYNAMIC_FIRST && !apic_in_service(vector)) {
        if (i8259_interrupt(vector))
            log_guest(LOG_WARNING, "irq: interrupt %#x of the masked 8259", vector);
        return;
    }
    vector_unclaimed(vector);
}

void irq_dispatch(struct regs *regs, u32 vector)
{
    switch (vector) {
    case VECTOR_TIMER:
        apic_eoi();
        softirq_raise(SOFTIRQ_TIMER);
        break;
    case VECTOR_SIGNAL: /* coming in was all: the way out looks at softirqs and events */
        apic_eoi();
        break;
    case VECTOR_CALL:
        apic_eoi();
        smp_call_serve();
        break;
    case VECTOR_APIC_ERROR:
        apic_error_interrupt();
        apic_eoi();
        break;
    case VECTOR_APIC_SPURIOUS: /* is not in service (Intel SDM vol. 3, 10.9): no EOI */
        break;
    default:
        device_interrupt(vector);
    }
}

/* --- the table */

init_text void irq_init(void)
{
    ioapic_init();
    nr_irqs = nr_gsis + NR_MSI_IRQS;
    irqs = object_new_array(struct irq, nr_irqs);
    if (!irqs)
        panic("irq: no memory for %u IRQs", nr_irqs);
    for (u32 i = 0; i < nr_irqs; i++) {
        struct irq *irq = &irqs[i];
        spin_init(&irq->lock, LOCK_IRQ);
        irq->number = (u16)i;
        irq->wanted_cpu = IRQ_NO_CPU;
        irq->masked = IRQ_MASKED_UNUSED;
        timer_init(&irq->storm_timer, storm_over, irq, 0);
    }
    number_hint = nr_gsis;
    ioapic_lines_init();
}

static bool numbers_are_free(u32 first, u32 count)
{
    for (u32 i = 0; i < count; i++)
        if (irqs[first + i].chip)
            return false;
    return true;
}

/* Only the owner of pci_lock asks, so that no two find the same. */
u32 irq_numbers_alloc(u32 count, const struct irq_chip *chip)
{
    u32 range = nr_irqs - nr_gsis;
    for (u32 tried = 0; tried < range; tried++) {
        u32 first = nr_gsis + (number_hint - nr_gsis + tried) % range;
        if (first + count > nr_irqs || !numbers_are_free(first, count))
            continue;
        for (u32 i = 0; i < count; i++) {
            spin_lock(&irqs[first + i].lock);
            irqs[first + i].chip = chip;
            spin_unlock(&irqs[first + i].lock);
        }
        number_hint = first + count < nr_irqs ? first + count : nr_gsis;
        return first;
    }
    return 0;
}

void irq_number_free(struct irq *irq)
{
    timer_stop(&irq->storm_timer);
    irq->chip = NULL;
    irq->msi = NULL;
    irq->wanted_cpu = IRQ_NO_CPU;
    irq->masked = IRQ_MASKED_UNUSED;
    irq->count = 0;
}

int irq_request(u32 gsi, void (*handler)(void *data), void *data, const char *name)
{
    struct irq *irq = gsi < nr_gsis ? irq_of(gsi) : NULL;
    if (!irq || !irq->chip)
        return -EINVAL;
    spin_lock(&irq->lock);
    int error = irq->nr_guests || irq->handler ? -EBUSY : 0;
    if (!error && !irq->vector)
        error = irq_vectors_alloc(irq, 1, 0);
    if (!error) {
        irq->data = data;
        irq->name = name;
        WRITE_ONCE(irq->handler, handler);
        ioapic_program(irq);
        irq_unmask(irq, IRQ_MASKED_UNUSED);
    }
    spin_unlock(&irq->lock);
    return error;
}

int irq_set_type(u32 gsi, bool level, bool active_low)
{
    struct irq *irq = gsi < nr_gsis ? irq_of(gsi) : NULL;
    if (!irq || !irq->chip)
        return -EINVAL;
    spin_lock(&irq->lock);
    bool same = irq->level == level && irq->active_low == active_low;
    bool in_use = irq->handler || irq->nr_guests;
    if (!in_use) {
        irq->level = level;
        irq->active_low = active_low;
    }
    spin_unlock(&irq->lock);
    return in_use && !same ? -EBUSY : 0;
}

bool irq_is_in_use(u32 gsi)
{
    struct irq *irq = irq_of(gsi);
    spin_lock(&irq->lock);
    bool in_use = irq->handler || irq->nr_guests;
    spin_unlock(&irq->lock);
    return in_use;
}

/* --- debugging */

static void irq_dump_one(const struct irq *irq, const struct irq_chip *chip)
{
    log_info("irq %4u: %s vector %#x cpu %u%s%s%s%s%s count %lu", irq->number, chip->name,
             irq->vector, irq->cpu, irq->level ? " level" : " edge",
             irq->active_low ? " low" : " high", irq->masked & IRQ_MASKED_UNUSED ? " unused" : "",
             irq->masked & IRQ_MASKED_SERVICE ? " in-service" : "",
             irq->masked & IRQ_MASKED_STORM ? " storm" : "", (unsigned long)irq->count);
    if (irq->handler)
        log_info("          hypervisor: %s", irq->name);
}

void irq_dump(void)
{
    for (u32 i = 0; i < nr_irqs; i++) {
        struct irq *irq = &irqs[i];
        /* Whoever has it may be what is to be found out: look all the same. */
        bool locked = spin_trylock(&irq->lock);
        const struct irq_chip *chip = READ_ONCE(irq->chip);
        if (chip && irq->vector) {
            irq_dump_one(irq, chip);
            for (u32 g = 0; g < irq->nr_guests; g++)
                log_info("          pirq %u of domain %u%s", irq->guests[g].pirq,
                         irq->guests[g].domain->id, irq->guests[g].in_service ? " in-service" : "");
        }
        if (locked)
            spin_unlock(&irq->lock);
    }
}
