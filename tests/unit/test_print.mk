# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_print,hypervisor/lib/print.c,-Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include))
