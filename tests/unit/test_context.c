/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Context switches, seen by an NMI. One may come at any instruction, and its delivery reads the GDT
 * that is loaded at that moment, through the page tables that are loaded at that moment. So the
 * processors here remember both, and which windows show which CPU's descriptors; after each step
 * that changes any of it the GDT must be there. The rest of a guest's state is remembered too: what
 * it had when it left is what it has when it is back, and nothing of it stays meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/heap.h"
#include "core/sched.h"
#include "core/softirq.h"
#include "core/time.h"
#include "x86/boot.h"
#include "x86/cpu.h"
#include "x86/descriptors.h"
#include "x86/fpu.h"
#include "x86/idle.h"
#include "x86/pv.h"
#include "x86/pv_mm.h"
#include "x86/speculation.h"
#include "x86/tlb.h"

#define CPUS          2u
#define DOMAINS       3u
#define VCPUS         3u /* of each domain */
#define RANDOM_ROUNDS 5000u

#define DR7_ENABLED 0xffull
#define DR7_LOCAL0  0x401ull

#define CR4_BASE (CR4_PAE | CR4_PGE | CR4_FSGSBASE)

/* Frames: a level-4 table for each mode of each vCPU, one of the hypervisor, a GDT page per CPU. */
#define L4_FIRST      0x100u
#define L4_OF(d, v)   (L4_FIRST + ((d)*VCPUS + (v)) * 2)
#define L4_END        L4_OF(DOMAINS, 0)
#define L4_HYPERVISOR 0x800u
#define GDT_MFN(cpu)  (0x900u + (cpu))

#define GDT_NATIVE 0ull

struct processor {
    u64 gdt; /* GDT_NATIVE, or the window's address */
    u64 ldt;
    u32 ldt_entries;
    paddr_t cr3;
    u64 cr4, dr[8];
    u64 fs_base, gs_base, shadow_gs_base, tsc_aux;
    const struct vcpu *fpu_owner; /* whose floating-point state is loaded */
};

/* What a guest had when it last ran. */
struct guest_state {
    struct regs regs;
    u16 ds, es, gs;
    u64 fs_base, gs_base, shadow_gs_base;
};

struct cpu_features cpu_features;
u64 cr4_base = CR4_BASE;
pte_t *hypervisor_l4;
DEFINE_PER_CPU(u32, softirq_pending);

static struct processor processors[CPUS];
static struct domain domains[DOMAINS];
static struct domain idle_owner; /* of the idle vCPUs */
static struct vcpu vcpus[DOMAINS][VCPUS], idle_vcpus[CPUS];
static struct guest_state states[DOMAINS][VCPUS];
/* Whose descriptors stand at the reserved page of each window; NR_CPUS: nothing does. */
static u32 reserved_page[DOMAINS][VCPUS];

static jmp_buf way_out;
static const struct vcpu *leaving; /* until sched_switch_done() */

static struct processor *processor(void)
{
    return &processors[cpu_id()];
}

static u64 window_of(const struct vcpu *v)
{
    return LAYOUT_PERDOMAIN + ((u64)v->id << PERDOMAIN_VCPU_SHIFT);
}

static struct guest_state *state_of(const struct vcpu *v)
{
    return &states[v->domain->id][v->id];
}

/* Whose tables a CPU has loaded: DOMAINS says the hypervisor's. */
static u32 tables_loaded(u32 cpu)
{
    u64 mfn = processors[cpu].cr3 >> PAGE_SHIFT;
    if (mfn == L4_HYPERVISOR)
        return DOMAINS;
    assert_in_range(mfn, L4_FIRST, L4_END - 1);
    return (u32)(mfn - L4_FIRST) / (VCPUS * 2);
}

static void nmi_may_come(void)
{
    for (u32 cpu = 0; cpu < CPUS; cpu++) {
        u64 gdt = processors[cpu].gdt;
        u32 domain = tables_loaded(cpu);
        /* Who changes a domain's tables must know which CPUs to tell. */
        assert_true(domain == DOMAINS || cpumask_test(&domains[domain].dirty_cpus, cpu));
        if (gdt == GDT_NATIVE)
            continue;
        /* A window is in its own domain's tables only, ... */
        assert_int_not_equal(domain, DOMAINS);
        u64 id = (gdt - LAYOUT_PERDOMAIN) >> PERDOMAIN_VCPU_SHIFT;
        assert_in_range(id, 0, VCPUS - 1);
        /* ... and the descriptors there must be this CPU's. */
        assert_int_equal(reserved_page[domain][id], cpu);
    }
}

/* --- the GDT and the tables */

void gdt_load_native(void)
{
    processor()->gdt = GDT_NATIVE;
    nmi_may_come();
}

void gdt_load_guest(u64 base)
{
    processor()->gdt = base;
    nmi_may_come();
}

mfn_t gdt_page_mfn(u32 cpu)
{
    return MFN(GDT_MFN(cpu));
}

void perdomain_map(struct vcpu *v, u32 page, mfn_t mfn, u64 flags)
{
    assert_int_equal(page, GDT_RESERVED_PAGE);
    assert_in_range(mfn.v, GDT_MFN(0), GDT_MFN(CPUS - 1));
    assert_true(flags & PTE_PRESENT);
    assert_false(flags & (PTE_GLOBAL | PTE_USER));
    reserved_page[v->domain->id][v->id] = (u32)(mfn.v - GDT_MFN(0));
    nmi_may_come();
}

void tlb_load_cr3(u64 cr3)
{
    processor()->cr3 = cr3;
    nmi_may_come();
}

void write_cr3(u64 cr3)
{
    tlb_load_cr3(cr3);
}

paddr_t virt_to_paddr(const void *p)
{
    assert_ptr_equal(p, hypervisor_l4);
    return paddr_of_mfn(MFN(L4_HYPERVISOR));
}

/* --- the rest of a processor */

void ldt_load(u64 base, u32 entries)
{
    processor()->ldt = base;
    processor()->ldt_entries = entries;
}

void write_cr4(u64 v)
{
    processor()->cr4 = v;
}

void(write_dr)(u32 number, u64 v)
{
    /* A breakpoint must not be in force with another's address. */
    assert_true(number == 7 || !(processor()->dr[7] & DR7_ENABLED));
    processor()->dr[number] = v;
}

void wrmsr(u32 msr, u64 v)
{
    assert_int_equal(msr, MSR_TSC_AUX);
    processor()->tsc_aux = v;
}

static u64 *segment_base(u32 msr)
{
    switch (msr) {
    case MSR_FS_BASE:
        return &processor()->fs_base;
    case MSR_GS_BASE:
        return &processor()->gs_base;
    default:
        assert_int_equal(msr, MSR_SHADOW_GS_BASE);
        return &processor()->shadow_gs_base;
    }
}

u64 pv_segment_base_read(u32 msr)
{
    return *segment_base(msr);
}

void pv_segment_base_write(u32 msr, u64 base)
{
    *segment_base(msr) = base;
}

void swapgs(void)
{
    u64 base = processor()->gs_base;
    processor()->gs_base = processor()->shadow_gs_base;
    processor()->shadow_gs_base = base;
}

/*
 * Segment registers are read with the host's own instructions, so they are loaded with them too:
 * with nothing, or with what SS has. Neither is of consequence to a 64-bit program, except in FS.
 */
#define SEGMENT_READ(name, to)   __asm__ volatile("mov %%" #name ", %0" : "=r"(to))
#define SEGMENT_LOAD(name, from) __asm__ volatile("mov %0, %%" #name : : "r"((u32)(from)))

static u16 some_selector(u32 chance)
{
    u16 ss;
    SEGMENT_READ(ss, ss);
    return chance & 1 ? ss : 0;
}

/* Selectors name descriptors of the guest's own tables. */
static void descriptors_must_be_there(void)
{
    assert_int_equal(processor()->gdt, window_of(current));
    assert_int_equal(processor()->ldt, window_of(current) + PERDOMAIN_LDT_OFFSET);
    assert_int_equal(processor()->ldt_entries, current->arch.ldt_entries);
}

int segment_load_ds(u16 selector)
{
    descriptors_must_be_there();
    SEGMENT_LOAD(ds, selector);
    return 0;
}

int segment_load_es(u16 selector)
{
    descriptors_must_be_there();
    SEGMENT_LOAD(es, selector);
    return 0;
}

int segment_load_fs(u16 selector)
{
    descriptors_must_be_there();
    assert_int_equal(selector, current->arch.fs);
    return 0;
}

int segment_load_gs(u16 selector)
{
    descriptors_must_be_there();
    SEGMENT_LOAD(gs, selector);
    return 0;
}

void fpu_save(struct vcpu *v)
{
    assert_ptr_equal(processor()->fpu_owner, v);
    processor()->fpu_owner = NULL;
}

void fpu_restore(struct vcpu *v)
{
    assert_ptr_equal(v, current);
    processor()->fpu_owner = v;
}

/* --- the rest of the hypervisor */

void speculation_switch(u32 domain)
{
    assert_int_equal(domain, current->domain->id);
}

/* From here on another CPU may run it, or destroy it with its tables. */
void sched_switch_done(struct vcpu *prev)
{
    assert_ptr_equal(prev, leaving);
    leaving = NULL;
    if (prev->is_idle)
        return;
    assert_ptr_not_equal(processor()->fpu_owner, prev);
    assert_int_not_equal(processor()->cr3, pv_cr3(prev, true));
    assert_int_not_equal(processor()->cr3, pv_cr3(prev, false));
    if (prev->domain == current->domain)
        return;
    assert_int_not_equal(tables_loaded(cpu_id()), prev->domain->id);
    assert_false(cpumask_test(&prev->domain->dirty_cpus, cpu_id()));
}

/* Both write to the guest's memory. */
void time_update_vcpu(struct vcpu *v)
{
    assert_ptr_equal(v, current);
    assert_int_equal(tables_loaded(cpu_id()), v->domain->id);
}

void sched_runstate_update_guest(struct vcpu *v)
{
    time_update_vcpu(v);
}

void stack_reset_and_jump(void (*function)(void))
{
    assert_true(function == idle_loop);
    assert_true(current->is_idle);
    longjmp(way_out, 1);
}

void stack_reset_and_exit(void)
{
    assert_false(current->is_idle);
    longjmp(way_out, 1);
}

/* Not part of any switch here. */

void pv_inject_failsafe(struct vcpu *v)
{
    fail();
}

void pv_nmi_note(struct vcpu *v)
{
    fail();
}

void cpu_signal(u32 cpu)
{
    fail();
}

void cpu_idle(void)
{
    fail();
}

void softirq_run(void)
{
    fail();
}

bool heap_scrub_some(void)
{
    fail();
    return false;
}

/* --- guests and their switches */

static bool is_somewhere(const struct vcpu *v)
{
    for (u32 cpu = 0; cpu < CPUS; cpu++)
        if (host_cpu_info[cpu].vcpu == v)
            return true;
    return false;
}

static void check_idle(void)
{
    const struct processor *p = processor();
    assert_int_equal(p->gdt, GDT_NATIVE);
    assert_int_equal(p->ldt_entries, 0);
    assert_int_equal(tables_loaded(cpu_id()), DOMAINS);
    assert_int_equal(p->dr[7] & DR7_ENABLED, 0);
    assert_null(p->fpu_owner);
}

static void check_guest(const struct vcpu *v)
{
    const struct processor *p = processor();
    const struct guest_state *s = state_of(v);
    u16 ds, es, gs;

    assert_int_equal(p->gdt, window_of(v));
    assert_int_equal(p->cr3, pv_cr3(v, v->arch.kernel_mode));
    assert_int_equal(p->cr4, CR4_BASE | (v->arch.cr4 & CR4_TSD));
    assert_int_equal(p->tsc_aux, v->arch.tsc_aux);
    assert_ptr_equal(p->fpu_owner, v);
    assert_memory_equal(guest_regs(), &s->regs, sizeof(s->regs));

    SEGMENT_READ(ds, ds);
    SEGMENT_READ(es, es);
    SEGMENT_READ(gs, gs);
    assert_int_equal(ds, s->ds);
    assert_int_equal(es, s->es);
    assert_int_equal(gs, s->gs);
    assert_int_equal(p->fs_base, s->fs_base);
    assert_int_equal(p->gs_base, s->gs_base);
    assert_int_equal(p->shadow_gs_base, s->shadow_gs_base);

    if (v->arch.dr7 & DR7_ENABLED) {
        assert_memory_equal(p->dr, v->arch.dr, sizeof(v->arch.dr));
        assert_int_equal(p->dr[7], v->arch.dr7);
    } else {
        assert_int_equal(p->dr[7] & DR7_ENABLED, 0);
    }
}

/*
 * This CPU goes on. The host has one set of segment registers for all of them: they get back what
 * this one's guest has.
 */
static void cpu_choose(u32 cpu)
{
    host_cpu = cpu;
    if (current->is_idle)
        return;
    SEGMENT_LOAD(ds, state_of(current)->ds);
    SEGMENT_LOAD(es, state_of(current)->es);
    SEGMENT_LOAD(gs, state_of(current)->gs);
}

static void switch_to(struct vcpu *next)
{
    struct vcpu *prev = current;
    leaving = prev;
    if (!setjmp(way_out))
        arch_context_switch(prev, next);
    assert_null(leaving);
    assert_ptr_equal(current, next);
    if (next->is_idle)
        check_idle();
    else
        check_guest(next);
}

/* Breakpoints as the guest sets them (pv/debugreg.c). */
static void set_breakpoints(struct vcpu *v, bool on)
{
    write_dr(7, 0);
    v->arch.dr7 = on ? DR7_LOCAL0 : 0;
    for (u32 n = 0; n < 4; n++) {
        v->arch.dr[n] = (u64)rand();
        if (on)
            write_dr(n, v->arch.dr[n]);
    }
    if (on)
        write_dr(7, v->arch.dr7);
}

/* The guest of this CPU changes all it has. */
static void live(void)
{
    struct vcpu *v = current;
    struct guest_state *s = state_of(v);
    struct processor *p = processor();

    memset(guest_regs(), rand() & 0xff, sizeof(struct regs));
    s->regs = *guest_regs();
    if (rand() & 1)
        pv_toggle_mode(v);
    s->fs_base = p->fs_base = (u64)rand();
    s->gs_base = p->gs_base = (u64)rand();
    s->shadow_gs_base = p->shadow_gs_base = (u64)rand();
    s->ds = some_selector((u32)rand());
    s->es = some_selector((u32)rand());
    s->gs = some_selector((u32)rand());
    cpu_choose(cpu_id());
    v->arch.tsc_aux = p->tsc_aux = (u64)rand();
    v->arch.ldt_entries = (u32)rand() % 8192;
    ldt_load(window_of(v) + PERDOMAIN_LDT_OFFSET, v->arch.ldt_entries);
    v->arch.cr4 = rand() & 1 ? CR4_TSD | CR4_FSGSBASE : CR4_FSGSBASE;
    pv_load_cr4(v);
    set_breakpoints(v, rand() & 1);
    check_guest(v);
}

static void vcpu_setup(u32 domain, u32 id)
{
    struct vcpu *v = &vcpus[domain][id];
    *v = (struct vcpu){.id = id, .domain = &domains[domain]};
    v->arch.kernel_mode = true;
    v->arch.kernel_l4 = MFN(L4_OF(domain, id));
    v->arch.user_l4 = MFN(L4_OF(domain, id) + 1);
    v->arch.gdt_cpu = NR_CPUS;
    v->arch.cr4 = CR4_FSGSBASE;
    states[domain][id] = (struct guest_state){0};
    reserved_page[domain][id] = NR_CPUS;
}

/* All CPUs are idle, and no vCPU ever ran. */
static void world_reset(void)
{
    static pte_t table[PTES_PER_TABLE];
    hypervisor_l4 = table;
    cpu_features = (struct cpu_features){.fsgsbase = true, .rdtscp = true};
    host_percpu_init(CPUS);
    idle_owner = (struct domain){.id = DOMID_IDLE, .is_idle = true};
    for (u32 d = 0; d < DOMAINS; d++) {
        domains[d] = (struct domain){.id = (domid_t)d};
        for (u32 id = 0; id < VCPUS; id++)
            vcpu_setup(d, id);
    }
    for (u32 cpu = 0; cpu < CPUS; cpu++) {
        idle_vcpus[cpu] = (struct vcpu){.id = cpu, .domain = &idle_owner, .is_idle = true};
        processors[cpu] = (struct processor){.cr3 = paddr_of_mfn(MFN(L4_HYPERVISOR))};
        host_cpu_info[cpu].vcpu = &idle_vcpus[cpu];
    }
    cpu_choose(0);
}

static int setup(void **state)
{
    srand(1);
    world_reset();
    return 0;
}

static int teardown(void **state)
{
    SEGMENT_LOAD(ds, 0);
    SEGMENT_LOAD(es, 0);
    SEGMENT_LOAD(gs, 0);
    return 0;
}

/* --- tests */

static void idle_to_guest_and_back(void **state)
{
    struct vcpu *v = &vcpus[0][1];
    for (u32 i = 0; i < 8; i++) {
        switch_to(v);
        live();
        switch_to(&idle_vcpus[0]);
    }
}

static void to_another_of_the_same_domain(void **state)
{
    switch_to(&vcpus[1][0]);
    live();
    switch_to(&vcpus[1][2]);
    live();
    switch_to(&vcpus[1][0]);
    /* Its tables stay loaded all the time. */
    assert_true(cpumask_test(&domains[1].dirty_cpus, 0));
}

/* The window that the first one's GDT is in shows nothing in the second one's tables. */
static void to_another_domain_without_that_window(void **state)
{
    switch_to(&vcpus[0][2]);
    live();
    switch_to(&vcpus[1][0]);
    assert_int_equal(reserved_page[1][2], NR_CPUS);
    live();
    switch_to(&vcpus[0][2]);
    live();
    switch_to(&vcpus[2][1]);
}

/* It shows something there: another CPU's descriptors, with its TSS and its stacks. */
static void to_another_domain_whose_window_is_elsewhere(void **state)
{
    cpu_choose(1);
    switch_to(&vcpus[1][2]);
    cpu_choose(0);
    switch_to(&vcpus[0][2]);
    switch_to(&vcpus[1][0]);
    assert_int_equal(reserved_page[1][2], 1);
}

static void a_guest_moves_to_another_cpu(void **state)
{
    struct vcpu *v = &vcpus[2][0];
    for (u32 i = 0; i < 8; i++) {
        cpu_choose(i % CPUS);
        switch_to(v);
        assert_int_equal(reserved_page[2][0], cpu_id());
        live();
        switch_to(i & 2 ? &vcpus[1][0] : &idle_vcpus[cpu_id()]);
        if (i & 2)
            switch_to(&idle_vcpus[cpu_id()]);
    }
}

static void breakpoints_go_with_their_guest(void **state)
{
    struct vcpu *with = &vcpus[0][0], *without = &vcpus[1][1];
    switch_to(with);
    set_breakpoints(with, true);
    switch_to(without);
    assert_int_equal(processor()->dr[7] & DR7_ENABLED, 0);
    switch_to(with);
    assert_int_equal(processor()->dr[7], DR7_LOCAL0);
    switch_to(&idle_vcpus[0]);
    assert_int_equal(processor()->dr[7] & DR7_ENABLED, 0);
}

static void random_switches(void **state)
{
    for (u32 i = 0; i < RANDOM_ROUNDS; i++) {
        cpu_choose((u32)rand() % CPUS);
        u32 n = (u32)rand() % (DOMAINS * VCPUS + 1);
        struct vcpu *next =
            n < DOMAINS * VCPUS ? &vcpus[n / VCPUS][n % VCPUS] : &idle_vcpus[cpu_id()];
        if (is_somewhere(next))
            continue;
        switch_to(next);
        if (!next->is_idle)
            live();
        /* All is forgotten, as when domains come and go. */
        if (i % 100 == 99)
            world_reset();
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(idle_to_guest_and_back),
        TEST(to_another_of_the_same_domain),
        TEST(to_another_domain_without_that_window),
        TEST(to_another_domain_whose_window_is_elsewhere),
        TEST(a_guest_moves_to_another_cpu),
        TEST(breakpoints_go_with_their_guest),
        TEST(random_switches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
