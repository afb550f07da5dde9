/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's groups about what the hypervisor is, and about numbers that no hypercall has. */
#include "abi/hvm.h"
#include "abi/version.h"
#include "probe.h"

#define VERSION(cmd, p) hypercall(__HYPERVISOR_xen_version, (cmd), address(p), 0, 0, 0)

static long version_text(char *page, uint32_t cmd)
{
    memset(page, 'x', 4096);
    return VERSION(cmd, page);
}

static void version_texts(char *page)
{
    long value = version_text(page, XENVER_extraversion);
    line("extraversion = %ld, ended %d", value,
         memchr(page, 0, sizeof(xen_extraversion_t)) != NULL);
    value = version_text(page, XENVER_capabilities);
    line("capabilities = %ld: %.100s, next byte %d", value, page,
         page[sizeof(xen_capabilities_info_t)]);
    value = version_text(page, XENVER_changeset);
    line("changeset = %ld, ended %d", value, memchr(page, 0, sizeof(xen_changeset_info_t)) != NULL);
    value = version_text(page, XENVER_commandline);
    line("commandline = %ld, ended %d, console %d", value,
         memchr(page, 0, sizeof(xen_commandline_t)) != NULL, strstr(page, "console=com1") != NULL);
    value = version_text(page, XENVER_compile_info);
    struct xen_compile_info *info = (void *)page;
    line("compile_info = %ld, compiler %.3s, ended %d%d%d", value, info->compiler,
         memchr(info->compile_by, 0, sizeof(info->compile_by)) != NULL,
         memchr(info->compile_domain, 0, sizeof(info->compile_domain)) != NULL,
         memchr(info->compile_date, 0, sizeof(info->compile_date)) != NULL);
}

static void version_build_id(char *page)
{
    struct xen_build_id *id = (void *)page;
    result("build_id(none)", VERSION(XENVER_build_id, NULL));
    static const uint32_t rooms[] = {0, 1, 19, 20, 64};
    for (unsigned i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        id->len = rooms[i];
        line("build_id(%u) = %ld", rooms[i], VERSION(XENVER_build_id, page));
    }
}

void probe_version(void)
{
    group("version");
    char *page = page_new();
    result("version", VERSION(XENVER_version, NULL));
    version_texts(page);
    version_build_id(page);
    struct xen_platform_parameters *platform = (void *)page;
    long value = VERSION(XENVER_platform_parameters, page);
    line("platform_parameters = %ld: %#lx", value, (unsigned long)platform->virt_start);
    struct xen_feature_info *features = (void *)page;
    for (uint32_t i = 0; i < 3; i++) {
        *features = (struct xen_feature_info){.submap_idx = i};
        value = VERSION(XENVER_get_features, page);
        line("get_features(%u) = %ld: %#x", i, value, features->submap);
    }
    result("pagesize", VERSION(XENVER_pagesize, NULL));
    memset(page, 'x', 64);
    value = VERSION(XENVER_guest_handle, page);
    line("guest_handle = %ld: %02x .. %02x, next %c", value, page[0] & 0xff, page[15] & 0xff,
         page[16]);
    for (uint32_t cmd = XENVER_extraversion; cmd <= XENVER_build_id; cmd++) {
        char name[32];
        snprintf(name, sizeof(name), "command %u", cmd);
        if (cmd != XENVER_pagesize)
            bad_addresses(name, __HYPERVISOR_xen_version, cmd);
    }
    result("command 11", VERSION(11, page));
    result("command -1", VERSION(~0u, page));
    result("command 1 << 32", VERSION(1ull << 32, NULL));
}

void probe_table(void)
{
    group("table");
    static const uint8_t absent[] = {
        11, 43, 44, 45, 46, 47, 49, 50, 51, 52, 53,  54,
        55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 100, 127,
    };
    for (unsigned i = 0; i < sizeof(absent); i++)
        line("hypercall %u = %ld", absent[i], hypercall(absent[i], 0, 0, 0, 0, 0));
    result("sched_op_compat(yield)", hypercall(__HYPERVISOR_sched_op_compat, 0, 0, 0, 0, 0));
    result("sched_op_compat(9)", hypercall(__HYPERVISOR_sched_op_compat, 9, 0, 0, 0, 0));
    result("event_channel_op_compat",
           hypercall(__HYPERVISOR_event_channel_op_compat, BAD_UNMAPPED, 0, 0, 0, 0));
    result("physdev_op_compat",
           hypercall(__HYPERVISOR_physdev_op_compat, BAD_UNMAPPED, 0, 0, 0, 0));
    result("tmem_op", hypercall(__HYPERVISOR_tmem_op, BAD_UNMAPPED, 0, 0, 0, 0));
    result("xsm_op", hypercall(__HYPERVISOR_xsm_op, BAD_UNMAPPED, 0, 0, 0, 0));
    result("xenoprof_op", hypercall(__HYPERVISOR_xenoprof_op, 0, BAD_UNMAPPED, 0, 0, 0));
    result("argo_op", hypercall(__HYPERVISOR_argo_op, 0, 0, 0, 0, 0));
    char *page = page_new();
    group("hvm_op");
    for (uint32_t cmd = 0; cmd < 28; cmd++) {
        memset(page, 0, 256);
        *(domid_t *)page = DOMID_SELF;
        line("command %u = %ld, unmapped %ld", cmd,
             hypercall(__HYPERVISOR_hvm_op, cmd, address(page), 0, 0, 0),
             hypercall(__HYPERVISOR_hvm_op, cmd, BAD_UNMAPPED, 0, 0, 0));
    }
    memset(page, 0, 256);
    *(domid_t *)page = DOMID_NONE;
    result("get_param(no domain)",
           hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, address(page), 0, 0, 0));
}
