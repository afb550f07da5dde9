# SPDX-License-Identifier: GPL-2.0-or-later
# per_cpu() steps out of the variable on purpose.
$(eval $(call unit_test,test_sched_cap,$(addprefix hypervisor/core/,timer.c softirq.c vcpu_timer.c) $(addprefix hypervisor/sched/,schedule.c runstate.c affinity.c cap.c fair.c) hypervisor/arch/host/percpu.c $(addprefix tests/unit/host/,traces.c simulation.c sched_world.c),-Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -fno-sanitize=object-size -Wno-unused-parameter))
