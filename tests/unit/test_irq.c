/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IRQs, their vectors and who gets them (arch/x86/irq/vectors.c, pirq.c), on simulated CPUs with a
 * simulated interrupt controller: binding, sharing, ending, moving, storms, and giving everything
 * back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/physdev.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/domain.h"
#include "core/event_channel.h"
#include "core/frame.h"
#include "core/heap.h"
#include "core/softirq.h"
#include "core/time.h"
#include "errno.h"
#include "lib/bits.h"
#include "lib/print.h"
#include "x86/apic.h"
#include "x86/irq.h"
#include "x86/pci_device.h"
#include "x86/smp.h"

#define GSIS      24u
#define CPUS      4u
#define GSI_EDGE  4u
#define GSI_LEVEL 16u
#define MSI_BLOCK 4u
/* All of the dynamic ones but those of INT 80 and 82. */
#define VECTORS_OF_CPU (VECTOR_DYNAMIC_LAST - VECTOR_DYNAMIC_FIRST + 1u - 2u)

/* --- the machine around */

static bool source_masked[GSIS + NR_MSI_IRQS];
static u8 routed_vector[GSIS + NR_MSI_IRQS];
static u32 routed_cpu[GSIS + NR_MSI_IRQS];
static u32 eois, routes;
static u32 raised[64];
static bool port_exists = true;
static nsec_t now;
static struct timer *armed;
static u32 block_size, messages_freed;
struct cpumask cpu_online_mask = {.bits = {0xf}};

static void fake_write(u32 reg, u32 value)
{
    eois += reg == APIC_REG_EOI;
}

static const struct apic_access fake_apic = {.name = "fake", .write = fake_write};
const struct apic_access *apic = &fake_apic;

static void chip_mask(struct irq *irq)
{
    source_masked[irq->number] = true;
}

static void chip_unmask(struct irq *irq)
{
    source_masked[irq->number] = false;
}

static void chip_route(struct irq *irq)
{
    routes++;
    routed_vector[irq->number] = irq->vector;
    routed_cpu[irq->number] = irq->cpu;
}

static bool chip_can_move(const struct irq *irq, bool new_vector)
{
    return true;
}

static bool eoi_under_way;

static bool chip_is_ending(const struct irq *irq)
{
    return eoi_under_way;
}

static const struct irq_chip fake_chip = {"fake",     chip_mask,     chip_unmask,
                                          chip_route, chip_can_move, chip_is_ending};

void ioapic_init(void)
{
    nr_gsis = GSIS;
}

void ioapic_lines_init(void)
{
    for (u32 i = 0; i < GSIS; i++) {
        irq_of(i)->chip = &fake_chip;
        irq_of(i)->level = i >= 16;
        source_masked[i] = true;
    }
}

void ioapic_program(struct irq *irq)
{
    chip_route(irq);
    chip_mask(irq);
}

void i8259_silence(void)
{
}

bool i8259_interrupt(u32 vector)
{
    return false;
}

bool apic_in_service(u32 vector)
{
    return true;
}

void apic_error_interrupt(void)
{
}

bool cpu_takes_device_irqs(u32 cpu)
{
    return cpu < CPUS;
}

void smp_call_serve(void)
{
}

void cpu_wait(void)
{
    abort();
}

void softirq_raise(enum softirq nr)
{
}

nsec_t time_now(void)
{
    return now;
}

void timer_init(struct timer *t, void (*function)(void *), void *data, u32 cpu)
{
    *t = (struct timer){.function = function, .data = data};
}

void timer_set(struct timer *t, nsec_t expires)
{
    armed = t;
}

void timer_stop(struct timer *t)
{
}

bool event_raise_pirq(struct domain *d, u32 pirq)
{
    raised[d->id]++;
    return port_exists;
}

u32 msi_block_count(const struct irq *irq)
{
    return block_size;
}

void msi_unmap(struct irq *irq)
{
    spin_lock(&irq->lock);
    irq_vectors_free(irq);
    irq_number_free(irq);
    spin_unlock(&irq->lock);
    messages_freed++;
}

static u64 eoi_page[512];
static struct frame eoi_frame = {.count = FRAME_ALLOCATED | 1};
static u32 page_holds;

struct frame *arch_gfn_get_frame(struct domain *d, gfn_t gfn)
{
    if (!gfn.v)
        return NULL;
    eoi_frame.count++;
    return &eoi_frame;
}

/* Only frames that nobody holds come here. */
void frame_free_owned(struct frame *f)
{
    fail_msg("the guest's frame is freed");
}

int frame_get_writable(struct frame *f, struct domain *d)
{
    page_holds++;
    return 0;
}

void frame_put_writable(struct frame *f)
{
    page_holds--;
}

mfn_t frame_mfn(const struct frame *f)
{
    return MFN(1);
}

void *frame_to_virt(const struct frame *f)
{
    return f == &eoi_frame ? eoi_page : NULL;
}

struct frame *virt_to_frame(const void *p)
{
    return p == eoi_page ? &eoi_frame : NULL;
}

void *object_alloc(size_t bytes)
{
    return calloc(1, bytes);
}

void *object_alloc_array(size_t size, size_t n)
{
    return calloc(n, size);
}

void object_free(void *object)
{
    free(object);
}

void log_line(enum log_level level, const char *fmt, ...)
{
}

void log_guest(enum log_level level, const char *fmt, ...)
{
}

void panic(const char *fmt, ...)
{
    abort();
}

/* --- domains */

static struct domain dom0 = {.id = 0, .is_hardware = true}, dom1 = {.id = 1};
static struct vcpu vcpu0 = {.domain = &dom0, .cpu = 0}, vcpu1 = {.domain = &dom1, .cpu = 1};

static int map(struct domain *d, u32 pirq, u32 irq)
{
    spin_lock(&d->lock);
    int error = pirq_map(d, pirq, irq);
    spin_unlock(&d->lock);
    return error;
}

static int unmap(struct domain *d, u32 pirq)
{
    spin_lock(&d->lock);
    int error = pirq_unmap(d, pirq);
    spin_unlock(&d->lock);
    return error;
}

/* The source signals, as it was told to: once, by the CPU and vector that it knows. */
static void signal(u32 irq)
{
    host_cpu = routed_cpu[irq];
    irq_dispatch(NULL, routed_vector[irq]);
    host_cpu = 0;
}

static int setup(void **state)
{
    host_percpu_init(CPUS);
    eois = routes = messages_freed = page_holds = 0;
    now = 0;
    armed = NULL;
    port_exists = true;
    for (u32 i = 0; i < ARRAY_SIZE(raised); i++)
        raised[i] = 0;
    spin_init(&dom0.lock, LOCK_DOMAIN);
    spin_init(&dom1.lock, LOCK_DOMAIN);
    vcpu0.cpu = 0;
    vcpu1.cpu = 1;
    irq_init();
    return 0;
}

static int teardown(void **state)
{
    pirq_domain_destroy(&dom0);
    pirq_domain_destroy(&dom1);
    assert_int_equal(dom0.arch.pirq_count, 0);
    assert_int_equal(dom1.arch.pirq_count, 0);
    assert_int_equal(page_holds, 0);
    free(irq_of(0));
    return 0;
}

/* --- tests */

static void test_bind_needs_map(void **state)
{
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_EDGE, false), -EPERM);
    assert_int_equal(arch_pirq_bind(&vcpu0, ~0u, false), -EPERM);
    assert_int_equal(map(&dom0, GSI_EDGE, GSI_EDGE), 0);
    assert_int_equal(map(&dom0, GSI_EDGE, GSI_EDGE), 0);
    assert_int_equal(map(&dom0, GSI_EDGE, GSI_LEVEL), -EEXIST);
    assert_int_equal(map(&dom0, GSI_EDGE + 1, GSI_EDGE), -EEXIST);
    assert_int_equal(map(&dom0, nr_irqs, GSI_LEVEL), -EINVAL);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_EDGE, false), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_EDGE, false), -EEXIST);
}

static void test_edge(void **state)
{
    assert_int_equal(map(&dom0, GSI_EDGE, GSI_EDGE), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_EDGE, false), 0);
    assert_false(source_masked[GSI_EDGE]);
    for (u32 i = 0; i < 3; i++)
        signal(GSI_EDGE);
    assert_int_equal(raised[0], 3);
    assert_int_equal(eois, 3);
    assert_false(source_masked[GSI_EDGE]);
    arch_pirq_unbind(&dom0, GSI_EDGE);
    assert_true(source_masked[GSI_EDGE]);
    signal(GSI_EDGE); /* was under way */
    assert_int_equal(eois, 4);
    assert_int_equal(raised[0], 3);
}

static void test_level_waits_for_all(void **state)
{
    assert_int_equal(map(&dom0, GSI_LEVEL, GSI_LEVEL), 0);
    assert_int_equal(map(&dom1, 5, GSI_LEVEL), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_LEVEL, true), 0);
    assert_int_equal(arch_pirq_bind(&vcpu1, 5, false), -EBUSY);
    assert_int_equal(arch_pirq_bind(&vcpu1, 5, true), 0);
    u32 flags;
    assert_int_equal(pirq_status(&dom1, 5, &flags), 0);
    assert_int_equal(flags, XENIRQSTAT_needs_eoi | XENIRQSTAT_shared);

    signal(GSI_LEVEL);
    assert_int_equal(raised[0], 1);
    assert_int_equal(raised[1], 1);
    assert_int_equal(eois, 1);
    assert_true(source_masked[GSI_LEVEL]);
    arch_pirq_eoi(&dom0, GSI_LEVEL);
    arch_pirq_eoi(&dom0, GSI_LEVEL); /* twice counts once */
    assert_true(source_masked[GSI_LEVEL]);
    arch_pirq_eoi(&dom1, 5);
    assert_false(source_masked[GSI_LEVEL]);

    /* A guest that goes without ending it does not hold the line for the others. */
    signal(GSI_LEVEL);
    arch_pirq_unbind(&dom1, 5);
    assert_true(source_masked[GSI_LEVEL]);
    arch_pirq_eoi(&dom0, GSI_LEVEL);
    assert_false(source_masked[GSI_LEVEL]);
}

static void test_level_without_port(void **state)
{
    assert_int_equal(map(&dom0, GSI_LEVEL, GSI_LEVEL), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_LEVEL, false), 0);
    port_exists = false;
    signal(GSI_LEVEL);
    assert_false(source_masked[GSI_LEVEL]);
}

static void test_eoi_map(void **state)
{
    assert_int_equal(map(&dom0, GSI_LEVEL, GSI_LEVEL), 0);
    assert_int_equal(map(&dom0, GSI_LEVEL + 1, GSI_LEVEL + 1), 0);
    assert_int_equal(map(&dom0, GSI_EDGE, GSI_EDGE), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_LEVEL, false), 0);
    assert_int_equal(pirq_eoi_map_register(&dom0, 0, false), -EINVAL);
    assert_int_equal(pirq_eoi_map_register(&dom0, 7, false), 0);
    assert_int_equal(pirq_eoi_map_register(&dom0, 7, false), -EBUSY);
    assert_int_equal(page_holds, 1);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_LEVEL + 1, false), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_EDGE, false), 0);
    assert_true(bit_test(eoi_page, GSI_LEVEL));
    assert_true(bit_test(eoi_page, GSI_LEVEL + 1));
    assert_false(bit_test(eoi_page, GSI_EDGE));
    arch_pirq_unbind(&dom0, GSI_LEVEL);
    assert_false(bit_test(eoi_page, GSI_LEVEL));
}

static void test_move(void **state)
{
    assert_int_equal(map(&dom0, GSI_LEVEL, GSI_LEVEL), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_LEVEL, false), 0);
    u8 vector = routed_vector[GSI_LEVEL];
    vcpu0.cpu = 2;
    arch_pirq_set_affinity(&dom0, GSI_LEVEL, &vcpu0);
    assert_int_equal(routed_cpu[GSI_LEVEL], 0); /* only when it interrupts ... */
    eoi_under_way = true;
    signal(GSI_LEVEL);
    arch_pirq_eoi(&dom0, GSI_LEVEL);
    assert_int_equal(routed_cpu[GSI_LEVEL], 0); /* ... and its end is sure to find the line */
    eoi_under_way = false;
    signal(GSI_LEVEL);
    assert_int_equal(routed_cpu[GSI_LEVEL], 2);
    arch_pirq_eoi(&dom0, GSI_LEVEL);

    /*
     * Another wish waits until the first move is complete; what was under way the old way still
     * counts.
     */
    vcpu0.cpu = 3;
    arch_pirq_set_affinity(&dom0, GSI_LEVEL, &vcpu0);
    irq_dispatch(NULL, vector);
    assert_int_equal(raised[0], 3);
    assert_int_equal(routed_cpu[GSI_LEVEL], 2);
    arch_pirq_eoi(&dom0, GSI_LEVEL);
    signal(GSI_LEVEL);
    assert_int_equal(routed_cpu[GSI_LEVEL], 3);
    arch_pirq_eoi(&dom0, GSI_LEVEL);
    irq_dispatch(NULL, vector); /* of CPU 0: nobody's any more */
    assert_int_equal(raised[0], 4);
    signal(GSI_LEVEL);
    assert_int_equal(raised[0], 5);
}

static void test_storm(void **state)
{
    assert_int_equal(map(&dom0, GSI_EDGE, GSI_EDGE), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_EDGE, false), 0);
    now = SECONDS(1);
    u32 n = 0;
    while (!source_masked[GSI_EDGE] && n < 10000) {
        signal(GSI_EDGE);
        n++;
        now += 100;
    }
    assert_in_range(n, 1000, 4096);
    assert_ptr_equal(armed, &irq_of(GSI_EDGE)->storm_timer);
    armed->function(armed->data);
    assert_false(source_masked[GSI_EDGE]);

    for (u32 i = 0; i < 5000; i++) {
        now += MICROSECONDS(5);
        signal(GSI_EDGE);
        assert_false(source_masked[GSI_EDGE]);
    }
}

static void handler(void *data)
{
    (*(u32 *)data)++;
}

static void test_request(void **state)
{
    u32 calls = 0;
    assert_int_equal(irq_request(GSIS, handler, &calls, "test"), -EINVAL);
    assert_int_equal(irq_request(GSI_EDGE, handler, &calls, "test"), 0);
    assert_int_equal(irq_request(GSI_EDGE, handler, &calls, "test"), -EBUSY);
    signal(GSI_EDGE);
    assert_int_equal(calls, 1);
    assert_int_equal(map(&dom0, GSI_EDGE, GSI_EDGE), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_EDGE, true), -EBUSY);
    assert_int_equal(irq_set_type(GSI_EDGE, true, true), -EBUSY);
    assert_int_equal(irq_set_type(GSI_EDGE, false, false), 0);
    assert_int_equal(irq_set_type(GSI_EDGE + 1, true, true), 0);
}

static u32 message_block(u32 count, u32 cpu)
{
    u32 first = irq_numbers_alloc(count, &fake_chip);
    if (!first)
        return 0;
    if (irq_vectors_alloc(irq_of(first), count, cpu)) {
        for (u32 i = 0; i < count; i++)
            irq_number_free(irq_of(first + i));
        return 0;
    }
    for (u32 i = 0; i < count; i++) {
        irq_of(first + i)->msi = (struct msi_source *)&block_size;
        irq_of(first + i)->msi_index = i;
        chip_route(irq_of(first + i));
    }
    return first;
}

static void test_message_block(void **state)
{
    block_size = MSI_BLOCK;
    u32 first = message_block(MSI_BLOCK, 1);
    assert_int_not_equal(first, 0);
    assert_int_equal(irq_of(first)->vector % MSI_BLOCK, 0);
    spin_lock(&dom0.lock);
    int pirq = pirq_find_free(&dom0, false, MSI_BLOCK);
    spin_unlock(&dom0.lock);
    assert_int_equal(pirq, nr_irqs - MSI_BLOCK);
    for (u32 i = 0; i < MSI_BLOCK; i++) {
        assert_int_equal(map(&dom0, (u32)pirq + i, first + i), 0);
        assert_int_equal(arch_pirq_bind(&vcpu0, (u32)pirq + i, false), 0);
        signal(first + i);
    }
    assert_int_equal(raised[0], MSI_BLOCK);
    assert_int_equal(unmap(&dom0, (u32)pirq + 1), -EINVAL);
    assert_int_equal(unmap(&dom0, (u32)pirq), 0);
    assert_int_equal(messages_freed, MSI_BLOCK);
    assert_int_equal(unmap(&dom0, (u32)pirq), -EINVAL);
    u32 before = eois;
    signal(first); /* was under way */
    assert_int_equal(eois, before + 1);
    assert_int_equal(raised[0], MSI_BLOCK);
}

static void test_vectors_run_out(void **state)
{
    u32 blocks = 0, first;
    while ((first = message_block(32, 1)) != 0) {
        u32 vector = irq_of(first)->vector;
        assert_int_equal(vector % 32, 0);
        assert_true(vector >= VECTOR_DYNAMIC_FIRST && vector + 31 <= VECTOR_DYNAMIC_LAST);
        assert_false(vector <= VECTOR_INT80 && vector + 31 >= VECTOR_INT80);
        blocks++;
    }
    assert_int_equal(blocks, CPUS * 4); /* 0x40, 0x60, 0xa0, 0xc0 */
    u32 singles = 0;
    while (message_block(1, 1) != 0)
        singles++;
    assert_int_equal(blocks * 32 + singles, CPUS * VECTORS_OF_CPU);
}

/* Single messages until the CPU has no vector left. The last is the first that goes elsewhere. */
static u32 fill_cpu(u32 cpu)
{
    u32 first = 0;
    for (u32 n = 0; n <= VECTORS_OF_CPU; n++) {
        first = message_block(1, cpu);
        assert_int_not_equal(first, 0);
        assert_int_equal(irq_of(first)->cpu == cpu, n < VECTORS_OF_CPU);
    }
    return first;
}

/* What finds no vector near its guest gets one of another CPU, and moves when there is room. */
static void test_vectors_of_other_cpus(void **state)
{
    u32 far = fill_cpu(0);
    assert_int_equal(irq_of(far)->cpu, 1);
    u8 vector = irq_of(far)->vector;
    assert_int_equal(map(&dom0, far, far), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, far, false), 0);
    signal(far); /* wants to go to CPU 0, which is full */
    assert_int_equal(raised[0], 1);
    assert_int_equal(routed_cpu[far], 1);

    /* A line is in the same position. */
    assert_int_equal(map(&dom0, GSI_EDGE, GSI_EDGE), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_EDGE, false), 0);
    assert_int_equal(routed_cpu[GSI_EDGE], 1);
    signal(GSI_EDGE);
    assert_int_equal(raised[0], 2);

    /* One of CPU 0 goes: now there is room for the move, and then again on CPU 1. */
    irq_vectors_free(irq_of(far - 1));
    arch_pirq_set_affinity(&dom0, far, &vcpu0);
    signal(far);
    assert_int_equal(routed_cpu[far], 0);
    signal(far);
    assert_int_equal(raised[0], 4);
    u32 next = message_block(1, 0);
    assert_int_equal(irq_of(next)->cpu, 1);
    assert_int_equal(irq_of(next)->vector, vector);
}

/* Offline CPUs, and those that no device can reach, are not asked. */
static void test_vectors_unreachable_cpus(void **state)
{
    cpu_online_mask.bits[0] = 0x35; /* 1 and 3 are off; to 4 and 5 no message can be sent */
    u32 far = fill_cpu(0);
    assert_int_equal(irq_of(far)->cpu, 2);
    for (u32 n = 1; n < VECTORS_OF_CPU; n++)
        assert_int_equal(irq_of(message_block(1, 0))->cpu, 2);
    assert_int_equal(message_block(1, 0), 0);
    assert_int_equal(map(&dom0, GSI_EDGE, GSI_EDGE), 0);
    assert_int_equal(arch_pirq_bind(&vcpu0, GSI_EDGE, false), -ENOSPC);

    /* What a message of CPU 2 gives back is CPU 2's. */
    block_size = 1;
    assert_int_equal(map(&dom0, far, far), 0);
    assert_int_equal(unmap(&dom0, far), 0);
    far = message_block(1, 0);
    assert_int_equal(irq_of(far)->cpu, 2);
    cpu_online_mask.bits[0] = 0xf;
}

/* Anything in any order; then all must be given back (teardown) and no source be left open. */
static void test_random(void **state)
{
    struct domain *domains[] = {&dom0, &dom1};
    struct vcpu *vcpus[] = {&vcpu0, &vcpu1};
    srand(1);
    for (u32 n = 0; n < 200000; n++) {
        u32 who = (u32)rand() % 2, gsi = (u32)rand() % GSIS;
        now += (u32)rand() % 2000;
        vcpus[who]->cpu = (u32)rand() % CPUS;
        switch (rand() % 7) {
        case 0:
            (void)!map(domains[who], gsi, gsi);
            break;
        case 1:
            (void)!arch_pirq_bind(vcpus[who], gsi, rand() % 4);
            break;
        case 2:
            if (rand() % 4 == 0)
                arch_pirq_unbind(domains[who], gsi);
            break;
        case 3:
            if (rand() % 8 == 0)
                (void)!unmap(domains[who], gsi);
            break;
        case 4:
            if (!source_masked[gsi])
                signal(gsi);
            break;
        case 5:
            arch_pirq_eoi(domains[who], gsi);
            break;
        default:
            arch_pirq_set_affinity(domains[who], gsi, vcpus[who]);
        }
        struct irq *irq = irq_of(gsi);
        u32 in_service = 0;
        for (u32 i = 0; i < irq->nr_guests; i++)
            in_service += irq->guests[i].in_service;
        assert_int_equal(in_service, irq->nr_in_service);
        assert_int_equal(source_masked[gsi], irq->masked != 0);
        assert_int_equal(irq->masked & IRQ_MASKED_UNUSED, irq->nr_guests == 0);
        assert_int_equal(!!(irq->masked & IRQ_MASKED_SERVICE), in_service != 0);
    }
    pirq_domain_destroy(&dom0);
    pirq_domain_destroy(&dom1);
    for (u32 gsi = 0; gsi < GSIS; gsi++) {
        assert_true(source_masked[gsi]);
        assert_int_equal(irq_of(gsi)->nr_guests, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bind_needs_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_edge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level_waits_for_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level_without_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_eoi_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_move, setup, teardown),
        cmocka_unit_test_setup_teardown(test_storm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_message_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vectors_run_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vectors_of_other_cpus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vectors_unreachable_cpus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
