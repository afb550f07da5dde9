# SPDX-License-Identifier: GPL-2.0-or-later
"""What Domus costs, against the peer: instructions from the loader's jump to domain 0's first, and from power-on to
its first process, counted by QEMU; the time that all of it takes; the image's size; the memory that it keeps.

The counts do not depend on the machine that runs the test. scripts/boot-cost prints them for all targets.
"""

import os
import re

import pytest

import cost
import machine as machines

HANDOVER_LIMIT = 0.7
BOOT_LIMIT = 0.75
TIME_LIMIT = 0.9
SIZE_LIMIT = 0.25


def test_size():
    ours, peers = (os.path.getsize(machines.HYPERVISOR[target]) for target in ("domus", "peer"))
    assert ours <= SIZE_LIMIT * peers, f"{ours} against {peers} bytes"


def test_free_memory(run):
    """On a machine of 4 GiB the hypervisor itself takes no more than the peer does."""
    tools = os.path.join(machines.IMAGES, "bookworm", "tools.img")
    free = {}
    for target in ("domus", "peer"):
        script = ". /bin/xen-start || exit 1\necho FREE $(xl info free_memory)"
        console = run(script, target=target, initrd=tools, memory=4095)
        free[target] = int(re.search(r"^FREE (\d+)$", console, re.M).group(1))
    assert free["domus"] >= free["peer"], free


def test_boot_costs_less_than_on_peer():
    ours, peers = (cost.boot_ticks(target) for target in ("domus", "peer"))
    assert ours <= BOOT_LIMIT * peers, f"{ours / 1e9:.2f} against {peers / 1e9:.2f} thousand million instructions"


@pytest.mark.parametrize("release", ["bookworm", pytest.param("trixie", marks=pytest.mark.long)])
def test_handover(release):
    ours, peers = (cost.handover_ticks(target, release) for target in ("domus", "peer"))
    assert ours <= HANDOVER_LIMIT * peers, f"{ours / 1e9:.2f} against {peers / 1e9:.2f} thousand million instructions"


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("release", machines.RELEASES)
def test_boot_time(release):
    """Side by side, since a machine's speed changes from minute to minute."""
    seconds = cost.boot_seconds(("domus", "peer"), release=release)
    assert seconds["domus"] <= TIME_LIMIT * seconds["peer"], seconds
