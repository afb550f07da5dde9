# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels that mean harm (tests/guests), as domain 0: whatever they do, the hypervisor must survive it, and
answer as Debian's Xen does."""

import difflib
import os
import re

import pytest

import guests
import machine as machines

# What both hypervisors can be compared on; Domus is tried on its own one too.
SAME_CPU = {"amd": machines.CPU["peer"], "intel": "Skylake-Server,-monitor,-smap"}
FATAL_RETURNS = 15


def console_of(target, name, args="", **fields):
    directory = os.path.join(machines.TOP, "build", "test-logs", target)
    os.makedirs(directory, exist_ok=True)
    log = os.path.join(directory, re.sub(r"\W+", "_", f"guest {name} {args} {fields.get('cpu', '')}") + ".log")
    console = guests.guest_run(target, name, args, log=log, **fields)
    assert not machines.FATAL.search(console), console[-4000:]
    return console


def cases(console):
    return [line for line in console.splitlines() if line.startswith("case ")]


@pytest.mark.parametrize("processor", SAME_CPU)
def test_hostile_returns(target, processor):
    """Every way back into a guest ends as on Xen."""
    consoles = [console_of(t, "hostile_returns", cpu=SAME_CPU[processor]) for t in ("peer", target)]
    for console in consoles:
        assert "\ndone\n" in console, console[-4000:]
    different = difflib.unified_diff(*(cases(console) for console in consoles), "peer", target, lineterm="", n=0)
    assert not list(different)


@pytest.mark.parametrize("seed", range(1, 4))
def test_hostile_tables(target, seed):
    """Page and descriptor tables answer as on Xen, whatever order of steps is tried."""
    consoles = [console_of(t, "hostile_tables", f"seed={seed}") for t in ("peer", target)]
    for console in consoles:
        assert "\ndone\n" in console, console[-4000:]
        for name in ("mapped", "became page tables", "became descriptor tables"):
            assert re.search(rf"^case frames of others that .*{name}: 0$", console, re.M), name
    different = difflib.unified_diff(*(cases(console) for console in consoles), "peer", target, lineterm="", n=0)
    assert not list(different)


@pytest.mark.parametrize("seed", range(1, 4))
def test_hostile_hypercalls(target, seed):
    """No hypercall with whatever arguments ends more than its domain."""
    if target == "peer":
        pytest.skip("what it answers is its own matter")
    console = console_of(target, "hostile_hypercalls", f"seed={seed} count=10000", smp=2)
    assert "\ndone\n" in console or "domain 0 crashed: " in console, console[-4000:]


@pytest.mark.parametrize("cpu", ("EPYC", "Skylake-Server"))
def test_returns_keep_interrupts(target, cpu):
    """No way into the guest leaves the processor's interrupts off: a timer ends a program that spins."""
    if target == "peer":
        pytest.skip("its timer does not come in time on this emulator")
    console = console_of(target, "hostile_returns", "spin", cpu=cpu)
    assert re.findall(r"^spin \d: (\w+)$", console, re.M) == ["102"] * 5
    assert "\ndone\n" in console


@pytest.mark.parametrize("number", range(FATAL_RETURNS))
def test_fatal_returns(target, number):
    """What cannot be answered crashes the domain, and nothing else."""
    console = console_of(target, "hostile_returns", f"fatal={number}", cpu="Skylake-Server" if number == 13 else "")
    assert f"fatal {number}\n" in console and "was survived" not in console
    assert re.search(r"domain 0 crashed: |[Dd]omain 0 \(vcpu#0\) crashed|Hardware Dom0 crashed", console)


def test_nmi_meets_absent_segment(target):
    """The way back from an NMI fails, since another vCPU took the code segment away: that is the guest's own fault."""
    if target == "peer":
        pytest.skip("it asks its processors by other interrupts")
    console = console_of(target, "hostile_returns", "nmi", smp=2)
    assert re.findall(r"^nmi \d+: (.*)$", console, re.M) == ["vector b error 14"] * 20
    assert "\ndone\n" in console


@pytest.mark.alone
def test_code_patching(target):
    """No breakpoint is met that is not there any more, whatever the emulator makes of code that changes."""
    if target == "peer":
        pytest.skip("this emulator loses writes to code, and the peer hands its breakpoints on")
    console = console_of(target, "code_patching", "rounds=5000", smp=2)
    met, stale = (int(re.search(rf"^{what}: (\d+)$", console, re.M).group(1)) for what in (
        "INT3 met", "INT3 met when there was none"))
    assert met > 0 and stale == 0
