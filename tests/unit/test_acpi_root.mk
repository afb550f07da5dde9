# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call unit_test,test_acpi_root,$(addprefix hypervisor/arch/x86/platform/,acpi.c acpi_madt.c acpi_fixed.c acpi_srat.c acpi_s5.c),-Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include))
