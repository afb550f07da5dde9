/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's start, in the order of x86's boot_main(); domains as tools would make them; their
 * end, and whether anything is left of them; and snapshots, by which a fuzzer has the same machine
 * for each of its inputs.
 */
#include <stdio.h>
#include <stdlib.h>
#include "abi/arch-x86.h"
#include "abi/event_channel.h"
#include "arch/cpu.h"
#include "arch/memory.h"
#include "core/audit.h"
#include "core/console.h"
#include "core/heap.h"
#include "core/softirq.h"
#include "core/tasklet.h"
#include "core/time.h"
#include "core/timer.h"
#include "errno.h"
#include "host/machine.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/descriptors.h"
#include "x86/irq.h"
#include "x86/page.h"
#include "x86/pv.h"
#include "x86/pv_mm.h"
#include "x86/time.h"
#include "x86/tlb.h"

pte_t *hypervisor_l4;
static struct vcpu boot_vcpu;
/* Of frames_free_or_shown(), when there is no domain. */
static u64 frames_without_domains;

/* What the hypervisor shows of itself, it keeps: the traces. Frames may be out of use. */
static u64 frames_free_or_shown(void)
{
    u64 out = 0;
    for (u64 i = 1; i < HOST_FRAMES; i++)
        out += !!(frame_of_mfn(MFN(i))->count & FRAME_RETIRED);
    return heap_free_frames() + out + domain_xen()->frame_refs;
}

/* --- a run in which guests do nothing, and CPUs what is put off */

static u32 quiet_choose(enum host_why why, bool *interrupt)
{
    return why == HOST_BETWEEN || why == HOST_WAITING ? (cpu_id() + 1) % HOST_CPUS : cpu_id();
}

static void quiet_step(struct vcpu *v)
{
}

static bool quiet_more(void)
{
    return false;
}

static void quiet_at_rest(void)
{
}

static const struct host_program quiet = {quiet_choose, quiet_step, quiet_more, quiet_at_rest};

/* --- boot */

static void cpu_up(u32 cpu)
{
    host_cpu = cpu;
    current = &boot_vcpu;
    cpumask_set(&cpu_online_mask, cpu);
    host_processors[cpu].deadline = ~0ull;
    host_processors[cpu].cr3 = virt_to_paddr(hypervisor_l4);
    host_text_init();
    if (timers_init_cpu(cpu) || sched_cpu_up(cpu) || !gdt_page_mfn(cpu).v)
        panic("no memory for CPU %u", cpu);
    sched_cpu_activate(cpu);
    current = sched_idle_vcpu(cpu);
    host_cpu = 0;
}

static void features_init(void)
{
    cpu_features = (struct cpu_features){
        .amd = true,
        .nx = true,
        .invariant_tsc = true,
        .physical_bits = 40,
        .xcr0 = 3,
        .xsave_size = 512,
    };
}

static void hypervisor_tables_init(void)
{
    hypervisor_l4 = page_alloc();
    /* What they map is nobody's business here. */
    for (u32 i = HYPERVISOR_FIRST_SLOT; i <= HYPERVISOR_LAST_SLOT; i++)
        hypervisor_l4[i] = 0xabc000 + i * 2;
}

void host_boot(void)
{
    host_percpu_init(HOST_CPUS);
    boot_vcpu.is_idle = true;
    current = &boot_vcpu;
    cpumask_set(&cpu_online_mask, 0);
    console_init_early();
    features_init();
    host_memory_init();
    hypervisor_tables_init();
    tlb_init();
    domains_init();
    irq_init();
    time_init();
    wallclock_set(0, 0, time_now());
    timers_init();
    tasklets_init();
    sched_init();
    for (u32 cpu = 0; cpu < HOST_CPUS; cpu++)
        cpu_up(cpu);
    /* The first domain leaves things behind that stay. */
    host_domain_build(1, 1, HOST_GUEST_TABLES + 1);
    host_end(NULL);
    frames_without_domains = frames_free_or_shown();
}

/* --- domains */

static mfn_t frame_add(struct domain *d)
{
    struct frame *f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    if (!f || domain_assign_frames(d, f, 0))
        panic("no frame for domain %u", d->id);
    arch_gfn_assign(d, GFN(d->tot_frames - 1), frame_mfn(f));
    return frame_mfn(f);
}

/* The level-4 table. */
static mfn_t memory_make(struct domain *d, u32 frames)
{
    const u64 flags = PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;
    mfn_t tables[HOST_GUEST_TABLES], data[PTES_PER_TABLE];
    for (u32 i = 0; i < frames - HOST_GUEST_TABLES; i++)
        data[i] = frame_add(d);
    for (u32 i = 0; i < HOST_GUEST_TABLES; i++) {
        tables[i] = frame_add(d);
        if (i)
            ((pte_t *)mfn_to_virt(
                tables[i - 1]))[HOST_GUEST_VA >> (PAGE_SHIFT + 9 * (4 - i)) & 511] =
                pte_make(tables[i], flags);
    }
    pte_t *level1 = mfn_to_virt(tables[HOST_GUEST_TABLES - 1]);
    for (u32 i = 0; i < frames; i++)
        level1[i] = i < frames - HOST_GUEST_TABLES
                        ? pte_make(data[i], flags)
                        : pte_make(tables[i - (frames - HOST_GUEST_TABLES)], flags & ~PTE_WRITE);
    return tables[0];
}

static void vcpu_start(struct vcpu *v, mfn_t l4, vaddr_t stack)
{
    static struct vcpu_guest_context c;
    memset(&c, 0, sizeof(c));
    c.flags = VGCF_in_kernel;
    c.user_regs.rip = HOST_REST_VA;
    c.user_regs.rsp = c.kernel_sp = stack;
    c.user_regs.cs = SELECTOR_RING3_CS64;
    c.user_regs.ss = c.kernel_ss = SELECTOR_RING3_DS;
    c.ctrlreg[3] = xen_pfn_to_cr3(l4.v);
    if (pv_vcpu_set_context(v, &c))
        panic("vCPU %u of domain %u cannot be started", v->id, v->domain->id);
    __atomic_and_fetch(&v->pause_flags, ~VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);
    sched_wake(v);
}

struct domain *host_domain_build(domid_t id, u32 vcpus, u32 frames)
{
    int error;
    struct domain *d = domain_create(id, vcpus, &error);
    if (!d || frames <= HOST_GUEST_TABLES || frames > PTES_PER_TABLE)
        panic("domain %u cannot be created", id);
    d->max_frames = frames + 64;
    if (!id) {
        hardware_domain = d;
        d->is_hardware = d->is_control = true;
        if (rangeset_add(&d->iomem, HOST_DEVICE_MFN, HOST_DEVICE_MFN + HOST_DEVICE_FRAMES - 1) ||
            rangeset_add(&d->ioports, 0, 0xffff) || rangeset_add(&d->irqs, 0, nr_irqs - 1))
            panic("no memory for what domain 0 may use");
    }
    for (u32 i = 0; i < vcpus; i++)
        if (!vcpu_create(d, i))
            panic("domain %u: no memory for vCPU %u", id, i);
    mfn_t l4 = memory_make(d, frames);
    if (pv_pin_l4(d, l4))
        panic("the page tables of domain %u are no good", id);
    for (u32 i = 0; i < vcpus; i++)
        vcpu_start(d->vcpus[i], l4, HOST_GUEST_VA + (i + 1) * PAGE_SIZE);
    return d;
}

/* --- their end */

static struct tasklet end_tasklet;

/* Domain 0 last: whoever else ends, tells it. Its reference is the caller's. */
static struct domain *next_to_kill(void)
{
    struct domain *d = NULL, *found = NULL;
    while ((d = domain_list_next(d))) {
        if (d->dying == DOMAIN_DEAD || (found && !d->id))
            continue;
        if (found)
            domain_put(found);
        found = domain_try_ref(d) ? d : NULL;
    }
    return found;
}

static void end_slice(void *data)
{
    struct domain *d = next_to_kill();
    if (!d)
        return;
    int error = domain_kill(d);
    if (error && error != -ERESTART)
        panic("domain %u cannot be killed (%d)", d->id, error);
    if (!error && d == hardware_domain)
        hardware_domain = NULL;
    domain_put(d);
    tasklet_schedule(&end_tasklet, 0);
}

u32 host_end(void (*report)(const char *line))
{
    char line[160];
    u32 left = 0;
    struct domain *d = NULL;
    while ((d = domain_list_next(d))) {
        struct vcpu *v;
        __atomic_add_fetch(&d->pause_count, 1, __ATOMIC_SEQ_CST);
        for_each_vcpu (d, v)
            sched_sleep_nosync(v);
    }
    if (!host_run(&quiet))
        panic("the machine was switched off by a paused domain");
    tasklet_init(&end_tasklet, end_slice, NULL);
    tasklet_schedule(&end_tasklet, 0);
    if (!host_run(&quiet))
        panic("the machine was switched off by the end of a domain");
    while ((d = domain_list_next(d))) {
        snprintf(line, sizeof(line), "domain %u is left, with %u references and %lu frames", d->id,
                 d->refs - 1, (unsigned long)d->tot_frames);
        left++;
        if (report)
            report(line);
    }
    if (report && frames_free_or_shown() != frames_without_domains) {
        snprintf(line, sizeof(line), "%ld frames are missing from the heap",
                 (long)(frames_without_domains - frames_free_or_shown()));
        left++;
        report(line);
    }
    return left;
}

void *host_audit_alloc(u32 order)
{
    return aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
}

void host_audit_free(void *p, u32 order)
{
    free(p);
}

int host_audit(void (*report)(const char *line))
{
    return audit_machine(report) + host_tlb_audit(report);
}

/* --- snapshots: all static data, the CPUs' own, and those frames that are not free */

extern u8 __start_hostdata[], __stop_hostdata[], __start_percpu[], __stop_percpu[];

static struct {
    u8 *data, *percpu, *ram;
    u64 frames;
} saved section("hostcontexts");

/* Not by memcpy(), which the sanitizer would have stay between variables. */
static void copy(void *to, const void *from, size_t bytes)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

static void *save(const u8 *start, const u8 *end)
{
    u8 *place = malloc((size_t)(end - start));
    copy(place, start, (size_t)(end - start));
    return place;
}

void host_snapshot(void)
{
    saved.data = save(__start_hostdata, __stop_hostdata);
    saved.percpu = save(__start_percpu, __stop_percpu);
    saved.ram = save(host_ram, host_ram + HOST_FRAMES * PAGE_SIZE);
}

void host_restore(void)
{
    host_objects_allow_all();
    copy(__start_hostdata, saved.data, (size_t)(__stop_hostdata - __start_hostdata));
    copy(__start_percpu, saved.percpu, (size_t)(__stop_percpu - __start_percpu));
    for (u64 i = 1; i < HOST_FRAMES; i++) {
        const struct frame *f = frame_of_mfn(MFN(i));
        /* What is free and dirty is cleared before anybody sees it. */
        if ((f->count & (FRAME_FREE | FRAME_DIRTY)) != (FRAME_FREE | FRAME_DIRTY))
            copy(host_ram + i * PAGE_SIZE, saved.ram + i * PAGE_SIZE, PAGE_SIZE);
    }
    host_cpu = 0;
}
