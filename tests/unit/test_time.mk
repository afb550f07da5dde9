# SPDX-License-Identifier: GPL-2.0-or-later
# per_cpu() steps out of the variable on purpose.
$(eval $(call unit_test,test_time,hypervisor/arch/host/percpu.c,-Itests/unit/host_time/include -Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -fno-sanitize=object-size -Wno-unused-parameter))
