# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_heap_retire,$(MEMORY_WORLD_SOURCES),$(MEMORY_WORLD_CFLAGS)))
