# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_multicall,$(addprefix hypervisor/core/,multicall.c hypercall_table.c) tests/unit/host/hypercall_stubs.c $(MEMORY_WORLD_SOURCES),$(MEMORY_WORLD_CFLAGS)))
