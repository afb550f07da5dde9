/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's tables as broken firmware could leave them. The first byte of the input chooses:
 *
 *   MACHINE  the rest is physical memory from 0 on, with the root pointer at its start, and all
 * that acpi_init() does with it; checksums are made right as tables are mapped other    it is a row
 * of tables for their readers, each behind two bytes that choose its kind and, in units of 16
 * bytes, its length
 */
#include "demand.h"
#include "lib/print.h"
#include "x86/page.h"
#include "hypervisor/arch/x86/platform/acpi_tables.h"

#define MACHINE    0xffu
#define UNIT       16u
#define RSDP_BYTES 36u

static const acpi_reader_t readers[] = {acpi_madt_read, acpi_fadt_read, acpi_hpet_read,
                                        acpi_mcfg_read, acpi_srat_read, acpi_slit_read,
                                        acpi_s5_read};

static const uint8_t *memory;
static size_t memory_bytes;
static u32 mappings;

void log_line(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

void reset_init(void)
{
}

static void check(const struct acpi_info *info)
{
    demand(info->nr_lapics <= ACPI_LAPICS_MAX && info->nr_ioapics <= ACPI_IOAPICS_MAX);
    demand(info->nr_overrides <= ACPI_OVERRIDES_MAX && info->nr_mcfg <= ACPI_MCFG_MAX);
    demand(info->nr_nodes >= 1 && info->nr_nodes <= ACPI_NODES_MAX);
    for (u32 i = 0; i < info->nr_memory_affinities; i++)
        demand(info->memory_affinities[i].node < info->nr_nodes);
    for (u32 i = 0; i < info->nr_cpu_affinities; i++)
        demand(info->cpu_affinities[i].node < info->nr_nodes);
    for (u32 i = 0; i < info->nr_mcfg; i++)
        demand(info->mcfg[i].first_bus <= info->mcfg[i].last_bus);
}

/* --- a machine */

/* Makes the sum of the bytes zero by the one at place. */
static void seal(u8 *bytes, size_t size, size_t place)
{
    u8 sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    bytes[place] -= sum;
}

static bool begins_with(const u8 *bytes, size_t size, const char *text)
{
    return size >= strlen(text) && !memcmp(bytes, text, strlen(text));
}

void *map_firmware(paddr_t pa, size_t bytes)
{
    if (!bytes || pa > memory_bytes || bytes > memory_bytes - pa)
        return NULL;
    u8 *view = exact_copy(memory + pa, bytes);
    const struct acpi_header *h = (const struct acpi_header *)view;
    if (bytes >= sizeof(*h) && h->length == bytes)
        seal(view, bytes, offsetof(struct acpi_header, checksum));
    mappings++;
    return view;
}

void map_remove(void *p, size_t bytes)
{
    (void)bytes;
    mappings--;
    free(p);
}

static void machine_run(const uint8_t *data, size_t size)
{
    u8 rsdp[RSDP_BYTES];
    if (size < sizeof(rsdp))
        return;
    memory = data;
    memory_bytes = size;
    memcpy(rsdp, data, sizeof(rsdp));
    if (begins_with(rsdp, sizeof(rsdp), "RSD PTR ")) {
        seal(rsdp, 20, 8);
        seal(rsdp, sizeof(rsdp), 32);
    }
    memset(&acpi_info, 0, sizeof(acpi_info));
    acpi_init(rsdp, sizeof(rsdp), 0);
    demand(!mappings);
    check(&acpi_info);
}

/* --- single tables */

/* From memory of exactly its size; one that is refused must leave everything as it was. */
static void read_one(acpi_reader_t reader, const uint8_t *bytes, size_t length,
                     struct acpi_info *info)
{
    static struct acpi_info before;
    const char *why = NULL;
    void *table = exact_copy(bytes, length);
    before = *info;
    int error = reader(table, length, info, &why);
    free(table);
    if (error)
        demand(why && !memcmp(&before, info, sizeof(*info)));
    check(info);
}

static void tables_run(const uint8_t *data, size_t size)
{
    static struct acpi_info info;
    memset(&info, 0, sizeof(info));
    info.nr_nodes = 1;
    while (size >= 2) {
        size_t length = MIN((size_t)data[1] * UNIT, size - 2);
        read_one(readers[data[0] % ARRAY_SIZE(readers)], data + 2, length, &info);
        data += 2 + length;
        size -= 2 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == MACHINE)
        machine_run(data + 1, size - 1);
    else
        tables_run(data, size);
    return 0;
}
