# SPDX-License-Identifier: GPL-2.0-or-later
"""Domain 0 drives the machine's devices: what it writes to each kind of disk is there after a reboot, and
what comes over each network card comes whole."""

import hashlib
import os
import random
import re

import pytest

import machine as machines

MIB = 1 << 20
DISK_MIB = 16
DISKS = {"virtio": ("virtio_pci,virtio_blk", "/dev/vda"), "ahci": ("ahci,sd_mod", "/dev/sda"),
         "nvme": ("nvme", "/dev/nvme0n1")}
CARDS = {"virtio-net-pci": "virtio_pci,virtio_net", "e1000": "e1000", "e1000e": "e1000e"}
GATEWAY = "10.0.2.2"

ALL_DISKS = " ".join(disk for _, disk in DISKS.values())
WAIT = "for try in $(seq 50); do [ -b {disk} ] && break; sleep 0.2; done"
# Each disk gets its name and the same noise behind it.
DISKS_WRITE = f"""
head -c {DISK_MIB * MIB} /dev/urandom >/tmp/data
echo SUM data $(sha256sum </tmp/data)
for disk in {ALL_DISKS}; do
    {WAIT.format(disk="$disk")}
    (echo $disk; cat /tmp/data) >/tmp/named
    dd if=/tmp/named of=$disk bs=64k conv=fsync || exit 1
done
grep -E 'virtio|ahci|nvme' /proc/interrupts
"""
DISKS_READ = f"""
for disk in {ALL_DISKS}; do
    {WAIT.format(disk="$disk")}
    read name <$disk
    echo SUM $name $(tail -c +$((${{#name}} + 2)) $disk | head -c {DISK_MIB * MIB} | sha256sum)
done
"""
FILES = f"""
{WAIT}
modprobe ext4
mke2fs -b 4096 {{disk}} >/dev/null || exit 1
mount -t ext4 {{disk}} /mnt || exit 1
for n in $(seq 40); do head -c 300000 /dev/urandom >/mnt/$n & done; wait; sync
cd /mnt; sha256sum [0-9]* >/tmp/sums; cd /
umount /mnt; mount -t ext4 {{disk}} /mnt || exit 1
cd /mnt; echo GOOD $(sha256sum -c /tmp/sums | grep -c ': OK$'); cd /; umount /mnt
"""


def sums_of(console):
    """What each disk, or card, held."""
    return dict(re.findall(r"^SUM (\S+) ([0-9a-f]{64})", console, re.M))


def interrupts_check(console, device, messages):
    """The device did interrupt, by messages or by a line of the I/O APIC, and in no other way."""
    # Devices on one line of the I/O APIC stand side by side.
    lines = re.findall(rf"^ *\d+: +(\d.* -\S+) +(?:\S+, )*({device}[^,\s]*)(?:,.*)?$", console, re.M)
    kinds = {re.search(r"xen-pirq +-(\S+)", line).group(1) for line, _ in lines if re.search(r"\b[1-9]", line)}
    assert kinds and all(kind.startswith("msi" if messages else "ioapic-level") for kind in kinds), lines


def disks_check(run, tmp_path, messages, **fields):
    """All kinds, in one machine."""
    images = {}
    for bus, (_, disk) in DISKS.items():
        images[disk] = tmp_path / bus
        images[disk].touch()
        os.truncate(images[disk], 2 * DISK_MIB * MIB)
    modules = ",".join(names for names, _ in DISKS.values())
    fields["args"] = f"domus.modules={modules}" + ("" if messages else " pci=nomsi")
    fields["drives"] = [machines.Drive(str(image), bus) for bus, image in zip(DISKS, images.values())]
    console = run(DISKS_WRITE, smp=2, **fields)
    for bus in DISKS:
        interrupts_check(console, bus, messages)
    written = sums_of(console)["data"]
    for disk, image in images.items():
        with open(image, "rb") as content:
            assert content.readline().decode() == f"{disk}\n"
            assert hashlib.sha256(content.read(DISK_MIB * MIB)).hexdigest() == written, disk
    assert sums_of(run(DISKS_READ, smp=2, **fields)) == dict.fromkeys(images, written)


def test_disks_keep_data(run, tmp_path):
    disks_check(run, tmp_path, True, machine="q35")


@pytest.mark.long
@pytest.mark.parametrize("machine", ("pc", "q35"))
def test_disks_without_msi(run, tmp_path, machine):
    """The same by the lines of the I/O APIC, on the other release."""
    disks_check(run, tmp_path, False, machine=machine, release="trixie")


def test_disk_files(run, tmp_path):
    """A file system with forty writers at once."""
    image = tmp_path / "disk"
    image.touch()
    os.truncate(image, 2 * DISK_MIB * MIB)
    modules, disk = DISKS["nvme"]
    console = run(FILES.format(disk=disk), smp=2, release="trixie", args=f"domus.modules={modules}",
                  drives=[machines.Drive(str(image), "nvme")])
    assert "\nGOOD 40\n" in console


def net_fetch(run, tmp_path, model, mib, args="", **fields):
    data = random.Random(mib).randbytes(mib * MIB)
    (tmp_path / "data").write_bytes(data)
    script = f"""
ip link set eth0 up && ip address add 10.0.2.15/24 dev eth0 || exit 1
for try in $(seq 20); do ping -c 1 -W 1 {GATEWAY} && break; done
ping -c 2 {GATEWAY} || exit 2
cd /tmp && tftp -b 65464 -g -r data {GATEWAY} || tftp -b 1428 -g -r data {GATEWAY} || exit 3
echo SUM eth0 $(sha256sum </tmp/data)
grep -E 'eth0|virtio' /proc/interrupts
"""
    console = run(script, timeout=4 * machines.PATIENCE, args=f"domus.modules={CARDS[model]} net.ifnames=0 {args}",
                  nets=[machines.Net(model, str(tmp_path))], **fields)
    assert sums_of(console)["eth0"] == hashlib.sha256(data).hexdigest()
    messages = model != "e1000" and "nomsi" not in args  # that card knows no messages
    interrupts_check(console, "virtio0" if model.startswith("virtio") else "eth0", messages)


@pytest.mark.parametrize("model", ("virtio-net-pci", "e1000"))
def test_net(run, tmp_path, model):
    net_fetch(run, tmp_path, model, 3, smp=2)


@pytest.mark.long
@pytest.mark.parametrize("model", ("virtio-net-pci", "e1000e"))
def test_net_without_msi(run, tmp_path, model):
    net_fetch(run, tmp_path, model, 2, args="pci=nomsi", machine="q35")


@pytest.mark.long
@pytest.mark.parametrize("model", CARDS)
def test_net_100mib(run, tmp_path, model):
    net_fetch(run, tmp_path, model, 100, smp=2, memory=3072, dom0_mem="2048M")
