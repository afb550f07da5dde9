# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_trace,$(addprefix hypervisor/core/,trace.c trace_hypercall.c control.c) $(DOMAIN_WORLD_SOURCES),$(DOMAIN_WORLD_CFLAGS)))
