/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's root pointer and root tables (arch/x86/platform/acpi.c): where they are found, which are
 * believed, and where the tables that they name may lie.
 */
#include "tests/unit/host/acpi_world.h"

static void root_pointers(void **state)
{
    (void)state;
    /* The loader's copy goes first; a broken one leaves the search. */
    u8 copy[36];
    add("APIC", madt, sizeof(madt), 3);
    memcpy(copy, memory + RSDP_AT, sizeof(copy));
    memset(memory + RSDP_AT, 0, sizeof(copy));
    acpi_init(copy, sizeof(copy), 0);
    assert_true(acpi_info.present);
    assert_int_equal(acpi_info.rsdp, 0);
    memset(&acpi_info, 0, sizeof(acpi_info));
    copy[10]++;
    acpi_init(copy, sizeof(copy), 0);
    assert_false(acpi_info.present);
    assert_int_equal(acpi_info.nr_nodes, 1);
    assert_int_equal(acpi_info.nr_lapics, 0);

    /* An old one in the EBDA. */
    setup(state);
    add("APIC", madt, sizeof(madt), 3);
    memory[RSDP_AT + 15] = 0;
    checksum(RSDP_AT, 20, 8);
    memcpy(memory + 0x9fc10, memory + RSDP_AT, 20);
    memset(memory + RSDP_AT, 0, 20);
    put(0x40e, 2, 0x9fc0);
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.rsdp, 0x9fc10);
    assert_int_equal(acpi_info.nr_lapics, 4);

    /* The same in its last place, where a new one would not fit. */
    memset(&acpi_info, 0, sizeof(acpi_info));
    memmove(memory + 0x9fc00 + 1024 - 32, memory + 0x9fc10, 20);
    memset(memory + 0x9fc10, 0, 20);
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.rsdp, 0x9fc00 + 1024 - 32);
    assert_int_equal(acpi_info.nr_lapics, 4);

    /* An XSDT that is damaged: the RSDT has the same. */
    setup(state);
    add("APIC", madt, sizeof(madt), 3);
    memory[XSDT_AT + 30]++;
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.nr_lapics, 4);
    assert_non_null(strstr(last_warning, "checksum"));

    /* Both. */
    setup(state);
    put(XSDT_AT + 4, 4, 35);
    put(RSDT_AT + 4, 4, 0xffffffff);
    acpi_init(NULL, 0, 0);
    assert_false(acpi_info.present);
    assert_int_equal(warnings, 3);
}

static void root_lengths(void **state)
{
    (void)state;
    /* The root pointer is as long as it says, and has its checksum over that. */
    for (u32 bytes = 33; bytes <= 60; bytes += 9) {
        setup(state);
        add("APIC", madt, sizeof(madt), 3);
        put(RSDP_AT + 16, 4, 0);
        put(RSDP_AT + 20, 4, bytes);
        checksum(RSDP_AT, 20, 8);
        memory[RSDP_AT + 35] = memory[RSDP_AT + bytes] = 0xa5;
        checksum(RSDP_AT, bytes, 32);
        acpi_init(NULL, 0, 0);
        assert_int_equal(acpi_info.nr_lapics, 4);
        u8 *exact = malloc(bytes);
        memcpy(exact, memory + RSDP_AT, bytes);
        memset(&acpi_info, 0, sizeof(acpi_info));
        acpi_init(exact, bytes, 0);
        assert_int_equal(acpi_info.nr_lapics, 4);
        assert_int_equal(acpi_info.rsdp, 0);
        free(exact);
        assert_int_equal(warnings, 0);
    }

    /* One that says to be absurdly long, or shorter than its checksum: only its old part counts. */
    for (u32 i = 0; i < 3; i++) {
        setup(state);
        add("APIC", madt, sizeof(madt), 3);
        put(RSDP_AT + 20, 4, (u32[]){0, 32, ~0u}[i]);
        put(XSDT_AT, 4, 0);
        acpi_init(NULL, 0, 0);
        assert_int_equal(acpi_info.nr_lapics, 4);
        assert_int_equal(warnings, 0);
    }
}

static void hostile_places(void **state)
{
    (void)state;
    /* Tables that lie nowhere, at the end of everything, or are too long for what is there. */
    add("APIC", madt, sizeof(madt), 3);
    u32 at = add("HPET", madt, 20, 1);
    put(at + 4, 4, MEMORY_BYTES);
    for (u32 i = 0; i < 3; i++) {
        static const u64 places[] = {0, ~0ull, MEMORY_BYTES - 35};
        put(XSDT_AT + 36 + nr_tables++ * 8, 8, places[i]);
    }
    roots_seal();
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.nr_lapics, 4);
    assert_int_equal(acpi_info.hpet_address, 0);
    assert_int_equal(warnings, 4);
    u32 bytes;
    assert_int_equal(acpi_find_table("APIC", &bytes), TABLES_AT);
    assert_int_equal(bytes, 36 + sizeof(madt));
    assert_int_equal(acpi_find_table("XXXX", &bytes), 0);

    /* More tables than there is room for. */
    setup(state);
    for (u32 i = 0; i < 200; i++)
        add("SSDT", "", 0, 1);
    acpi_init(NULL, 0, 0);
    assert_true(acpi_info.present);
}

static void iommu_tables(void **state)
{
    (void)state;
    u32 dmar = add("DMAR", "12345678", 8, 1), ivrs = add("IVRS", "12345678", 8, 1);
    memory[ivrs + 40]++;
    acpi_init(NULL, 0, 0);
    assert_int_equal(acpi_info.dmar, dmar);
    assert_int_equal(acpi_info.ivrs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(root_pointers, setup, teardown),
        cmocka_unit_test_setup_teardown(root_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_places, setup, teardown),
        cmocka_unit_test_setup_teardown(iommu_tables, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
