# SPDX-License-Identifier: GPL-2.0-or-later
#
# How the hypervisor is made: every .c and .S file below hypervisor/ but those of other architectures
# (arch/host) becomes one ELF file. It is linked twice, because the symbol table that panics print names
# from is made of the first link.

HV_OUT := $(BUILD)/hypervisor
HV_DIRS := hypervisor/core hypervisor/sched hypervisor/lib hypervisor/arch/x86
HV_SOURCES := $(sort $(shell find $(HV_DIRS) -name '*.inc.c' -prune -o -name '*.lds.S' -prune -o -name '*.[cS]' -print))
HV_OBJECTS := $(HV_SOURCES:%=$(HV_OUT)/%.o)
HV_LDS := hypervisor/arch/x86/domus.lds.S

# What a bare machine lacks, said before anything fails for want of it.
HV_TOOLS := $(CC) ld objcopy python3
hv_missing := $(strip $(foreach tool,$(HV_TOOLS),$(if $(shell command -v $(tool) 2>/dev/null),,$(tool))))
hv_check_tools = $(if $(hv_missing),$(error $(hv_missing): not installed; "scripts/install-packages build" installs it))

HV_CPPFLAGS := -nostdinc -isystem $(shell $(CC) -print-file-name=include 2>/dev/null) -Ihypervisor/include \
	-Ihypervisor/arch/x86/include -I$(HV_OUT) -I. -include hypervisor/include/visibility.h
HV_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-builtin-printf -fpie -mno-sse -mno-mmx -mno-80387 \
	-mgeneral-regs-only -mno-red-zone -fno-stack-protector -fno-strict-aliasing -fno-common \
	-fno-asynchronous-unwind-tables -fno-jump-tables -fvisibility=hidden -ffunction-sections \
	-falign-functions=16 -mindirect-branch=thunk-extern -mindirect-branch-register -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-unused-parameter -Werror
ifeq ($(DEBUG),1)
HV_CFLAGS += -DDOMUS_DEBUG
endif
HV_LDFLAGS := -static -nostdlib -no-pie --build-id=sha1 -z noexecstack -z max-page-size=4096 \
	--no-warn-rwx-segments --gc-sections --orphan-handling=warn

$(HV_OUT)/%.c.o: %.c $(HV_OUT)/offsets.h hypervisor/build.mk
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HV_CPPFLAGS) $(HV_CFLAGS) -MMD -MP -c -o $@ $<

$(HV_OUT)/%.S.o: %.S $(HV_OUT)/offsets.h hypervisor/build.mk
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HV_CPPFLAGS) -g -MMD -MP -c -o $@ $<

# Structure offsets for assembly, out of the compiler's own output.
$(HV_OUT)/offsets.h: hypervisor/arch/x86/include/x86/offsets.inc.c hypervisor/build.mk
	$(hv_check_tools)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HV_CPPFLAGS) $(HV_CFLAGS) -MMD -MP -MT $@ -MF $(@:.h=.d) -S -o $(@:.h=.s) $<
	$(Q)sed -n 's/^.*->\([A-Z0-9_]*\) \$$\?\(-\?[0-9]*\).*$$/#define \1 \2/p' $(@:.h=.s) > $@.new
	$(Q)mv $@.new $@

$(HV_OUT)/domus.lds: $(HV_LDS) hypervisor/build.mk
	$(hv_check_tools)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HV_CPPFLAGS) -E -P -x assembler-with-cpp -MMD -MP -MT $@ -MF $@.d -o $@ $<

# The first link has an empty table of symbols; the table of the second is that of the first, with
# the same sizes, so that no address moves.
define hv_link
	$(Q)$(LD) $(HV_LDFLAGS) -T $(HV_OUT)/domus.lds -o $(1) $(HV_OBJECTS) $(2)
endef

LD := ld

$(HV_OUT)/pass0.elf: $(HV_OBJECTS) $(HV_OUT)/domus.lds
	$(call say,LD,$@)
	$(Q)$(call make_symbols,/dev/null,$(HV_OUT)/symbols0)
	$(call hv_link,$@,$(HV_OUT)/symbols0.o)

define make_symbols
$(PYTHON) scripts/make-symbols $(1) > $(2).S && $(CC) -c -o $(2).o $(2).S
endef

$(BUILD)/domus.elf: $(HV_OUT)/pass0.elf scripts/make-symbols
	$(call say,LD,$@)
	$(Q)$(call make_symbols,$(HV_OUT)/pass0.elf,$(HV_OUT)/symbols1)
	$(call hv_link,$(HV_OUT)/pass1.elf,$(HV_OUT)/symbols1.o)
	$(Q)$(call make_symbols,$(HV_OUT)/pass1.elf,$(HV_OUT)/symbols2)
	$(call hv_link,$(HV_OUT)/pass2.elf,$(HV_OUT)/symbols2.o)
	$(Q)objcopy --strip-debug $(HV_OUT)/pass2.elf $@.new
	$(Q)strip -s $@.new
	$(Q)mv $@.new $@
	$(Q)printf '  %-8s%s bytes\n' SIZE "$$(stat -c %s $@)"

-include $(HV_OBJECTS:.o=.d) $(HV_OUT)/offsets.d $(HV_OUT)/domus.lds.d

# The same sources by clang, whose warnings are others: objects that nobody links.
CLANG := clang-14
HV_CLANG_OUT := $(BUILD)/clang
HV_CLANG_OBJECTS := $(patsubst %,$(HV_CLANG_OUT)/%.o,$(filter %.c,$(HV_SOURCES)))
# Options that only gcc has are left out; whether a loop was unrolled is no matter here.
HV_CLANG_FLAGS = $(filter-out -mindirect-branch%,$(subst $(shell $(CC) -print-file-name=include),$(shell $(CLANG) -print-resource-dir)/include,\
	$(HV_CPPFLAGS)) $(HV_CFLAGS)) -Wno-pass-failed

$(HV_CLANG_OUT)/%.c.o: %.c $(HV_OUT)/offsets.h hypervisor/build.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(HV_CLANG_FLAGS) -MMD -MP -c -o $@ $<

.PHONY: test-clang
test-clang: $(HV_CLANG_OBJECTS)
	$(call say,CLANG,$(words $^) files compile without a warning)

-include $(HV_CLANG_OBJECTS:.o=.d)
