/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APICs: choosing how their registers are reached, setting each up, interrupts to other CPUs,
 * starting them. The timer in it is apic_timer.c's. Every CPU touches only its own APIC, with
 * interrupts disabled, so there are no locks.
 *
 * Messages go to one physical APIC id at a time; logical destinations are not used.
 */
#include "core/cmdline.h"
#include "core/percpu.h"
#include "core/time.h"
#include "errno.h"
#include "apic_registers.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/irq.h"
#include "x86/page.h"

#define APIC_BASE_BSP     BIT(8)
#define APIC_BASE_X2APIC  BIT(10)
#define APIC_BASE_ENABLE  BIT(11)
#define APIC_BASE_ADDRESS 0x000ffffffffff000ull
#define APIC_PAGE_BYTES   0x1000u

/* Times of the start-up protocol (Intel SDM vol. 3, 8.4.4.1): the 10 ms after INIT are for
 * processors of the last century. */
#define START_INIT_DELAY  MICROSECONDS(100)
#define START_SIPI_DELAY  MICROSECONDS(200)
#define NR_START_MESSAGES 2

/* Polls of a delivery that is under way before it counts as stuck. */
#define COMMAND_POLLS_MAX 100000u

struct cpu_identity {
    u32 apic_id, acpi_uid;
};

const struct apic_access *apic;
u32 cpus_present;

static struct cpu_identity identities[NR_CPUS];
static volatile u32 *xapic_page;

/* x2apic=no: only if the firmware has not turned it on already. */
static bool option_x2apic = true;
OPTION_DEFINE_BOOL("x2apic", option_x2apic);

static u32 xapic_read(u32 reg)
{
    return xapic_page[reg / sizeof(u32)];
}

static void xapic_write(u32 reg, u32 value)
{
    xapic_page[reg / sizeof(u32)] = value;
}

static bool xapic_command_done(void)
{
    for (u32 i = 0; i < COMMAND_POLLS_MAX; i++) {
        if (!(xapic_read(APIC_REG_COMMAND_LOW) & APIC_COMMAND_PENDING))
            return true;
        cpu_pause();
    }
    return false;
}

static void xapic_command(u32 apic_id, u32 command)
{
    /* A message that is never accepted is reported once it happens to APIC_start; here nothing
     * would be gained by giving up, for the next one overwrites it. */
    (void)xapic_command_done();
    xapic_write(APIC_REG_COMMAND_HIGH, apic_id << APIC_ID_SHIFT);
    xapic_write(APIC_REG_COMMAND_LOW, command);
}

static void xapic_command_self(u32 command)
{
    (void)xapic_command_done();
    xapic_write(APIC_REG_COMMAND_LOW, command);
    (void)xapic_command_done();
}

static u32 xapic_id(void)
{
    return xapic_read(APIC_REG_ID) >> APIC_ID_SHIFT;
}

static const struct apic_access xapic = {
    .name = "xAPIC",
    .read = xapic_read,
    .write = xapic_write,
    .command = xapic_command,
    .command_self = xapic_command_self,
    .id = xapic_id,
};

static u32 x2apic_read(u32 reg)
{
    return (u32)rdmsr(MSR_X2APIC_FIRST + (reg >> 4));
}

static void x2apic_write(u32 reg, u32 value)
{
    wrmsr(MSR_X2APIC_FIRST + (reg >> 4), value);
}

static void x2apic_command(u32 apic_id, u32 command)
{
    /* Writes to these MSRs do not wait for earlier stores (Intel SDM vol. 3, 10.12.3), which the
     * CPU that is called is going to read. */
    __asm__ volatile("mfence; lfence" : : : "memory");
    wrmsr(MSR_X2APIC_FIRST + (APIC_REG_COMMAND_LOW >> 4), (u64)apic_id << 32 | command);
}

static void x2apic_command_self(u32 command)
{
    x2apic_command(0, command);
}

static u32 x2apic_id(void)
{
    return x2apic_read(APIC_REG_ID);
}

static const struct apic_access x2apic = {
    .name = "x2APIC",
    .read = x2apic_read,
    .write = x2apic_write,
    .command = x2apic_command,
    .command_self = x2apic_command_self,
    .id = x2apic_id,
};

/*
 * x2APIC: if the firmware left it on; or under another hypervisor, where its registers cost one
 * exit each and no interrupt remapping is needed as long as ids are small. On bare machines without
 * interrupt remapping it is not to be turned on (Intel VT-d specification, 5.1).
 */
static const struct apic_access *access_choose(u64 base)
{
    if (base & APIC_BASE_X2APIC)
        return &x2apic;
    return cpu_features.x2apic && cpu_features.virtualised && option_x2apic ? &x2apic : &xapic;
}

/* Turn this CPU's APIC on, in the chosen mode. */
static void access_enable(void)
{
    u64 base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;
    /* From disabled to x2APIC there is no direct way (Intel SDM vol. 3, 10.12.5). */
    wrmsr(MSR_APIC_BASE, base);
    if (apic == &x2apic && !(base & APIC_BASE_X2APIC))
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
}

/* Requests that firmware, or an earlier kernel, took and never ended would hold back ours. */
static void in_service_clear(void)
{
    for (u32 word = 0; word < NR_VECTORS / 32; word++) {
        u32 bits = apic->read(APIC_REG_IN_SERVICE + word * APIC_REG_STRIDE);
        for (; bits; bits &= bits - 1)
            apic_eoi();
    }
}

static u32 lint_entry(const struct acpi_lapic_nmi *nmi)
{
    /* An NMI is edge-triggered whatever is asked for; only the polarity counts. */
    return APIC_DELIVERY_NMI | (nmi->polarity == ACPI_POLARITY_LOW ? APIC_LVT_LOW : 0);
}

/* The two local pins: masked (the 8259s are silent), but for what the firmware wired as NMI. */
static void local_pins_init(u32 uid)
{
    u32 entries[2] = {APIC_LVT_MASKED, APIC_LVT_MASKED};
    for (u32 i = 0; i < acpi_info.nr_lapic_nmis; i++) {
        const struct acpi_lapic_nmi *nmi = &acpi_info.lapic_nmis[i];
        if (nmi->lint < ARRAY_SIZE(entries) && (nmi->uid == uid || nmi->uid == ACPI_UID_ALL))
            entries[nmi->lint] = lint_entry(nmi);
    }
    apic->write(APIC_REG_LVT_LINT0, entries[0]);
    apic->write(APIC_REG_LVT_LINT1, entries[1]);
}

void apic_init_cpu(void)
{
    access_enable();
    /* Writes to the table of local vectors only take while the APIC is software-enabled. */
    apic->write(APIC_REG_SPURIOUS, APIC_SPURIOUS_ENABLE | VECTOR_APIC_SPURIOUS);
    apic->write(APIC_REG_TASK_PRIORITY, 0);
    in_service_clear();

    u32 last_lvt = apic->read(APIC_REG_VERSION) >> APIC_VERSION_LVT_SHIFT & 0xff;
    apic->write(APIC_REG_LVT_TIMER, APIC_LVT_MASKED);
    if (last_lvt >= APIC_LVT_INDEX_PERFORMANCE)
        apic->write(APIC_REG_LVT_PERFORMANCE, APIC_LVT_MASKED);
    if (last_lvt >= APIC_LVT_INDEX_THERMAL)
        apic->write(APIC_REG_LVT_THERMAL, APIC_LVT_MASKED);
    local_pins_init(identities[cpu_id()].acpi_uid);

    /* The register of errors is latched by writing it. */
    apic->write(APIC_REG_ERROR_STATUS, 0);
    apic->write(APIC_REG_LVT_ERROR, VECTOR_APIC_ERROR);
}

/* Number the CPUs: the one that booted is 0, the others follow in the firmware's order. */
static init_text void cpus_enumerate(u32 boot_id)
{
    identities[0] = (struct cpu_identity){.apic_id = boot_id, .acpi_uid = 0};
    cpus_present = 1;
    u32 ignored = 0;
    for (u32 i = 0; i < acpi_info.nr_lapics; i++) {
        const struct acpi_lapic *l = &acpi_info.lapics[i];
        if (!l->enabled)
            continue;
        if (l->apic_id == boot_id) {
            identities[0].acpi_uid = l->uid;
            continue;
        }
        if (cpus_present == NR_CPUS || (apic == &xapic && l->apic_id > APIC_ID_DEVICE_MAX)) {
            ignored++;
            continue;
        }
        identities[cpus_present++] =
            (struct cpu_identity){.apic_id = l->apic_id, .acpi_uid = l->uid};
    }
    if (ignored)
        log_warning("apic: %u CPUs are left out: their ids are out of reach", ignored);
}

init_text void apic_init_boot(void)
{
    u64 base = rdmsr(MSR_APIC_BASE);
    apic = access_choose(base);
    if (apic == &xapic) {
        paddr_t address = base & APIC_BASE_ADDRESS;
        xapic_page = map_device(address, APIC_PAGE_BYTES);
        if (!xapic_page)
            panic("apic: no memory to map the local APIC at %#lx", (unsigned long)address);
    }
    access_enable();
    cpus_enumerate(apic->id());
    apic_init_cpu();
    log_info("apic: %s, %u CPUs", apic->name, cpus_present);
}

u32 cpu_apic_id(u32 cpu)
{
    return cpu < cpus_present ? identities[cpu].apic_id : APIC_ID_NONE;
}

u32 cpu_acpi_uid(u32 cpu)
{
    return cpu < cpus_present ? identities[cpu].acpi_uid : APIC_ID_NONE;
}

bool cpu_takes_device_irqs(u32 cpu)
{
    return cpumask_test(&cpu_online_mask, cpu) && cpu_apic_id(cpu) <= APIC_ID_DEVICE_MAX;
}

void apic_send(u32 cpu, u32 vector)
{
    apic->command(identities[cpu].apic_id, APIC_DELIVERY_FIXED | APIC_COMMAND_ASSERT | vector);
}

void apic_send_self(u32 vector)
{
    /* The shorthand needs no id: what is half written of another message stays as it is. */
    apic->command_self(APIC_DESTINATION_SELF | APIC_DELIVERY_FIXED | APIC_COMMAND_ASSERT | vector);
}

void apic_send_mask(const struct cpumask *mask, u32 vector)
{
    u32 cpu;
    for_each_cpu (cpu, mask)
        apic_send(cpu, vector);
}

void apic_send_nmi(u32 cpu)
{
    apic->command(identities[cpu].apic_id, APIC_DELIVERY_NMI | APIC_COMMAND_ASSERT);
}

static void delay(nsec_t time)
{
    nsec_t end = time_now() + time;
    while (time_now() < end)
        cpu_pause();
}

static u32 errors_take(void)
{
    apic->write(APIC_REG_ERROR_STATUS, 0);
    return apic->read(APIC_REG_ERROR_STATUS);
}

void apic_stop_cpu(u32 apic_id)
{
    apic->command(apic_id, APIC_DELIVERY_INIT | APIC_COMMAND_ASSERT);
    delay(START_INIT_DELAY);
}

int apic_start_cpu(u32 apic_id, u8 vector_page)
{
    (void)errors_take();
    apic_stop_cpu(apic_id);
    for (u32 i = 0; i < NR_START_MESSAGES; i++) {
        apic->command(apic_id, APIC_DELIVERY_STARTUP | APIC_COMMAND_ASSERT | vector_page);
        delay(START_SIPI_DELAY);
    }
    if (apic == &xapic && !xapic_command_done())
        return -EIO;
    return errors_take() & APIC_ERROR_SEND_ACCEPT ? -EIO : 0;
}

void apic_error_interrupt(void)
{
    log_guest(LOG_WARNING, "apic: CPU %u reports error %#x", cpu_id(), errors_take());
}

bool apic_in_service(u32 vector)
{
    return apic->read(APIC_REG_IN_SERVICE + vector / 32 * APIC_REG_STRIDE) >> (vector % 32) & 1;
}
