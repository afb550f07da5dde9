/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's groups platform_op, mca, and the interfaces of tools that only need to be refused
 * alike. */
#include "abi/platform.h"
#include "probe.h"

static struct xen_platform_op *op;

static long platform(uint32_t cmd)
{
    op->cmd = cmd;
    op->interface_version = XENPF_INTERFACE_VERSION;
    return hypercall(__HYPERVISOR_platform_op, address(op), 0, 0, 0, 0);
}

static struct xen_platform_op *blank(void)
{
    memset(op, 0, 4096);
    return op;
}

static void platform_processors(void)
{
    static const uint32_t cpus[] = {0, 1, 4, 63, 255, 256, 100000, ~0u};
    for (unsigned i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
        blank()->u.pcpu_info.xen_cpuid = cpus[i];
        long value = platform(XENPF_get_cpuinfo);
        const struct xenpf_pcpuinfo *c = &op->u.pcpu_info;
        line("get_cpuinfo(%u) = %ld: last %u, flags %u, apic %u, acpi %u", cpus[i], value,
             c->max_present, c->flags, c->apic_id, c->acpi_id);
        blank()->u.pcpu_version.xen_cpuid = cpus[i];
        value = platform(XENPF_get_cpu_version);
        const struct xenpf_pcpu_version *v = &op->u.pcpu_version;
        line("get_cpu_version(%u) = %ld: last %u, %.12s %u %u %u", cpus[i], value, v->max_present,
             v->vendor_id, v->family, v->model, v->stepping);
        blank()->u.cpu_ol.cpuid = cpus[i];
        if (i != 0 && (i != 1 || cpus_seen() < 2)) {
            line("cpu_online(%u) = %ld", cpus[i], platform(XENPF_cpu_online));
            line("cpu_offline(%u) = %ld", cpus[i], platform(XENPF_cpu_offline));
        }
    }
    blank();
    result("cpu_online(0)", platform(XENPF_cpu_online));
    blank();
    result("cpu_offline(0)", platform(XENPF_cpu_offline));
    static const struct xenpf_cpu_hotadd adds[] = {{0, 0, 0},      {~0u, 0, 0},    {0, ~0u, 0},
                                                   {100000, 0, 0}, {0, 100000, 0}, {0, 0, 300}};
    for (unsigned i = 0; i < sizeof(adds) / sizeof(adds[0]); i++) {
        blank()->u.cpu_add = adds[i];
        line("cpu_hotadd %u = %ld", i, platform(XENPF_cpu_hotadd));
    }
    for (uint32_t type = 0; type < 4; type++) {
        blank()->u.core_parking.type = type;
        if (type != XEN_CORE_PARKING_SET) {
            long value = platform(XENPF_core_parking);
            line("core_parking(%u) = %ld: %u", type, value, op->u.core_parking.idle_nums);
        }
    }
}

static void platform_idle(void)
{
    uint8_t *map = (uint8_t *)op + 512;
    uint64_t *idle = (void *)((char *)op + 1024);
    static const uint32_t counts[] = {0, 1, 3, 8, 64};
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        blank();
        memset(map, 0xff, 64);
        idle[0] = idle[5] = ~0ull;
        op->u.getidletime = (struct xenpf_getidletime){.cpumap_bitmap.va = address(map),
                                                       .cpumap_nr_cpus = counts[i],
                                                       .idletime.va = address(idle)};
        long value = platform(XENPF_getidletime);
        line("getidletime(%u) = %ld, map %#x %#x, now %d, cpu 0 %d, cpu 5 %d", counts[i], value,
             map[0], map[1], op->u.getidletime.now > 0,
             idle[0] == ~0ull ? -1 : idle[0] < op->u.getidletime.now, idle[5] == ~0ull);
    }
    blank()->u.getidletime =
        (struct xenpf_getidletime){.cpumap_bitmap.va = BAD_UNMAPPED, .cpumap_nr_cpus = 8};
    result("getidletime(unmapped map)", platform(XENPF_getidletime));
    blank();
    map[0] = 0xff;
    op->u.getidletime = (struct xenpf_getidletime){
        .cpumap_bitmap.va = address(map), .cpumap_nr_cpus = 8, .idletime.va = BAD_HYPERVISOR};
    result("getidletime(hypervisor's times)", platform(XENPF_getidletime));
}

static void platform_power(void)
{
    uint32_t *pdc = (void *)((char *)op + 1024);
    static const uint32_t ids[] = {0, 1, 200, ~0u};
    for (unsigned i = 0; i < 4; i++) {
        blank()->u.set_pminfo = (struct xenpf_set_processor_pminfo){
            .id = ids[i], .type = XEN_PM_PDC, .u.pdc.va = address(pdc)};
        pdc[0] = 1;
        pdc[1] = 1;
        pdc[2] = ~0u;
        long value = platform(XENPF_set_processor_pminfo);
        line("pminfo(cpu %u, PDC) = %ld, %#x", ids[i], value, pdc[2]);
        for (uint32_t type = XEN_PM_CX; type < 6; type++) {
            blank()->u.set_pminfo = (struct xenpf_set_processor_pminfo){.id = ids[i], .type = type};
            line("pminfo(cpu %u, type %u, empty) = %ld", ids[i], type,
                 platform(XENPF_set_processor_pminfo));
        }
    }
    static const uint32_t heads[][2] = {{1, 0}, {1, 1}, {1, 2}, {2, 1}, {0, 1}, {1, 100000}};
    for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        blank()->u.set_pminfo =
            (struct xenpf_set_processor_pminfo){.type = XEN_PM_PDC, .u.pdc.va = address(pdc)};
        pdc[0] = heads[i][0];
        pdc[1] = heads[i][1];
        long value = platform(XENPF_set_processor_pminfo);
        line("pminfo(PDC revision %u, %u words) = %ld, %#x", heads[i][0], heads[i][1], value,
             pdc[2]);
    }
    blank()->u.set_pminfo =
        (struct xenpf_set_processor_pminfo){.type = XEN_PM_PDC, .u.pdc.va = BAD_UNMAPPED};
    result("pminfo(PDC unmapped)", platform(XENPF_set_processor_pminfo));
    static const uint32_t counts[] = {1, 2, 8, 9, 1000};
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        blank()->u.set_pminfo = (struct xenpf_set_processor_pminfo){
            .type = XEN_PM_CX, .u.power = {.count = counts[i], .states.va = BAD_UNMAPPED}};
        line("pminfo(%u C states, unmapped) = %ld", counts[i],
             platform(XENPF_set_processor_pminfo));
        blank()->u.set_pminfo = (struct xenpf_set_processor_pminfo){
            .type = XEN_PM_PX,
            .u.perf = {.flags = XEN_PX_PSS, .state_count = counts[i], .states.va = BAD_UNMAPPED}};
        line("pminfo(%u P states, unmapped) = %ld", counts[i],
             platform(XENPF_set_processor_pminfo));
    }
    static const uint32_t parts[] = {XEN_PX_PCT, XEN_PX_PSS, XEN_PX_PPC, XEN_PX_PSD, 0x10};
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        blank()->u.set_pminfo =
            (struct xenpf_set_processor_pminfo){.type = XEN_PM_PX, .u.perf = {.flags = parts[i]}};
        line("pminfo(P states, part %#x of zeros) = %ld", parts[i],
             platform(XENPF_set_processor_pminfo));
    }
}

static void platform_firmware(void)
{
    for (uint32_t type = 0; type < 7; type++)
        for (uint32_t index = 0; index < (type == XEN_FW_EFI_INFO ? 8 : 2); index++) {
            blank()->u.firmware_info = (struct xenpf_firmware_info){.type = type, .index = index};
            line("firmware_info(%u, %u) = %ld", type, index, platform(XENPF_firmware_info));
        }
    for (uint32_t function = 0; function < 13; function++) {
        blank()->u.efi_runtime_call.function = function;
        line("efi_runtime_call(%u) = %ld", function, platform(XENPF_efi_runtime_call));
    }
}

static void platform_machine(void)
{
    for (uint32_t reg = 0; reg < 10; reg++) {
        blank()->u.read_memtype.reg = reg;
        long value = platform(XENPF_read_memtype);
        const struct xenpf_read_memtype *m = &op->u.read_memtype;
        line("read_memtype(%u) = %ld: %#lx + %#lx type %u", reg, value, (unsigned long)m->mfn,
             (unsigned long)m->nr_mfns, m->type);
    }
    blank()->u.add_memtype = (struct xenpf_add_memtype){.mfn = 1, .nr_mfns = 3, .type = 99};
    result("add_memtype(unknown type)", platform(XENPF_add_memtype));
    blank()->u.del_memtype = (struct xenpf_del_memtype){.handle = 1, .reg = 200};
    result("del_memtype(no register)", platform(XENPF_del_memtype));
    blank()->u.settime64.mbz = 1;
    result("settime64(mbz)", platform(XENPF_settime64));
    for (uint32_t quirk = 0; quirk < 5; quirk++) {
        blank()->u.platform_quirk.quirk_id = quirk;
        if (quirk != QUIRK_IOAPIC_BAD_REGSEL)
            line("platform_quirk(%u) = %ld", quirk, platform(XENPF_platform_quirk));
    }
    blank();
    result("microcode_update(nothing)", platform(XENPF_microcode_update));
    blank()->u.microcode = (struct xenpf_microcode_update){.data.va = BAD_UNMAPPED, .length = 64};
    result("microcode_update(unmapped)", platform(XENPF_microcode_update));
    blank()->u.microcode =
        (struct xenpf_microcode_update){.data.va = address(op) + 2048, .length = 64};
    result("microcode_update(zeros)", platform(XENPF_microcode_update));
    blank();
    result("change_freq", platform(XENPF_change_freq));
    blank()->u.change_freq.flags = 1;
    result("change_freq(flags)", platform(XENPF_change_freq));
    static const struct xenpf_mem_hotadd adds[] = {{0, 0, 0, 0},
                                                   {1, 2, 0, 0},
                                                   {0x1000000, 0x1000000, 0, 0},
                                                   {0x1000001, 0x1008000, 0, 0},
                                                   {0x1000000, 0x1008000, 300, 0}};
    for (unsigned i = 0; i < sizeof(adds) / sizeof(adds[0]); i++) {
        blank()->u.mem_add = adds[i];
        line("mem_hotadd %u = %ld", i, platform(XENPF_mem_hotadd));
    }
    for (uint32_t n = 0; n < 4; n++) {
        blank()->u.resource_op =
            (struct xenpf_resource_op){.nr_entries = n, .cpu = 0, .entries.va = address(op) + 2048};
        line("resource_op(%u) = %ld", n, platform(XENPF_resource_op));
    }
    blank()->u.resource_op =
        (struct xenpf_resource_op){.nr_entries = 1, .cpu = 5000, .entries.va = address(op) + 2048};
    result("resource_op(no cpu)", platform(XENPF_resource_op));
    blank()->u.enter_acpi_sleep = (struct xenpf_enter_acpi_sleep){.sleep_state = 7};
    result("enter_acpi_sleep(7)", platform(XENPF_enter_acpi_sleep));
    blank()->u.enter_acpi_sleep = (struct xenpf_enter_acpi_sleep){.flags = 2, .sleep_state = 7};
    result("enter_acpi_sleep(bad flags)", platform(XENPF_enter_acpi_sleep));
    blank()->u.symdata =
        (struct xenpf_symdata){.symnum = 0, .namelen = 64, .name.va = address(op) + 2048};
    long value = platform(XENPF_get_symbol);
    line("get_symbol(0) = %ld, next %u, address %d", value, op->u.symdata.symnum,
         op->u.symdata.address != 0);
    blank()->u.symdata =
        (struct xenpf_symdata){.symnum = ~0u, .namelen = 64, .name.va = address(op) + 2048};
    result("get_symbol(beyond)", platform(XENPF_get_symbol));
}

void probe_platform(void)
{
    group("platform");
    op = page_new();
    for (uint32_t cmd = 0; cmd < 70; cmd++)
        if (cmd < 17 || cmd > 63 || (cmd > 17 && cmd < 31) || (cmd > 39 && cmd < 48)) {
            blank();
            line("command %u = %ld", cmd, platform(cmd));
        }
    blank()->interface_version = 0x03000000;
    op->cmd = XENPF_get_cpuinfo;
    result("another version", hypercall(__HYPERVISOR_platform_op, address(op), 0, 0, 0, 0));
    result("unmapped", hypercall(__HYPERVISOR_platform_op, BAD_UNMAPPED, 0, 0, 0, 0));
    result("not canonical", hypercall(__HYPERVISOR_platform_op, BAD_NONCANONICAL, 0, 0, 0, 0));
    result("hypervisor's", hypercall(__HYPERVISOR_platform_op, BAD_HYPERVISOR, 0, 0, 0, 0));
    result("half of it mapped",
           hypercall(__HYPERVISOR_platform_op, 0x7ffffffff000 - 8, 0, 0, 0, 0));
    platform_processors();
    platform_idle();
    platform_power();
    platform_firmware();
    platform_machine();
}
