# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the kernels of tests/guests/subjects, whose transcripts must be the same on Domus and on Debian's Xen.

What Xen answered is kept in tests/guests/expected/: amd/ and intel/ as domain 0 on such a processor, guest/ as a
guest that Debian's tools start. A difference is either a mistake of Domus's
or explained by a line of docs/DIFFERENCES.md. Used by test_conformance.py, and as a program:

    conformance.py [SUBJECT...]            runs them on Domus and prints a table of the differences
    conformance.py --peer [SUBJECT...]     runs them on Xen too, instead of what was recorded
    conformance.py --record [SUBJECT...]   runs them on Xen only, and keeps the answers
    with --guests                          as guests of Debian's tools, too
"""

import argparse
import difflib
import os
import re
import sys

import guests
import machine as machines

SOURCES = os.path.join(machines.TOP, "tests", "guests", "subjects")
EXPECTED = os.path.join(machines.TOP, "tests", "guests", "expected")
DIFFERENCES = os.path.join(machines.TOP, "docs", "DIFFERENCES.md")

SUBJECTS = sorted(name.removesuffix(".c") for name in os.listdir(SOURCES) if name.endswith(".c"))
# The peer's own limits: see machine.CPU.
PROCESSORS = {"amd": machines.CPU["peer"], "intel": "Skylake-Server,-monitor,-smap"}
# The subjects that depend on the processor's maker.
ON_INTEL = ("cpuid", "debug", "descriptors", "emulate", "exceptions", "fpu", "msr", "syscall")

# Two lose their console while they run, and so cannot be heard as guests; debugging needs no privilege.
NOT_AS_GUEST = ("debug", "events", "fifo")
AS_GUEST = [subject for subject in SUBJECTS if subject not in NOT_AS_GUEST]

# An address within the kernel moves with whatever is linked before it.
OWN_ADDRESS = re.compile(r"\bffffffff80[0-9a-f]{6}\b")

CASES = [("amd", subject) for subject in SUBJECTS] + [("intel", subject) for subject in ON_INTEL if subject in SUBJECTS]


TOOLS = {"initrd": os.path.join(machines.IMAGES, "bookworm", "tools.img"), "dom0_mem": "512M", "options": "guest_loglvl=none"}
# Starts each as a guest of Debian's tools, waits for its end, and prints what its console said.
GUESTS_SCRIPT = """
. /bin/xen-start || exit 1
kill $(cat /run/xen/xenconsoled.pid)
mkdir -p /var/log/xen/console
xenconsoled --pid-file=/run/xen/xenconsoled.pid --log=guest
for subject in %s; do
    echo "name='$subject'; kernel='/subjects/$subject'; memory=64; vcpus=2" >/$subject.cfg
    # It stays when it has ended: the daemon may come late to read what it said.
    echo "on_poweroff='preserve'; on_crash='preserve'" >>/$subject.cfg
    log=/var/log/xen/console/guest-$subject.log
    xl create /$subject.cfg || exit 1
    for i in $(seq 60); do grep -q "^$subject: end " $log 2>/dev/null && break; sleep 1; done
    xl destroy $subject
    echo "--- $subject"
    cat $log
done
"""


def known_differences():
    """Patterns of lines that may differ, out of the document's table: | `pattern` | reason |."""
    with open(DIFFERENCES, encoding="utf-8") as document:
        found = re.findall(r"^\| `((?:[^`|]|\\\|)*)` \|", document.read(), re.M)
    return [re.compile(pattern.replace("\\|", "|")) for pattern in found]


def transcript(console, subject):
    """The subject's lines; as a guest's, they begin with its number."""
    lines = re.findall(rf"^(?:\(d\d+\) )?({subject}: .* ->.*)$", console, re.M)
    if not lines or lines[-1] != f"{subject}: end -> 0":
        raise machines.MachineError(f"{subject} did not end:\n{console[-3000:]}")
    return lines


def run(target, processor, subject, log=None):
    """Boots the subject's kernel as domain 0; returns its lines."""
    console = guests.guest_run(target, os.path.join("subjects", subject), cpu=PROCESSORS[processor], smp=2, log=log)
    return transcript(console, subject)


def run_guests(target, subjects=None, log=None):
    """Starts the subjects' kernels as guests, one after the other in one machine; returns {subject: its lines}."""
    subjects = subjects or AS_GUEST
    files = {}
    for subject in subjects:
        with open(os.path.join(guests.DIRECTORY, "subjects", f"{subject}.elf"), "rb") as kernel:
            files[f"subjects/{subject}"] = kernel.read()
    script = GUESTS_SCRIPT % " ".join(subjects)
    spec = machines.Spec(target=target, run=[script], files=files, smp=2, cpu=PROCESSORS["amd"], **TOOLS)
    _, console = machines.boot_and_run(spec, timeout=6 * machines.PATIENCE, log=log)
    return {subject: transcript(console, subject) for subject in subjects}


def expected(processor, subject):
    with open(os.path.join(EXPECTED, processor, subject), encoding="utf-8") as recorded:
        return recorded.read().splitlines()


def record(processor, subject, lines):
    os.makedirs(os.path.join(EXPECTED, processor), exist_ok=True)
    with open(os.path.join(EXPECTED, processor, subject), "w", encoding="utf-8") as out:
        out.write("".join(line + "\n" for line in lines))


def differences(ours, xens):
    """[(case, our answer, Xen's answer)]: cases are aligned first, since one may be missing."""

    def split(lines):
        return [OWN_ADDRESS.sub("(own address)", line).split(" ->", 1) for line in lines]

    ours, xens = split(ours), split(xens)
    found = []
    matcher = difflib.SequenceMatcher(None, [case for case, _ in ours], [case for case, _ in xens], autojunk=False)
    for kind, a, a_end, b, b_end in matcher.get_opcodes():
        if kind == "equal":
            for (case, our), (_, xen) in zip(ours[a:a_end], xens[b:b_end]):
                if our != xen:
                    found.append((case, our, xen))
        else:
            found += [(case, our, "(no such line)") for case, our in ours[a:a_end]]
            found += [(case, "(no such line)", xen) for case, xen in xens[b:b_end]]
    return found


def unexplained(processor, found):
    """Those that no pattern matches, with or without the processor in front."""
    known = known_differences()

    def explained(case):
        return any(pattern.match(f"{case} ") or pattern.match(f"{processor} {case} ") for pattern in known)

    return [row for row in found if not explained(row[0])]


def answers(target, subjects, with_guests):
    """((processor, subject), lines) of those subjects, or all; `guest` stands for a processor."""
    for processor, subject in CASES:
        if not subjects or subject in subjects:
            yield (processor, subject), run(target, processor, subject)
    as_guest = [subject for subject in AS_GUEST if not subjects or subject in subjects]
    if with_guests and as_guest:
        for subject, lines in run_guests(target, as_guest).items():
            yield ("guest", subject), lines


def table(rows, headings):
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [headings, *rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--guests", action="store_true", help="as guests, too")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT")
    arguments = parser.parse_args()
    rows, failed = [], False
    xens = {}
    if arguments.record or arguments.peer:
        for (processor, subject), lines in answers("peer", arguments.subjects, arguments.guests):
            xens[processor, subject] = lines
            if arguments.record:
                record(processor, subject, lines)
    if arguments.record:
        return False
    for (processor, subject), lines in answers("domus", arguments.subjects, arguments.guests):
        found = differences(lines, xens.get((processor, subject)) or expected(processor, subject))
        wrong = unexplained(processor, found)
        failed |= bool(wrong)
        rows += [(processor, *row, "" if row in wrong else "explained") for row in found]
    if rows:
        print(table(rows, ("as", "case", "Domus", "Xen", "")))
    else:
        print("no differences")
    return failed


if __name__ == "__main__":
    sys.exit(main())
