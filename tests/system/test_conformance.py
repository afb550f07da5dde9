# SPDX-License-Identifier: GPL-2.0-or-later
"""The same hypercalls and instructions on Domus and on Debian's Xen, from domain 0's user space and from kernels
of our own: the answers must agree, but for those that docs/DIFFERENCES.md gives a reason for."""

import os
import re

import pytest

import conformance
import guests
import machine as machines

PROBE = os.path.join(machines.TOP, "build", "tests", "probe")
# The kernel must not speak within a line.
SCRIPT = "dmesg -n 1; modprobe xen-privcmd && probe >/tmp/transcript 2>&1; status=$?; cat /tmp/transcript; exit $status"


def transcript(console):
    return [line.strip() for line in re.findall(r"^PROBE (.*)$", console, re.M)]


@pytest.mark.parametrize("smp", (pytest.param(1, marks=pytest.mark.long), 2))
def test_same_answers(run, smp):
    with open(PROBE, "rb") as source:
        files = {"bin/probe": source.read()}
    lines = {}
    for target in ("domus", "peer"):
        console = run(SCRIPT, target=target, smp=smp, cpu=machines.CPU["peer"], files=files)
        lines[target] = transcript(console)
        assert lines[target][-1] == "end"
    known = conformance.known_differences()
    ours, xens = (
        [line for line in lines[target] if not any(pattern.match(line) for pattern in known)]
        for target in ("domus", "peer")
    )
    only_ours = [line for line in ours if line not in set(xens)]
    only_xens = [line for line in xens if line not in set(ours)]
    assert not only_ours and not only_xens, "\n".join(
        ["answers that Xen does not give:", *only_ours, "", "answers that only Xen gives:", *only_xens]
    )
    assert ours == xens


@pytest.mark.parametrize("processor, subject", conformance.CASES)
def test_subject(target, processor, subject):
    """The kernel of that subject gets the answers that were recorded on Xen."""
    directory = os.path.join(machines.TOP, "build", "test-logs", target)
    os.makedirs(directory, exist_ok=True)
    log = os.path.join(directory, f"subject_{subject}_{processor}.log")
    lines = conformance.run(target, processor, subject, log=log)
    wrong = conformance.unexplained(
        processor, conformance.differences(lines, conformance.expected(processor, subject))
    )
    assert not wrong, conformance.table(wrong, ("case", target, "recorded on Xen"))


@pytest.mark.parametrize("subject", ("descriptors", "emulate"))
def test_user_mode_instruction_prevention(target, subject):
    """What shows where the processor's tables are answers the same where the processor lets it fault."""
    answers = []
    for more in ("", ",+umip"):
        console = guests.guest_run(target, f"subjects/{subject}", "machine", cpu=machines.CPU["peer"] + more, smp=2)
        answers.append(conformance.transcript(console, subject))
    wrong = conformance.differences(*reversed(answers))
    assert not wrong, conformance.table(wrong, ("case", "with UMIP", "without"))


@pytest.mark.long
def test_subjects_as_guests(target):
    """The same kernels as guests that Debian's tools start."""
    log = os.path.join(machines.TOP, "build", "test-logs", target, "subjects_as_guests.log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    found = []
    for subject, lines in conformance.run_guests(target, log=log).items():
        found += conformance.differences(lines, conformance.expected("guest", subject))
    wrong = conformance.unexplained("guest", found)
    assert not wrong, conformance.table(wrong, ("case", target, "recorded on Xen"))
