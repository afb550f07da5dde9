# SPDX-License-Identifier: GPL-2.0-or-later
"""On a machine that UEFI started, domain 0 finds what the firmware leaves for it: ACPI's root pointer, the frame
buffer, and the runtime services behind efivarfs."""

import glob
import os

import machine as machines

GUID = "5b2d3b2c-7c0e-4c5e-9a55-646f6d757321"
LOOK = f"""
dmesg | grep -q 'ACPI: RSDP 0x' || exit 1
grep -q 'EFI VGA' /proc/fb || exit 2
insmod /efivarfs.ko && mount -t efivarfs none /mnt || exit 3
ls /mnt | grep -q BootOrder- || exit 4
printf '\\007\\000\\000\\000domus' >/tmp/variable
dd if=/tmp/variable of=/mnt/Test-{GUID} bs=100 || exit 5
umount /mnt && mount -t efivarfs none /mnt || exit 6
cmp /tmp/variable /mnt/Test-{GUID} || exit 7
"""


def test_firmware(run):
    module = glob.glob(os.path.join(machines.IMAGES, "bookworm/kernel/lib/modules/*/kernel/fs/efivarfs/efivarfs.ko"))
    with open(module[0], "rb") as content:
        run(LOOK, medium="iso", firmware="uefi", machine="q35", smp=2, files={"efivarfs.ko": content.read()})
