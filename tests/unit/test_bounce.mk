# SPDX-License-Identifier: GPL-2.0-or-later
# per_cpu() steps out of the variable on purpose.
$(eval $(call unit_test,test_bounce,hypervisor/arch/x86/pv/bounce.c hypervisor/arch/host/percpu.c tests/unit/host/traces.c tests/unit/host/bounce_world.c,-Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -fno-sanitize=object-size -Wno-unused-parameter))
