# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_backtrace,hypervisor/arch/x86/cpu/backtrace.c,-Ihypervisor/arch/x86/include -Wno-unused-parameter))
