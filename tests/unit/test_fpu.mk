# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_fpu,hypervisor/arch/x86/cpu/fpu.c,-Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -Wno-unused-parameter))
