/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On the host: x86's own half of struct vcpu and struct domain. */
#ifndef DOMUS_HOST_MACHINE_VCPU_H
#define DOMUS_HOST_MACHINE_VCPU_H
#include "../../../x86/include/machine/vcpu.h"
#endif
