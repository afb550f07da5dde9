# SPDX-License-Identifier: GPL-2.0-or-later
"""Which instructions an operation of the benchmark consists of: QEMU's trace of the test kernel that does it for
ever, sorted by functions of the hypervisor. Used by scripts/bench --trace."""

import bisect
import collections
import os
import re
import subprocess
import tempfile
import time

import figures as bench
import guests
import machine as machines
from qmp import Qmp

SYMBOLS = os.path.join(machines.BUILD, "hypervisor", "pass2.elf")
HYPERVISOR = (0xFFFF800000000000, 0xFFFF880000000000)
LINE_BYTES = 75
PATIENCE = 300
LINE = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")


def record(target, name, instructions):
    """The addresses of so many instructions that were executed, in order."""
    options = f"{guests.OPTIONS} dom0_max_vcpus=2"
    spec = guests.guest_spec(target, "bench", f"loop={name}", cpu=bench.CPU, options=options)
    with tempfile.NamedTemporaryFile() as log, machines.Machine(spec) as machine:
        machine.expect("bench loops")
        monitor = Qmp(os.path.join(machine.directory, "qmp"))
        for line in ("stop", "singlestep on", f"logfile {log.name}", "log exec,nochain", "cont"):
            monitor.monitor(line)
        deadline = time.monotonic() + PATIENCE
        while os.path.getsize(log.name) < instructions * LINE_BYTES and time.monotonic() < deadline:
            time.sleep(0.05)
        monitor.monitor("stop")
        monitor.monitor("log none")
        monitor.close()
        with open(log.name, encoding="utf-8", errors="replace") as file:
            return [int(found.group(1), 16) for found in map(LINE.match, file) if found]


def one_round(addresses):
    """The last whole round of the loop: between two visits of the guest's address that it has least often."""
    counts = collections.Counter(a for a in addresses if not HYPERVISOR[0] <= a < HYPERVISOR[1])
    marker = min((a for a in counts if counts[a] > 1), key=lambda a: (counts[a], a), default=None)
    places = [i for i, a in enumerate(addresses) if a == marker]
    return addresses[places[-2] : places[-1]] if len(places) > 1 else addresses


class Functions:
    """Names of the hypervisor's functions by address."""

    def __init__(self, path):
        listing = subprocess.run(["nm", "-n", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        rows = [line.split() for line in listing.splitlines()]
        self.rows = sorted((int(row[0], 16), row[2]) for row in rows if len(row) == 3 and row[1] in "tT")
        self.starts = [row[0] for row in self.rows]

    def name(self, address):
        """The function that holds the address; `guest` outside of the image."""
        place = bisect.bisect_right(self.starts, address) - 1
        if place < 0 or address - self.starts[place] > 0x10000:
            return "guest"
        return self.rows[place][1]


def report(target, name, length, every_instruction=False):
    """Prints the round, function by function in the order in which they run."""
    functions = Functions(SYMBOLS) if target == "domus" else None
    addresses = one_round(record(target, name, length))
    runs = []
    for address in addresses:
        here = functions.name(address) if functions else f"{address >> 8:x}xx"
        if every_instruction:
            print(f"{address:x} {here}")
        if runs and runs[-1][0] == here:
            runs[-1][1] += 1
        else:
            runs.append([here, 1])
    for here, count in runs:
        print(f"{count:6} {here}")
    print(f"{len(addresses):6} in all")
