/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a PV guest wants to be entered, and other small state of its vCPUs: exception handlers,
 * callbacks, the kernel's stack, the task-switched flag, and the assists of the domain.
 *
 * An address only has to be canonical: one in the hypervisor's range faults when the guest is sent
 * there.
 */
#include "abi/callback.h"
#include "abi/nmi.h"
#include "core/guest_access.h"
#include "core/hypercall.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "x86/page.h"
#include "x86/pv_emulate.h"

#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/callback.def"
#include "core/ops/nmi.def"
#undef SUBOP
#undef UNAVAILABLE

#define RING3 3u

/* --- exception handlers */

/*
 * Entries are taken one by one, up to one whose address is 0. What was taken stays if a later one
 * is bad.
 */
long hypercall_set_trap_table(struct vcpu *v, u64 table, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    struct trap_info t;

    if (!table) {
        memset(v->arch.traps, 0, sizeof(v->arch.traps));
        return 0;
    }
    for (;; table += sizeof(t)) {
        if (guest_copy_in(&t, table, sizeof(t)))
            return -EFAULT;
        if (!t.address)
            break;
        if (!vaddr_is_canonical(t.address))
            return -EINVAL;
        t.cs |= RING3;
        v->arch.traps[t.vector] = t;
        if (preempt_pending())
            return hypercall_continue(v, 1, table + sizeof(t));
    }
    pv_nmi_check(v); /* its handler may have come just now */
    return 0;
}

/* --- callbacks */

/* The same as an entry of the trap table. */
static long nmi_register(struct vcpu *v, u64 address)
{
    if (!vaddr_is_canonical(address))
        return -EINVAL;
    v->arch.traps[TRAP_NMI] = (struct trap_info){
        .vector = TRAP_NMI, .flags = TI_FLAGS_IF, .cs = FLAT_KERNEL_CS, .address = address};
    /* One that came while there was no handler is not lost. */
    if (v->id == 0 && READ_ONCE(v->domain->shared_info->arch.nmi_reason))
        v->nmi_pending = true;
    pv_nmi_check(v);
    return 0;
}

static long nmi_unregister(struct vcpu *v)
{
    v->arch.traps[TRAP_NMI] = (struct trap_info){.address = 0};
    return 0;
}

static long callback_register(struct vcpu *v, u16 type, u16 flags, u64 address)
{
    struct arch_vcpu *a = &v->arch;
    bool mask_events = flags & CALLBACKF_mask_events;

    if (!vaddr_is_canonical(address))
        return -EINVAL;
    switch (type) {
    case CALLBACKTYPE_event:
        a->event_callback = address;
        return 0;
    case CALLBACKTYPE_failsafe:
        a->failsafe_callback = address;
        a->failsafe_masks_events = mask_events;
        return 0;
    case CALLBACKTYPE_syscall:
        a->syscall_callback = address;
        a->syscall_masks_events = mask_events;
        return 0;
    case CALLBACKTYPE_syscall32:
        a->syscall32_callback = address;
        a->syscall32_masks_events = mask_events;
        return 0;
    case CALLBACKTYPE_sysenter:
        a->sysenter_callback = address;
        a->sysenter_masks_events = mask_events;
        return 0;
    case CALLBACKTYPE_nmi:
        return nmi_register(v, address);
    default:
        return -ENOSYS;
    }
}

long callback_op_register(struct vcpu *v, void *arg)
{
    const struct callback_register *op = arg;
    return callback_register(v, op->type, op->flags, op->address);
}

/* Only the NMI handler can be taken back: a guest without the others could not run. */
long callback_op_unregister(struct vcpu *v, void *arg)
{
    const struct callback_unregister *op = arg;
    switch (op->type) {
    case CALLBACKTYPE_event:
    case CALLBACKTYPE_failsafe:
    case CALLBACKTYPE_syscall:
    case CALLBACKTYPE_syscall32:
    case CALLBACKTYPE_sysenter:
        return -EINVAL;
    case CALLBACKTYPE_nmi:
        return nmi_unregister(v);
    default:
        return -ENOSYS;
    }
}

long nmi_op_register(struct vcpu *v, void *arg)
{
    const struct xennmi_callback *op = arg;
    return nmi_register(v, op->handler_address);
}

long nmi_op_unregister(struct vcpu *v, void *arg)
{
    return nmi_unregister(v);
}

long hypercall_callback_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6)
{
    return subop_dispatch(v, &callback_ops, (u32)cmd, arg);
}

long hypercall_nmi_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6)
{
    return subop_dispatch(v, &nmi_ops, (u32)cmd, arg);
}

/* The older call for three of them at once: it takes what is good and never fails. */
long hypercall_set_callbacks(struct vcpu *v, u64 event, u64 failsafe, u64 syscall, u64 a4, u64 a5,
                             u64 a6)
{
    (void)callback_register(v, CALLBACKTYPE_event, 0, event);
    (void)callback_register(v, CALLBACKTYPE_failsafe, 0, failsafe);
    (void)callback_register(v, CALLBACKTYPE_syscall, 0, syscall);
    return 0;
}

/* --- other state */

long hypercall_stack_switch(struct vcpu *v, u64 ss, u64 sp, u64 a3, u64 a4, u64 a5, u64 a6)
{
    v->arch.kernel_ss = (u16)ss | RING3;
    v->arch.kernel_sp = sp;
    return 0;
}

long hypercall_fpu_taskswitch(struct vcpu *v, u64 set, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    pv_task_switched_set(v, (u32)set != 0);
    return 0;
}

/* The assists of 64-bit PV guests; those for 32-bit ones are accepted too, as they always were. */
#define VM_ASSISTS                                                                                 \
    (BIT(VMASST_TYPE_4gb_segments) | BIT(VMASST_TYPE_4gb_segments_notify) |                        \
     BIT(VMASST_TYPE_writable_pagetables) | BIT(VMASST_TYPE_pae_extended_cr3) |                    \
     BIT(VMASST_TYPE_architectural_iopl) | BIT(VMASST_TYPE_runstate_update_flag) |                 \
     BIT(VMASST_TYPE_m2p_strict))

long hypercall_vm_assist(struct vcpu *v, u64 cmd, u64 type, u64 a3, u64 a4, u64 a5, u64 a6)
{
    u32 bit = (u32)type;
    if (bit >= 64 || !(VM_ASSISTS & BIT(bit)))
        return -EINVAL;
    switch ((u32)cmd) {
    case VMASST_CMD_enable:
        bit_set(&v->domain->vm_assist, bit);
        return 0;
    case VMASST_CMD_disable:
        bit_clear(&v->domain->vm_assist, bit);
        return 0;
    default:
        return -ENOSYS;
    }
}
