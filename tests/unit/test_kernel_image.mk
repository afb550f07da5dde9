# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_kernel_image,$(addprefix hypervisor/lib/,kernel_image.c elf.c)))
