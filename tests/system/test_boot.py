# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernels reach userspace as domain 0, on machines of many shapes, and see what they were given."""

import re

import pytest

import kernel_log
import machine as machines

LOOK = "\n".join(
    (
        "echo CPUS $(nproc)",
        "echo TYPE $(cat /sys/hypervisor/type)",
        "echo VERSION $(cat /sys/hypervisor/version/major).$(cat /sys/hypervisor/version/minor)",
        "echo MEMORY $(grep MemTotal /proc/meminfo)",
        "mount -t xenfs xenfs /proc/xen || modprobe xenfs && mount -t xenfs xenfs /proc/xen",
        "echo CAPABILITIES $(cat /proc/xen/capabilities)",
        "cat /proc/interrupts",
        kernel_log.SCRIPT,
    )
)
# What Linux keeps of its memory for itself before MemTotal, at most.
KERNEL_SHARE = 0.35

SHAPES = {
    "debian12": {},
    "debian12-4cpu-max": {"smp": 4, "cpu": "max"},
    "debian13-2cpu-skylake": {"release": "trixie", "smp": 2, "cpu": "Skylake-Server"},
    "above-4gib-numa": {"memory": 6144, "numa": 2, "smp": 2, "machine": "q35"},
    "grub-bios": {"medium": "iso", "smp": 2},
    "grub-uefi": {"medium": "iso", "firmware": "uefi", "machine": "q35", "release": "trixie"},
}
LONG_SHAPES = {
    "512mib": {"memory": 512, "dom0_mem": "384M"},
    "512mib-q35": {"memory": 512, "dom0_mem": "384M", "machine": "q35", "release": "trixie", "smp": 2},
    "debian12-skylake": {"cpu": "Skylake-Server", "machine": "q35", "smp": 2},
    "debian13-max": {"cpu": "max", "machine": "q35", "release": "trixie"},
    "debian12-4cpu": {"smp": 4},
    "debian13-numa-6gib": {"memory": 6144, "numa": 2, "smp": 4, "release": "trixie"},
    "grub-uefi-pc": {"medium": "iso", "firmware": "uefi"},
    "grub-multiboot1": {"medium": "iso-multiboot1", "smp": 2},
    "grub-bios-q35": {"medium": "iso", "machine": "q35", "release": "trixie", "smp": 2},
    "q35-2cpu": {"machine": "q35", "smp": 2},
    "4gib": {"memory": 4095, "release": "trixie"},
    "debian13": {"release": "trixie"},
    "debian12-2cpu": {"smp": 2},
    "debian13-4cpu": {"release": "trixie", "smp": 4},
    "debian12-8cpu": {"smp": 8},
    "debian13-8cpu-numa": {"release": "trixie", "smp": 8, "numa": 4, "memory": 4096},
    "debian12-uefi": {"medium": "iso", "firmware": "uefi", "machine": "q35", "smp": 4},
    "debian13-q35": {"release": "trixie", "machine": "q35", "smp": 2},
    "no-hpet": {"machine": "pc,hpet=off"},
    "nine-nodes": {"memory": 2304, "numa": 9, "smp": 2},
}


def params(shapes):
    """Each shape is a case; one with more processors than the host may have is tried alone."""
    return [
        pytest.param(name, marks=[pytest.mark.alone] if fields.get("smp", 1) > 2 else []) for name, fields in shapes.items()
    ]


def look_check(console, fields):
    """Compares what the kernel printed under LOOK with what the machine was built from."""
    assert kernel_log.trouble(console) is None
    assert re.search(r"^CPUS (\d+)$", console, re.M).group(1) == str(fields.get("smp", 1))
    assert "\nTYPE xen\n" in console
    assert "\nVERSION 4.17\n" in console
    assert "\nCAPABILITIES control_d\n" in console
    total = int(re.search(r"^MEMORY MemTotal: (\d+) kB", console, re.M).group(1))
    given = int(fields.get("dom0_mem", machines.Spec.dom0_mem).rstrip("M")) * 1024
    assert given * (1 - KERNEL_SHARE) < total <= given
    assert re.search(r"xen-percpu +-virq +timer0", console)


@pytest.mark.parametrize("shape", params(SHAPES))
def test_boot(run, shape):
    look_check(run(LOOK, packed=True, **SHAPES[shape]), SHAPES[shape])


@pytest.mark.long
@pytest.mark.parametrize("shape", params(LONG_SHAPES))
def test_boot_more(run, shape):
    look_check(run(LOOK, packed=True, **LONG_SHAPES[shape]), LONG_SHAPES[shape])


@pytest.mark.long
def test_no_acpi(boot, target):
    """Domain 0 runs its first process on one processor; without ACPI its kernel cannot open this console, nor turn off."""
    if target != "domus":
        pytest.skip("Xen 4.17 dies of a page fault of its own there")
    running = boot(smp=2, machine="pc,acpi=off", run=["true"])
    running.expect("acpi: no root pointer: one CPU, no I/O APICs")
    running.expect("Run /init as init process")
    running.expect("domain 0 shuts the machine down: power off")
    running.expect("the machine cannot be turned off", fatal=None)


@pytest.mark.long
def test_boot_many_times(run):
    """Fifty boots, none of which may fail: a race that shows once in twenty is found here."""
    for number in range(50):
        run("true", smp=1 + number % 4, release=machines.RELEASES[number % 2])


def full_debian(boot, release):
    running = boot(root="virtio", release=release, smp=2, nets=[machines.Net()])
    # The kernel may speak between the prompt and the name.
    running.expect("login: root", timeout=3 * machines.PATIENCE)
    running.userspace()
    state, _ = running.command_run("systemctl is-system-running --wait", timeout=2 * machines.PATIENCE)
    failed, _ = running.command_run("systemctl --failed --no-legend --plain")
    assert state.strip() == "running", f"{state}{failed}"
    output, status = running.command_run("dmesg | wc -l; lspci; pidof systemd-udevd")
    assert status == 0, output
    output, status = running.command_run("systemctl start systemd-networkd-wait-online && ping -c 3 10.0.2.2")
    assert status == 0, output
    running.send("poweroff")
    console = running.ended(timeout=2 * machines.PATIENCE)
    assert kernel_log.trouble(console) is None


@pytest.mark.alone  # its two CPUs take turns at the pace of the host's scheduler beside another test
def test_full_debian12(boot):
    """A whole Debian with systemd comes up without a failed unit, has its network, and goes down again."""
    full_debian(boot, "bookworm")


@pytest.mark.long
@pytest.mark.alone
def test_full_debian13(boot):
    full_debian(boot, "trixie")
