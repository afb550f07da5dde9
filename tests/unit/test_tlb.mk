# SPDX-License-Identifier: GPL-2.0-or-later
# per_cpu() steps out of the variable on purpose.
$(eval $(call unit_test,test_tlb,hypervisor/arch/x86/cpu/smp_call.c hypervisor/arch/host/percpu.c,-Itests/unit/host_x86/include -Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -fno-sanitize=object-size -Wno-unused-parameter -pthread))
