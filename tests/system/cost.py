# SPDX-License-Identifier: GPL-2.0-or-later
"""What a boot costs: in instructions, counted by QEMU's -icount, under which the time-stamp counter is their number;
and in seconds. Used by test_cost.py and scripts/boot-cost."""

import os
import statistics
import struct
import time

import machine as machines
from gdbstub import GdbStub

# The same on both hypervisors, and no more talk than a release build does by itself.
OPTIONS = "console=com1 dom0_mem=1024M"
PATIENCE = 4 * machines.PATIENCE
ROUNDS = 5
# A machine for the counts, and one for the times.
ONE_CPU = {"packed": True, "icount": True, "default_options": False, "options": OPTIONS}

MULTIBOOT_MAGIC = struct.pack("<I", 0x1BADB002)
MULTIBOOT_ADDRESSES = 1 << 16
PT_NOTE, XEN_ELFNOTE_ENTRY = 4, 1


def boot_ticks(target, release="bookworm"):
    """Instructions from power-on to userspace on one CPU with 2 GiB."""
    spec = machines.Spec(target=target, release=release, run=["true"], **ONE_CPU)
    with machines.Machine(spec) as machine:
        ticks = int(machine.expect(machines.MARKER + r"ticks (\d+)\r", PATIENCE).group(1))
        machine.ended(PATIENCE)
    return ticks


def hypervisor_entry(image):
    """Where a Multiboot loader jumps to: from the header if it has addresses, else the ELF file's entry."""
    at = image.index(MULTIBOOT_MAGIC)
    if struct.unpack_from("<I", image, at + 4)[0] & MULTIBOOT_ADDRESSES:
        return struct.unpack_from("<I", image, at + 28)[0]
    return struct.unpack_from("<I", image, 24)[0]


def notes(elf):
    """(name, type, contents) of each note of a 64-bit ELF file."""
    headers, count = struct.unpack_from("<Q", elf, 32)[0], struct.unpack_from("<H", elf, 56)[0]
    for number in range(count):
        kind, _, at, _, _, size = struct.unpack_from("<IIQQQQ", elf, headers + 56 * number)
        end = at + size
        while kind == PT_NOTE and at < end:
            name_size, size, note = struct.unpack_from("<III", elf, at)
            name = at + 12
            contents = name + (name_size + 3) // 4 * 4
            yield elf[name : name + name_size], note, elf[contents : contents + size]
            at = contents + (size + 3) // 4 * 4


def kernel_entry(elf):
    """Where a PV kernel's first instruction is."""
    for name, note, contents in notes(elf):
        if name == b"Xen\0" and note == XEN_ELFNOTE_ENTRY:
            return int.from_bytes(contents, "little")
    raise AssertionError("no Xen notes")


def file_read(path):
    with open(path, "rb") as source:
        return source.read()


def handover_ticks(target, release="bookworm"):
    """Instructions from the hypervisor's first to domain 0's first, on the machine of boot_ticks()."""
    spec = machines.Spec(target=target, release=release, **ONE_CPU)
    unpacked = machines.Spec(release=release).kernel_path()
    places = hypervisor_entry(file_read(machines.HYPERVISOR[target])), kernel_entry(file_read(unpacked))
    ticks = []
    machine = machines.Machine(spec)
    path = os.path.join(machine.directory, "gdb")
    spec.extra = ["-S", "-gdb", f"unix:{path},server=on,wait=off"]
    with machine:
        stub = GdbStub(path)
        for place in places:
            stub.run_to(place, PATIENCE, machine.listen)
            ticks.append(stub.tsc())
    return ticks[1] - ticks[0]


def boot_seconds(targets, **fields):
    """Median seconds from power-on to userspace for each target, which take turns."""
    times = {target: [] for target in targets}
    for _ in range(ROUNDS):
        for target in targets:
            spec = machines.Spec(
                target=target, packed=True, args="domus.end=poweroff", default_options=False, options=OPTIONS, **fields
            )
            start = time.monotonic()
            with machines.Machine(spec) as machine:
                machine.userspace(PATIENCE)
                times[target].append(time.monotonic() - start)
    return {target: statistics.median(times[target]) for target in targets}
