# SPDX-License-Identifier: GPL-2.0-or-later
"""The same kernel on the same machine, on Domus and on Debian's Xen: it must not find anything to complain
about on Domus that it does not find on Xen, nor see another interface."""

import re

import pytest

import kernel_log
import machine as machines

LOOK = "\n".join(
    (
        "echo FEATURES $(cat /sys/hypervisor/properties/features)",
        "echo TABLE $(cat /sys/hypervisor/properties/pagesize) $(cat /sys/hypervisor/guest_type)",
        kernel_log.SCRIPT,
    )
)


MACHINES = {
    "debian12": {},
    "debian13": {"release": "trixie"},
    "uefi": {"release": "trixie", "medium": "iso", "firmware": "uefi", "machine": "q35"},
}


@pytest.mark.parametrize("name", MACHINES)
def test_same_as_peer(run, name):
    consoles = {}
    fields = {"smp": 2, "cpu": machines.CPU["peer"], **MACHINES[name]}
    for target in ("domus", "peer"):
        consoles[target] = run(LOOK, target=target, **fields)
    new = kernel_log.warnings(consoles["domus"]) - kernel_log.warnings(consoles["peer"])
    assert not new, "warnings that the kernel does not give on Xen"
    # The clock that the kernel chose at boot: on a busy host it may distrust the TSC later, on either.
    for pattern in ("^FEATURES .*$", "^TABLE .*$", r"clocksource: Switched to clocksource \S+"):
        ours, xens = (re.search(pattern, consoles[target], re.M).group(0) for target in consoles)
        assert ours == xens
