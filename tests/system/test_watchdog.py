# SPDX-License-Identifier: GPL-2.0-or-later
"""The watchdog ends a machine with a CPU that is stuck in the hypervisor, also the only one, and no healthy one."""

import os
import time

import pytest

import machine as machines
from gdbstub import GdbStub

TIMEOUT = 3
TRIES = 100


@pytest.mark.alone
@pytest.mark.parametrize("smp,cpu", [(1, 0), (2, 1), pytest.param(2, 0, marks=pytest.mark.long)])
def test_stuck(boot, tmp_path, smp, cpu):
    """Also CPU 0 comes to the panic's end when it finds another CPU, though it still gets the watchdog's NMIs."""
    path = os.path.join(tmp_path, "gdb")
    running = boot(
        run=["echo IDLE; sleep 1000"],
        smp=smp,
        default_options=False,
        options=f"console=com1 watchdog watchdog_timeout={TIMEOUT}",
        extra=["-gdb", f"unix:{path},server=on,wait=off"],
    )
    running.expect(r"\(DOMUS\) watchdog: a CPU that stands still for 3 seconds ends in a panic")
    running.expect("IDLE\r")
    time.sleep(TIMEOUT + 2)
    assert "has not run its timers" not in running.console() and "does not tick" not in running.console()
    for _ in range(TRIES):
        stub = GdbStub(path)
        stuck = stub.cpu_hang(cpu, machines.HYPERVISOR["domus"])
        stub.close()
        if stuck:
            break
    assert stuck, "the CPU was always in a guest"
    running.expect(rf"\(DOMUS\) watchdog: CPU {cpu} has not run its timers for {TIMEOUT} seconds", fatal=None)
    running.expect(rf"\(DOMUS\) CPU {cpu} [^\r]*:\r*\n\(DOMUS\) rip [0-9a-f]{{16}}  cs e008", fatal=None)
    running.expect(rf"\(DOMUS\) ----- panic: CPU {cpu} is stuck", fatal=None)
    running.expect(r"\(DOMUS\) ----- the machine reboots in five seconds", fatal=None)
    # The next start knows of it.
    running.expect(r"\(DOMUS\) the run before this one did not end in order", fatal=None)
    running.expect(rf"\| watchdog: CPU {cpu} has not run its timers for {TIMEOUT} seconds", fatal=None)
