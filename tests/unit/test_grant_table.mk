# SPDX-License-Identifier: GPL-2.0-or-later
# Lock ranks are checked; per_cpu() steps out of the variable on purpose.
GRANT_TABLE_SOURCES := $(addprefix hypervisor/core/,grant_table.c grant_table_map.c grant_table_copy.c grant_table_op.c frame.c lock.c) hypervisor/arch/host/percpu.c tests/unit/host/guests.c
GRANT_TABLE_CFLAGS := -Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -DDOMUS_DEBUG -fno-sanitize=object-size -Wno-unused-parameter
$(eval $(call unit_test,test_grant_table,$(GRANT_TABLE_SOURCES),$(GRANT_TABLE_CFLAGS)))
$(eval $(call unit_test,test_grant_version,$(GRANT_TABLE_SOURCES),$(GRANT_TABLE_CFLAGS)))
