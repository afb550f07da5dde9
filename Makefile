# SPDX-License-Identifier: GPL-2.0-or-later
#
# What can be built and run here; `make help` lists it. hypervisor/build.mk says how the hypervisor is
# made; a test adds itself by a fragment tests/*/NAME.mk.

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/bash

# DEBUG=1 builds the hypervisor with assertions and lock checks, beside the release build.
DEBUG ?= 0
BUILD := build$(if $(filter 1,$(DEBUG)),/debug)
export DOMUS_BUILD := $(CURDIR)/$(BUILD)

# V=1 shows every command.
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = @printf '  %-8s%s\n' '$(1)' '$(2)'

CC := gcc
PYTHON := /usr/bin/python3
RELEASES := bookworm trixie
IMAGES := build/images

.PHONY: all run iso images docs coverage clean help
.PHONY: test test-long test-style test-unit test-abi test-system test-peer conformance

all: $(BUILD)/domus.elf

-include hypervisor/build.mk
-include hypervisor/arch/host/host.mk

# --- unit tests: each an ordinary program with sanitizers, from its own source and what it tests

UNIT_BUILD := build/unit$(if $(COVERAGE),-coverage)
UNIT_CFLAGS := -g -O1 -std=gnu11 -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -Ihypervisor/include -I. $(if $(COVERAGE),--coverage)
UNIT_TESTS :=

# Objects are shared by the tests that compile a source with the same flags, which name their folder.
space := $(subst ,, )
unit_compile_flags = $(filter-out -Wl% -Xlinker --gc-sections,$(1))
unit_folder = $(subst $(space),,$(subst =,.,$(subst /,.,$(unit_compile_flags))))
unit_object = $(UNIT_BUILD)/objects/plain$(call unit_folder,$(2))/$(1:.c=.o)
UNIT_OBJECTS :=

# $(eval $(call unit_object_rule,SOURCE,CFLAGS)), once for each object.
define unit_object_rule
UNIT_OBJECTS += $(unit_object)
$(unit_object): $(1) Makefile
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CC) $(UNIT_CFLAGS) $(call unit_compile_flags,$(2)) -MMD -MP -c -o $$@ $$<
endef

unit_object_know = $(if $(filter $(unit_object),$(UNIT_OBJECTS)),,$(eval $(call unit_object_rule,$(1),$(2))))

# $(eval $(call unit_test,NAME,SOURCES,CFLAGS)): build/unit/NAME from tests/unit/NAME.c and SOURCES.
define unit_test
UNIT_TESTS += $(UNIT_BUILD)/$(1)
$(UNIT_BUILD)/$(1): $(foreach source,tests/unit/$(1).c $(2),$(call unit_object,$(source),$(3)))
	$$(call say,TEST,$$@)
	$$(Q)$(CC) $(UNIT_CFLAGS) $(3) -o $$@ $$^ -lcmocka
$(foreach source,tests/unit/$(1).c $(2),$(call unit_object_know,$(source),$(3)))
endef

# --- tests, by fragments (test-abi is made of tests/abi/ alone); fuzzers may use the unit tests' worlds

-include $(filter-out tests/fuzz/%,$(wildcard tests/*/*.mk)) tests/fuzz/fuzz.mk
-include $(UNIT_OBJECTS:.o=.d)

# A bare Debian 12 needs git and make: most of what follows installs first what it lacks, and then starts make
# again, which finds it. Installing needs sudo or root, so plain make and the parts of make test do not.
install = $(Q)scripts/install-packages

test:
	$(install)
	$(Q)$(MAKE) -j3 images guests all unit-tests fuzzers
	$(Q)$(MAKE) -j2 -Otarget test-style test-unit test-abi test-fuzz
	$(Q)$(MAKE) test-system

test-style: test-clang
	$(call say,STYLE,the whole tree)
	$(Q)scripts/check-style

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS)

test-unit: $(UNIT_TESTS)
	$(Q)scripts/run-unit-tests $(UNIT_TESTS)

# What the unit tests run of the parts that they can reach: lines and branches, as HTML and as a table.
COVERAGE_OUT := build/coverage
coverage:
	$(install) build test
	$(Q)rm -rf build/unit-coverage
	$(Q)UNIT_TEST_SECONDS=1800 $(MAKE) COVERAGE=1 test-unit
	$(Q)mkdir -p $(COVERAGE_OUT)
	$(Q)gcovr --root . --filter 'hypervisor/(core|sched|lib)/' --filter 'hypervisor/arch/x86/(pv|platform)/' \
		--gcov-ignore-parse-errors --exclude-unreachable-branches --print-summary \
		--html-details $(COVERAGE_OUT)/index.html --txt $(COVERAGE_OUT)/summary.txt build/unit-coverage
	$(call say,COVERAGE,$(COVERAGE_OUT)/index.html and summary.txt)

# What is made of the sources and kept with them.
docs:
	$(call say,GEN,docs/ABI.md)
	$(Q)scripts/make-abi-doc > docs/ABI.md.new
	$(Q)mv docs/ABI.md.new docs/ABI.md

# PYTEST_ARGS chooses among the system tests: make test-system PYTEST_ARGS='-k boot -x'. As many run side by side as
# the host has processors: PYTEST_ARGS='-n 0' runs one after the other.
PYTEST_ARGS ?=
pytest = cd tests/system && $(PYTHON) -m pytest -p no:cacheprovider $(1) $(PYTEST_ARGS)

test-system:
	$(install)
	$(Q)$(MAKE) all images guests
	$(Q)$(call pytest,-m "not long")

# The same tests on Debian's Xen: what fails there is a mistake in the test. DEBUG has no meaning here.
test-peer:
	$(install)
	$(Q)$(MAKE) images guests
	$(Q)export DOMUS_TARGET=peer; $(call pytest,-m "not long" --deselect test_peer.py --deselect test_cost.py)

# The kernels of tests/guests/subjects on Domus: a table of what Xen answers otherwise. PEER=1 asks Xen again,
# instead of taking what tests/guests/record has written down. SUBJECT=... chooses.
PEER ?= 0
conformance:
	$(install) build run
	$(Q)$(MAKE) all guests $(if $(filter 1,$(PEER)),peer)
	$(Q)$(PYTHON) tests/system/conformance.py $(if $(filter 1,$(PEER)),--peer) $(SUBJECT)

test-long:
	$(install)
	$(Q)$(MAKE) all images guests $(addprefix root-,$(RELEASES)) server-bookworm
	$(Q)$(call pytest,)

# What operations cost on Xen and on Domus, in instructions: fails if one is worse than it was recorded, or than it
# may be. BENCH_ARGS=--record takes the figures as the recorded ones.
.PHONY: bench
BENCH_ARGS ?=
bench:
	$(install) build run bench
	$(Q)$(MAKE) all guests quick-bookworm peer
	$(Q)scripts/bench $(BENCH_ARGS)

# --- images for the tests, cached under build/images

.PHONY: $(foreach kind,quick root tools host,$(addprefix $(kind)-,$(RELEASES))) server-bookworm peer
$(addprefix quick-,$(RELEASES)): quick-%:
	$(Q)tests/images/quick $*
$(addprefix root-,$(RELEASES)): root-%:
	$(Q)tests/images/root $*
server-bookworm:
	$(Q)tests/images/server bookworm
$(addprefix tools-,$(RELEASES)): tools-%:
	$(Q)tests/images/tools $*
$(addprefix host-,$(RELEASES)): host-%:
	$(Q)tests/images/host $*
peer:
	$(Q)tests/images/peer

# What takes longest comes first; each makes what it is made of.
images:
	$(install) run
	$(Q)$(MAKE) root-bookworm host-bookworm tools-bookworm peer $(addprefix quick-,$(RELEASES))

# --- by hand

# OPTIONS are the hypervisor's: make run OPTIONS='dom0_mem=1G'.
OPTIONS ?=
run:
	$(install) build run
	$(Q)$(MAKE) all root-bookworm
	$(Q)DOMUS_BUILD=$(BUILD) scripts/run $(OPTIONS)

iso:
	$(install) build run
	$(Q)$(MAKE) all quick-bookworm
	$(call say,ISO,$(BUILD)/domus.iso)
	$(Q)scripts/iso $(BUILD)/domus.iso $(BUILD)/domus.elf 'console=com1,vga dom0_mem=1024M' \
		$(IMAGES)/bookworm/kernel/vmlinuz 'console=tty0 console=hvc0' $(IMAGES)/bookworm/quick.img

# Images and package lists stay: they are what takes long. `rm -r build` removes them too.
clean:
	$(Q)find build -mindepth 1 -maxdepth 1 ! -name images ! -name apt -exec rm -rf {} + 2>/dev/null || true

help:
	@echo 'make             build/domus.elf, the hypervisor (DEBUG=1: build/debug/domus.elf)'
	@echo 'make run         boot it in QEMU with Debian 12 as domain 0, on this terminal (OPTIONS=...)'
	@echo 'make iso         build/domus.iso, which boots it through GRUB on BIOS and UEFI'
	@echo 'make images      kernels and disk images for the tests'
	@echo 'make test        test-style, test-unit, test-abi, test-fuzz and test-system'
	@echo 'make test-peer   the system tests on Debian'"'"'s Xen, to check the tests'
	@echo 'make conformance what Xen answers otherwise (PEER=1: asked now; SUBJECT=...: some subjects only)'
	@echo 'make test-long   all system tests, the long ones included'
	@echo 'make fuzz        all fuzzers, FUZZ_SECONDS=60 each (FUZZ="acpi decompress_%" for some)'
	@echo 'make mutants     what the tests notice when a check is taken away (tests/fuzz/mutants)'
	@echo 'make bench       what operations cost on Xen and on Domus, in build/bench'
	@echo 'make coverage    what the unit tests run, in build/coverage'
	@echo 'make docs        docs/ABI.md from the tables of hypercalls'
	@echo 'make clean       remove what was built, except images'
	@echo 'V=1 shows commands'
	@echo 'scripts/install-packages installs what all this needs on Debian 12'
