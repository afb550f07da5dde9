# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots the test kernels of tests/guests as domain 0. Used by test_guests.py and scripts/bench."""

import os
import re

import machine as machines

DIRECTORY = os.path.join(machines.TOP, "build", "guests")
# No `noreboot`: a test kernel ends by a reboot, which QEMU takes for the end.
OPTIONS = "console=com1 dom0_mem=64M"


def guest_spec(target, name, args="", **fields):
    """What to boot for the test kernel of that name: it ends QEMU when it ends."""
    kernel = os.path.join(DIRECTORY, f"{name}.elf")
    fields.setdefault("memory", 512)
    fields.setdefault("options", OPTIONS)
    return machines.Spec(
        target=target, kernel=kernel, modules=[f"{kernel} {args}".strip()], default_options=False, reboots=False, **fields
    )


def guest_run(target, name, args="", timeout=None, log=None, **fields):
    """Boots one and waits for its end; returns the console."""
    with machines.Machine(guest_spec(target, name, args, **fields), log=log) as machine:
        return machine.ended(timeout)


def bench(target, cpu=""):
    """{operation: instructions} on that target."""
    console = guest_run(target, "bench", icount=True, cpu=cpu, options=OPTIONS + " dom0_max_vcpus=2")
    found = re.findall(r"^bench (\w+) (\d+)$", console, re.M)
    if ("end", "0") not in found:
        raise machines.MachineError(f"{target}: the benchmark did not finish:\n{console}")
    return {name: int(cost) for name, cost in found if name != "end"}
