# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_power,hypervisor/core/power.c hypervisor/core/livepatch.c,-Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -Wno-unused-parameter))
