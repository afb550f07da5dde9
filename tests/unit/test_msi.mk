# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_msi,hypervisor/arch/x86/irq/msi.c hypervisor/lib/rangeset.c,-Itests/unit/host_x86/include -Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -Wno-unused-parameter))
