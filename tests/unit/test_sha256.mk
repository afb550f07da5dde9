# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_sha256,hypervisor/lib/sha256.c))
