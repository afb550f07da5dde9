# SPDX-License-Identifier: GPL-2.0-or-later
MEMORY_CALLS_SOURCES := hypervisor/core/memory_op.c tests/unit/host/memory_calls.c $(DOMAIN_WORLD_SOURCES)
$(eval $(call unit_test,test_memory_op,$(MEMORY_CALLS_SOURCES),$(DOMAIN_WORLD_CFLAGS)))
$(eval $(call unit_test,test_memory_exchange,$(MEMORY_CALLS_SOURCES),$(DOMAIN_WORLD_CFLAGS)))
