# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_policy,hypervisor/arch/x86/cpu/policy.c \
	hypervisor/arch/x86/cpu/policy_msr.c,-Ihypervisor/arch/x86/include))
