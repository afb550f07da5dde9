# SPDX-License-Identifier: GPL-2.0-or-later
#
# Test kernels, most of which boot as domain 0: build/guests/NAME.elf from NAME.c and the library of guest.h.

GUESTS := bench code_patching unprivileged hostile_returns hostile_hypercalls hostile_tables hostile_floods
SUBJECTS := $(basename $(notdir $(wildcard tests/guests/subjects/*.c)))
GUEST_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -nostdinc -isystem $(shell $(CC) -print-file-name=include 2>/dev/null) \
	-I. -Itests/guests -mcmodel=kernel -fno-pic -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	-fcf-protection=none -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns \
	-Wall -Wextra -Wshadow -Wmissing-prototypes -Werror

.PHONY: guests
guests: $(GUESTS:%=build/guests/%.elf) $(SUBJECTS:%=build/guests/subjects/%.elf)

GUEST_LIBRARY := tests/guests/start.S tests/guests/guest.c

build/guests/bench.elf: GUEST_LIBRARY += $(wildcard tests/guests/bench_*.c)
build/guests/subjects/%.elf: GUEST_LIBRARY += tests/guests/subject.c
build/guests/%.elf: tests/guests/%.c $(wildcard tests/guests/*.[chS]) tests/guests/guests.mk
	$(call say,GUEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -E -P -x assembler-with-cpp -Itests/guests -o $@.lds tests/guests/guest.lds.S
	$(Q)$(CC) $(GUEST_CFLAGS) -static -nostdlib -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		-Wl,--no-warn-rwx-segments -T $@.lds -o $@ $(GUEST_LIBRARY) $<
