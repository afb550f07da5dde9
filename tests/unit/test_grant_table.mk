# SPDX-License-Identifier: GPL-2.0-or-later
# Lock ranks are checked; per_cpu() steps out of the variable on purpose.
$(eval $(call unit_test,test_grant_table,$(addprefix hypervisor/core/,grant_table.c grant_table_map.c grant_table_copy.c grant_table_op.c frame.c lock.c) hypervisor/arch/host/percpu.c tests/unit/host/guests.c,-Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -DDOMUS_DEBUG -fno-sanitize=object-size -Wno-unused-parameter))
