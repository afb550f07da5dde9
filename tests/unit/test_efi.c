/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UEFI: what is believed of a firmware's tables, how its ranges are mapped, and which arguments of
 * domain 0 reach its services. The firmware is a few tables in a small physical memory and
 * functions of this file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "hypervisor/arch/x86/platform/efi.c"
#include "hypervisor/arch/x86/platform/efi_runtime.c"
#include "tests/unit/host/efi_world.h"

#define SYSTEM     0x1000 /* physical addresses of the tables */
#define VENDOR     0x2000
#define CONFIG     0x3000
#define RUNTIME    0x5000
#define MAP        0x6000
#define MAP_STEP   48u
#define OLD_RSDP   0xe0000
#define NEW_RSDP   0xf0000
#define CR3        0x7000
#define STATUS_BAD (EFI_ERROR | 7)

/* --- the firmware's services: they run in its address space, with the FPU put aside */

static efi_status answer;
static u32 calls;
static u64 seen_bytes;
static u32 seen_attributes;
static u16 seen_name[8];
static bool seen_enable, seen_time;
static u64 variable_bytes; /* how large the variable says it is */

static void service_begins(void)
{
    assert_int_equal(cr3, (u64)firmware_l4);
    assert_int_equal(fpu_depth, 1);
    calls++;
}

static efi_service fw_get_time(void *time, void *capabilities)
{
    service_begins();
    ((struct xenpf_efi_time *)time)->year = 2031;
    *(struct time_capabilities *)capabilities = (struct time_capabilities){1, 2, 1};
    return answer;
}

static efi_service fw_set_time(const void *time)
{
    service_begins();
    seen_time = ((const struct xenpf_efi_time *)time)->year == 2032;
    return answer;
}

static efi_service fw_get_wakeup(u8 *enabled, u8 *pending, void *time)
{
    service_begins();
    *enabled = *pending = 1;
    ((struct xenpf_efi_time *)time)->year = 2033;
    return answer;
}

static efi_service fw_set_wakeup(u8 enable, const void *time)
{
    service_begins();
    seen_enable = enable;
    seen_time = time != NULL;
    return answer;
}

static efi_service fw_get_variable(const u16 *name, const void *guid, u32 *attributes, u64 *bytes,
                                   void *data)
{
    service_begins();
    (void)guid;
    memcpy(seen_name, name, sizeof(seen_name));
    seen_bytes = *bytes;
    *attributes = 7;
    if (data && !(answer & EFI_ERROR))
        memset(data, 'v', MIN(*bytes, variable_bytes));
    *bytes = variable_bytes;
    return answer;
}

static efi_service fw_next_name(u64 *bytes, u16 *name, void *guid)
{
    service_begins();
    (void)guid;
    seen_bytes = *bytes;
    memcpy(name, u"ab", 6);
    *bytes = 6;
    return answer;
}

static efi_service fw_set_variable(const u16 *name, const void *guid, u32 attributes, u64 bytes,
                                   const void *data)
{
    service_begins();
    (void)guid;
    memcpy(seen_name, name, sizeof(seen_name));
    seen_attributes = attributes;
    seen_bytes = bytes;
    seen_time = data && *(const char *)data == 'w';
    return answer;
}

static efi_service fw_count(u32 *count)
{
    service_begins();
    *count = 77;
    return answer;
}

static efi_service fw_room(u32 attributes, u64 *max, u64 *remaining, u64 *max_size)
{
    service_begins();
    seen_attributes = attributes;
    *max = 1;
    *remaining = 2;
    *max_size = 3;
    return answer;
}

/* --- building it */

static struct boot_info info;

static struct system_table *the_system(void)
{
    return (struct system_table *)(memory + SYSTEM);
}

static struct runtime_services *the_services(void)
{
    return (struct runtime_services *)(memory + RUNTIME);
}

static struct efi_descriptor *descriptor(u32 i)
{
    return (struct efi_descriptor *)(memory + MAP + i * MAP_STEP);
}

static void config_add(const struct xenpf_efi_guid *guid, u64 address)
{
    struct config_table t = {*guid, address};
    memcpy(memory + CONFIG + the_system()->nr_config++ * sizeof(t), &t, sizeof(t));
}

static int setup(void **state)
{
    (void)state;
    pages_forget();
    memset(memory, 0, sizeof(memory));
    memset(&system_table, 0, sizeof(system_table));
    memset(vendor, 0, sizeof(vendor));
    rsdp = 0;
    map_address = map_bytes = map_step = 0;
    firmware_l4 = NULL;
    wanted = true;
    mappings = warnings = fpu_depth = calls = 0;
    allocations_left = 1000;
    cr3 = CR3;
    answer = 0;
    variable_bytes = 5;

    *the_system() = (struct system_table){.header = {SYSTEM_SIGNATURE, 2 << 16 | 70, 0, 0, 0},
                                          .vendor = VENDOR,
                                          .firmware_revision = 0x10000,
                                          .runtime_services = RUNTIME,
                                          .config = CONFIG};
    memcpy(memory + VENDOR, u"Seller", 14);
    *the_services() = (struct runtime_services){
        .header = {RUNTIME_SIGNATURE, 2 << 16 | 70, 0, 0, 0},
        .get_time = fw_get_time,
        .set_time = fw_set_time,
        .get_wakeup_time = fw_get_wakeup,
        .set_wakeup_time = fw_set_wakeup,
        .get_variable = fw_get_variable,
        .get_next_variable_name = fw_next_name,
        .set_variable = fw_set_variable,
        .get_next_high_monotonic_count = fw_count,
        .query_variable_info = fw_room,
    };
    *descriptor(0) =
        (struct efi_descriptor){.type = 5,
                                .physical = 0x100000,
                                .pages = 3,
                                .attributes = EFI_ATTRIBUTE_WB | EFI_ATTRIBUTE_RUNTIME};
    *descriptor(1) = (struct efi_descriptor){
        .type = 7, .physical = 0x200000, .pages = 16, .attributes = EFI_ATTRIBUTE_WB};
    *descriptor(2) = (struct efi_descriptor){
        .type = 11, .physical = 0xfed00000, .pages = 1, .attributes = EFI_ATTRIBUTE_RUNTIME};
    info = (struct boot_info){.efi_system_table = SYSTEM,
                              .efi_64bit = true,
                              .efi_map = MAP,
                              .efi_map_bytes = 3 * MAP_STEP,
                              .efi_map_step = MAP_STEP};
    return 0;
}

static int setup_running(void **state)
{
    setup(state);
    efi_init(&info);
    efi_runtime_init();
    return efi_runtime_revision() ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    int left = mappings != 0 || fpu_depth != 0 || nr_objects != 0 || cr3 != CR3;
    pages_forget();
    return left;
}

/* --- tables */

static void expect_none(void)
{
    union xenpf_efi_info answered = {0};
    efi_init(&info);
    efi_runtime_init();
    assert_int_equal(efi_rsdp(), 0);
    assert_int_equal(efi_firmware_info(XEN_FW_EFI_VERSION, &answered), -ENOSYS);
    assert_int_equal(efi_runtime_revision(), 0);
}

static void test_no_uefi(void **state)
{
    info.efi_64bit = false;
    expect_none();
    setup(state);
    info.efi_system_table = 0;
    expect_none();
    assert_int_equal(warnings, 0);
    setup(state);
    info.efi_system_table = MEMORY_BYTES - 8;
    expect_none();
    assert_int_equal(warnings, 1);
    setup(state);
    the_system()->header.signature++;
    expect_none();
    assert_int_equal(warnings, 1);
}

/* The newer pointer wins, in whichever order they stand; other tables are none of ours. */
static void test_rsdp(void **state)
{
    static const struct xenpf_efi_guid other = {1, 2, 3, {4}};
    config_add(&other, 0x1234);
    config_add(&acpi_10_guid, OLD_RSDP);
    efi_init(&info);
    assert_int_equal(efi_rsdp(), OLD_RSDP);
    setup(state);
    config_add(&acpi_20_guid, NEW_RSDP);
    config_add(&acpi_10_guid, OLD_RSDP);
    efi_init(&info);
    assert_int_equal(efi_rsdp(), NEW_RSDP);
    setup(state);
    config_add(&acpi_20_guid, NEW_RSDP);
    the_system()->nr_config = CONFIG_MAX + 1;
    efi_init(&info);
    assert_int_equal(efi_rsdp(), 0);
    assert_int_equal(warnings, 1);
    setup(state);
    the_system()->nr_config = 2;
    the_system()->config = MEMORY_BYTES - sizeof(struct config_table);
    efi_init(&info); /* the second lies nowhere */
    assert_int_equal(efi_rsdp(), 0);
}

static void test_versions(void **state)
{
    (void)state;
    union xenpf_efi_info answered = {0};
    config_add(&acpi_20_guid, NEW_RSDP);
    efi_init(&info);
    assert_int_equal(efi_firmware_info(XEN_FW_EFI_VERSION, &answered), 0);
    assert_int_equal(answered.version, 2 << 16 | 70);
    assert_int_equal(efi_firmware_info(XEN_FW_EFI_RT_VERSION, &answered), -EOPNOTSUPP);
    assert_int_equal(efi_firmware_info(XEN_FW_EFI_CONFIG_TABLE, &answered), 0);
    assert_int_equal(answered.cfg.addr, CONFIG);
    assert_int_equal(answered.cfg.nent, 1);
    assert_int_equal(efi_firmware_info(XEN_FW_EFI_PCI_ROM, &answered), -ESRCH);
    assert_int_equal(efi_firmware_info(XEN_FW_EFI_APPLE_PROPERTIES, &answered), -ENODATA);
    assert_int_equal(efi_firmware_info(7, &answered), -EINVAL);
    efi_runtime_init();
    assert_int_equal(efi_firmware_info(XEN_FW_EFI_RT_VERSION, &answered), 0);
    assert_int_equal(answered.version, 2 << 16 | 70);
}

/* Bytes that are written for a buffer of that size, the last one counted by a mark. */
static u32 vendor_bytes(u32 room)
{
    u8 buffer[256];
    union xenpf_efi_info answered = {0};
    memset(buffer, 0xee, sizeof(buffer));
    answered.vendor.name.va = (vaddr_t)buffer;
    answered.vendor.bufsz = room;
    assert_int_equal(efi_firmware_info(XEN_FW_EFI_VENDOR, &answered), 0);
    assert_int_equal(answered.vendor.revision, 0x10000);
    u32 bytes = sizeof(buffer);
    while (bytes && buffer[bytes - 1] == 0xee)
        bytes--;
    assert_memory_equal(buffer, memory + VENDOR, MIN(bytes, 198u));
    return bytes;
}

static void test_vendor(void **state)
{
    union xenpf_efi_info answered = {.vendor.bufsz = 20};
    efi_init(&info);
    assert_int_equal(vendor_bytes(256), 14);
    assert_int_equal(vendor_bytes(14), 14);
    assert_int_equal(vendor_bytes(9), 8); /* whole characters */
    assert_int_equal(vendor_bytes(1), 0);
    answered.vendor.name.va = BAD;
    assert_int_equal(efi_firmware_info(XEN_FW_EFI_VENDOR, &answered), -EFAULT);
    /* A name without an end is cut, and ended. */
    setup(state);
    memset(memory + VENDOR, 'x', 1000);
    efi_init(&info);
    assert_int_equal(vendor_bytes(256), VENDOR_MAX * sizeof(u16));
}

static long memory_at(u64 address, u64 size, union xenpf_efi_info *answered)
{
    *answered = (union xenpf_efi_info){.mem = {.addr = address, .size = size}};
    return efi_firmware_info(XEN_FW_EFI_MEM_INFO, answered);
}

static void test_memory_info(void **state)
{
    union xenpf_efi_info answered;
    efi_init(&info);
    assert_int_equal(memory_at(0x200000, 0x1000, &answered), 0);
    assert_int_equal(answered.mem.type, 7);
    assert_int_equal(answered.mem.size, 0x1000);
    assert_int_equal(answered.mem.attr, EFI_ATTRIBUTE_WB);
    assert_int_equal(memory_at(0x20f800, 0x1000, &answered), 0);
    assert_int_equal(answered.mem.size, 0x800);
    assert_int_equal(memory_at(0x102fff, ~0ull, &answered), 0);
    assert_int_equal(answered.mem.size, 1);
    assert_int_equal(memory_at(0x103000, 1, &answered), -ESRCH);
    assert_int_equal(memory_at(0xfffff, 1, &answered), -ESRCH);
    /* Of a map that ends in the middle of an entry, the whole ones count. */
    setup(state);
    info.efi_map_bytes = 2 * MAP_STEP - 1;
    efi_init(&info);
    assert_int_equal(memory_at(0x200000, 1, &answered), -ESRCH);
    setup(state);
    info.efi_map_bytes = 0;
    efi_init(&info);
    assert_int_equal(memory_at(0x100000, 1, &answered), -ESRCH);
}

/* --- the firmware's address space */

static pte_t entry_at(paddr_t pa)
{
    pte_t *table = firmware_l4;
    for (u32 level = 4; level > 1; level--) {
        pte_t e = table[pte_index(pa, level)];
        if (!e)
            return 0;
        table = mfn_to_virt(pte_mfn(e));
    }
    return table[pte_index(pa, 1)];
}

static void test_ranges(void **state)
{
    (void)state;
    for (u32 i = 0; i < 3; i++)
        assert_int_equal(entry_at(0x100000 + i * PAGE_SIZE),
                         (0x100000 + i * PAGE_SIZE) | TABLE_FLAGS);
    assert_int_equal(entry_at(0x103000), 0);
    assert_int_equal(entry_at(0x200000), 0); /* of no runtime service */
    assert_int_equal(entry_at(0xfed00000), 0xfed00000 | TABLE_FLAGS | PTE_PCD | PTE_PWT);
}

static void test_strange_ranges(void **state)
{
    (void)state;
    descriptor(1)->attributes |= EFI_ATTRIBUTE_RUNTIME;
    descriptor(1)->pages = REGION_PAGES_MAX + 1;
    descriptor(2)->physical = 1ull << 47;
    efi_init(&info);
    efi_runtime_init();
    assert_int_equal(warnings, 2);
    assert_int_not_equal(efi_runtime_revision(), 0);
    assert_int_equal(entry_at(0x200000), 0);
    assert_int_not_equal(entry_at(0x100000), 0);
}

static void test_no_services(void **state)
{
    the_services()->header.signature++;
    efi_init(&info);
    efi_runtime_init();
    assert_int_equal(efi_runtime_revision(), 0);
    assert_int_equal(warnings, 1);
    setup(state);
    info.efi_map_bytes = 0;
    efi_init(&info);
    efi_runtime_init();
    assert_int_equal(efi_runtime_revision(), 0);
    setup(state);
    assert_int_equal(parse_efi("no-rs"), 0);
    efi_init(&info);
    efi_runtime_init();
    assert_int_equal(efi_runtime_revision(), 0);
    assert_int_equal(warnings, 0);
    /* Whichever allocation fails: none, and a warning. */
    for (u32 n = 0; n < 8; n++) {
        setup(state);
        allocations_left = n;
        efi_init(&info);
        efi_runtime_init();
        /* A top-level table, three tables for one range, two more for the other. */
        assert_int_equal(efi_runtime_revision() != 0, n >= 6);
        assert_int_equal(warnings, n < 6);
    }
    struct xen_platform_op op = {0};
    firmware_l4 = NULL;
    assert_int_equal(platform_efi_runtime_op(NULL, &op), -ENOSYS);
}

static void test_option(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        bool wanted;
    } rows[] = {{"rs", 0, true},         {"rs=1", 0, true},  {"rs=yes", 0, true},
                {"no-rs", 0, false},     {"rs=0", 0, false}, {"rs=no", 0, false},
                {"rs=2", -EINVAL, true}, {"", -EINVAL, true}};
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        wanted = true;
        assert_int_equal(parse_efi(rows[i].text), rows[i].result);
        assert_int_equal(wanted, rows[i].wanted);
    }
}

/* --- services */

static struct xen_platform_op platform_op;
#define op (&platform_op.u.efi_runtime_call)

static long call(u32 function, u32 misc)
{
    op->function = function;
    op->misc = misc;
    op->status = 0;
    return platform_efi_runtime_op(NULL, &platform_op);
}

/* What no function takes is refused before the firmware hears of it. */
static void test_arguments(void **state)
{
    (void)state;
    for (u32 function = 0; function < 14; function++) {
        memset(&platform_op, 0, sizeof(platform_op));
        bool known = function >= XEN_EFI_get_time && function <= XEN_EFI_query_variable_info;
        if (function !=
            XEN_EFI_set_variable) /* there it is attributes, which the firmware checks */
            assert_int_equal(call(function, 0x80), known ? -EINVAL : -ENOSYS);
    }
    assert_int_equal(call(XEN_EFI_query_variable_info, XEN_EFI_VARINFO_BOOT_SNAPSHOT), -EOPNOTSUPP);
    assert_int_equal(calls, 0);
}

static void test_time(void **state)
{
    (void)state;
    assert_int_equal(call(XEN_EFI_get_time, 0), 0);
    assert_int_equal(op->u.get_time.time.year, 2031);
    assert_int_equal(op->u.get_time.resolution, 1);
    assert_int_equal(op->u.get_time.accuracy, 2);
    assert_int_equal(op->misc, XEN_EFI_GET_TIME_SET_CLEARS_NS);
    op->u.set_time.year = 2032;
    assert_int_equal(call(XEN_EFI_set_time, 0), 0);
    assert_true(seen_time);
    assert_int_equal(call(XEN_EFI_get_wakeup_time, 0), 0);
    assert_int_equal(op->misc, XEN_EFI_GET_WAKEUP_TIME_ENABLED | XEN_EFI_GET_WAKEUP_TIME_PENDING);
    assert_int_equal(op->u.get_wakeup_time.year, 2033);
    for (u32 misc = 0; misc < 4; misc++) {
        assert_int_equal(call(XEN_EFI_set_wakeup_time, misc), 0);
        assert_int_equal(seen_enable, misc & XEN_EFI_SET_WAKEUP_TIME_ENABLE);
        assert_int_equal(seen_time, !(misc & XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY));
    }
    assert_int_equal(call(XEN_EFI_get_next_high_monotonic_count, 0), 0);
    assert_int_equal(op->misc, 77);
    answer = STATUS_BAD;
    assert_int_equal(call(XEN_EFI_get_time, 0), 0);
    assert_true(op->status == STATUS_BAD && op->misc == 0);
    assert_int_equal(call(XEN_EFI_get_wakeup_time, 0), 0);
    assert_true(op->status == STATUS_BAD && op->misc == 0);
}

static void variable(u16 *name, void *data, u64 size)
{
    memset(&platform_op, 0, sizeof(platform_op));
    op->u.get_variable.name.va = (vaddr_t)name;
    op->u.get_variable.data.va = (vaddr_t)data;
    op->u.get_variable.size = size;
}

static void test_get_variable(void **state)
{
    (void)state;
    u16 name[8] = u"name";
    char data[16] = "................";
    u32 pages_before = nr_pages;
    variable(name, data, sizeof(data));
    assert_int_equal(call(XEN_EFI_get_variable, 0), 0);
    assert_memory_equal(data, "vvvvv...", 8);
    assert_int_equal(op->u.get_variable.size, 5);
    assert_int_equal(op->misc, 7);
    assert_memory_equal(seen_name, name, 10);
    /* Without room it is asked how much it takes; with more than any variable needs, less is said.
     */
    variable(name, (void *)BAD, 0);
    assert_int_equal(call(XEN_EFI_get_variable, 0), 0);
    assert_int_equal(seen_bytes, 0);
    assert_int_equal(op->u.get_variable.size, 5);
    variable(name, data, ~0ull);
    assert_int_equal(call(XEN_EFI_get_variable, 0), 0);
    assert_int_equal(seen_bytes, DATA_BYTES_MAX);
    /* A firmware that says it wrote more than there is room for. */
    variable_bytes = 1000;
    memset(data, '.', sizeof(data));
    variable(name, data, 4);
    assert_int_equal(call(XEN_EFI_get_variable, 0), 0);
    assert_memory_equal(data, "vvvv....", 8);
    variable(name, (void *)BAD, 4);
    assert_int_equal(call(XEN_EFI_get_variable, 0), -EFAULT);
    /* An error of the firmware's: no data. */
    answer = STATUS_BAD;
    assert_int_equal(call(XEN_EFI_get_variable, 0), 0);
    assert_int_equal(op->status, STATUS_BAD);
    assert_int_equal(nr_pages, pages_before);
}

static void test_names(void **state)
{
    (void)state;
    static u16 endless[NAME_BYTES_MAX];
    char data[4];
    u32 pages_before = nr_pages;
    memset(endless, 'n', sizeof(endless));
    for (u32 f = XEN_EFI_get_variable; f <= XEN_EFI_set_variable; f++) {
        variable(endless, data, sizeof(data));
        assert_int_equal(call(f, 0), -ENAMETOOLONG);
        variable((void *)BAD, data, sizeof(data));
        assert_int_equal(call(f, 0), -EFAULT);
        for (u32 n = 0; n < 2; n++) {
            variable(endless, data, sizeof(data));
            allocations_left = n;
            assert_int_equal(call(f, 0), -ENOMEM);
            assert_int_equal(nr_objects, 0);
            assert_int_equal(nr_pages, pages_before);
            allocations_left = 1000;
        }
    }
    op->u.get_next_variable_name.name.va = (vaddr_t)endless;
    assert_int_equal(call(XEN_EFI_get_next_variable_name, 0), -ENAMETOOLONG);
    op->u.get_next_variable_name.name.va = BAD;
    assert_int_equal(call(XEN_EFI_get_next_variable_name, 0), -EFAULT);
    allocations_left = 0;
    assert_int_equal(call(XEN_EFI_get_next_variable_name, 0), -ENOMEM);
    assert_int_equal(calls, 0);
    assert_int_equal(nr_pages, pages_before);
}

static void test_set_variable(void **state)
{
    (void)state;
    u16 name[8] = u"name";
    static char data[DATA_BYTES_MAX] = "w";
    variable(name, data, sizeof(data));
    assert_int_equal(call(XEN_EFI_set_variable, 7), 0);
    assert_true(seen_time && seen_bytes == sizeof(data) && seen_attributes == 7);
    variable(name, NULL, 0); /* deletes it */
    assert_int_equal(call(XEN_EFI_set_variable, 7), 0);
    assert_true(!seen_time && seen_bytes == 0);
    variable(name, data, DATA_BYTES_MAX + 1);
    assert_int_equal(call(XEN_EFI_set_variable, 7), 0);
    assert_int_equal(op->status, EFI_OUT_OF_RESOURCES);
    variable(name, (void *)BAD, 4);
    assert_int_equal(call(XEN_EFI_set_variable, 7), -EFAULT);
    assert_int_equal(calls, 2);
}

static void test_next_name(void **state)
{
    (void)state;
    u16 name[8] = u"a";
    memset(&platform_op, 0, sizeof(platform_op));
    op->u.get_next_variable_name.name.va = (vaddr_t)name;
    op->u.get_next_variable_name.size = ~0ull;
    assert_int_equal(call(XEN_EFI_get_next_variable_name, 0), 0);
    assert_int_equal(seen_bytes, NAME_BYTES_MAX);
    assert_int_equal(op->u.get_next_variable_name.size, 6);
    assert_memory_equal(name, u"ab", 6);
    answer = STATUS_BAD;
    name[1] = 0;
    assert_int_equal(call(XEN_EFI_get_next_variable_name, 0), 0);
    assert_int_equal(name[1], 0);
}

static void test_room(void **state)
{
    (void)state;
    memset(&platform_op, 0, sizeof(platform_op));
    op->u.query_variable_info.attr = 6;
    assert_int_equal(call(XEN_EFI_query_variable_info, 0), 0);
    assert_int_equal(seen_attributes, 6);
    assert_int_equal(op->u.query_variable_info.max_store_size, 1);
    assert_int_equal(op->u.query_variable_info.remain_store_size, 2);
    assert_int_equal(op->u.query_variable_info.max_size, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_uefi, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rsdp, setup, teardown),
        cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vendor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_info, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranges, setup_running, teardown),
        cmocka_unit_test_setup_teardown(test_strange_ranges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_services, setup, teardown),
        cmocka_unit_test_setup_teardown(test_option, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arguments, setup_running, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup_running, teardown),
        cmocka_unit_test_setup_teardown(test_get_variable, setup_running, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup_running, teardown),
        cmocka_unit_test_setup_teardown(test_set_variable, setup_running, teardown),
        cmocka_unit_test_setup_teardown(test_next_name, setup_running, teardown),
        cmocka_unit_test_setup_teardown(test_room, setup_running, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
