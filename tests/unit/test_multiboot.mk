# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_multiboot,$(addprefix hypervisor/arch/x86/boot/,multiboot.c memory_map.c),-Ihypervisor/arch/x86/include))
