# SPDX-License-Identifier: GPL-2.0-or-later
#
# test-abi: every size, offset and constant of abi/ is that of Xen 4.17 (Debian's libxen-dev), and
# each header of abi/ compiles alone, with gcc and with clang.

ABI_OUT         := build/tests/abi
ABI_HEADERS     := $(sort $(wildcard abi/*.h))
ABI_TEST        := tests/abi
ABI_XEN_INCLUDE ?= /usr/include
ABI_CFLAGS      := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
ABI_ASM_HEADERS := abi/xen.h abi/arch-x86.h abi/elfnote.h abi/features.h

.PHONY: test-abi
test-abi: $(ABI_OUT)/ours.txt $(ABI_OUT)/xens.txt $(ABI_OUT)/alone.stamp
	$(Q)/usr/bin/python3 $(ABI_TEST)/abi_compare.py $(ABI_OUT)/ours.txt $(ABI_OUT)/xens.txt

$(ABI_OUT)/abi_list.h: $(ABI_HEADERS) $(ABI_TEST)/abi_list.py $(ABI_TEST)/abi_exceptions.txt
	@mkdir -p $(@D)
	$(Q)/usr/bin/python3 $(ABI_TEST)/abi_list.py . $(ABI_TEST)/abi_exceptions.txt >$@.new
	@mv $@.new $@

$(ABI_OUT)/abi_headers.h: $(ABI_HEADERS)
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(ABI_HEADERS) >$@

$(ABI_OUT)/abi_domus: $(ABI_TEST)/abi_domus.c $(ABI_TEST)/abi_emit.h $(ABI_OUT)/abi_list.h \
		$(ABI_OUT)/abi_headers.h
	$(Q)gcc $(ABI_CFLAGS) -I. -I$(ABI_OUT) -o $@ $<

$(ABI_OUT)/abi_xen: $(ABI_TEST)/abi_xen.c $(ABI_TEST)/abi_emit.h $(ABI_OUT)/abi_list.h
	@test -e $(ABI_XEN_INCLUDE)/xen/domctl.h || { echo "test-abi needs Debian's libxen-dev"; exit 1; }
	$(Q)gcc $(ABI_CFLAGS) -isystem $(ABI_XEN_INCLUDE) -I$(ABI_OUT) -o $@ $<

$(ABI_OUT)/ours.txt: $(ABI_OUT)/abi_domus
	@./$< >$@

$(ABI_OUT)/xens.txt: $(ABI_OUT)/abi_xen
	@./$< >$@

$(ABI_OUT)/alone.stamp: $(ABI_HEADERS)
	@mkdir -p $(@D)
	@for compiler in gcc clang; do for header in $(ABI_HEADERS); do \
		printf '#include "%s"\nint abi_alone;\n' $$header | \
		$$compiler $(ABI_CFLAGS) -pedantic -I. -fsyntax-only -x c - || exit 1; done; done
	@for header in $(ABI_ASM_HEADERS); do printf '#include "%s"\n' $$header | \
		gcc -I. -x assembler-with-cpp -c -o /dev/null - || exit 1; done
	@touch $@
