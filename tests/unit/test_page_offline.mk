# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_page_offline,hypervisor/core/page_offline.c hypervisor/core/frame.c $(MEMORY_WORLD_SOURCES),$(MEMORY_WORLD_CFLAGS)))
