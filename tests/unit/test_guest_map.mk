# SPDX-License-Identifier: GPL-2.0-or-later
# On the simulated machine, which is built by another compiler than the other unit tests.
UNIT_TESTS += $(UNIT_BUILD)/test_guest_map
$(UNIT_BUILD)/test_guest_map: tests/unit/test_guest_map.c $(HOST_OUT)/machine.o
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CPPFLAGS) $(HOST_CFLAGS) -o $@ $< $(HOST_OUT)/machine.o -lcmocka
