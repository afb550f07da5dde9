/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall platform_op: what only domain 0 does to the machine as a whole. Rows:
 * core/ops/platform.def. Sleeping is acpi_sleep.c's.
 */
#include "abi/platform.h"
#include "core/domain.h"
#include "core/frame.h"
#include "core/guest_access.h"
#include "core/hypercall.h"
#include "core/sched.h"
#include "core/time.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/apic.h"
#include "x86/boot.h"
#include "x86/boot_info.h"
#include "x86/cpu.h"
#include "x86/efi.h"
#include "x86/irq.h"
#include "x86/layout.h"
#include "x86/panic.h"

#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/platform.def"
#undef SUBOP
#undef UNAVAILABLE

/* Memory type range registers (Intel SDM vol. 3, 11.11). */
#define CPUID_1_D_MTRR      BIT(12)
#define MSR_MTRR_CAPABILITY 0xfeu
#define MTRR_COUNT_MASK     0xffu
#define MSR_MTRR_BASE(n)    (0x200u + 2 * (n))
#define MSR_MTRR_MASK(n)    (0x201u + 2 * (n))
#define MTRR_VALID          BIT(11)
#define MTRR_TYPE_MASK      0xffu
#define MEMTYPE_LAST        6u /* write-back; 2 and 3 are reserved */

/* Called through hypercall_table. */
long hypercall_platform_op(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6);

long hypercall_platform_op(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    struct {
        u32 cmd, interface_version;
    } head;
    STATIC_ASSERT(sizeof(head) == offsetof(struct xen_platform_op, u));
    if (!v->domain->is_control)
        return -EPERM;
    if (guest_copy_in(&head, a1, sizeof(head)))
        return -EFAULT;
    if (head.interface_version != XENPF_INTERFACE_VERSION) {
        log_guest(LOG_WARNING, "platform_op: domain %u asks for interface %#x, known is %#x",
                  v->domain->id, head.interface_version, XENPF_INTERFACE_VERSION);
        return -EACCES;
    }
    return subop_dispatch(v, &platform_ops, head.cmd, a1);
}

/* --- time */

long platform_settime32_op(struct vcpu *v, void *arg)
{
    const struct xenpf_settime32 *op = &((struct xen_platform_op *)arg)->u.settime32;
    wallclock_set(op->secs, op->nsecs, op->system_time);
    return 0;
}

long platform_settime64_op(struct vcpu *v, void *arg)
{
    const struct xenpf_settime64 *op = &((struct xen_platform_op *)arg)->u.settime64;
    if (op->mbz)
        return -EINVAL;
    wallclock_set(op->secs, op->nsecs, op->system_time);
    return 0;
}

/* --- processors */

long platform_get_cpuinfo_op(struct vcpu *v, void *arg)
{
    struct xenpf_pcpuinfo *op = &((struct xen_platform_op *)arg)->u.pcpu_info;
    op->max_present = cpus_present - 1;
    if (op->xen_cpuid >= cpus_present) {
        op->flags = XEN_PCPU_FLAGS_INVALID;
        return 0;
    }
    op->flags = cpumask_test(&cpu_active_mask, op->xen_cpuid) ? XEN_PCPU_FLAGS_ONLINE : 0;
    op->apic_id = cpu_apic_id(op->xen_cpuid);
    op->acpi_id = cpu_acpi_uid(op->xen_cpuid);
    return 0;
}

/* All CPUs that run are alike (struct cpu_features). */
long platform_get_cpu_version_op(struct vcpu *v, void *arg)
{
    struct xenpf_pcpu_version *op = &((struct xen_platform_op *)arg)->u.pcpu_version;
    op->max_present = cpus_present - 1;
    memset(op->vendor_id, 0, sizeof(op->vendor_id));
    op->family = op->model = op->stepping = 0;
    if (!cpumask_test(&cpu_active_mask, op->xen_cpuid))
        return 0;
    memcpy(op->vendor_id, cpu_features.vendor, sizeof(op->vendor_id));
    op->family = cpu_features.family;
    op->model = cpu_features.model;
    op->stepping = cpu_features.stepping;
    return 0;
}

/* For each CPU of the bitmap: the time that it was idle, and its bit stays; for those that do not
 * exist, it goes. */
long platform_getidletime_op(struct vcpu *v, void *arg)
{
    struct xenpf_getidletime *op = &((struct xen_platform_op *)arg)->u.getidletime;
    u32 count = MIN(op->cpumap_nr_cpus, (u32)NR_CPUS);
    u8 map = 0;
    for (u32 cpu = 0; cpu < count; cpu++) {
        u8 bit = (u8)BIT(cpu % 8);
        if (cpu % 8 == 0 && guest_read_at(&map, op->cpumap_bitmap, cpu / 8))
            return -EFAULT;
        if (!cpumask_test(&cpu_active_mask, cpu))
            map &= (u8)~bit;
        u64 idle = map & bit ? sched_idle_time(cpu) : 0;
        if (map & bit && guest_write_at(op->idletime, cpu, &idle))
            return -EFAULT;
        bool byte_done = cpu % 8 == 7 || cpu + 1 == count;
        if (byte_done && guest_write_at(op->cpumap_bitmap, cpu / 8, &map))
            return -EFAULT;
    }
    op->now = time_now();
    return 0;
}

/* CPUs that are kept idle to save power: none, ever. */
long platform_core_parking_op(struct vcpu *v, void *arg)
{
    struct xenpf_core_parking *op = &((struct xen_platform_op *)arg)->u.core_parking;
    switch (op->type) {
    case XEN_CORE_PARKING_GET:
        op->idle_nums = 0;
        return 0;
    case XEN_CORE_PARKING_SET:
        return op->idle_nums ? -EOPNOTSUPP : 0;
    default:
        return -EINVAL;
    }
}

/* --- the rest of the machine */

static u32 mtrr_count(void)
{
    return cpuid(1, 0).d & CPUID_1_D_MTRR ? rdmsr(MSR_MTRR_CAPABILITY) & MTRR_COUNT_MASK : 0;
}

long platform_read_memtype_op(struct vcpu *v, void *arg)
{
    struct xenpf_read_memtype *op = &((struct xen_platform_op *)arg)->u.read_memtype;
    if (op->reg >= mtrr_count())
        return -EINVAL;
    u64 base = rdmsr(MSR_MTRR_BASE(op->reg)), mask = rdmsr(MSR_MTRR_MASK(op->reg));
    op->mfn = op->nr_mfns = op->type = 0;
    if (!(mask & MTRR_VALID))
        return 0;
    /*
     * The size is what the lowest bit of the mask says; bits above the machine's addresses are
     * zero.
     */
    u64 addresses = BIT(cpu_features.physical_bits) - 1;
    u64 frames = (mask & addresses) >> PAGE_SHIFT;
    op->mfn = (base & addresses) >> PAGE_SHIFT;
    op->nr_mfns = frames ? frames & -frames : 0;
    op->type = base & MTRR_TYPE_MASK;
    return 0;
}

/* Guests choose memory types by PAT, and the firmware's MTRRs stay as they are. */
long platform_add_memtype_op(struct vcpu *v, void *arg)
{
    const struct xenpf_add_memtype *op = &((struct xen_platform_op *)arg)->u.add_memtype;
    bool known = op->type <= MEMTYPE_LAST && op->type != 2 && op->type != 3;
    return known && op->nr_mfns ? -EOPNOTSUPP : -EINVAL;
}

long platform_del_memtype_op(struct vcpu *v, void *arg)
{
    const struct xenpf_del_memtype *op = &((struct xen_platform_op *)arg)->u.del_memtype;
    return op->reg < mtrr_count() ? -EOPNOTSUPP : -EINVAL;
}

/* The hypervisor's functions, one by one, for profilers. */
long platform_get_symbol_op(struct vcpu *v, void *arg)
{
    struct xenpf_symdata *op = &((struct xen_platform_op *)arg)->u.symdata;
    u64 address;
    const char *name;
    if (op->symnum > symbol_total())
        return -ERANGE;
    /* The end is told by the number's standing still. */
    if (op->symnum == symbol_total()) {
        op->namelen = 0;
        return 0;
    }
    name = symbol_at(op->symnum, &address);
    u32 length = (u32)strlen(name) + 1;
    if (guest_copy_out(op->name.va, name, MIN(length, op->namelen)))
        return -EFAULT;
    op->namelen = length;
    op->type = 't';
    op->address = address;
    op->symnum++;
    return 0;
}

long platform_quirk_op(struct vcpu *v, void *arg)
{
    const struct xenpf_platform_quirk *op = &((struct xen_platform_op *)arg)->u.platform_quirk;
    switch (op->quirk_id) {
    case QUIRK_NOIRQBALANCING: /* interrupts move only when a guest moves its ports */
        return 0;
    case QUIRK_IOAPIC_BAD_REGSEL:
    case QUIRK_IOAPIC_GOOD_REGSEL:
        ioapic_set_index_kept(op->quirk_id == QUIRK_IOAPIC_GOOD_REGSEL);
        return 0;
    default:
        return -EINVAL;
    }
}

/* The BIOS keeps what its INT 16h AH=02h answers here (IBM PC's BIOS data area). */
#define BDA_KEYBOARD_FLAGS 0x417u

/*
 * Nothing was asked of the BIOS before the hypervisor started: no disks, no display data. The
 * answers are those by which kernels know that there is none (left) of each kind.
 */
long platform_firmware_info_op(struct vcpu *v, void *arg)
{
    struct xenpf_firmware_info *op = &((struct xen_platform_op *)arg)->u.firmware_info;
    switch (op->type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
        return -ESRCH;
    case XEN_FW_KBD_SHIFT_FLAGS:
        if (op->index || boot_info.efi_system_table)
            return -ESRCH;
        op->u.kbd_shift_flags = *(const volatile u8 *)paddr_to_virt(BDA_KEYBOARD_FLAGS);
        return 0;
    case XEN_FW_EFI_INFO:
        return efi_firmware_info(op->index, &op->u.efi_info);
    default:
        return -EINVAL;
    }
}
