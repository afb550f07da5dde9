# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_last_words,,-Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include))
