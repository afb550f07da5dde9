# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes between the machine's owner and domain 0 without the serial line: the keyboard and the clock."""

import os

import machine as machines
from qmp import Qmp

KEYS = "domus"
CLOCK = """
hwclock -u -r || exit 1
date -u -s '2031-05-06 07:08:09' && hwclock -u -w || exit 2
date -u -s '2020-01-01 00:00:00'
hwclock -u -s && echo DATE $(date -u +%Y-%m-%dT%H:%M)
grep -E 'rtc' /proc/interrupts
"""


def test_keyboard(boot):
    """What is typed on the PS/2 keyboard arrives at the kernel's text console."""
    running = boot(run=["exec 3</dev/tty1; echo READY; head -n 1 <&3"], args="domus.end=poweroff")
    running.expect(r"READY\r")
    connection = Qmp(os.path.join(running.directory, "qmp"))
    for key in [*KEYS, "ret"]:
        connection.command("send-key", keys=[{"type": "qcode", "data": key}])
    connection.close()
    running.expect(KEYS + r"\r")
    assert running.results() == [0]
    running.ended()


def test_clock_is_kept(run):
    """The real-time clock is read and set, and keeps what was set."""
    assert "\nDATE 2031-05-06T07:08\n" in run(CLOCK)
