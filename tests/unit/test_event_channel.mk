# SPDX-License-Identifier: GPL-2.0-or-later
# Lock ranks are checked; per_cpu() steps out of the variable on purpose.
$(eval $(call unit_test,test_event_channel,$(addprefix hypervisor/core/,event_channel.c event_op.c event_upcall.c event_2level.c event_fifo.c frame.c lock.c) hypervisor/arch/host/percpu.c tests/unit/host/guests.c,-Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -DDOMUS_DEBUG -fno-sanitize=object-size -Wno-unused-parameter))
