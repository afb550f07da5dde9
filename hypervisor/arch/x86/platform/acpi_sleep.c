/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domain 0 turns the machine off: it interprets ACPI's programs up to the last step, and hands over
 * the values that the sleep registers need (XENPF_enter_acpi_sleep). Without it, the values are
 * those that acpi_s5.c found. ACPI specification 6.4, 4.8.3.2 and 16.1.
 */
#include "abi/platform.h"
#include "arch/cpu.h"
#include "core/domain.h"
#include "core/time.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/cpu.h"
#include "x86/page.h"

#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/platform.def"
#undef SUBOP
#undef UNAVAILABLE

#define SLEEP_STATE_OFF 5u

/* PM1 control registers, and the sleep control register of machines without them. */
#define PM1_SLEEP_ENABLE BIT(13)
#define PM1_TYPE_SHIFT   10
#define PM1_TYPE         (7u << PM1_TYPE_SHIFT)
#define PM1_BYTES        2u
#define SLEEP_TYPE_SHIFT 2
#define SLEEP_TYPE_MAX   7u
#define SLEEP_ENABLE     BIT(5)

/* The machine is off within milliseconds, or it does not go off. */
#define OFF_TIME MILLISECONDS(500)

static int register_write(const struct acpi_register *r, u32 bytes, u32 value)
{
    if (r->space == ACPI_SPACE_IO) {
        if (bytes == 1)
            port_out8((u16)r->address, (u8)value);
        else
            port_out16((u16)r->address, (u16)value);
        return 0;
    }
    volatile void *p = r->space == ACPI_SPACE_MEMORY ? map_device(r->address, bytes) : NULL;
    if (!p)
        return -EIO;
    if (bytes == 1)
        *(volatile u8 *)p = (u8)value;
    else
        *(volatile u16 *)p = (u16)value;
    map_remove((void *)p, bytes);
    return 0;
}

/*
 * Values that can mean nothing but sleep are let through. With the extended registers val_a is the
 * sleep type.
 */
static int sleep_check(const struct xenpf_enter_acpi_sleep *op)
{
    const struct acpi_fadt_info *fadt = &acpi_info.fadt;
    if (op->flags & ~(u32)XENPF_ACPI_SLEEP_EXTENDED || op->sleep_state > SLEEP_STATE_OFF)
        return -EINVAL;
    if (op->flags & XENPF_ACPI_SLEEP_EXTENDED) {
        if (!fadt->sleep_control.address)
            return -EPERM;
        return op->val_a > SLEEP_TYPE_MAX ? -EINVAL : 0;
    }
    if (!fadt->pm1a_control.address)
        return -EPERM;
    return (op->val_a ^ op->val_b) & PM1_SLEEP_ENABLE && op->val_b ? -EINVAL : 0;
}

/* The sleep type as firmware's programs name it, and the bit that acts, in PM1 control; the type
 * first and then both, as the specification's sequence has it. */
static int pm1_write(u16 a, u16 b)
{
    const struct acpi_register *pm1a = &acpi_info.fadt.pm1a_control;
    const struct acpi_register *pm1b = &acpi_info.fadt.pm1b_control;
    u32 type_a = a & ~(u32)PM1_SLEEP_ENABLE, type_b = b & ~(u32)PM1_SLEEP_ENABLE;
    int error = register_write(pm1a, PM1_BYTES, type_a);
    if (!error && pm1b->address)
        error = register_write(pm1b, PM1_BYTES, type_b);
    if (!error)
        error = register_write(pm1a, PM1_BYTES, type_a | (u32)PM1_SLEEP_ENABLE);
    if (!error && pm1b->address)
        error = register_write(pm1b, PM1_BYTES, type_b | (u32)PM1_SLEEP_ENABLE);
    return error;
}

int acpi_enter_sleep(u16 a, u16 b, bool extended)
{
    const struct acpi_fadt_info *fadt = &acpi_info.fadt;
    if (!(extended ? fadt->sleep_control.address : fadt->pm1a_control.address))
        return -EPERM;
    log_info("acpi: power off");
    int error = extended ? register_write(&fadt->sleep_control, 1,
                                          (u32)a << SLEEP_TYPE_SHIFT | (u32)SLEEP_ENABLE)
                         : pm1_write(a, b);
    if (error) {
        log_error("acpi: the sleep registers cannot be reached: error %d", error);
        return error;
    }
    nsec_t end = time_now() + OFF_TIME;
    while (time_now() < end)
        cpu_wait();
    log_error("acpi: the machine is still on");
    return -EIO;
}

/* What a PM1 control register holds, with the sleep type changed: other bits choose how the machine
 * signals power events, and are not to change on the way down. */
static u16 pm1_with_type(const struct acpi_register *r, u8 type)
{
    u16 kept = r->address && r->space == ACPI_SPACE_IO ? port_in16((u16)r->address) : 0;
    return (u16)((kept & ~(PM1_TYPE | (u32)PM1_SLEEP_ENABLE)) | (u32)type << PM1_TYPE_SHIFT);
}

int acpi_power_off(void)
{
    const struct acpi_fadt_info *fadt = &acpi_info.fadt;
    if (!acpi_info.has_s5)
        return -ENOENT;
    if (fadt->hardware_reduced)
        return acpi_enter_sleep(acpi_info.s5_type_a, 0, true);
    return acpi_enter_sleep(pm1_with_type(&fadt->pm1a_control, acpi_info.s5_type_a),
                            pm1_with_type(&fadt->pm1b_control, acpi_info.s5_type_b), false);
}

long platform_enter_acpi_sleep_op(struct vcpu *v, void *arg)
{
    const struct xenpf_enter_acpi_sleep *op = &((struct xen_platform_op *)arg)->u.enter_acpi_sleep;
    int error = sleep_check(op);
    if (error) {
        log_warning("acpi: S%u with values %#x, %#x is refused: error %d", op->sleep_state,
                    op->val_a, op->val_b, error);
        return error;
    }
    if (op->sleep_state != SLEEP_STATE_OFF) {
        log_warning("acpi: domain 0 asks for S%u; only S5 (off) is known here", op->sleep_state);
        return -EOPNOTSUPP;
    }
    return acpi_enter_sleep(op->val_a, op->val_b, op->flags & XENPF_ACPI_SLEEP_EXTENDED);
}
