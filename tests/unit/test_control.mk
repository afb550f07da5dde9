# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_control,$(addprefix hypervisor/core/,control.c sysctl.c power.c livepatch.c page_offline.c cpupool.c domctl.c domctl_vcpu.c domctl_access.c) tests/unit/host/control_world.c $(DOMAIN_WORLD_SOURCES),$(DOMAIN_WORLD_CFLAGS)))
