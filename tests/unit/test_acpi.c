/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in ACPI's tables (arch/x86/platform/acpi_*.c): what is right is read, and what is wrong
 * is refused with a line and without a step outside of it.
 */
#include "tests/unit/host/acpi_world.h"

/* --- tables */

static void madt_whole(void **state)
{
    (void)state;
    add("APIC", madt, sizeof(madt), 3);
    acpi_init(NULL, 0, 0);
    assert_int_equal(warnings, 0);
    assert_true(acpi_info.present && acpi_info.pcat_compat);
    assert_int_equal(acpi_info.rsdp, RSDP_AT);
    assert_int_equal(acpi_info.lapic_address, 0x1fed00000);
    assert_int_equal(acpi_info.nr_lapics, 4);
    assert_int_equal(acpi_info.lapics[0].apic_id, 0);
    assert_int_equal(acpi_info.lapics[0].uid, 1);
    assert_int_equal(acpi_info.lapics[1].apic_id, 2);
    assert_true(acpi_info.lapics[1].enabled);
    assert_int_equal(acpi_info.lapics[2].apic_id, 256);
    assert_int_equal(acpi_info.lapics[2].uid, 44);
    assert_true(!acpi_info.lapics[3].enabled && acpi_info.lapics[3].online_capable);
    assert_int_equal(acpi_info.nr_ioapics, 2);
    assert_int_equal(acpi_info.ioapics[1].address, 0xfec01000);
    assert_int_equal(acpi_info.ioapics[1].gsi_base, 24);
    assert_int_equal(acpi_info.nr_overrides, 3);
    assert_int_equal(acpi_info.overrides[0].gsi, 2);
    assert_int_equal(acpi_info.overrides[0].polarity, ACPI_POLARITY_BUS);
    assert_int_equal(acpi_info.overrides[1].polarity, ACPI_POLARITY_LOW);
    assert_int_equal(acpi_info.overrides[1].trigger, ACPI_TRIGGER_LEVEL);
    assert_int_equal(acpi_info.overrides[2].polarity, ACPI_POLARITY_BUS);
    assert_int_equal(acpi_info.overrides[2].trigger, ACPI_TRIGGER_BUS);
    assert_int_equal(acpi_info.nr_nmi_sources, 1);
    assert_int_equal(acpi_info.nmi_sources[0].trigger, ACPI_TRIGGER_EDGE);
    assert_int_equal(acpi_info.nr_lapic_nmis, 2);
    assert_int_equal(acpi_info.lapic_nmis[0].uid, ACPI_UID_ALL);
    assert_int_equal(acpi_info.lapic_nmis[0].lint, 1);
    assert_int_equal(acpi_info.lapic_nmis[1].uid, 44);
    assert_int_equal(acpi_info.lapic_nmis[1].polarity, ACPI_POLARITY_LOW);
}

/* More of everything than there is room for; the CPUs that work are the last, and still get in. */
static void madt_crowded(void **state)
{
    (void)state;
    static u8 body[8 + 500 * 8 + 300 * 16 + 100 * 12];
    u32 at = 8;
    for (u32 i = 0; i < 500; i++, at += 8) /* unused */
        memcpy(body + at, (u8[8]){0, 8, (u8)i, (u8)(i % 255)}, 8);
    for (u32 i = 0; i < 300; i++, at += 16)
        memcpy(body + at, (u8[16]){9, 16, 0, 0, (u8)i, (u8)(2 + (i >> 8)), 0, 0, 1}, 16);
    for (u32 i = 0; i < 100; i++, at += 12)
        memcpy(body + at, (u8[12]){1, 12, (u8)i, 0, 0, (u8)i, 0xc0, 0xfe}, 12);
    add("APIC", body, sizeof(body), 3);
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.nr_lapics, ACPI_LAPICS_MAX);
    assert_true(acpi_info.lapics[ACPI_LAPICS_MAX - 1].enabled);
    assert_int_equal(acpi_info.nr_ioapics, ACPI_IOAPICS_MAX);
    assert_int_equal(warnings, 1);
}

static void madt_damaged(void **state)
{
    (void)state;
    static const u8 truncated[] = {0, 0, 0xe0, 0xfe, 0, 0, 0, 0, 0, 8, 1, 0, 1};
    static const u8 endless[] = {0, 0, 0xe0, 0xfe, 0, 0, 0, 0, 0x7f, 0, 0, 0, 1};
    static const u8 too_short[] = {0, 0, 0xe0, 0xfe, 0, 0, 0, 0, 1, 4, 0, 0};
    static const struct {
        const u8 *body;
        u32 bytes;
    } bad[] = {{truncated, sizeof(truncated)},
               {endless, sizeof(endless)},
               {too_short, sizeof(too_short)},
               {truncated, 9},
               {truncated, 4},
               {truncated, 0}};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        setup(state);
        add("APIC", bad[i].body, bad[i].bytes, 3);
        acpi_init(NULL, 0, 0);
        assert_true(acpi_info.present);
        assert_int_equal(acpi_info.nr_lapics, 0);
        assert_int_equal(acpi_info.lapic_address, 0);
        assert_int_equal(warnings, 2); /* the table, and that one CPU is used */
    }
}

/* What comes before an entry that is not sound counts; one line says where it was. */
static void madt_cut(void **state)
{
    (void)state;
    static const struct {
        u32 place; /* in madt, of the byte that is changed */
        u8 value;
        const char *offset;
    } bad[] = {{17, 1, "offset 52"}, {17, 255, "offset 52"}, {17, 7, "offset 52"}};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        u8 body[sizeof(madt)];
        setup(state);
        memcpy(body, madt, sizeof(madt));
        body[bad[i].place] = bad[i].value;
        add("APIC", body, sizeof(body), 3);
        acpi_init(NULL, 0, 0);
        assert_int_equal(acpi_info.nr_lapics, 1);
        assert_int_equal(acpi_info.lapic_address, 0xfee00000);
        assert_int_equal(acpi_info.nr_ioapics, 0);
        assert_int_equal(warnings, 1);
        assert_non_null(strstr(last_warning, "table APIC"));
        assert_non_null(strstr(last_warning, bad[i].offset));
    }

    /* A byte behind the last entry costs nothing but the line. */
    setup(state);
    u8 longer[sizeof(madt) + 1] = {0};
    memcpy(longer, madt, sizeof(madt));
    add("APIC", longer, sizeof(longer), 3);
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.nr_lapics, 4);
    assert_int_equal(acpi_info.nr_lapic_nmis, 2);
    assert_int_equal(acpi_info.lapic_address, 0x1fed00000);
    assert_int_equal(warnings, 1);
}

static void fadt_build(u8 *f, u32 flags)
{
    memset(f, 0, 240);
#define F(offset) (f + (offset)-36)
    *(u32 *)F(40) = DSDT_AT;
    *(u16 *)F(46) = 9;
    *(u32 *)F(48) = 0xb2;
    *F(52) = 2;
    *(u32 *)F(56) = 0x600;
    *(u32 *)F(64) = 0x604;
    *(u32 *)F(76) = 0x608;
    *F(88) = 4;
    *F(89) = 2;
    *F(91) = 4;
    *F(108) = 0x32;
    memcpy(F(109), &(u16){0x21}, 2); /* legacy devices, no 8042, no RTC */
    memcpy(F(112), &flags, 4);
    memcpy(F(116), (u8[12]){1, 8, 0, 1, 0xf9, 0x0c}, 12);
    *F(128) = 0x0f;
    memcpy(F(172), (u8[12]){1, 16, 0, 2, 0x04, 0x0b}, 12); /* PM1a control elsewhere */
    memcpy(F(208), (u8[12]){1, 32, 0, 3, 0, 0, 1}, 12);    /* a PM timer where none can be */
}

static void fadt_forms(void **state)
{
    (void)state;
    u8 body[240];
    const struct acpi_fadt_info *f = &acpi_info.fadt;
    fadt_build(body, BIT(8) | BIT(10));
    add("FACP", body, sizeof(body), 6);
    acpi_init(NULL, 0, 0);
    assert_true(f->present && f->pm_timer_32bit && f->has_reset_register && !f->hardware_reduced);
    assert_true(!f->no_legacy && f->no_8042 && f->no_cmos_rtc && !f->no_vga);
    assert_int_equal(f->pm1a_control.address, 0xb04);
    assert_int_equal(f->pm1a_control.access_bytes, 2);
    assert_int_equal(f->pm1b_control.address, 0);
    assert_int_equal(f->pm_timer.address, 0x608);
    assert_int_equal(f->reset_register.address, 0xcf9);
    assert_int_equal(f->reset_value, 0x0f);
    assert_int_equal(f->century, 0x32);
    assert_int_equal(f->dsdt, DSDT_AT);

    /* The oldest, which ends before the reset register, and whose boot flags mean nothing. */
    setup(state);
    add("FACP", body, 116 - 36, 1);
    acpi_init(NULL, 0, 0);
    assert_true(f->present && !f->has_reset_register && !f->no_8042 && !f->no_cmos_rtc);
    assert_int_equal(f->pm1a_control.address, 0x604);

    setup(state);
    add("FACP", body, 115 - 36, 1);
    acpi_init(NULL, 0, 0);
    assert_false(f->present);

    setup(state);
    fadt_build(body, BIT(20));
    memcpy(body + (244 - 36), (u8[12]){0, 8, 0, 1, 0x00, 0x10, 0, 0, 1}, 12);
    add("FACP", body, sizeof(body), 6);
    acpi_init(NULL, 0, 0);
    assert_true(f->hardware_reduced && !f->pm1a_control.address && !f->pm_timer.address);
    assert_int_equal(f->sleep_control.address, 0x100001000);
}

static void hpet_and_mcfg(void **state)
{
    (void)state;
    u8 hpet[20] = {1, 0xa2, 0x86, 0x80, 0, 64, 0, 0, 0, 0, 0xd0, 0xfe, 0, 0, 0, 0, 0, 0x80, 0};
    u8 mcfg[8 + 32] = {0};
    memcpy(mcfg + 8, (u8[16]){0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 0, 0, 255}, 16);
    memcpy(mcfg + 24, (u8[16]){0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 16, 31}, 16);
    add("HPET", hpet, sizeof(hpet), 1);
    add("MCFG", mcfg, sizeof(mcfg), 1);
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.hpet_address, 0xfed00000);
    assert_int_equal(acpi_info.hpet_min_tick, 0x80);
    assert_int_equal(acpi_info.nr_mcfg, 2);
    assert_int_equal(acpi_info.mcfg[0].last_bus, 255);
    assert_int_equal(acpi_info.mcfg[1].address, 0x100000000);
    assert_int_equal(acpi_info.mcfg[1].segment, 1);
    assert_int_equal(acpi_info.mcfg[1].first_bus, 16);

    /* The second window is impossible, or cut short: the first is there. */
    for (u32 i = 0; i < 2; i++) {
        setup(state);
        mcfg[24] = (u8)!i;
        add("MCFG", mcfg, sizeof(mcfg) - i, 1);
        acpi_init(NULL, 0, 0);
        assert_int_equal(acpi_info.nr_mcfg, 1);
        assert_int_equal(acpi_info.mcfg[0].last_bus, 255);
        assert_int_equal(warnings, 2); /* this, and no MADT */
    }

    for (u32 i = 0; i < 4; i++) {
        setup(state);
        u8 bad[8 + 16];
        memcpy(bad, mcfg, sizeof(bad));
        if (i == 0)
            bad[8 + 10] = 255, bad[8 + 11] = 0; /* buses backwards */
        else if (i == 1)
            memset(bad + 8, 0xff, 8);
        else if (i == 2)
            bad[8] = 1;
        add("MCFG", bad, i == 3 ? 20 : sizeof(bad), 1);
        hpet[4] = 1; /* a port */
        add("HPET", hpet, sizeof(hpet), 1);
        acpi_init(NULL, 0, 0);
        assert_int_equal(acpi_info.nr_mcfg, 0);
        assert_int_equal(acpi_info.hpet_address, 0);
        assert_int_equal(warnings, 3);
    }
}

/* --- NUMA */

static u32 srat_cpu(u8 *at, u8 proximity, u8 apic_id)
{
    memcpy(at, (u8[16]){0, 16, proximity, apic_id, 1}, 16);
    return 16;
}

static u32 srat_memory(u8 *at, u32 proximity, u64 base, u64 bytes, u32 flags)
{
    memset(at, 0, 40);
    at[0] = 1;
    at[1] = 40;
    memcpy(at + 2, &proximity, 4);
    memcpy(at + 8, &base, 8);
    memcpy(at + 16, &bytes, 8);
    memcpy(at + 28, &flags, 4);
    return 40;
}

static u32 srat_build(u8 *body)
{
    u32 at = 12;
    memset(body, 0, at);
    at += srat_cpu(body + at, 5, 0);
    at += srat_cpu(body + at, 3, 1);
    at += srat_memory(body + at, 5, 0, MIB(640), 1);
    at += srat_memory(body + at, 3, GIB(4), GIB(1), 3);
    at += srat_memory(body + at, 9, GIB(8), GIB(1), 0); /* not there */
    memcpy(body + at, (u8[24]){2, 24, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0, 1}, 24);
    return at + 24;
}

static u32 slit_build(u8 *body, u64 localities)
{
    memcpy(body, &localities, 8);
    for (u32 i = 0; i < localities * localities; i++)
        body[8 + i] = i % (localities + 1) ? 21 : 10;
    return 8 + (u32)(localities * localities);
}

static void numa_tables(void **state)
{
    (void)state;
    u8 srat[256] = {0}, slit[256] = {0};
    u32 bytes = slit_build(slit, 6);
    slit[8 + 5 * 6 + 3] = 30;
    add("SLIT", slit, bytes, 1);
    add("SRAT", srat, srat_build(srat), 3);
    acpi_init(NULL, 0, 0);
    assert_int_equal(warnings, 1); /* no MADT */
    assert_int_equal(acpi_info.nr_nodes, 2);
    assert_int_equal(acpi_info.proximity[0], 5);
    assert_int_equal(acpi_info.nr_cpu_affinities, 3);
    assert_int_equal(acpi_info.cpu_affinities[1].node, 1);
    assert_int_equal(acpi_info.cpu_affinities[2].apic_id, 256);
    assert_int_equal(acpi_info.cpu_affinities[2].node, 1);
    assert_int_equal(acpi_info.nr_memory_affinities, 2);
    assert_true(acpi_info.memory_affinities[1].hotplug);
    assert_int_equal(acpi_info.memory_affinities[1].base, GIB(4));
    assert_int_equal(acpi_info.distances[0][1], 30);
    assert_int_equal(acpi_info.distances[1][0], 21);

    /* A SLIT that lacks a node, one cut short, one with an absurd count, one where all is near. */
    for (u32 i = 0; i < 4; i++) {
        setup(state);
        add("SRAT", srat, srat_build(srat), 3);
        bytes = slit_build(slit, i == 0 ? 4 : 6);
        if (i == 1)
            bytes--;
        else if (i == 2)
            memset(slit, 0xff, 8);
        else if (i == 3)
            slit[8 + 5 * 6 + 3] = 10;
        add("SLIT", slit, bytes, 1);
        acpi_init(NULL, 0, 0);
        assert_int_equal(acpi_info.distances[0][0], 10);
        assert_int_equal(acpi_info.distances[0][1], 20);
        assert_int_equal(warnings, 2);
    }
}

static void numa_hostile(void **state)
{
    (void)state;
    u8 srat[256] = {0};
    static u8 many[12 + 300 * 40];
    u32 bytes = srat_build(srat);
    srat_memory(srat + 12 + 32, 5, BIT(51), ~0ull, 1);
    add("SRAT", srat, bytes, 3);
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.nr_nodes, 2);
    assert_int_equal(acpi_info.nr_memory_affinities, 0); /* the CPUs before it stay */
    assert_int_equal(acpi_info.nr_cpu_affinities, 2);

    setup(state);
    bytes = srat_build(srat);
    srat[12 + 32 + 40 + 1] = 39; /* the second range */
    add("SRAT", srat, bytes, 3);
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.nr_memory_affinities, 1);
    assert_int_equal(acpi_info.nr_nodes, 2);
    assert_int_equal(warnings, 2); /* this, and no MADT */

    setup(state);
    for (u32 i = 0; i < 300; i++)
        srat_memory(many + 12 + i * 40, i % 70, GIB(i), GIB(1), 1);
    add("SRAT", many, sizeof(many), 3);
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.nr_nodes, ACPI_NODES_MAX);
    assert_int_equal(acpi_info.nr_memory_affinities, ACPI_SRAT_MEMORY_MAX);

    /* In the first revision, proximity domains have 8 bits. */
    setup(state);
    for (u32 i = 0; i < 300; i++)
        srat_memory(many + 12 + i * 40, i << 8 | 1, GIB(i), GIB(1), 1);
    add("SRAT", many, 12 + 100 * 40, 1);
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.nr_nodes, 1);
    assert_int_equal(acpi_info.proximity[0], 1);
}

/* --- \_S5 */

static void s5_find(const char *signature, const void *body, u32 bytes)
{
    u8 fadt[240];
    setup(NULL);
    fadt_build(fadt, 0);
    add("FACP", fadt, sizeof(fadt), 6);
    seal(DSDT_AT, "DSDT", 36, 2);
    if (!strcmp(signature, "DSDT")) {
        memcpy(memory + DSDT_AT + 36, body, bytes);
        seal(DSDT_AT, "DSDT", 36 + bytes, 2);
    } else {
        add(signature, body, bytes, 2);
    }
    acpi_init(NULL, 0, 0);
}

static void s5_forms(void **state)
{
    (void)state;
    static const struct {
        u8 bytes;
        u8 body[24];
        s8 type_a, type_b; /* -1: not to be taken */
    } forms[] = {
        {15, {0, 0x08, '_', 'S', '5', '_', 0x12, 7, 4, 0x0a, 5, 0x0a, 6, 0, 0}, 5, 6},
        {13, {0x08, '\\', '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0}, 0, 0},
        {12, {0x08, '_', 'S', '5', '_', 0x12, 0x46, 0, 2, 1, 0x0a, 7}, 1, 7},
        {14, {0x08, '_', 'S', '5', '_', 0x12, 8, 2, 0x0b, 7, 0, 0x0b, 5, 0}, 7, 5},
        {12, {0x10, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0}, -1, 0}, /* another thing */
        {12, {0x08, '_', 'S', '5', '_', 0x12, 7, 4, 0, 0, 0, 0}, -1, 0}, /* past the end */
        {12, {0x08, '_', 'S', '5', '_', 0x12, 2, 4, 0, 0, 0, 0}, -1, 0}, /* empty */
        {12, {0x08, '_', 'S', '5', '_', 0x12, 0xc0, 0xff, 0xff, 0xff, 0}, -1, 0},
        {12, {0x08, '_', 'S', '5', '_', 0x12, 0xc0}, -1, 0},
        {7, {0x08, '_', 'S', '5', '_', 0x12, 0xc0}, -1, 0},
        {6, {0x08, '_', 'S', '5', '_', 0x12}, -1, 0},
        {5, {0x08, '_', 'S', '5', '_'}, -1, 0},
        {4, {'_', 'S', '5', '_'}, -1, 0},
        {13, {0x08, '_', 'S', '5', '_', 0x12, 7, 4, 0x0a, 8, 0, 0, 0}, -1, 0}, /* no such type */
        {12, {0x08, '_', 'S', '5', '_', 0x12, 6, 1, 0, 0, 0, 0}, -1, 0},
        {12, {0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x70, 0, 0, 0}, -1, 0}, /* computed */
    };
    for (u32 i = 0; i < ARRAY_SIZE(forms); i++)
        for (u32 where = 0; where < 2; where++) {
            s5_find(where ? "SSDT" : "DSDT", forms[i].body, forms[i].bytes);
            assert_int_equal(acpi_info.has_s5, forms[i].type_a >= 0);
            if (acpi_info.has_s5) {
                assert_int_equal(acpi_info.s5_type_a, forms[i].type_a);
                assert_int_equal(acpi_info.s5_type_b, forms[i].type_b);
            }
        }
}

/* --- anything at all */

/* Damage that checksums do not show, in every table at once. */
static void damage(void **state)
{
    (void)state;
    static const char signatures[][5] = {"APIC", "FACP", "HPET", "MCFG", "SRAT", "SLIT", "SSDT"};
    static const u8 s5[] = {0, 0x08, '_', 'S', '5', '_', 0x12, 7, 4, 0x0a, 5, 0x0a, 6, 0, 0};
    u8 bodies[ARRAY_SIZE(signatures)][256] = {0};
    u32 bytes[ARRAY_SIZE(signatures)] = {sizeof(madt), 240, 20, 40, 0, 0, sizeof(s5)};
    srand(1);
    for (u32 round = 0; round < 3000; round++) {
        setup(state);
        memcpy(bodies[0], madt, sizeof(madt));
        fadt_build(bodies[1], BIT(10));
        bytes[4] = srat_build(bodies[4]);
        bytes[5] = slit_build(bodies[5], 6);
        memcpy(bodies[6], s5, sizeof(s5));
        for (u32 t = 0; t < ARRAY_SIZE(signatures); t++) {
            u32 length = rand() % 4 ? bytes[t] : (u32)rand() % (bytes[t] + 1);
            for (u32 n = rand() % 4; n; n--)
                bodies[t][rand() % bytes[t]] = (u8)(rand() % 3 ? rand() : rand() % 2 * 255);
            add(signatures[t], bodies[t], length, (u8)(rand() % 4));
        }
        if (rand() % 8 == 0)
            memory[XSDT_AT + rand() % 100] = (u8)rand();
        acpi_init(NULL, 0, 0);
        assert_in_range(acpi_info.nr_nodes, 1, ACPI_NODES_MAX);
        assert_true(acpi_info.nr_lapics <= ACPI_LAPICS_MAX);
        for (u32 i = 0; i < acpi_info.nr_memory_affinities; i++)
            assert_true(acpi_info.memory_affinities[i].node < acpi_info.nr_nodes);
        assert_int_equal(mappings, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(madt_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(madt_crowded, setup, teardown),
        cmocka_unit_test_setup_teardown(madt_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(madt_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(fadt_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(hpet_and_mcfg, setup, teardown),
        cmocka_unit_test_setup_teardown(numa_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(numa_hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(s5_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(damage, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
