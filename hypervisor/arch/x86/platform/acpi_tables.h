/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's static tables: the part of their layout that all share, and the functions that read each
 * kind. Private to platform/acpi*.c.
 *
 * The readers are pure: table points at length bytes, whose checksum is right; nothing else about
 * them is known. They fill their part of *out and return 0, or leave *out as it was and return
 * -EINVAL with the reason in *why. What is sound but too much for *out is left out, which the log
 * says.
 */
#ifndef DOMUS_ACPI_TABLES_H
#define DOMUS_ACPI_TABLES_H

#include "types.h"
#include "x86/acpi.h"

#define ACPI_SIGNATURE_BYTES 4u

/* 5.2.6 */
struct acpi_header {
    char signature[ACPI_SIGNATURE_BYTES];
    u32 length; /* of the whole table, in bytes */
    u8 revision, checksum;
    char oem[6], oem_table[8];
    u32 oem_revision, creator, creator_revision;
} packed;
STATIC_ASSERT(sizeof(struct acpi_header) == 36);

/* Generic address structure, 5.2.3.2. */
struct acpi_gas {
    u8 space, bit_width, bit_offset, access_size;
    u64 address;
} packed;
STATIC_ASSERT(sizeof(struct acpi_gas) == 12);

/* The head of each entry in a MADT or SRAT: length counts the head too. */
struct acpi_entry {
    u8 type, length;
} packed;

/* The entry at *offset of the table, which moves past it; NULL at the table's end. */
const struct acpi_entry *acpi_entry_next(const void *table, size_t length, size_t *offset);
/*
 * Where the sound entries from offset on end, in bytes from the table's start: at length, or at the
 * first that does not fit into the table or, being of a type below count, is shorter than
 * least[type]. The log then says which table (name) and where. 0, with the reason in *why and
 * nothing in the log, if that is already the entry at offset: nothing of the table is left.
 */
must_check size_t acpi_entries_end(const char *name, const void *table, size_t length,
                                   size_t offset, const u8 *least, u32 count, const char **why);
/*
 * Says in the log that of table name what lies from that offset on is not read; if nothing came
 * before it (offset is start), leaves the reason in *why instead and returns false.
 */
must_check bool acpi_cut(const char *name, size_t offset, size_t start, const char *reason,
                         const char **why);

typedef int (*acpi_reader_t)(const void *table, size_t length, struct acpi_info *out,
                             const char **why);
must_check int acpi_madt_read(const void *table, size_t length, struct acpi_info *out,
                              const char **why);
must_check int acpi_fadt_read(const void *table, size_t length, struct acpi_info *out,
                              const char **why);
must_check int acpi_hpet_read(const void *table, size_t length, struct acpi_info *out,
                              const char **why);
must_check int acpi_mcfg_read(const void *table, size_t length, struct acpi_info *out,
                              const char **why);
must_check int acpi_srat_read(const void *table, size_t length, struct acpi_info *out,
                              const char **why);
/* After the SRAT. */
must_check int acpi_slit_read(const void *table, size_t length, struct acpi_info *out,
                              const char **why);
/* Looks for \_S5 in a DSDT or SSDT; 0 too if it is not there. */
must_check int acpi_s5_read(const void *table, size_t length, struct acpi_info *out,
                            const char **why);

#endif
