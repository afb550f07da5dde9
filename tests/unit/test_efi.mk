# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_efi,tests/unit/host/efi_world.c,-Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -Wno-unused-parameter))
