/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's groups physdev_op and console_io. */
#include "abi/physdev.h"
#include "probe.h"

#define PHYSDEV(cmd, ...) physdev((cmd), &(__VA_ARGS__), sizeof(__VA_ARGS__))
#define LAST_COMMAND      33u
#define NO_GSI            1000

static void *page;

static long physdev(uint64_t cmd, const void *argument, size_t size)
{
    memcpy(page, argument, size);
    return hypercall(__HYPERVISOR_physdev_op, cmd, address(page), 0, 0, 0);
}

static void physdev_maps(void)
{
    static const struct physdev_map_pirq maps[] = {
        {.domid = DOMID_NONE, .type = MAP_PIRQ_TYPE_GSI, .index = 4, .pirq = 4},
        {.domid = DOMID_SELF, .type = 77, .index = 4, .pirq = 4},
        {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_UNKNOWN, .index = 4, .pirq = 4},
        {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = -1, .pirq = 4},
        {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = NO_GSI, .pirq = -1},
        {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 100000},
        {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 9},
        {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 10},
        {.domid = DOMID_SELF,
         .type = MAP_PIRQ_TYPE_MSI,
         .index = -1,
         .pirq = -1,
         .bus = 200,
         .devfn = 0},
        {.domid = DOMID_SELF,
         .type = MAP_PIRQ_TYPE_MSI_SEG,
         .index = -1,
         .pirq = -1,
         .bus = 200,
         .devfn = 0},
        {.domid = DOMID_SELF,
         .type = MAP_PIRQ_TYPE_MULTI_MSI,
         .index = -1,
         .pirq = -1,
         .bus = 200,
         .entry_nr = 1},
        {.domid = DOMID_SELF,
         .type = MAP_PIRQ_TYPE_MULTI_MSI,
         .index = -1,
         .pirq = -1,
         .bus = 200,
         .entry_nr = 0},
        {.domid = DOMID_SELF,
         .type = MAP_PIRQ_TYPE_MULTI_MSI,
         .index = -1,
         .pirq = -1,
         .bus = 200,
         .entry_nr = 64},
        {.domid = DOMID_SELF,
         .type = MAP_PIRQ_TYPE_MSI,
         .index = -1,
         .pirq = -1,
         .bus = 0,
         .devfn = 0},
        {.domid = DOMID_XEN, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 9},
    };
    for (unsigned i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
        line("map_pirq %u = %ld", i, physdev(PHYSDEVOP_map_pirq, &maps[i], sizeof(maps[i])));
    static const int32_t pirqs[] = {-1, 150, 207, 100000};
    for (int i = 0; i < 4; i++)
        line("unmap_pirq(%d) = %ld", pirqs[i],
             PHYSDEV(PHYSDEVOP_unmap_pirq,
                     (struct physdev_unmap_pirq){.domid = DOMID_SELF, .pirq = pirqs[i]}));
    result(
        "unmap_pirq(no domain)",
        PHYSDEV(PHYSDEVOP_unmap_pirq, (struct physdev_unmap_pirq){.domid = DOMID_NONE, .pirq = 9}));
    static const int32_t types[] = {-1, MAP_PIRQ_TYPE_MSI, MAP_PIRQ_TYPE_GSI, MAP_PIRQ_TYPE_UNKNOWN,
                                    77};
    for (int i = 0; i < 5; i++)
        line("get_free_pirq(%d) = %ld", types[i],
             PHYSDEV(PHYSDEVOP_get_free_pirq, (struct physdev_get_free_pirq){.type = types[i]}));
}

static void physdev_interrupts(void)
{
    static const uint32_t irqs[] = {0, 2, 4, 5, 8, 9, 23, 24, 150, 207, 100000, ~0u};
    for (unsigned i = 0; i < sizeof(irqs) / sizeof(irqs[0]); i++) {
        long value =
            PHYSDEV(PHYSDEVOP_irq_status_query, (struct physdev_irq_status_query){.irq = irqs[i]});
        line("irq_status_query(%u) = %ld, flags %u", irqs[i], value,
             ((struct physdev_irq_status_query *)page)->flags);
        line("eoi(%u) = %ld", irqs[i],
             PHYSDEV(PHYSDEVOP_eoi, (struct physdev_eoi){.irq = irqs[i]}));
        value = PHYSDEV(PHYSDEVOP_alloc_irq_vector, (struct physdev_irq){.irq = irqs[i]});
        line("alloc_irq_vector(%u) = %ld, %d", irqs[i], value,
             value || ((struct physdev_irq *)page)->vector == irqs[i]);
    }
    static const int32_t gsis[] = {-1, 0, 2, 4, 9, 23, 24, NO_GSI};
    for (unsigned i = 0; i < sizeof(gsis) / sizeof(gsis[0]); i++) {
        struct physdev_setup_gsi setup = {
            .gsi = gsis[i], .triggering = gsis[i] == 9, .polarity = 0};
        line("setup_gsi(%d) = %ld", gsis[i], physdev(PHYSDEVOP_setup_gsi, &setup, sizeof(setup)));
    }
    static const uint64_t bases[] = {0xfec00000, 0xfec01000, 0};
    for (int i = 0; i < 3; i++)
        for (uint32_t reg = 0; reg < 3; reg++) {
            long value = PHYSDEV(PHYSDEVOP_apic_read,
                                 (struct physdev_apic){.apic_physbase = bases[i], .reg = reg});
            line("apic_read(%#lx, %u) = %ld: %#x", (unsigned long)bases[i], reg, value,
                 value ? 0 : ((struct physdev_apic *)page)->value);
        }
}

static void physdev_devices(void)
{
    static const struct physdev_pci_device nowhere = {.bus = 200, .devfn = 8};
    static const struct physdev_pci_device segment = {.seg = 9, .bus = 0, .devfn = 0};
    static const uint32_t cmds[] = {PHYSDEVOP_pci_device_remove, PHYSDEVOP_restore_msi_ext,
                                    PHYSDEVOP_prepare_msix, PHYSDEVOP_release_msix};
    for (int i = 0; i < 4; i++) {
        line("command %u(no device) = %ld", cmds[i], physdev(cmds[i], &nowhere, sizeof(nowhere)));
        line("command %u(no segment) = %ld", cmds[i], physdev(cmds[i], &segment, sizeof(segment)));
    }
    /* Not prepare_msix: for a device without MSI-X, Xen 4.17 dies of it. */
    static const struct physdev_pci_device bridge = {.bus = 0, .devfn = 0};
    result("restore_msi_ext(host bridge)",
           physdev(PHYSDEVOP_restore_msi_ext, &bridge, sizeof(bridge)));
    result("restore_msi(no device)",
           PHYSDEV(PHYSDEVOP_restore_msi, (struct physdev_restore_msi){.bus = 200}));
    result("manage_pci_remove(no device)",
           PHYSDEV(PHYSDEVOP_manage_pci_remove, (struct physdev_manage_pci){.bus = 200}));
    result("manage_pci_add(there)",
           PHYSDEV(PHYSDEVOP_manage_pci_add, (struct physdev_manage_pci){.bus = 0}));
    result("manage_pci_add_ext(bad flags)",
           PHYSDEV(PHYSDEVOP_manage_pci_add_ext, (struct physdev_manage_pci_ext){.is_extfn = 2}));
    result("mmcfg_reserved(nowhere)",
           PHYSDEV(PHYSDEVOP_pci_mmcfg_reserved,
                   (struct physdev_pci_mmcfg_reserved){.segment = 9, .end_bus = 255}));
    for (uint8_t op = 0; op < 4; op++)
        for (uint8_t bus = 0; bus < 3; bus++)
            line("dbgp_op(%u, bus type %u) = %ld", op, bus,
                 PHYSDEV(PHYSDEVOP_dbgp_op, (struct physdev_dbgp_op){.op = op, .bus = bus}));
}

void probe_physdev(void)
{
    group("physdev");
    page = page_new();
    for (uint32_t cmd = 0; cmd <= LAST_COMMAND; cmd++) {
        char name[32];
        snprintf(name, sizeof(name), "command %u", cmd);
        bad_addresses(name, __HYPERVISOR_physdev_op, cmd);
    }
    result("command -1", hypercall(__HYPERVISOR_physdev_op, ~0u, address(page), 0, 0, 0));
    result("set_iopl(4)", PHYSDEV(PHYSDEVOP_set_iopl, (struct physdev_set_iopl){.iopl = 4}));
    result("set_iobitmap(65537)",
           PHYSDEV(PHYSDEVOP_set_iobitmap, (struct physdev_set_iobitmap){.nr_ports = 65537}));
    result("set_iobitmap(hypervisor's)",
           PHYSDEV(PHYSDEVOP_set_iobitmap,
                   (struct physdev_set_iobitmap){.bitmap.va = BAD_HYPERVISOR, .nr_ports = 65536}));
    result("set_iobitmap(none)",
           PHYSDEV(PHYSDEVOP_set_iobitmap, (struct physdev_set_iobitmap){.nr_ports = 0}));
    result(
        "pirq_eoi_gmfn_v1(no frame)",
        PHYSDEV(PHYSDEVOP_pirq_eoi_gmfn_v1, (struct physdev_pirq_eoi_gmfn){.gmfn = 0xfffffffff}));
    result(
        "pirq_eoi_gmfn_v2(no frame)",
        PHYSDEV(PHYSDEVOP_pirq_eoi_gmfn_v2, (struct physdev_pirq_eoi_gmfn){.gmfn = 0xfffffffff}));
    physdev_maps();
    physdev_interrupts();
    physdev_devices();
}

void probe_console(void)
{
    group("console");
    char *text = page_new();
    memcpy(text, "written by the probe\n", 21);
#define CONSOLE(cmd, count, at) hypercall(__HYPERVISOR_console_io, (cmd), (count), (at), 0, 0)
    result("write", CONSOLE(CONSOLEIO_write, 21, address(text)));
    result("write(nothing)", CONSOLE(CONSOLEIO_write, 0, address(text)));
    result("write(nothing, unmapped)", CONSOLE(CONSOLEIO_write, 0, BAD_UNMAPPED));
    result("read(nothing)", CONSOLE(CONSOLEIO_read, 0, address(text)));
    result("read", CONSOLE(CONSOLEIO_read, 16, address(text)));
    result("read(unmapped)", CONSOLE(CONSOLEIO_read, 16, BAD_UNMAPPED));
    result("command 2", CONSOLE(2, 1, address(text)));
    static const uint64_t bad[] = {BAD_UNMAPPED, BAD_NONCANONICAL, BAD_HYPERVISOR};
    for (unsigned i = 0; i < 3; i++) {
        line("write(bad address %u) = %ld", i, CONSOLE(CONSOLEIO_write, 10, bad[i]));
        line("command 2(bad address %u) = %ld", i, CONSOLE(2, 10, bad[i]));
    }
    result("read(2^32 - 1 bytes)", CONSOLE(CONSOLEIO_read, ~0u, address(text)));
}
