# SPDX-License-Identifier: GPL-2.0-or-later
"""What a boot costs, against the peer: instructions from the loader's jump to domain 0's first, and from power-on to
its first process, counted by QEMU; and the time that all of it takes.

The counts do not depend on the machine that runs the test. scripts/boot-cost prints them for all targets.
"""

import pytest

import cost
import machine as machines

HANDOVER_LIMIT = 0.7
TIME_LIMIT = 0.9


def test_boot_costs_less_than_on_peer():
    ours, peers = (cost.boot_ticks(target) for target in ("domus", "peer"))
    assert ours < peers, f"{ours / 1e9:.2f} against {peers / 1e9:.2f} thousand million instructions"


@pytest.mark.parametrize("release", ["bookworm", pytest.param("trixie", marks=pytest.mark.long)])
def test_handover(release):
    ours, peers = (cost.handover_ticks(target, release) for target in ("domus", "peer"))
    assert ours <= HANDOVER_LIMIT * peers, f"{ours / 1e9:.2f} against {peers / 1e9:.2f} thousand million instructions"


@pytest.mark.long
@pytest.mark.parametrize("release", machines.RELEASES)
def test_boot_time(release):
    """Side by side, since a machine's speed changes from minute to minute."""
    seconds = cost.boot_seconds(("domus", "peer"), release=release)
    assert seconds["domus"] <= TIME_LIMIT * seconds["peer"], seconds
