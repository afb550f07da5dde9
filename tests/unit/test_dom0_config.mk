# SPDX-License-Identifier: GPL-2.0-or-later
# The test includes dom0/config.c, whose options only a linker script would find.
$(eval $(call unit_test,test_dom0_config,hypervisor/core/cmdline.c,-Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -Wno-unused-parameter))
