# SPDX-License-Identifier: GPL-2.0-or-later
"""The watchdog ends a machine with a CPU that is stuck in the hypervisor, also the only one, and no healthy one."""

import os
import time

import pytest

from gdbstub import GdbStub

TIMEOUT = 3
TRIES = 100


@pytest.mark.alone
@pytest.mark.parametrize("smp", [1, pytest.param(2, marks=pytest.mark.long)])
def test_stuck(boot, tmp_path, smp):
    path = os.path.join(tmp_path, "gdb")
    running = boot(
        run=["echo IDLE; sleep 1000"],
        smp=smp,
        options=f"watchdog watchdog_timeout={TIMEOUT}",
        extra=["-gdb", f"unix:{path},server=on,wait=off"],
    )
    running.expect(r"\(DOMUS\) watchdog: a CPU that stands still for 3 seconds ends in a panic")
    running.expect("IDLE\r")
    time.sleep(3 * TIMEOUT)
    assert "has not run its timers" not in running.console() and "does not tick" not in running.console()
    for _ in range(TRIES):
        stub = GdbStub(path)
        stuck = stub.cpu_hang()
        stub.close()
        if stuck:
            break
    assert stuck, "the CPU was always in a guest"
    running.expect(rf"\(DOMUS\) watchdog: CPU 0 has not run its timers for {TIMEOUT} seconds")
    running.expect(r"\(DOMUS\) CPU 0 [^\r]*:\r*\n\(DOMUS\) rip [0-9a-f]{16}  cs e008")
    running.expect(r"\(DOMUS\) ----- panic: CPU 0 is stuck")
    running.expect(r"\(DOMUS\) ----- halted \(noreboot\)")
    # The next start knows of it.
    running.monitor("system_reset")
    running.expect(r"\(DOMUS\) the run before this one did not end in order")
    running.expect(rf"\| watchdog: CPU 0 has not run its timers for {TIMEOUT} seconds")
