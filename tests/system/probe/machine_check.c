/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's groups mca, and the interfaces of tools that only need to be refused alike. */
#include "abi/mca.h"
#include "probe.h"

void probe_mca(void)
{
    group("mca");
    struct xen_mc *mc = page_new();
    for (uint32_t cmd = 0; cmd < 9; cmd++) {
        memset(mc, 0, 4096);
        mc->cmd = cmd;
        mc->interface_version = XEN_MCA_INTERFACE_VERSION;
        if (cmd == XEN_MC_mceinject)
            mc->u.mc_mceinject.mceinj_cpunr = 5000;
        if (cmd == XEN_MC_msrinject)
            mc->u.mc_msrinject.mcinj_cpunr = 5000;
        long value = hypercall(__HYPERVISOR_mca, address(mc), 0, 0, 0, 0);
        line("command %u(zeros) = %ld", cmd, value);
    }
    static const uint32_t flags[] = {0,
                                     XEN_MC_NONURGENT,
                                     XEN_MC_URGENT,
                                     XEN_MC_NONURGENT | XEN_MC_URGENT,
                                     XEN_MC_NONURGENT | XEN_MC_ACK,
                                     XEN_MC_ACK,
                                     8};
    for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        memset(mc, 0, 4096);
        mc->cmd = XEN_MC_fetch;
        mc->interface_version = XEN_MCA_INTERFACE_VERSION;
        mc->u.mc_fetch.flags = flags[i];
        mc->u.mc_fetch.data.va = address(mc) + 2048;
        long value = hypercall(__HYPERVISOR_mca, address(mc), 0, 0, 0, 0);
        line("fetch(%#x) = %ld, flags %#x", flags[i], value, mc->u.mc_fetch.flags);
    }
    /* Not with less room than there are CPUs: Xen 4.17 overwrites its own memory. */
    uint32_t all = cpus_seen();
    for (uint32_t n = 0; n <= all + 1; n += n ? 1 : all) {
        struct mcinfo_logical_cpu *cpu = (void *)((char *)mc + 512);
        memset(mc, 0, 4096);
        mc->cmd = XEN_MC_physcpuinfo;
        mc->interface_version = XEN_MCA_INTERFACE_VERSION;
        mc->u.mc_physcpuinfo.ncpus = n;
        mc->u.mc_physcpuinfo.info.va = n ? address(cpu) : 0;
        long value = hypercall(__HYPERVISOR_mca, address(mc), 0, 0, 0, 0);
        line("physcpuinfo(%u) = %ld, %u", n, value, mc->u.mc_physcpuinfo.ncpus);
        for (uint32_t i = 0; i < n && i < mc->u.mc_physcpuinfo.ncpus && !value; i++) {
            line("cpu %u: number %u chip %u core %u thread %u apic %u cluster %u cores %u/%u "
                 "threads %u",
                 i, cpu[i].mc_cpunr, cpu[i].mc_chipid, cpu[i].mc_coreid, cpu[i].mc_threadid,
                 cpu[i].mc_apicid, cpu[i].mc_clusterid, cpu[i].mc_ncores_active, cpu[i].mc_ncores,
                 cpu[i].mc_nthreads);
            line("level %d family %u vendor %u model %u step %u, %.16s, %.64s",
                 cpu[i].mc_cpuid_level, cpu[i].mc_family, cpu[i].mc_vendor, cpu[i].mc_model,
                 cpu[i].mc_step, cpu[i].mc_vendorid, cpu[i].mc_brandid);
            line("caps %x %x %x %x %x %x %x", cpu[i].mc_cpu_caps[0],
                 cpu[i].mc_cpu_caps[1] & ~(1u << 27) /* as the kernel set it */,
                 cpu[i].mc_cpu_caps[2], cpu[i].mc_cpu_caps[3], cpu[i].mc_cpu_caps[4],
                 cpu[i].mc_cpu_caps[5], cpu[i].mc_cpu_caps[6]);
            line("cache %u align %u, %d registers", cpu[i].mc_cache_size, cpu[i].mc_cache_alignment,
                 cpu[i].mc_nmsrvals);
            for (int32_t k = 0; k < cpu[i].mc_nmsrvals && k < 8; k++)
                line("register %#lx: %#lx", (unsigned long)cpu[i].mc_msrvalues[k].reg,
                     (unsigned long)cpu[i].mc_msrvalues[k].value);
        }
    }
    memset(mc, 0, 4096);
    mc->cmd = XEN_MC_notifydomain;
    mc->interface_version = XEN_MCA_INTERFACE_VERSION;
    mc->u.mc_notifydomain.mc_domid = DOMID_NONE;
    result("notifydomain", hypercall(__HYPERVISOR_mca, address(mc), 0, 0, 0, 0));
    mc->interface_version = 1;
    result("another version", hypercall(__HYPERVISOR_mca, address(mc), 0, 0, 0, 0));
    result("unmapped", hypercall(__HYPERVISOR_mca, BAD_UNMAPPED, 0, 0, 0, 0));
    result("hypervisor's", hypercall(__HYPERVISOR_mca, BAD_HYPERVISOR, 0, 0, 0, 0));
}

void probe_tools(void)
{
    group("tools");
    uint32_t *head = page_new();
    static const struct {
        const char *name;
        uint32_t number;
    } versioned[] = {{"sysctl", __HYPERVISOR_sysctl}, {"domctl", __HYPERVISOR_domctl}};
    for (int i = 0; i < 2; i++) {
        memset(head, 0, 64);
        head[0] = head[1] = 1;
        line("%s(version 1) = %ld", versioned[i].name,
             hypercall(versioned[i].number, address(head), 0, 0, 0, 0));
        line("%s(unmapped) = %ld", versioned[i].name,
             hypercall(versioned[i].number, BAD_UNMAPPED, 0, 0, 0, 0));
        line("%s(hypervisor's) = %ld", versioned[i].name,
             hypercall(versioned[i].number, BAD_HYPERVISOR, 0, 0, 0, 0));
    }
    for (uint32_t cmd = 0; cmd < 7; cmd++) {
        memset(head, 0, 64);
        line("xenpmu_op(%u) = %ld, unmapped %ld", cmd,
             hypercall(__HYPERVISOR_xenpmu_op, cmd, address(head), 0, 0, 0),
             hypercall(__HYPERVISOR_xenpmu_op, cmd, BAD_UNMAPPED, 0, 0, 0));
    }
    result("kexec_op(unmapped)", hypercall(__HYPERVISOR_kexec_op, 0, BAD_UNMAPPED, 0, 0, 0));
    result("kexec_op(99)", hypercall(__HYPERVISOR_kexec_op, 99, address(head), 0, 0, 0));
    result("dm_op(no domain)", hypercall(__HYPERVISOR_dm_op, DOMID_NONE, 0, 0, 0, 0));
    result("dm_op(itself)", hypercall(__HYPERVISOR_dm_op, DOMID_SELF, 0, 0, 0, 0));
    result("dm_op(0)", hypercall(__HYPERVISOR_dm_op, 0, 0, 0, 0, 0));
    result("hypfs_op(0)", hypercall(__HYPERVISOR_hypfs_op, 0, 0, 0, 0, 0));
    result("hypfs_op(99)", hypercall(__HYPERVISOR_hypfs_op, 99, 0, 0, 0, 0));
}
