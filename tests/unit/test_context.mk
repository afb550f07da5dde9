# SPDX-License-Identifier: GPL-2.0-or-later
# per_cpu() steps out of the variable on purpose.
$(eval $(call unit_test,test_context,hypervisor/arch/x86/pv/context.c hypervisor/arch/host/percpu.c,-Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -fno-sanitize=object-size -Wno-unused-parameter))
