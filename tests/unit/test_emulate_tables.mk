# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_emulate_tables,hypervisor/arch/x86/pv/emulate_tables.c hypervisor/arch/x86/cpu/decode.c,-Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -Wno-unused-parameter))
