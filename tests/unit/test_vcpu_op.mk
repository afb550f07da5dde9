# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_vcpu_op,hypervisor/core/vcpu_op.c $(DOMAIN_WORLD_SOURCES),$(DOMAIN_WORLD_CFLAGS)))
