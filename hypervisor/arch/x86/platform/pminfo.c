/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * platform_op set_processor_pminfo: domain 0 interprets ACPI's programs, and hands over what they
 * say of the processors' idle and performance states. It is checked, and told in the log. Idle CPUs
 * are halted, and clocks left to the firmware: so the states themselves are not kept.
 *
 * ACPI specification 6.4, 8.4 ("Declaring Processors"); Intel Processor Vendor-Specific ACPI: _PDC.
 */
#include "abi/platform.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/apic.h"

#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/platform.def"
#undef SUBOP
#undef UNAVAILABLE

/* Capabilities of _PDC: those about throttling stay domain 0's, the rest is said here. */
#define PDC_REVISION       1u
#define PDC_T_FIXED        BIT(2)
#define PDC_T_COORDINATION BIT(7)
#define PDC_C1_HALT        BIT(1)
#define PDC_C1_PER_CPU     BIT(3)
#define PDC_CX_PER_CPU     BIT(4)

/* C states are C1 to C3, in these address spaces. */
#define CX_LAST        3u
#define SPACE_IO       1u
#define SPACE_FIXED    0x7fu
#define PSD_ENTRIES    5u
#define COORDINATE_ALL 0xfcu
#define COORDINATE_HW  0xfeu

/* More states than any table has. */
#define STATES_MAX 256u

static bool cpu_of_acpi(u32 id)
{
    for (u32 cpu = 0; cpu < cpus_present; cpu++)
        if (cpu_acpi_uid(cpu) == id)
            return true;
    return false;
}

/* id ~0 asks for what is true of all CPUs. */
static int capabilities_answer(u32 id, guest_handle_uint32 pdc)
{
    u32 words[3] = {0};
    for (u32 i = 0; i < 2; i++)
        if (guest_read_at(&words[i], pdc, i))
            return -EFAULT;
    if (words[0] != PDC_REVISION || !words[1] || (id != ~0u && !cpu_of_acpi(id)))
        return -EINVAL;
    if (guest_read_at(&words[2], pdc, 2))
        return -EFAULT;
    words[2] &= (u32)(PDC_T_FIXED | PDC_T_COORDINATION);
    words[2] |= (u32)(PDC_C1_HALT | PDC_C1_PER_CPU | PDC_CX_PER_CPU);
    return guest_write_at(pdc, 2, &words[2]);
}

static int idle_states_check(const struct xen_processor_power *power)
{
    for (u32 i = 0; i < power->count; i++) {
        struct xen_processor_cx cx;
        if (i == STATES_MAX)
            return -EINVAL;
        if (guest_read_at(&cx, power->states, i))
            return -EFAULT;
        bool known_space = cx.reg.space_id == SPACE_IO || cx.reg.space_id == SPACE_FIXED;
        if (!cx.type || cx.type > CX_LAST || !known_space)
            log_guest(LOG_INFO, "ACPI: idle state %u (C%u, address space %u) makes no sense", i,
                      cx.type, cx.reg.space_id);
    }
    return 0;
}

static int clock_states_check(const struct xen_processor_performance *perf)
{
    if (perf->flags & XEN_PX_PSS) {
        if (perf->state_count < 2)
            return -EINVAL;
        for (u32 i = 0; i < perf->state_count; i++) {
            struct xen_processor_px px;
            if (i == STATES_MAX)
                return -EINVAL;
            if (guest_read_at(&px, perf->states, i))
                return -EFAULT;
        }
    }
    if (perf->flags & XEN_PX_PSD) {
        const struct xen_psd_package *psd = &perf->domain_info;
        if (psd->num_entries != PSD_ENTRIES || psd->revision || psd->coord_type < COORDINATE_ALL ||
            psd->coord_type > COORDINATE_HW)
            return -EINVAL;
    }
    return 0;
}

long platform_set_processor_pminfo_op(struct vcpu *v, void *arg)
{
    const struct xenpf_set_processor_pminfo *op = &((struct xen_platform_op *)arg)->u.set_pminfo;
    int error;
    switch (op->type) {
    case XEN_PM_PDC:
        return capabilities_answer(op->id, op->u.pdc);
    case XEN_PM_TX:
        return -ENOSYS; /* throttling is domain 0's */
    case XEN_PM_CX:
        error = cpu_of_acpi(op->id) ? idle_states_check(&op->u.power) : -EINVAL;
        if (!error)
            log_guest(LOG_DEBUG, "ACPI: processor %u has %u idle states", op->id,
                      op->u.power.count);
        return error;
    case XEN_PM_PX:
        error = cpu_of_acpi(op->id) ? clock_states_check(&op->u.perf) : -EINVAL;
        if (!error)
            log_guest(LOG_DEBUG, "ACPI: processor %u has %u performance states", op->id,
                      op->u.perf.state_count);
        return error;
    default:
        return -EINVAL;
    }
}
