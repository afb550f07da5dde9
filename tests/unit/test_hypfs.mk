# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_hypfs,hypervisor/core/hypfs.c hypervisor/lib/print.c,-Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -Wno-unused-parameter))
