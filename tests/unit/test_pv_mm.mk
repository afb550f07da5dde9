# SPDX-License-Identifier: GPL-2.0-or-later
PV_MM_SOURCES := $(sort $(wildcard hypervisor/arch/x86/pv/mm_*.c)) $(addprefix hypervisor/,arch/x86/pv/descriptors.c arch/x86/mm/perdomain.c arch/x86/cpu/memory_write.c arch/x86/cpu/decode.c core/frame.c lib/rangeset.c) hypervisor/arch/host/percpu.c tests/unit/host_pv/pv_world.c
PV_MM_CFLAGS := -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -fno-sanitize=object-size -Wno-unused-parameter
$(eval $(call unit_test,test_pv_mm,$(PV_MM_SOURCES),$(PV_MM_CFLAGS)))
$(eval $(call unit_test,test_pv_mm_parts,$(PV_MM_SOURCES),$(PV_MM_CFLAGS) -Wl$(comma)--wrap=mm_ldt_unmap))
$(eval $(call unit_test,test_pv_mm_order,$(PV_MM_SOURCES),$(PV_MM_CFLAGS)))
$(eval $(call unit_test,test_breakpoint,$(PV_MM_SOURCES) hypervisor/arch/x86/pv/breakpoint.c,$(PV_MM_CFLAGS)))
$(eval $(call unit_test,test_pv_log_dirty,$(PV_MM_SOURCES),$(PV_MM_CFLAGS) -Wl$(comma)--wrap=frame_of_mfn))
$(eval $(call unit_test,test_segment,$(PV_MM_SOURCES) hypervisor/arch/x86/pv/segment.c,$(PV_MM_CFLAGS) -Wl$(comma)--wrap=perdomain_mapped))
