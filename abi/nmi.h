/* SPDX-License-Identifier: MIT */
/*
 * Non-maskable interrupts of a PV guest: hypercall nmi_op(cmd, struct *).
 */
#ifndef DOMUS_ABI_NMI_H
#define DOMUS_ABI_NMI_H

#include "xen.h"

#define XENNMI_register_callback   0
#define XENNMI_unregister_callback 1 /* no argument */

/* arch_shared_info.nmi_reason, for the domain that owns the machine's devices. */
#define XEN_NMIREASON_io_error (1 << 0)
#define XEN_NMIREASON_pci_serr (1 << 1)
#define XEN_NMIREASON_unknown  (1 << 2)

struct xennmi_callback {
    uint64_t handler_address;
    uint64_t pad;
};
DEFINE_GUEST_HANDLE(xennmi_callback, struct xennmi_callback);

#endif
