# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's warnings on a console, in a form that can be compared between two machines."""

import re

# A script for the quick image: the kernel's messages of level warning and worse, between two marks.
SCRIPT = 'echo DOMUS-LOG-BEGIN; dmesg -r | grep "^<[0-4]>"; echo DOMUS-LOG-END'

# Where two machines may differ without either being wrong.
_VARIABLE = (
    (re.compile(r"^<\d+>"), ""),
    (re.compile(r"\[ *\d+\.\d+\] ?"), ""),
    (re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b"), "N"),
    (re.compile(r"\d+(\.\d+)?"), "N"),
)
# These tell of the CPU model, which is another one on the peer.
_CPU_MODEL = re.compile(r"Speculative Return Stack Overflow|Spectre|RETBleed|MDS|TAA|SRSO|Register File Data")

# A busy host stops emulated CPUs for long enough that the kernel remarks on it.
_HOST_NOISE = re.compile(r"hrtimer: interrupt took|clocksource: .*(skew|unstable|watchdog|wd-|read-back)|"
                         r"'(tsc|xen|hpet)' (wd|cs|skewed)|perf: interrupt took|TSC found unstable")

TROUBLE = re.compile(r"(?m)^\[ *\d+\.\d+\].*(WARNING: |BUG: |Oops|general protection fault|Call Trace|"
                     r"rcu: .*stall|soft lockup|hard LOCKUP|hung_task|nobody cared|valid RSDP was not found).*$")


# Linux 6.12 warns on Xen too when a swapped page of a private mapping of a file is zapped: there the entry goes by a
# batch of hypercalls, and it looks at once whether it is gone.
_OF_LINUX = re.compile(r"(?ms)^\[ *\d+\.\d+\] WARNING: [^\n]* zap_install_uffd_wp_if_needed.*?---\[ end trace [0-9a-f]+ \]---$")


def normalise(line):
    for pattern, text in _VARIABLE:
        line = pattern.sub(text, line)
    return line.strip()


def warnings(console):
    """The set of normalised warnings that SCRIPT printed on this console."""
    match = re.search(r"(?s)DOMUS-LOG-BEGIN\n(.*?)DOMUS-LOG-END", console)
    assert match, "the script did not print the kernel's log"
    lines = (line for line in match.group(1).splitlines() if re.match(r"<\d+>", line))
    return {normalise(line) for line in lines if not _CPU_MODEL.search(line) and not _HOST_NOISE.search(line)}


def trouble(console):
    """The first line on the console that tells of a fault in the kernel, or None."""
    for match in TROUBLE.finditer(_OF_LINUX.sub("", console)):
        if not _CPU_MODEL.search(match.group(0)):
            return match.group(0)
    return None
