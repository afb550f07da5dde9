# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_boot_memory,hypervisor/arch/x86/boot/boot_memory.c,-Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -Wno-unused-parameter))
