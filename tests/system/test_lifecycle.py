# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine's life: it switches itself off, starts again, and its clock goes as fast as the host's."""

import os
import re
import time

import pytest

import machine as machines

CLOCK_SECONDS = 10
CLOCK_ERROR = 0.01


def test_power_off(run):
    """Every other test ends so too; here the console must say so."""
    assert "reboot: Power down" in run("true", smp=2)


def test_reboot(boot):
    """The second start is as good as the first: firmware, hypervisor and kernel run again."""
    running = boot(run=["echo 1"], args="domus.end=reboot", smp=2)
    for _ in range(2):
        running.userspace()
        assert running.results() == [0]


def clock_check(boot, seconds, **fields):
    marks = "\n".join((
        "read up rest </proc/uptime; echo DOMUS-CLOCK $up $(date +%s)",
        f"sleep {seconds}",
        "read up rest </proc/uptime; echo DOMUS-CLOCK $up $(date +%s)",
        "cat /sys/devices/system/clocksource/clocksource0/current_clocksource",
    ))
    running = boot(run=[marks], **fields)
    times = []
    for _ in range(2):
        match = running.expect(r"DOMUS-CLOCK (\d+\.\d+) (\d+)\r")
        times.append((time.monotonic(), float(match.group(1)), int(match.group(2))))
    real_time = time.time()
    host, guest = (times[1][index] - times[0][index] for index in (0, 1))
    assert abs(guest - host) <= CLOCK_ERROR * seconds, f"{guest:.3f} s in the guest, {host:.3f} s outside"
    assert abs(times[1][2] - real_time) <= 3, "the guest's date is not the host's"
    running.ended()


@pytest.mark.alone
def test_clock(boot):
    clock_check(boot, CLOCK_SECONDS)


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("release", machines.RELEASES)
def test_clock_long(boot, release):
    clock_check(boot, 60, smp=2, release=release)


def test_shell(boot):
    """The console takes input: a shell answers, and long output comes whole."""
    running = boot(smp=2)
    running.userspace()
    running.expect("DOMUS-TEST: end shell")
    running.expect(r"/ # ")
    output, status = running.command_run("echo $((6 * 7)); false")
    assert output.split() == ["42"] and status == 1
    output, status = running.command_run("seq 2000")
    assert output.split() == [str(number) for number in range(1, 2001)]
    running.send("poweroff -f")
    running.ended()


NMI = r"\] Uhhuh. NMI received for unknown reason \d+ on CPU 0"


@pytest.mark.parametrize("work", ("sleep 1000", "while :; do :; done"), ids=("idle", "busy"))
def test_nmi(boot, work):
    """Domain 0 hears of an NMI that nobody explains, whether it sleeps or computes."""
    running = boot(run=[f"echo ready; {work}"], smp=1)
    running.expect(r"ready\r")
    running.monitor("nmi")
    running.expect(NMI)


def keys(running, *pressed):
    """What each debug key says."""
    running.child.send("\x01\x01\x01")
    running.expect("input goes to the debug keys")
    said = {}
    for key in pressed:
        running.child.send(key)
        running.expect(rf"key '{key}': [^\r]*\r")
        running.child.send("~")  # no key: the sign that the one before is through
        said[key] = running.expect(r"(?s)(.*?)\(DOMUS\) key '~' does nothing").group(1).decode()
    return said


@pytest.mark.parametrize("smp", (1, 2))
def test_keys(boot, smp):
    """Whatever the log's level is; 'd' shows the registers of every CPU."""
    running = boot(run=["echo ready; while :; do :; done"], smp=smp, default_options=False,
                   options="console=com1 loglvl=none")
    running.expect(r"ready\r")
    said = keys(running, *"hdqreigam")
    for key, words in said.items():
        assert words.count("(DOMUS)") >= 1, f"{key}: {words}"
    assert len(re.findall(r"rax [0-9a-f]{16}", said["d"])) >= smp
    assert len(re.findall(r"cr3 [0-9a-f]{16}", said["d"])) == smp
    assert "in the guest" in said["d"] or "as the guest left it" in said["d"]


SUSPEND = """
until [ -b /dev/nvme0n1 ]; do sleep 0.2; done
echo deep >/sys/power/mem_sleep
echo mem >/sys/power/state
head -c 4000000 /dev/urandom >/tmp/data
dd if=/tmp/data of=/dev/nvme0n1 conv=fsync
echo 3 >/proc/sys/vm/drop_caches
cmp -n 4000000 /tmp/data /dev/nvme0n1 && echo CPUS $(nproc)
"""


@pytest.mark.long
def test_suspend_is_refused(run, tmp_path):
    """Linux goes all the way to the end; refused there, it comes back with its devices and processors."""
    image = tmp_path / "disk"
    image.write_bytes(b"")
    os.truncate(image, 8 << 20)
    console = run(SUSPEND, smp=2, args="domus.modules=nvme", drives=[machines.Drive(str(image), "nvme")])
    assert re.search(r"\(DOMUS\) .*S3", console)
    assert "PM: suspend exit" in console and "\nCPUS 2\n" in console


FIRST_START = "Domus starts"
HEARD = r"\(DOMUS\) the run before this one did not end in order"


def hear(running, *words):
    """The next start tells what the one before it said last."""
    running.expect(FIRST_START, fatal=None)
    running.expect(HEARD, fatal=None)
    for word in words:
        running.expect(word, fatal=None)
    running.expect(r"\(DOMUS\) \(end of the last words;", fatal=None)


@pytest.mark.parametrize(
    "fields",
    [{}, {"medium": "iso"}, {"medium": "iso", "firmware": "uefi", "machine": "q35"}],
    ids=["kernel", "grub-bios", "grub-uefi"],
)
def test_last_words(boot, tmp_path, fields):
    """A start that fails reboots the machine, and the next start says why."""
    kernel = tmp_path / "kernel"
    kernel.write_bytes(b"This is not a kernel.\n" * 100)
    running = boot(default_options=False, options="console=com1", kernel=str(kernel), smp=2, **fields)
    running.expect(r"\(DOMUS\) ----- .*neither a bzImage nor an ELF", fatal=None)
    hear(running, r"\(DOMUS\) \| ----- .*neither a bzImage nor an ELF")
    assert "| Domus starts" not in running.console()


def hang_and_reset(boot, **fields):
    """Somebody presses the reset button."""
    running = boot(run=["echo 1; sleep 1000"], **fields)
    running.userspace()
    running.expect("DOMUS-TEST: ticks")  # the line before it has ended: Linux writes pieces of 16 bytes
    running.monitor("system_reset")
    return running


def test_last_words_of_a_hang(boot):
    """Also then the end of the log is there, and domain 0's lines are."""
    running = hang_and_reset(boot, options="last_words=all")
    hear(running, r"\| dom0: .*DOMUS-TEST: userspace")


def test_last_words_are_not_mistaken(boot):
    """Unless it is asked for more, the console repeats nothing that a healthy run said."""
    running = hang_and_reset(boot)
    hear(running)
    running.userspace()
    assert not re.search(r"\(DOMUS\) \|", running.console())


def test_no_last_words(boot):
    """A run that ended in order has none."""
    running = boot(run=["echo 1"], args="domus.end=reboot")
    running.userspace()
    running.expect(FIRST_START)
    running.userspace()
    assert not re.search(HEARD, running.console())
