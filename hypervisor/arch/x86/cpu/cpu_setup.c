/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each CPU needs before it can run guests: stacks with guard pages, its page of segment
 * descriptors, the TSS, the SYSCALL stubs, the MSRs and control registers. Also the one IDT of all
 * CPUs.
 *
 * A CPU's block of STACK_BLOCK bytes (see machine/percpu.h), page by page:
 *   1 NMI stack   3 #DF stack   5 #MC stack   7 SYSCALL stubs   9 #DB stack   12-15 the main stack
 * The others are not mapped.
 *
 * Sources: AMD APM vol. 2, 4.8 (descriptors), 8.2 (IDT), 12.2.5 (64-bit TSS), 6.1 (SYSCALL MSRs).
 */
#include "core/domain.h"
#include "core/heap.h"
#include "core/percpu.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/alternative.h"
#include "x86/boot.h"
#include "x86/cpu.h"
#include "x86/descriptors.h"
#include "x86/irq.h"
#include "x86/page.h"
#include "x86/speculation.h"

#define STACKS_BASE                                                                                \
    (LAYOUT_IMAGE + 0x20000000ull) /* within 2 GiB of the image: stubs jump directly */

enum {
    PAGE_NMI = 1,
    PAGE_DF = 3,
    PAGE_MC = 5,
    PAGE_STUBS = 7,
    PAGE_DB = 9,
    PAGE_MAIN = 12,
    PAGES_MAIN = 4
};

struct idt_entry {
    u16 offset_low, selector;
    u8 ist, attributes;
    u16 offset_middle;
    u32 offset_high, reserved;
} packed;

#define IDT_INTERRUPT_GATE 0x8e /* present, DPL 0, type 14: interrupts off */
#define IDT_DPL3           0x60

struct tss {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3, io_map;
} packed;

struct table_pointer {
    u16 limit;
    u64 base;
} packed;

/* Everything static about one CPU. */
struct cpu_static {
    struct tss tss aligned(128); /* not across a page */
    u64 *gdt;                    /* one page, at selector 0xe000 of every GDT */
    u64 loaded_gdt;              /* base of the GDTR */
    struct cpu_info *info;
};

static struct cpu_static *cpus[NR_CPUS];
static struct idt_entry idt[256] aligned(4096);
u64 percpu_offsets[NR_CPUS];
u64 cr4_base;

extern const u64 trap_stubs[32];
extern u8 interrupt_stubs[], boot_stack_block[];
void entry_syscall64(void);
void entry_syscall32(void);
void entry_sysenter(void);

#define INTERRUPT_STUB_BYTES 16

/* --- IDT */

static void idt_set(u32 vector, u64 handler, u8 ist, u8 dpl)
{
    idt[vector] = (struct idt_entry){
        .offset_low = (u16)handler,
        .offset_middle = (u16)(handler >> 16),
        .offset_high = (u32)(handler >> 32),
        .selector = SELECTOR_HYPERVISOR_CS,
        .ist = ist,
        .attributes = IDT_INTERRUPT_GATE | dpl,
    };
}

static void idt_init(void)
{
    for (u32 v = 0; v < 32; v++)
        idt_set(v, trap_stubs[v], 0, v == TRAP_BP || v == TRAP_OF ? IDT_DPL3 : 0);
    for (u32 v = 32; v < 256; v++)
        idt_set(v, (u64)interrupt_stubs + (v - 32) * INTERRUPT_STUB_BYTES, 0,
                v == VECTOR_INT80 ? IDT_DPL3 : 0);
}

/*
 * The boot stack has no interrupt stacks of its own: they are used once cpu_setup_load() has run.
 */
static void idt_use_stacks(void)
{
    idt[TRAP_NMI].ist = 1;
    idt[TRAP_DF].ist = 2;
    idt[TRAP_MC].ist = 3;
    idt[TRAP_DB].ist = 4;
}

static void idt_load(void)
{
    struct table_pointer p = {.limit = sizeof(idt) - 1, .base = (u64)idt};
    __asm__ volatile("lidt %0" : : "m"(p));
}

/* --- GDT */

static void gdt_fill(u64 *gdt, struct tss *tss)
{
    u64 base = (u64)tss;
    gdt[1] = DESCRIPTOR_CODE64_RING0;
    gdt[2] = DESCRIPTOR_DATA_RING0;
    gdt[4] = DESCRIPTOR_CODE32_RING3;
    gdt[5] = DESCRIPTOR_DATA_RING3;
    gdt[6] = DESCRIPTOR_CODE64_RING3;
    gdt[8] = descriptor_system_low(base, sizeof(*tss) - 1, DESCRIPTOR_TYPE_TSS);
    gdt[9] = base >> 32;
}

static void gdt_load_base(u64 base)
{
    struct table_pointer p = {.limit = GDT_LIMIT, .base = base};
    __asm__ volatile("lgdt %0" : : "m"(p));
}

void gdt_load_native(void)
{
    struct cpu_static *c = cpus[cpu_id()];
    c->loaded_gdt = (u64)c->gdt - GDT_RESERVED_START * 8;
    gdt_load_base(c->loaded_gdt);
}

void gdt_load_guest(u64 base)
{
    cpus[cpu_id()]->loaded_gdt = base;
    gdt_load_base(base);
}

mfn_t gdt_page_mfn(u32 cpu)
{
    return virt_to_mfn(cpus[cpu]->gdt);
}

void ldt_load(u64 base, u32 entries)
{
    u64 *gdt = cpus[cpu_id()]->gdt;
    u16 selector = 0;
    if (entries) {
        gdt[10] = descriptor_system_low(base, entries * 8 - 1, DESCRIPTOR_TYPE_LDT);
        gdt[11] = base >> 32;
        selector = SELECTOR_LDT;
    }
    __asm__ volatile("lldt %0" : : "r"(selector));
}

/* --- stacks and stubs */

static u64 block_of(u32 cpu)
{
    return STACKS_BASE + (u64)cpu * STACK_BLOCK;
}

void *cpu_setup_stack(u32 cpu)
{
    return (void *)(block_of(cpu) + STACK_BLOCK - sizeof(struct cpu_info));
}

/* mov %rsp, info->scratch; lea end of info->guest, %rsp; jmp target - all relative to rip. */
static u8 *stub_emit(u8 *at, u64 va, u32 cpu, u64 target)
{
    struct cpu_info *info = cpu_setup_stack(cpu);
    u8 code[] = {0x48, 0x89, 0x25, 0, 0, 0, 0, 0x48, 0x8d, 0x25, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0};
    s32 scratch = (s32)((u64)&info->scratch - (va + 7));
    s32 stack = (s32)((u64)(&info->guest + 1) - (va + 14));
    s32 jump = (s32)(target - (va + 19));
    memcpy(code + 3, &scratch, 4);
    memcpy(code + 10, &stack, 4);
    memcpy(code + 15, &jump, 4);
    memcpy(at, code, sizeof(code));
    return at + sizeof(code);
}

#define STUB_SYSCALL32 64 /* offset in the page of stubs */

static int map_stack_page(u32 cpu, u32 page, u64 flags, u8 **contents)
{
    u8 *p = page_alloc();
    if (!p)
        return -ENOMEM;
    if (contents)
        *contents = p;
    return paging_map(block_of(cpu) + page * PAGE_SIZE, virt_to_mfn(p), flags);
}

static int map_stacks(u32 cpu)
{
    static const u8 single[] = {PAGE_NMI, PAGE_DF, PAGE_MC, PAGE_DB};
    u8 *stubs;
    int error = map_stack_page(cpu, PAGE_STUBS, PAGE_HYPERVISOR_RX, &stubs);
    for (u32 i = 0; !error && i < ARRAY_SIZE(single); i++)
        error = map_stack_page(cpu, single[i], PAGE_HYPERVISOR, NULL);
    for (u32 i = 0; !error && i < PAGES_MAIN; i++)
        error = map_stack_page(cpu, PAGE_MAIN + i, PAGE_HYPERVISOR, NULL);
    if (error)
        return error;
    u64 va = block_of(cpu) + PAGE_STUBS * PAGE_SIZE;
    stub_emit(stubs, va, cpu, (u64)entry_syscall64);
    stub_emit(stubs + STUB_SYSCALL32, va + STUB_SYSCALL32, cpu, (u64)entry_syscall32);
    return 0;
}

int cpu_setup_create(u32 cpu)
{
    int error = map_stacks(cpu);
    struct cpu_static *c = object_new(struct cpu_static);
    size_t percpu_bytes = (size_t)(percpu_end - percpu_start);
    /* The boot CPU uses the link-time instances themselves. */
    u8 *percpu = cpu ? object_alloc(percpu_bytes) : percpu_start;
    if (error || !c || !percpu || !(c->gdt = page_alloc()))
        return -ENOMEM;
    percpu_offsets[cpu] = (u64)(percpu - percpu_start);
    u64 block = block_of(cpu);
    c->info = cpu_setup_stack(cpu);
    c->info->cpu = cpu;
    c->info->percpu_offset = percpu_offsets[cpu];
    c->info->softirqs = &per_cpu(softirq_pending, cpu);
    c->tss.rsp[0] = (u64)(&c->info->guest + 1);
    c->tss.ist[0] = block + (PAGE_NMI + 1) * PAGE_SIZE;
    c->tss.ist[1] = block + (PAGE_DF + 1) * PAGE_SIZE;
    c->tss.ist[2] = block + (PAGE_MC + 1) * PAGE_SIZE;
    c->tss.ist[3] = block + (PAGE_DB + 1) * PAGE_SIZE;
    c->tss.io_map = sizeof(struct tss);
    gdt_fill(c->gdt, &c->tss);
    cpus[cpu] = c;
    return 0;
}

/* --- on the CPU itself */

static void load_segments(void)
{
    /* Reload CS through a far return; data segments are null in 64-bit mode. */
    __asm__ volatile("push %0\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "xor %%eax, %%eax\n\t"
                     "mov %%eax, %%ds\n\t"
                     "mov %%eax, %%es\n\t"
                     "mov %%eax, %%fs\n\t"
                     "mov %%eax, %%gs\n\t"
                     "mov %1, %%ss"
                     :
                     : "i"(SELECTOR_HYPERVISOR_CS), "r"(SELECTOR_HYPERVISOR_DS)
                     : "rax", "memory");
}

/* A GDT for the boot CPU's first steps: only the reserved page. */
static u64 boot_gdt_page[512] aligned(4096) init_data;

void cpu_setup_boot(void)
{
    gdt_fill(boot_gdt_page, NULL);
    gdt_load_base((u64)boot_gdt_page - GDT_RESERVED_START * 8);
    load_segments();
    idt_init();
    idt_load();
}

static void load_msrs(u32 cpu)
{
    u64 stubs = block_of(cpu) + PAGE_STUBS * PAGE_SIZE;
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
    wrmsr(MSR_STAR, (u64)SELECTOR_RING3_CS32 << 48 | (u64)SELECTOR_HYPERVISOR_CS << 32);
    wrmsr(MSR_LSTAR, stubs);
    wrmsr(MSR_CSTAR, stubs + STUB_SYSCALL32);
    wrmsr(MSR_SFMASK,
          RFLAGS_IF | RFLAGS_TF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC | RFLAGS_IOPL | RFLAGS_RF);
    wrmsr(MSR_PAT, PAT_PV);
    if (cpu_features.intel) {
        wrmsr(MSR_SYSENTER_CS, SELECTOR_HYPERVISOR_CS);
        wrmsr(MSR_SYSENTER_ESP, cpus[cpu]->tss.rsp[0]);
        wrmsr(MSR_SYSENTER_EIP, (u64)entry_sysenter);
    }
    if (cpu_features.rdtscp)
        wrmsr(MSR_TSC_AUX, 0);
}

static void load_control_registers(void)
{
    write_cr0(CR0_PG | CR0_PE | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_AM);
    write_cr4(cr4_base);
    if (cpu_features.xsave)
        __asm__ volatile("xsetbv"
                         :
                         : "c"(0), "a"((u32)cpu_features.xcr0),
                           "d"((u32)(cpu_features.xcr0 >> 32)));
    __asm__ volatile("fninit");
}

void cpu_setup_load(u32 cpu)
{
    gdt_load_native();
    load_segments();
    idt_load();
    idt_use_stacks();
    cpus[cpu]->gdt[8] &= ~(2ull << 40); /* not busy, should it be loaded again */
    __asm__ volatile("ltr %0" : : "r"((u16)SELECTOR_TSS));
    ldt_load(0, 0);
    load_msrs(cpu);
    load_control_registers();
    cpu_faulting_enable();
    speculation_init_cpu();
}

/* --- alternatives */

struct alternative {
    s32 place; /* relative to itself */
    u32 kind;  /* ALTERNATIVE_* */
};
extern const struct alternative alternatives_start[], alternatives_end[];

void alternatives_apply(void)
{
    static const u8 instructions[][3] = {
        [ALTERNATIVE_CLAC] = {0x0f, 0x01, 0xca},
        [ALTERNATIVE_STAC] = {0x0f, 0x01, 0xcb},
    };
    if (!(cr4_base & CR4_SMAP))
        return;
    for (const struct alternative *a = alternatives_start; a < alternatives_end; a++) {
        const u8 *place = (const u8 *)&a->place + a->place;
        /* The text is read-only where it runs; its directmap alias is not. */
        memcpy(paddr_to_virt(image_paddr(place)), instructions[a->kind], sizeof(instructions[0]));
    }
}
