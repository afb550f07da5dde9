# SPDX-License-Identifier: GPL-2.0-or-later
#
# The simulated machine (arch/host): the hypervisor's own sources and their simulated surroundings in one
# object, build/host/machine.o, that fuzzers and tests link.

HOST_OUT := build/host
HOST_CC := clang-14
HOST_X86 := hypervisor/arch/x86
HOST_SOURCES := $(sort $(wildcard hypervisor/core/*.c hypervisor/sched/*.c hypervisor/arch/host/*.c \
	$(HOST_X86)/pv/mm_*.c $(HOST_X86)/pv/emulate*.c $(HOST_X86)/control/*.c) \
	$(addprefix hypervisor/lib/,print.c popcount.c rangeset.c) \
	$(addprefix $(HOST_X86)/pv/,bounce.c context.c debugreg.c descriptors.c domain.c domctl.c domctl_state.c fetch.c \
	hypercall_page.c misc.c segment.c) \
	$(addprefix $(HOST_X86)/cpu/,decode.c fpu.c mca.c memory_write.c policy.c policy_msr.c smp_call.c) \
	$(addprefix $(HOST_X86)/mm/,memory_op.c numa.c perdomain.c tlb.c) \
	$(addprefix $(HOST_X86)/irq/,physdev_map.c physdev_op.c pirq.c vectors.c) \
	$(addprefix $(HOST_X86)/platform/,hotplug.c pci_device.c platform_op.c pminfo.c) \
	$(HOST_X86)/boot/memory_map.c $(addprefix $(HOST_X86)/time/,guest_tsc.c time.c))
HOST_OBJECTS := $(HOST_SOURCES:%=$(HOST_OUT)/%.o)

# Whoever includes the machine's headers needs these.
HOST_CPPFLAGS := -Ihypervisor/arch/host/include -Ihypervisor/include -I$(HOST_X86)/include -I. -DDOMUS_DEBUG
HOST_CFLAGS := -g -O1 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -fno-strict-aliasing \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=object-size,pointer-overflow -fno-sanitize-recover=undefined
# per_cpu() steps out of the variable on purpose. Each lock is a place where another CPU may come first.
HOST_WRAP := $(addprefix --wrap=,lock_debug_acquiring lock_debug_releasing \
	object_alloc object_alloc_array object_free heap_free_private)

# What only looks on, and often: quick, and no coverage to be sought in it.
HOST_LOOKERS := $(addprefix $(HOST_OUT)/,$(addsuffix .o,hypervisor/core/audit.c $(HOST_X86)/pv/mm_audit.c \
	hypervisor/arch/host/tlb.c hypervisor/arch/host/boot.c))
$(HOST_LOOKERS): HOST_CFLAGS := -O2 $(filter-out -O1 -fsanitize%,$(HOST_CFLAGS))
# The heap of objects goes where nobody else may (objects.c).
$(HOST_OUT)/hypervisor/core/object_heap.c.o: HOST_CFLAGS := $(HOST_CFLAGS) -fno-sanitize=address
$(HOST_OUT)/hypervisor/core/object_heap.c.o: HOST_CPPFLAGS += -Dmemset=host_memset
# An allocation would flush TLBs that are to be looked at.
$(HOST_OUT)/$(HOST_X86)/pv/mm_audit.c.o: HOST_CPPFLAGS += -Dpages_alloc=host_audit_alloc -Dpages_free=host_audit_free

$(HOST_OUT)/%.c.o: %.c hypervisor/arch/host/host.mk
	$(call say,HOST,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CPPFLAGS) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

$(HOST_OUT)/machine.o: $(HOST_OBJECTS) hypervisor/arch/host/host.lds
	$(call say,LD,$@)
	$(Q)ld -r $(HOST_WRAP) -T hypervisor/arch/host/host.lds -o $@ $(HOST_OBJECTS)

-include $(HOST_OBJECTS:.o=.d)
