/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which memory and which CPUs are near one another: the system resource affinity table (ACPI 6.4,
 * 5.2.16), and how far the groups are apart: the system locality information table (5.2.17). Called
 * by acpi.c; mm/numa.c works with the result.
 */
#include "acpi_tables.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/numa.h"

struct srat {
    struct acpi_header header;
    u32 reserved0;
    u64 reserved1;
} packed;
/*
 * Before this revision proximity domains had 8 bits, and what is now their upper part was reserved.
 */
#define SRAT_REVISION_WIDE 2u
#define PROXIMITY_NARROW   0xffu

enum srat_type { SRAT_LAPIC = 0, SRAT_MEMORY = 1, SRAT_X2APIC = 2, SRAT_TYPES };

struct srat_lapic {
    struct acpi_entry head;
    u8 proximity_low, apic_id;
    u32 flags;
    u8 sapic_eid, proximity_high[3];
    u32 clock_domain;
} packed;
struct srat_x2apic {
    struct acpi_entry head;
    u16 reserved0;
    u32 proximity, apic_id, flags, clock_domain, reserved1;
} packed;
struct srat_memory {
    struct acpi_entry head;
    u32 proximity;
    u16 reserved0;
    u64 base, bytes; /* two halves each in the specification */
    u32 reserved1, flags;
    u64 reserved2;
} packed;
STATIC_ASSERT(sizeof(struct srat_lapic) == 16 && sizeof(struct srat_x2apic) == 24 &&
              sizeof(struct srat_memory) == 40);
#define SRAT_ENABLED BIT(0) /* of all types */
#define SRAT_HOTPLUG BIT(1) /* of memory */

static const u8 entry_least[SRAT_TYPES] = {
    [SRAT_LAPIC] = sizeof(struct srat_lapic),
    [SRAT_MEMORY] = sizeof(struct srat_memory),
    [SRAT_X2APIC] = sizeof(struct srat_x2apic),
};

#define PHYSICAL_END BIT(52)
#define NO_NODE      0xffffffffu

/* What one table has given so far: it replaces what is in acpi_info only as a whole. */
struct srat_counts {
    u32 nodes, lost;
};

static init_text u32 node_of_proximity(struct acpi_info *out, u32 proximity, struct srat_counts *n)
{
    for (u32 i = 0; i < n->nodes; i++)
        if (out->proximity[i] == proximity)
            return i;
    if (n->nodes == ACPI_NODES_MAX) {
        n->lost++;
        return NO_NODE;
    }
    out->proximity[n->nodes] = proximity;
    return n->nodes++;
}

static init_text void cpu_add(struct acpi_info *out, u32 apic_id, u32 proximity,
                              struct srat_counts *n)
{
    u32 node = node_of_proximity(out, proximity, n);
    if (node == NO_NODE)
        return;
    if (out->nr_cpu_affinities == ACPI_LAPICS_MAX) {
        n->lost++;
        return;
    }
    out->cpu_affinities[out->nr_cpu_affinities++] =
        (struct acpi_cpu_affinity){.apic_id = apic_id, .node = node};
}

static init_text void memory_add(struct acpi_info *out, const struct srat_memory *m, u32 proximity,
                                 struct srat_counts *n)
{
    u32 node = node_of_proximity(out, proximity, n);
    if (node == NO_NODE)
        return;
    if (out->nr_memory_affinities == ACPI_SRAT_MEMORY_MAX) {
        n->lost++;
        return;
    }
    out->memory_affinities[out->nr_memory_affinities++] = (struct acpi_memory_affinity){
        .base = m->base, .bytes = m->bytes, .node = node, .hotplug = m->flags & SRAT_HOTPLUG};
}

static init_text void entry_read(const struct acpi_entry *e, u32 mask, struct acpi_info *out,
                                 struct srat_counts *n)
{
    if (e->type == SRAT_LAPIC) {
        const struct srat_lapic *c = (const void *)e;
        u32 proximity = (u32)c->proximity_low | (u32)c->proximity_high[0] << 8 |
                        (u32)c->proximity_high[1] << 16 | (u32)c->proximity_high[2] << 24;
        if (c->flags & SRAT_ENABLED)
            cpu_add(out, c->apic_id, proximity & mask, n);
    } else if (e->type == SRAT_X2APIC) {
        const struct srat_x2apic *c = (const void *)e;
        if (c->flags & SRAT_ENABLED)
            cpu_add(out, c->apic_id, c->proximity & mask, n);
    } else if (e->type == SRAT_MEMORY) {
        const struct srat_memory *m = (const void *)e;
        if (m->flags & SRAT_ENABLED && m->bytes)
            memory_add(out, m, m->proximity & mask, n);
    }
}

/* Where the first range of memory is that ends beyond all addresses; length: there is none. */
static init_text size_t ranges_end(const void *table, size_t length)
{
    size_t offset = sizeof(struct srat), at = offset;
    const struct acpi_entry *e;
    while ((e = acpi_entry_next(table, length, &offset))) {
        const struct srat_memory *m = (const void *)e;
        if (e->type == SRAT_MEMORY && m->flags & SRAT_ENABLED &&
            (m->base > PHYSICAL_END || m->bytes > PHYSICAL_END - m->base))
            return at;
        at = offset;
    }
    return length;
}

/* The part of the table that can be read, in bytes from its start; 0: none, *why says why. */
static init_text size_t sound_bytes(const void *table, size_t length, const char **why)
{
    size_t start = sizeof(struct srat);
    length = acpi_entries_end("SRAT", table, length, start, entry_least, SRAT_TYPES, why);
    if (!length)
        return 0;
    size_t end = ranges_end(table, length);
    if (end < length &&
        !acpi_cut("SRAT", end, start, "a range of memory ends beyond all addresses", why))
        return 0;
    return end;
}

/* Until a SLIT tells otherwise. */
static init_text void distances_default(struct acpi_info *out)
{
    for (u32 a = 0; a < out->nr_nodes; a++)
        for (u32 b = 0; b < out->nr_nodes; b++)
            out->distances[a][b] = a == b ? NUMA_DISTANCE_LOCAL : NUMA_DISTANCE_REMOTE;
}

init_text int acpi_srat_read(const void *table, size_t length, struct acpi_info *out,
                             const char **why)
{
    const struct srat *srat = table;
    struct srat_counts n = {0};
    if (length < sizeof(*srat)) {
        *why = "it is shorter than its fixed part";
        return -EINVAL;
    }
    length = sound_bytes(table, length, why);
    if (!length)
        return -EINVAL;

    u32 mask = srat->header.revision < SRAT_REVISION_WIDE ? PROXIMITY_NARROW : ~0u;
    size_t offset = sizeof(*srat);
    const struct acpi_entry *e;
    out->nr_cpu_affinities = out->nr_memory_affinities = 0;
    while ((e = acpi_entry_next(table, length, &offset)))
        entry_read(e, mask, out, &n);
    out->nr_nodes = MAX(n.nodes, 1u);
    distances_default(out);
    if (n.lost)
        log_warning("acpi: %u entries of the SRAT are more than there is room for", n.lost);
    return 0;
}

/* --- SLIT */

struct slit {
    struct acpi_header header;
    u64 localities;
    u8 distances[]; /* [from * localities + to], by proximity domain */
} packed;
/* Beyond this the square would overflow; nobody has that many. */
#define LOCALITIES_MAX 0x10000u

static init_text u8 slit_distance(const struct slit *slit, const struct acpi_info *out, u32 a,
                                  u32 b)
{
    return slit->distances[(u64)out->proximity[a] * slit->localities + out->proximity[b]];
}

static init_text const char *slit_complaint(const struct slit *slit, size_t length,
                                            const struct acpi_info *out)
{
    if (length < sizeof(*slit))
        return "it is shorter than its fixed part";
    if (slit->localities > LOCALITIES_MAX ||
        slit->localities * slit->localities > length - sizeof(*slit))
        return "its matrix does not fit into it";
    for (u32 a = 0; a < out->nr_nodes; a++)
        if (out->proximity[a] >= slit->localities)
            return "it lacks a proximity domain of the SRAT";
    for (u32 a = 0; a < out->nr_nodes; a++)
        for (u32 b = 0; b < out->nr_nodes; b++) {
            u8 d = slit_distance(slit, out, a, b);
            if (a == b ? d != NUMA_DISTANCE_LOCAL : d <= NUMA_DISTANCE_LOCAL)
                return "a node is as near as itself, or not near itself";
        }
    return NULL;
}

init_text int acpi_slit_read(const void *table, size_t length, struct acpi_info *out,
                             const char **why)
{
    const struct slit *slit = table;
    const char *complaint = slit_complaint(slit, length, out);
    if (complaint) {
        *why = complaint;
        return -EINVAL;
    }
    for (u32 a = 0; a < out->nr_nodes; a++)
        for (u32 b = 0; b < out->nr_nodes; b++)
            out->distances[a][b] = slit_distance(slit, out, a, b);
    return 0;
}
