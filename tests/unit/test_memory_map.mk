# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_memory_map,hypervisor/arch/x86/boot/memory_map.c,-Ihypervisor/arch/x86/include))
