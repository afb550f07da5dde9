# SPDX-License-Identifier: GPL-2.0-or-later
#
# The conformance probe (tests/system/probe): a static program that test_conformance.py runs in domain 0.

PROBE         := build/tests/probe
PROBE_SOURCES := $(wildcard tests/system/probe/*.c)

$(PROBE): $(PROBE_SOURCES) tests/system/probe/probe.h $(wildcard abi/*.h) tests/system/probe.mk
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O1 -g0 -Wall -Wextra -Werror -static -I. -Itests/system/probe -o $@ $(PROBE_SOURCES)

test-system test-peer test-long: $(PROBE)
