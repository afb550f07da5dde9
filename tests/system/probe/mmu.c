/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's groups about page tables and the processor's state: errors, and what changes nothing.
 */
#include "abi/callback.h"
#include "abi/nmi.h"
#include "probe.h"

#define NO_FRAME 0xfffffffffull
#define ONE(p)   hypercall(__HYPERVISOR_mmuext_op, address(p), 1, 0, DOMID_SELF, 0)

/* What it says it has done when it does nothing. */
static void refused(const char *name, uint64_t number, uint64_t array, uint32_t foreign)
{
    uint32_t *done = page_new();
    *done = 99;
    long value = hypercall(number, array, 1, address(done), foreign, 0);
    line("%s(%#lx for %#x) = %ld, done %u", name,
         array == BAD_UNMAPPED || array == BAD_HYPERVISOR ? (unsigned long)array : 0, foreign,
         value, *done);
}

static void mmuext(void *page)
{
    struct mmuext_op *op = page;
    uint32_t *done = (void *)((char *)page + 2048);
    for (uint32_t cmd = 0; cmd <= 22; cmd++) {
        /* What has no argument that could be wrong, or whose argument 0 the kernel would not
         * survive. */
        if (cmd == MMUEXT_SET_LDT)
            continue;
        *op = (struct mmuext_op){.cmd = cmd, .arg1.mfn = NO_FRAME};
        line("mmuext %u(no frame) = %ld", cmd, ONE(op));
        *op = (struct mmuext_op){.cmd = cmd, .arg1.mfn = 0};
        if (cmd != MMUEXT_NEW_USER_BASEPTR)
            line("mmuext %u(frame 0) = %ld", cmd, ONE(op));
    }
    *op = (struct mmuext_op){.cmd = MMUEXT_SET_LDT, .arg1.linear_addr = 1, .arg2.nr_ents = 1};
    result("SET_LDT(misaligned)", ONE(op));
    *op = (struct mmuext_op){.cmd = MMUEXT_SET_LDT, .arg1.linear_addr = 0, .arg2.nr_ents = 8193};
    result("SET_LDT(8193 entries)", ONE(op));
    *op = (struct mmuext_op){
        .cmd = MMUEXT_SET_LDT, .arg1.linear_addr = BAD_HYPERVISOR, .arg2.nr_ents = 1};
    result("SET_LDT(hypervisor's)", ONE(op));
    *op = (struct mmuext_op){.cmd = MMUEXT_TLB_FLUSH_MULTI, .arg2.vcpumask.va = BAD_UNMAPPED};
    result("TLB_FLUSH_MULTI(unmapped)", ONE(op));
    *op =
        (struct mmuext_op){.cmd = MMUEXT_COPY_PAGE, .arg1.mfn = NO_FRAME, .arg2.src_mfn = NO_FRAME};
    result("COPY_PAGE(no frame)", ONE(op));
    op[0] = op[1] = (struct mmuext_op){.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    op[2] = (struct mmuext_op){.cmd = 99};
    *done = 99;
    long value = hypercall(__HYPERVISOR_mmuext_op, address(op), 3, address(done), DOMID_SELF, 0);
    line("mmuext(two and a wrong one) = %ld, done %u", value, *done);
    *done = 99;
    value = hypercall(__HYPERVISOR_mmuext_op, address(op), 2, address(done), DOMID_SELF, 0);
    line("mmuext(two) = %ld, done %u", value, *done);
    *done = 99;
    value = hypercall(__HYPERVISOR_mmuext_op, address(op), 0, address(done), DOMID_SELF, 0);
    line("mmuext(nothing) = %ld, done %u", value, *done);
    result("mmuext(nothing, unmapped)",
           hypercall(__HYPERVISOR_mmuext_op, BAD_UNMAPPED, 0, 0, DOMID_SELF, 0));
    result("mmuext(unmapped)",
           hypercall(__HYPERVISOR_mmuext_op, BAD_UNMAPPED, 1, 0, DOMID_SELF, 0));
    result("mmuext(hypervisor's)",
           hypercall(__HYPERVISOR_mmuext_op, BAD_HYPERVISOR, 1, 0, DOMID_SELF, 0));
    result("mmuext(done unmapped)",
           hypercall(__HYPERVISOR_mmuext_op, address(op), 1, BAD_UNMAPPED, DOMID_SELF, 0));
    static const domid_t ids[] = {0, DOMID_NONE, DOMID_IO, DOMID_XEN, DOMID_COW, DOMID_INVALID};
    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        refused("mmuext", __HYPERVISOR_mmuext_op, address(op), ids[i]);
    refused("mmuext", __HYPERVISOR_mmuext_op, BAD_UNMAPPED, DOMID_SELF);
    refused("mmuext", __HYPERVISOR_mmuext_op, BAD_HYPERVISOR, DOMID_SELF);
}

static void mmu_update(void *page)
{
    struct mmu_update *op = page;
    uint32_t *done = (void *)((char *)page + 2048);
    for (uint32_t type = 0; type < 8; type++) {
        *op = (struct mmu_update){.ptr = NO_FRAME << 12 | type, .val = 0};
        line("mmu_update(no frame, type %u) = %ld", type,
             hypercall(__HYPERVISOR_mmu_update, address(op), 1, 0, DOMID_SELF, 0));
        *op = (struct mmu_update){.ptr = type, .val = 0};
        line("mmu_update(frame 0, type %u) = %ld", type,
             hypercall(__HYPERVISOR_mmu_update, address(op), 1, 0, DOMID_SELF, 0));
    }
    *done = 99;
    long value = hypercall(__HYPERVISOR_mmu_update, address(op), 1, address(done), DOMID_SELF, 0);
    line("mmu_update(wrong) = %ld, done %u", value, *done);
    *done = 99;
    value = hypercall(__HYPERVISOR_mmu_update, address(op), 0, address(done), DOMID_SELF, 0);
    line("mmu_update(nothing) = %ld, done %u", value, *done);
    result("mmu_update(unmapped)",
           hypercall(__HYPERVISOR_mmu_update, BAD_UNMAPPED, 1, 0, DOMID_SELF, 0));
    result("mmu_update(hypervisor's)",
           hypercall(__HYPERVISOR_mmu_update, BAD_HYPERVISOR, 1, 0, DOMID_SELF, 0));
    static const uint32_t ids[] = {0,
                                   DOMID_NONE,
                                   DOMID_IO,
                                   DOMID_XEN,
                                   DOMID_COW,
                                   DOMID_INVALID,
                                   0x10000,
                                   (DOMID_NONE + 1) << 16 | DOMID_SELF,
                                   DOMID_SELF << 16 | DOMID_SELF};
    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        refused("mmu_update", __HYPERVISOR_mmu_update, address(op), ids[i]);
    refused("mmu_update", __HYPERVISOR_mmu_update, BAD_UNMAPPED, DOMID_SELF);
    refused("mmu_update", __HYPERVISOR_mmu_update, BAD_HYPERVISOR, DOMID_SELF);
}

void probe_mmu(void)
{
    group("mmu");
    void *page = page_new();
    mmuext(page);
    mmu_update(page);
    static const uint64_t flags[] = {UVMF_NONE, UVMF_TLB_FLUSH | UVMF_LOCAL, UVMF_INVLPG | UVMF_ALL,
                                     3};
    for (unsigned i = 0; i < 4; i++) {
        line("update_va_mapping(no table, flags %lu) = %ld", (unsigned long)flags[i],
             hypercall(__HYPERVISOR_update_va_mapping, 0x123456789000, 0, flags[i], 0, 0));
        line("update_va_mapping(hypervisor's, flags %lu) = %ld", (unsigned long)flags[i],
             hypercall(__HYPERVISOR_update_va_mapping, BAD_HYPERVISOR, 0, flags[i], 0, 0));
    }
    result("update_va_mapping(not canonical)",
           hypercall(__HYPERVISOR_update_va_mapping, BAD_NONCANONICAL, 0, 0, 0, 0));
    result(
        "update_va_mapping_otherdomain(no domain)",
        hypercall(__HYPERVISOR_update_va_mapping_otherdomain, 0x123456789000, 0, 0, DOMID_NONE, 0));
    result(
        "update_va_mapping_otherdomain(I/O)",
        hypercall(__HYPERVISOR_update_va_mapping_otherdomain, 0x123456789000, 0, 0, DOMID_IO, 0));
    bad_addresses("multicall of", __HYPERVISOR_multicall, 1);
    struct multicall_entry *calls = page;
    memset(calls, 0, 4096);
    calls[0] = (struct multicall_entry){.op = 45};
    calls[1] = (struct multicall_entry){.op = __HYPERVISOR_xen_version};
    calls[2] = (struct multicall_entry){.op = __HYPERVISOR_multicall};
    calls[3] = (struct multicall_entry){.op = ~0ull};
    calls[4] = (struct multicall_entry){.op = __HYPERVISOR_sched_op, .args = {99}};
    long value = hypercall(__HYPERVISOR_multicall, address(calls), 5, 0, 0, 0);
    line("multicall = %ld: %ld %ld %ld %ld %ld", value, (long)calls[0].result,
         (long)calls[1].result, (long)calls[2].result, (long)calls[3].result,
         (long)calls[4].result);
    result("multicall(nothing)", hypercall(__HYPERVISOR_multicall, address(calls), 0, 0, 0, 0));
    for (int i = 0; i < 3; i++) {
        static const uint64_t bad[] = {BAD_UNMAPPED, BAD_NONCANONICAL, BAD_HYPERVISOR};
        line("multicall(bad address %d) = %ld", i,
             hypercall(__HYPERVISOR_multicall, bad[i], 1, 0, 0, 0));
    }
}

static void processor_debug(void)
{
    for (uint64_t reg = 0; reg < 9; reg++)
        line("get_debugreg(%lu) = %ld", (unsigned long)reg,
             hypercall(__HYPERVISOR_get_debugreg, reg, 0, 0, 0, 0));
    result("set_debugreg(4)", hypercall(__HYPERVISOR_set_debugreg, 4, 0, 0, 0, 0));
    result("set_debugreg(5)", hypercall(__HYPERVISOR_set_debugreg, 5, 0, 0, 0, 0));
    result("set_debugreg(8)", hypercall(__HYPERVISOR_set_debugreg, 8, 0, 0, 0, 0));
    result("set_debugreg(0, hypervisor's)",
           hypercall(__HYPERVISOR_set_debugreg, 0, BAD_HYPERVISOR, 0, 0, 0));
    result("set_debugreg(0, 0)", hypercall(__HYPERVISOR_set_debugreg, 0, 0, 0, 0, 0));
    result("set_debugreg(6, all)", hypercall(__HYPERVISOR_set_debugreg, 6, ~0ull, 0, 0, 0));
    result("set_debugreg(6, 0)", hypercall(__HYPERVISOR_set_debugreg, 6, 0, 0, 0, 0));
    result("get_debugreg(6)", hypercall(__HYPERVISOR_get_debugreg, 6, 0, 0, 0, 0));
    result("set_debugreg(7, general detect)",
           hypercall(__HYPERVISOR_set_debugreg, 7, 1 << 13, 0, 0, 0));
    result("set_debugreg(7, high bits)",
           hypercall(__HYPERVISOR_set_debugreg, 7, 1ull << 32, 0, 0, 0));
    result("set_debugreg(7, I/O breakpoint)",
           hypercall(__HYPERVISOR_set_debugreg, 7, 2 << 16 | 2, 0, 0, 0));
    result("set_debugreg(7, 0)", hypercall(__HYPERVISOR_set_debugreg, 7, 0, 0, 0, 0));
    result("get_debugreg(7)", hypercall(__HYPERVISOR_get_debugreg, 7, 0, 0, 0, 0));
}

void probe_processor(void)
{
    group("processor");
    void *page = page_new();
    processor_debug();
    result("set_trap_table(unmapped)",
           hypercall(__HYPERVISOR_set_trap_table, BAD_UNMAPPED, 0, 0, 0, 0));
    result("set_trap_table(hypervisor's)",
           hypercall(__HYPERVISOR_set_trap_table, BAD_HYPERVISOR, 0, 0, 0, 0));
    result("set_gdt(unmapped)", hypercall(__HYPERVISOR_set_gdt, BAD_UNMAPPED, 512, 0, 0, 0));
    result("set_gdt(too many)", hypercall(__HYPERVISOR_set_gdt, address(page), 8192, 0, 0, 0));
    *(uint64_t *)page = NO_FRAME;
    result("set_gdt(no frame)", hypercall(__HYPERVISOR_set_gdt, address(page), 512, 0, 0, 0));
    result("update_descriptor(misaligned)",
           hypercall(__HYPERVISOR_update_descriptor, 0x1001, 0, 0, 0, 0));
    result("update_descriptor(no frame)",
           hypercall(__HYPERVISOR_update_descriptor, NO_FRAME << 12, 0, 0, 0, 0));
    result("update_descriptor(a gate)",
           hypercall(__HYPERVISOR_update_descriptor, 0x1000, 0x00008e0000000000ull, 0, 0, 0));
    result("fpu_taskswitch(0)", hypercall(__HYPERVISOR_fpu_taskswitch, 0, 0, 0, 0, 0));
    for (uint32_t type = 0; type < 8; type++)
        if (type != VMASST_TYPE_writable_pagetables)
            line("vm_assist(disable %u) = %ld", type,
                 hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_disable, type + 64, 0, 0, 0));
    result("vm_assist(command 2)", hypercall(__HYPERVISOR_vm_assist, 2, 0, 0, 0, 0));
    result("vm_assist(enable 6)", hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 6, 0, 0, 0));
    result("vm_assist(enable 33)",
           hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 33, 0, 0, 0));
    result("vm_assist(enable 3)", hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable,
                                            VMASST_TYPE_pae_extended_cr3, 0, 0, 0));
    result("vm_assist(disable 3)", hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_disable,
                                             VMASST_TYPE_pae_extended_cr3, 0, 0, 0));
    result("set_segment_base(4)", hypercall(__HYPERVISOR_set_segment_base, 4, 0, 0, 0, 0));
    result("set_segment_base(1, not canonical)",
           hypercall(__HYPERVISOR_set_segment_base, 1, BAD_NONCANONICAL, 0, 0, 0));
    result("set_segment_base(2, not canonical)",
           hypercall(__HYPERVISOR_set_segment_base, 2, BAD_NONCANONICAL, 0, 0, 0));
    struct callback_register *callback = page;
    static const uint16_t types[] = {3, 6, 8, 99};
    for (int i = 0; i < 4; i++) {
        *callback = (struct callback_register){.type = types[i]};
        line("callback register %u = %ld", types[i],
             hypercall(__HYPERVISOR_callback_op, 0, address(page), 0, 0, 0));
        *callback = (struct callback_register){.type = types[i]};
        line("callback unregister %u = %ld", types[i],
             hypercall(__HYPERVISOR_callback_op, 1, address(page), 0, 0, 0));
    }
    static const uint16_t fixed[] = {CALLBACKTYPE_event, CALLBACKTYPE_failsafe,
                                     CALLBACKTYPE_syscall, CALLBACKTYPE_nmi};
    for (int i = 0; i < 4; i++) {
        *callback = (struct callback_register){.type = fixed[i], .address = BAD_NONCANONICAL};
        line("callback register %u(not canonical) = %ld", fixed[i],
             hypercall(__HYPERVISOR_callback_op, 0, address(page), 0, 0, 0));
        *callback = (struct callback_register){.type = fixed[i]};
        if (fixed[i] != CALLBACKTYPE_nmi)
            line("callback unregister %u = %ld", fixed[i],
                 hypercall(__HYPERVISOR_callback_op, 1, address(page), 0, 0, 0));
    }
    bad_addresses("callback register", __HYPERVISOR_callback_op, 0);
    bad_addresses("callback unregister", __HYPERVISOR_callback_op, 1);
    bad_addresses("callback 2", __HYPERVISOR_callback_op, 2);
    bad_addresses("nmi register", __HYPERVISOR_nmi_op, XENNMI_register_callback);
    result("nmi 2", hypercall(__HYPERVISOR_nmi_op, 2, address(page), 0, 0, 0));
    *(struct xennmi_callback *)page = (struct xennmi_callback){.handler_address = BAD_NONCANONICAL};
    result("nmi register(not canonical)",
           hypercall(__HYPERVISOR_nmi_op, 0, address(page), 0, 0, 0));
}
