# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_decode,hypervisor/arch/x86/cpu/decode.c \
	hypervisor/arch/x86/cpu/memory_write.c,-Ihypervisor/arch/x86/include))
