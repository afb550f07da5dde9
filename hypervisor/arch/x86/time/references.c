/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters of known frequency that the TSC is measured against at boot: the HPET (IA-PC HPET
 * specification 1.0a, 2.3), the ACPI PM timer (ACPI 6.4, 4.8.2.1), the PIT's channel 2 (Intel
 * 8254). And the tick of the PIT's channel 0, for the watchdog.
 */
#include "x86/acpi.h"
#include "x86/cpu.h"
#include "x86/page.h"
#include "x86/time.h"

/* --- HPET */

#define HPET_BYTES         1024
#define HPET_CAPABILITIES  0x000
#define HPET_CONFIGURATION 0x010
#define HPET_COUNTER       0x0f0
#define HPET_ENABLE        BIT(0)
#define HPET_PERIOD_MAX    100000000ull /* fs */
#define FS_PER_SECOND      1000000000000000ull

static volatile u8 *hpet;

static u64 hpet_read(void)
{
    return *(volatile u32 *)(hpet + HPET_COUNTER);
}

static init_text u64 hpet_start(void)
{
    if (!acpi_info.hpet_address)
        return 0;
    hpet = map_device(acpi_info.hpet_address, HPET_BYTES);
    if (!hpet)
        return 0;
    u64 period = *(volatile u32 *)(hpet + HPET_CAPABILITIES + 4);
    if (!period || period > HPET_PERIOD_MAX)
        return 0;
    volatile u32 *configuration = (volatile u32 *)(hpet + HPET_CONFIGURATION);
    *configuration |= (u32)HPET_ENABLE;
    return FS_PER_SECOND / period;
}

const struct time_reference time_hpet = {.name = "HPET",
                                         .start = hpet_start,
                                         .read = hpet_read,
                                         .mask = 0xffffffff,
                                         .window = MILLISECONDS(10)};

/* --- ACPI PM timer */

#define PM_TIMER_HZ 3579545ull

static u64 pm_read(void)
{
    return port_in32((u16)acpi_info.fadt.pm_timer.address);
}

static init_text u64 pm_start(void)
{
    const struct acpi_register *r = &acpi_info.fadt.pm_timer;
    return r->address && r->space == ACPI_SPACE_IO && r->address <= 0xffff ? PM_TIMER_HZ : 0;
}

const struct time_reference time_pm_24 = {.name = "ACPI PM timer",
                                          .start = pm_start,
                                          .read = pm_read,
                                          .mask = 0xffffff,
                                          .window = MILLISECONDS(20)};
const struct time_reference time_pm_32 = {.name = "ACPI PM timer",
                                          .start = pm_start,
                                          .read = pm_read,
                                          .mask = 0xffffffff,
                                          .window = MILLISECONDS(20)};

/* --- PIT */

#define PIT_HZ       1193182ull
#define PIT_CHANNEL0 0x40
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND  0x43
#define PIT_GATE     0x61
#define PIT_GATE_ON  BIT(0)
#define PIT_SPEAKER  BIT(1)
#define PIT_ONE_SHOT 0xb0 /* channel 2, low then high byte, mode 0 */
#define PIT_PERIODIC 0x34 /* channel 0, low then high byte, mode 2 */
#define PIT_SILENT   0x30 /* channel 0, mode 0, which waits for a count that does not come */
#define PIT_LATCH    0x80 /* channel 2 */
#define PIT_FIRST    0xffffu

static u64 pit_read(void)
{
    port_out8(PIT_COMMAND, PIT_LATCH);
    u32 low = port_in8(PIT_CHANNEL2), high = port_in8(PIT_CHANNEL2);
    return PIT_FIRST - (high << 8 | low); /* it counts down */
}

static init_text u64 pit_start(void)
{
    port_out8(PIT_GATE, (u8)((port_in8(PIT_GATE) & ~PIT_SPEAKER) | PIT_GATE_ON));
    port_out8(PIT_COMMAND, PIT_ONE_SHOT);
    port_out8(PIT_CHANNEL2, PIT_FIRST & 0xff);
    port_out8(PIT_CHANNEL2, PIT_FIRST >> 8);
    return PIT_HZ;
}

const struct time_reference time_pit = {.name = "PIT",
                                        .start = pit_start,
                                        .read = pit_read,
                                        .mask = 0xffff,
                                        .window = MILLISECONDS(20)};

void pit_ticks_stop(void)
{
    port_out8(PIT_COMMAND, PIT_SILENT);
}

init_text void pit_ticks_start(void)
{
    port_out8(PIT_COMMAND, PIT_PERIODIC);
    port_out8(PIT_CHANNEL0, 0); /* 65536: 18 times a second */
    port_out8(PIT_CHANNEL0, 0);
}
