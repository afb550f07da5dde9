# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fuzzers: each a program with libFuzzer's entry and the sanitizers, from tests/fuzz/ and the parts of the
# hypervisor that it tries. scripts/fuzz runs them; what belongs to the fuzzer NAME is in
# tests/fuzz/corpus/NAME/ (seeds), regressions/NAME/ (inputs that once failed) and dictionaries/NAME.

FUZZ_BUILD := build/fuzz
FUZZ_CC := clang-14
FUZZ_CFLAGS := -g -O1 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Ihypervisor/include -I.
FUZZERS :=

# $(eval $(call fuzzer,NAME,SOURCES,CFLAGS)): build/fuzz/bin/NAME.
define fuzzer
FUZZERS += $(FUZZ_BUILD)/bin/$(1)
$(FUZZ_BUILD)/bin/$(1): $(2) tests/fuzz/fuzz.mk
	$$(call say,FUZZER,$$@)
	$$(Q)rm -rf $$@.d && mkdir -p $$@.d
	$$(Q)set -e; for source in $(2); do \
		$(FUZZ_CC) $(FUZZ_CFLAGS) $(filter-out -l%,$(3)) -MMD -MP -MT $$@ -c -o $$@.d/$$$${source//\//_}.o $$$$source; \
	done
	$$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -o $$@ $$@.d/*.o $(3)
-include $(FUZZ_BUILD)/bin/$(1).d/*.d
endef

# --- one row for each

FUZZ_X86 := -Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include
FUZZ_UNPACK := $(addprefix hypervisor/lib/,decompress.c crc.c xxhash.c sha256.c inflate.c xz.c lzma2.c lzma.c bcj.c lz4.c \
	zstd.c zstd_fse.c zstd_literals.c zstd_sequences.c)

$(foreach format,gzip xz zstd lz4,$(eval $(call fuzzer,decompress_$(format),\
	tests/fuzz/fuzz_decompress.c tests/fuzz/reference.c $(FUZZ_UNPACK),-DFORMAT=$(format) -lz -llzma -lzstd -llz4)))
$(eval $(call fuzzer,acpi,tests/fuzz/fuzz_acpi.c \
	$(addprefix hypervisor/arch/x86/platform/,acpi.c acpi_madt.c acpi_fixed.c acpi_srat.c acpi_s5.c),$(FUZZ_X86)))
$(eval $(call fuzzer,kernel_image,tests/fuzz/fuzz_kernel_image.c \
	$(addprefix hypervisor/lib/,kernel_image.c kernel_source.c elf.c bzimage.c) $(FUZZ_UNPACK)))
$(eval $(call fuzzer,multiboot,tests/fuzz/fuzz_multiboot.c \
	$(addprefix hypervisor/arch/x86/boot/,multiboot.c memory_map.c),$(FUZZ_X86)))
$(eval $(call fuzzer,cmdline,tests/fuzz/fuzz_cmdline.c hypervisor/core/cmdline.c,$(FUZZ_X86)))
$(eval $(call fuzzer,instruction,tests/fuzz/fuzz_instruction.c tests/fuzz/native.c \
	hypervisor/arch/x86/cpu/decode.c hypervisor/arch/x86/cpu/memory_write.c,-Ihypervisor/arch/x86/include))

# On the simulated machine (arch/host): $(eval $(call machine_fuzzer,NAME,SOURCES)).
define machine_fuzzer
FUZZERS += $(FUZZ_BUILD)/bin/$(1)
$(FUZZ_BUILD)/bin/$(1): $(2) tests/fuzz/machine_input.c tests/fuzz/machine_input.h $(HOST_OUT)/machine.o
	$$(call say,FUZZER,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(FUZZ_CC) $(HOST_CPPFLAGS) $(HOST_CFLAGS) -fsanitize=fuzzer -o $$@ \
		$(2) tests/fuzz/machine_input.c $(HOST_OUT)/machine.o
endef

$(foreach name,page_tables hypercalls privileged,$(eval $(call machine_fuzzer,$(name),tests/fuzz/fuzz_$(name).c)))

# --- running them

# Seconds for each, as many at once as there are CPUs; FUZZ chooses some by their names.
FUZZ_SECONDS ?= 60
FUZZ ?= %
fuzz_chosen = $(filter $(addprefix $(FUZZ_BUILD)/bin/,$(FUZZ)),$(FUZZERS))

.PHONY: fuzzers fuzz fuzz-merge test-fuzz
fuzzers: $(FUZZERS)

fuzz:
	$(install) build test
	$(Q)$(MAKE) $(fuzz_chosen)
	$(Q)scripts/fuzz search --seconds $(FUZZ_SECONDS) $(fuzz_chosen)

# Seeds again, from what was found to be worth keeping.
fuzz-merge:
	$(install) build test
	$(Q)$(MAKE) $(fuzz_chosen)
	$(Q)scripts/fuzz merge $(fuzz_chosen)

test-fuzz: $(FUZZERS)
	$(Q)scripts/fuzz test $(FUZZERS)

# MUTANTS names some: make mutants MUTANTS='11-scrub 17-privilege'.
.PHONY: mutants
mutants:
	$(install) build test
	$(Q)tests/fuzz/mutants/run $(MUTANTS)
