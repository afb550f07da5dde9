/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting up, from the first C instruction on the boot CPU to domain 0's first: what comes after
 * what, and nothing else. Each stage says in the log where it is.
 */
#include "arch/cpu.h"
#include "core/cmdline.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/heap.h"
#include "core/last_words.h"
#include "core/sched.h"
#include "core/softirq.h"
#include "core/tasklet.h"
#include "core/time.h"
#include "core/timer.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/boot.h"
#include "x86/cpu.h"
#include "x86/dom0.h"
#include "x86/efi.h"
#include "x86/idle.h"
#include "x86/irq.h"
#include "x86/keys.h"
#include "x86/numa.h"
#include "x86/page.h"
#include "x86/rtc.h"
#include "x86/speculation.h"
#include "x86/time.h"
#include "x86/tlb.h"
#include "x86/panic.h"

struct boot_info boot_info;
struct memory_map machine_memory, firmware_memory;

#define BOOT_MAPPED_END GIB(4) /* by the boot page tables */

static bool smep = true, smap = true;

/* A flag, or "hvm": for such guests only, which there are none of. */
static int flag_or_hvm(const char *value, bool *flag)
{
    int on = strcmp(value, "hvm") ? cmdline_parse_bool(value) : 0;
    if (on < 0)
        return on;
    *flag = on;
    return 0;
}

static int option_smep(const char *value)
{
    return flag_or_hvm(value, &smep);
}
OPTION_DEFINE_CUSTOM("smep", option_smep);

static int option_smap(const char *value)
{
    return flag_or_hvm(value, &smap);
}
OPTION_DEFINE_CUSTOM("smap", option_smap);

noreturn void boot_start(u32 magic, u32 information);

static init_text const void *boot_physical(paddr_t pa, size_t bytes)
{
    return pa + bytes <= BOOT_MAPPED_END ? paddr_to_virt(pa) : NULL;
}

/* Until it has an idle vCPU, the boot CPU is in nobody's context. */
static struct vcpu boot_vcpu;

static init_text void first_steps(u32 magic, u32 information)
{
    const char *why = NULL;
    struct cpu_info *info = cpu_info();
    info->vcpu = &boot_vcpu;
    boot_vcpu.is_idle = true;
    cpumask_set(&cpu_online_mask, 0);
    cpu_setup_boot();
    int error = boot_info_parse(&boot_info, magic, information, boot_physical, &why);
    if (!error)
        cmdline_parse(boot_info.cmdline, boot_info.named);
    console_init_early();
    log_info("Domus starts, speaking the Xen 4.17 ABI; loaded by %s",
             error ? "an unknown boot loader" : boot_info.loader);
    if (error)
        start_refuse("boot information: %s", why);
    cmdline_report();
    boot_info_report(&boot_info);
}

static init_text void processor_init(void)
{
    cpu_features_detect();
    speculation_init();
    cr4_base = CR4_PAE | CR4_PSE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (cpu_features.xsave)
        cr4_base |= CR4_OSXSAVE;
    if (cpu_features.smep && smep)
        cr4_base |= CR4_SMEP;
    if (cpu_features.smap && smap)
        cr4_base |= CR4_SMAP;
    if (cpu_features.umip)
        cr4_base |= CR4_UMIP;
    if (cpu_features.fsgsbase)
        cr4_base |= CR4_FSGSBASE;
}

/*
 * Last words lie in the middle of the largest range of RAM below 4 GiB: SeaBIOS, OVMF, GRUB and
 * Domus work from both ends, and the modules of a boot lie low. Rounded, so that firmware's own
 * allocations do not move it.
 */
#define LAST_WORDS_ALIGN MIB(2)

static init_text void last_words_find(void)
{
    paddr_t start = 0, end = 0;
    for (u32 i = 0; i < machine_memory.count; i++) {
        const struct memory_range *r = &machine_memory.ranges[i];
        paddr_t last = MIN(r->end, BOOT_MAPPED_END);
        if (r->type == MEMORY_RAM && last > r->start && last - r->start > end - start) {
            start = r->start;
            end = last;
        }
    }
    start = ROUND_UP(start + (end - start) / 2, LAST_WORDS_ALIGN);
    if (!boot_memory_take(start, start + LAST_WORDS_BYTES)) {
        log_info("last words: no memory for them; the next start will not tell of this run's end");
        return;
    }
    log_debug("last words: kept at %#lx", (unsigned long)start);
    last_words_init(paddr_to_virt(start), LAST_WORDS_BYTES);
}

/* A loader that puts modules where memory is not, or one into another, is not to be built upon. */
static init_text void module_check(u32 index)
{
    const struct boot_module *m = &boot_info.modules[index];
    if (!memory_map_is_ram(&machine_memory, mfn_of_paddr(m->start), mfn_of_paddr(m->end - 1)))
        start_refuse("boot module %u lies at %#lx-%#lx, which is not memory", index + 1,
                     (unsigned long)m->start, (unsigned long)m->end);
    for (u32 i = 0; i < index; i++)
        if (m->start < boot_info.modules[i].end && boot_info.modules[i].start < m->end)
            start_refuse("boot modules %u and %u lie in one place", i + 1, index + 1);
}

static init_text void memory_init(void)
{
    memory_map_build(&machine_memory, boot_info.memory, boot_info.nr_memory);
    memory_map_build_exact(&firmware_memory, boot_info.memory, boot_info.nr_memory);
    memory_map_log(&machine_memory);
    memory_map_limit_ram(&machine_memory, FRAME_CHUNKS_MAX * FRAMES_PER_TABLE_CHUNK << PAGE_SHIFT);
    for (u32 i = 0; i < machine_memory.count; i++)
        if (machine_memory.ranges[i].type == MEMORY_RAM)
            boot_memory_add(machine_memory.ranges[i].start, machine_memory.ranges[i].end);
    boot_memory_reserve(0, PAGE_SIZE);                                     /* the BIOS' data */
    boot_memory_reserve(image_paddr(image_start), image_paddr(image_end)); /* until it moves */
    for (u32 i = 0; i < boot_info.nr_modules; i++) {
        module_check(i);
        boot_memory_reserve(boot_info.modules[i].start, boot_info.modules[i].end);
    }
    boot_memory_reserve(boot_info.start, boot_info.end);
    smp_boot_reserve();
    last_words_find();
    paging_init();
    efi_init(&boot_info);
    acpi_init(boot_info.rsdp ? paddr_to_virt(boot_info.rsdp) : NULL, boot_info.rsdp_bytes,
              efi_rsdp());
    numa_init();
    boot_memory_to_heap();
    paging_heap_ready();
    efi_runtime_init();
    log_info("memory: %lu MiB of %lu MiB free", (unsigned long)(heap_free_frames() >> 8),
             (unsigned long)(memory_map_ram_bytes(&machine_memory) >> 20));
}

/* The image's start-up part becomes memory like any other. Nothing of it may run any more. */
static void init_release(void)
{
    paddr_t first = image_paddr(init_start), end = image_paddr(init_end);
    for (u8 *p = init_start; p < init_end; p += PAGE_SIZE)
        paging_unmap((vaddr_t)p);
    boot_memory_release(first, end);
}

static noreturn void leave_for_domain0(void)
{
    struct vcpu *v = hardware_domain->vcpus[0];
    init_release();
    log_info("memory: %lu MiB free beside domain 0, which starts now",
             (unsigned long)(heap_free_frames() >> 8));
    console_give_to_domain0();
    __atomic_and_fetch(&v->pause_flags, ~VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);
    sched_wake(v);
    idle_loop();
}

/* On the boot CPU's own stack. */
static init_text noreturn void boot_main(void)
{
    cpu_info()->vcpu = &boot_vcpu;
    cpu_setup_load(0);
    alternatives_apply();
    tlb_init();
    domains_init();
    paging_share_m2p();
    i8259_silence(); /* before its line to the APIC is masked: a request would hang there */
    apic_init_boot();
    irq_init();
    time_init();
    wallclock_set(rtc_read_unix(), 0, time_now());
    timers_init();
    tasklets_init();
    apic_timer_init(time_now);
    apic_timer_init_cpu();
    sched_init();
    if (timers_init_cpu(0) || sched_cpu_up(0))
        panic("no memory for the boot CPU's scheduling");
    sched_cpu_activate(0);
    cpu_info()->vcpu = sched_idle_vcpu(0);
    smp_boot_all();
    log_info("%u of %u CPUs run", cpumask_count(&cpu_online_mask), cpus_present);
    keys_init();
    keys_state_init();
    keys_machine_init();
    nmi_init();
    watchdog_init();
    console_init_input();
    dom0_build();
    stack_reset_and_jump(leave_for_domain0);
}

init_text void boot_start(u32 magic, u32 information)
{
    first_steps(magic, information);
    processor_init();
    memory_init();
    if (cpu_setup_create(0))
        panic("no memory for the boot CPU");
    stack_switch_and_jump(cpu_setup_stack(0), boot_main);
}
