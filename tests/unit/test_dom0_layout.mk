# SPDX-License-Identifier: GPL-2.0-or-later
# The test includes dom0/build.c for its layout: what fills memory, and all that it calls, is left out by the linker.
$(eval $(call unit_test,test_dom0_layout,$(addprefix hypervisor/lib/,kernel_image.c elf.c),-Ihypervisor/arch/x86/include -Wno-unused-parameter -ffunction-sections -Xlinker --gc-sections))
