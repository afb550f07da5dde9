/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the ACPI tables (x86/acpi.h): the root pointer (RSDP), the root table behind it (XSDT or
 * RSDT), and each table that it names. Owns acpi_info and the list of tables; what is in a table is
 * read by acpi_madt.c, acpi_fixed.c, acpi_srat.c and acpi_s5.c. Called once by boot/start.c.
 *
 * Firmware is not trusted to be right: a table counts only if its length is plausible and its
 * checksum is zero. Sections are those of the ACPI specification 6.4.
 */
#include "acpi_tables.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/page.h"

/* Longer is not believed; the largest DSDTs have some hundred KiB. */
#define TABLE_BYTES_MAX MIB(4)
#define TABLES_MAX      128u

/* Root system description pointer, 5.2.5.3; revision 0 has the first RSDP_OLD_BYTES only. */
struct rsdp {
    char signature[8];
    u8 checksum;
    char oem[6];
    u8 revision;
    u32 rsdt;
    u32 length;
    u64 xsdt;
    u8 extended_checksum, reserved[3];
} packed;
#define RSDP_OLD_BYTES    20u
#define RSDP_BYTES_MIN    33u   /* of the new form: with its checksum */
#define RSDP_BYTES_MAX    4096u /* more of it is not looked at */
#define RSDP_SIGNATURE    "RSD PTR "
#define RSDP_REVISION_NEW 2u
#define RSDP_ALIGN        16u

/* Where a PC's firmware leaves the RSDP (5.2.5.1). */
#define EBDA_SEGMENT_AT 0x40eu
#define EBDA_BYTES      1024u
#define EBDA_LOWEST     0x400u /* a segment that points below this is none */
#define BIOS_START      0xe0000u
#define BIOS_BYTES      0x20000u

struct table_place {
    char signature[ACPI_SIGNATURE_BYTES];
    u32 bytes;
    paddr_t address;
};

struct acpi_info acpi_info;

static struct table_place tables[TABLES_MAX];
static u32 nr_tables;

static init_text u8 bytes_sum(const void *p, size_t bytes)
{
    u8 sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += ((const u8 *)p)[i];
    return sum;
}

/* --- tables */

/* A signature as text, whatever bytes it has. */
struct signature_text {
    char text[ACPI_SIGNATURE_BYTES + 1];
};

static init_text struct signature_text signature_text(const char *signature)
{
    struct signature_text s = {0};
    for (u32 i = 0; i < ACPI_SIGNATURE_BYTES; i++)
        s.text[i] = signature[i] > ' ' && signature[i] <= '~' ? signature[i] : '?';
    return s;
}

static init_text void table_refuse(const char *signature, paddr_t pa, const char *why)
{
    log_warning("acpi: table %s at %#lx is ignored: %s", signature_text(signature).text,
                (unsigned long)pa, why);
}

/* Its head only: what is there, and how long it says to be. */
static init_text bool header_read(paddr_t pa, struct acpi_header *h)
{
    const void *p = map_firmware(pa, sizeof(*h));
    if (!p)
        return false;
    memcpy(h, p, sizeof(*h));
    map_remove((void *)p, sizeof(*h));
    return true;
}

/* The whole table, mapped (map_remove by the caller), its length in *bytes; NULL, and a line in the
 * log, unless it is a sound one of that signature. */
static init_text const void *table_map(paddr_t pa, const char *signature, u32 *bytes)
{
    struct acpi_header h;
    if (!header_read(pa, &h)) {
        table_refuse(signature, pa, "its address cannot be mapped");
        return NULL;
    }
    if (memcmp(h.signature, signature, ACPI_SIGNATURE_BYTES)) {
        table_refuse(signature, pa, "there is something else");
        return NULL;
    }
    if (h.length < sizeof(h) || h.length > TABLE_BYTES_MAX) {
        table_refuse(signature, pa, "its length is implausible");
        return NULL;
    }
    const void *table = map_firmware(pa, h.length);
    if (!table) {
        table_refuse(signature, pa, "it cannot be mapped");
        return NULL;
    }
    if (bytes_sum(table, h.length)) {
        table_refuse(signature, pa, "its checksum is wrong");
        map_remove((void *)table, h.length);
        return NULL;
    }
    *bytes = h.length;
    return table;
}

static init_text void table_note(paddr_t pa)
{
    struct acpi_header h;
    if (!pa || !header_read(pa, &h)) {
        log_warning("acpi: the root table names one at %#lx, which cannot be", (unsigned long)pa);
        return;
    }
    struct table_place *t = &tables[nr_tables++];
    memcpy(t->signature, h.signature, sizeof(t->signature));
    t->address = pa;
    t->bytes = h.length;
    log_debug("acpi: %s at %#lx, %u bytes", signature_text(t->signature).text, (unsigned long)pa,
              h.length);
}

paddr_t acpi_find_table(const char *signature, u32 *bytes)
{
    for (u32 i = 0; i < nr_tables; i++)
        if (!memcmp(tables[i].signature, signature, ACPI_SIGNATURE_BYTES)) {
            *bytes = tables[i].bytes;
            return tables[i].address;
        }
    return 0;
}

/* The table at pa through its reader. */
static init_text bool table_read(paddr_t pa, const char *signature, acpi_reader_t reader)
{
    u32 bytes;
    const char *why = "";
    const void *table = table_map(pa, signature, &bytes);
    if (!table)
        return false;
    int error = reader(table, bytes, &acpi_info, &why);
    map_remove((void *)table, bytes);
    if (error)
        table_refuse(signature, pa, why);
    return !error;
}

/* The address of a table that others will read later; 0 if it is not there or not sound. */
static init_text paddr_t table_vouch(const char *signature)
{
    u32 bytes;
    paddr_t pa = acpi_find_table(signature, &bytes);
    const void *table = pa ? table_map(pa, signature, &bytes) : NULL;
    if (!table)
        return 0;
    map_remove((void *)table, bytes);
    return pa;
}

/* --- the root */

/* The list of tables becomes what the root table at pa names, with pointers of that many bytes. */
static init_text bool root_read(paddr_t pa, const char *signature, u32 pointer_bytes)
{
    u32 bytes;
    const u8 *root = pa ? table_map(pa, signature, &bytes) : NULL;
    if (!root)
        return false;
    u32 count = (bytes - (u32)sizeof(struct acpi_header)) / pointer_bytes;
    if (count > TABLES_MAX) {
        log_warning("acpi: the %s names %u tables; %u are looked at", signature, count, TABLES_MAX);
        count = TABLES_MAX;
    }
    nr_tables = 0;
    for (u32 i = 0; i < count; i++) {
        u64 table = 0;
        memcpy(&table, root + sizeof(struct acpi_header) + i * pointer_bytes, pointer_bytes);
        table_note(table);
    }
    map_remove((void *)root, bytes);
    return true;
}

static init_text bool rsdp_is_sound(const struct rsdp *r)
{
    return !memcmp(r->signature, RSDP_SIGNATURE, sizeof(r->signature)) &&
           !bytes_sum(r, RSDP_OLD_BYTES);
}

/* The new form, with a right checksum over as much as it says to have, of the bytes at p. */
static init_text bool rsdp_is_new(const void *p, size_t bytes)
{
    struct rsdp r;
    if (bytes < RSDP_BYTES_MIN)
        return false;
    memcpy(&r, p, RSDP_BYTES_MIN);
    return r.revision >= RSDP_REVISION_NEW && r.length >= RSDP_BYTES_MIN &&
           !bytes_sum(p, MIN(r.length, bytes));
}

/* The same of one that lies in memory, and has that length. */
static init_text bool rsdp_is_new_at(paddr_t pa, u32 length)
{
    size_t bytes = MIN(length, RSDP_BYTES_MAX);
    const void *p = bytes ? map_firmware(pa, bytes) : NULL;
    if (!p)
        return false;
    bool is_new = rsdp_is_new(p, bytes);
    map_remove((void *)p, bytes);
    return is_new;
}

/* The first sound RSDP in [pa, pa + bytes), copied; 0 if there is none. */
static init_text paddr_t rsdp_search(paddr_t pa, u32 bytes, struct rsdp *found)
{
    const u8 *area = map_firmware(pa, bytes);
    paddr_t at = 0;
    if (!area)
        return 0;
    for (u32 i = 0; i + RSDP_OLD_BYTES <= bytes && !at; i += RSDP_ALIGN)
        if (rsdp_is_sound((const struct rsdp *)(area + i))) {
            *found = (struct rsdp){.revision = 0}; /* an old one may end where the area does */
            memcpy(found, area + i, MIN(sizeof(*found), bytes - i));
            at = pa + i;
        }
    map_remove((void *)area, bytes);
    return at;
}

static init_text paddr_t rsdp_find(struct rsdp *found)
{
    const u8 *word = map_firmware(EBDA_SEGMENT_AT, sizeof(u16));
    paddr_t ebda = 0, at = 0;
    if (word) {
        ebda = ((paddr_t)word[1] << 8 | word[0]) << 4;
        map_remove((void *)word, sizeof(u16));
    }
    if (ebda >= EBDA_LOWEST)
        at = rsdp_search(ebda, EBDA_BYTES, found);
    return at ? at : rsdp_search(BIOS_START, BIOS_BYTES, found);
}

/* The loader's copy of the RSDP, or the firmware's own; *is_new: it has an XSDT to be believed. */
static init_text bool rsdp_get(const void *given, size_t given_bytes, paddr_t place, struct rsdp *r,
                               bool *is_new)
{
    if (given && given_bytes >= RSDP_OLD_BYTES) {
        *r = (struct rsdp){.revision = 0};
        memcpy(r, given, MIN(given_bytes, sizeof(*r)));
        *is_new = rsdp_is_new(given, MIN(given_bytes, RSDP_BYTES_MAX));
        if (rsdp_is_sound(r))
            return true;
        log_warning("acpi: the boot loader's copy of the RSDP is damaged");
    }
    acpi_info.rsdp = place ? rsdp_search(place, sizeof(*r), r) : 0;
    if (!acpi_info.rsdp)
        acpi_info.rsdp = rsdp_find(r);
    *is_new = acpi_info.rsdp && r->revision >= RSDP_REVISION_NEW &&
              rsdp_is_new_at(acpi_info.rsdp, r->length);
    return acpi_info.rsdp != 0;
}

static init_text bool tables_find(const void *given, size_t given_bytes, paddr_t place)
{
    struct rsdp r;
    bool is_new;
    if (!rsdp_get(given, given_bytes, place, &r, &is_new)) {
        log_warning("acpi: no root pointer: one CPU, no I/O APICs");
        return false;
    }
    acpi_info.rsdp_revision = r.revision;
    if ((is_new && root_read(r.xsdt, "XSDT", sizeof(u64))) ||
        root_read(r.rsdt, "RSDT", sizeof(u32)))
        return true;
    log_warning("acpi: neither an XSDT nor an RSDT can be read: one CPU, no I/O APICs");
    return false;
}

/* --- what is in them */

/* Read when there are any; the SLIT speaks of what the SRAT has named. */
static const struct {
    const char *signature;
    acpi_reader_t reader;
} readers[] = {
    {"APIC", acpi_madt_read}, {"FACP", acpi_fadt_read}, {"HPET", acpi_hpet_read},
    {"MCFG", acpi_mcfg_read}, {"SRAT", acpi_srat_read}, {"SLIT", acpi_slit_read},
};

/* The values that turn the machine off lie in the DSDT, seldom in an SSDT. */
static init_text void s5_find(void)
{
    if (acpi_info.fadt.dsdt && table_read(acpi_info.fadt.dsdt, "DSDT", acpi_s5_read) &&
        acpi_info.has_s5)
        return;
    for (u32 i = 0; i < nr_tables && !acpi_info.has_s5; i++)
        if (!memcmp(tables[i].signature, "SSDT", ACPI_SIGNATURE_BYTES))
            (void)table_read(tables[i].address, "SSDT", acpi_s5_read);
}

static init_text void tables_read(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(readers); i++) {
        u32 bytes;
        paddr_t pa = acpi_find_table(readers[i].signature, &bytes);
        if (pa)
            (void)table_read(pa, readers[i].signature, readers[i].reader);
    }
    if (!acpi_info.nr_lapics)
        log_warning("acpi: no table lists CPUs: one is used");
    s5_find();
    acpi_info.dmar = table_vouch("DMAR");
    acpi_info.ivrs = table_vouch("IVRS");
}

init_text void acpi_init(const void *rsdp, size_t bytes, paddr_t place)
{
    acpi_info.nr_nodes = 1;
    acpi_info.present = tables_find(rsdp, bytes, place);
    if (!acpi_info.present)
        return;
    tables_read();
    reset_init();
    log_info("acpi: %u CPUs, %u I/O APICs, %u NUMA nodes%s%s", acpi_info.nr_lapics,
             acpi_info.nr_ioapics, acpi_info.nr_nodes, acpi_info.hpet_address ? ", HPET" : "",
             acpi_info.has_s5 ? "" : "; how to turn the machine off is not said");
}
