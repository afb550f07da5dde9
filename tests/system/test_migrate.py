# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that are saved, restored, migrated and dumped by Debian's own xl, while they write to their memory.

In the guest runs migrate/stir.c, which knows what must stand in each of its pages, and processes come and go
beside it. `xl migrate` gets a shell command in place of ssh: its receiving end runs in the same domain 0, or
behind netcat in that of a second machine, on a private network of QEMU's.
"""

import os
import random
import re
import socket
import subprocess

import pytest

import initrd
import machine as machines
from xenhost import USED

pytestmark = pytest.mark.alone
RELEASE = "bookworm"
TOOLS_IMAGE = os.path.join(machines.IMAGES, RELEASE, "tools.img")
QUICK_IMAGE = os.path.join(machines.IMAGES, RELEASE, "quick.img")
SOURCE = os.path.join(machines.TOP, "tests", "system", "migrate", "stir.c")

GUEST_RUN = b"""
stir 8 5000 &
(while :; do /bin/true; usleep 300000; done) &
"""

LIBRARY = USED + """
. /bin/xen-start || exit 1
free=$(xl info free_memory)
fail() { echo "FAILED $*"; tail -n 40 /g1.log; cat /x.log; xl list; xl dmesg | tail -n 30; exit 1; }
attach() { # reads the console of g1 from now on
    path=/local/domain/$(xl domid g1)/console/tty
    for i in $(seq 60); do tty=$(xenstore-read $path 2>/dev/null) && [ -n "$tty" ] && break; sleep 1; done
    cat $tty >>/g1.log 2>/dev/null &
}
lives() { # it goes on stirring, and everything is as it was written
    n=$(grep -c STIR /g1.log)
    for i in $(seq 200); do [ $(grep -c STIR /g1.log) -ge $((n + 4)) ] && break; sleep 1; done
    [ $(grep -c STIR /g1.log) -ge $((n + 4)) ] || fail "$1: it stands still"
    grep WRONG /g1.log && fail "$1: memory is not as it was written"
    echo "LIVES after $1"
}
create() {
    printf 'name="g1"\\nkernel="/guest/vmlinuz"\\nramdisk="/guest/initrd"\\nmemory=160\\nvcpus=2\\n' >/g1.cfg
    echo 'extra="console=hvc0 quiet domus.end=shell"' >>/g1.cfg
    echo "$1" >>/g1.cfg
    xl create /g1.cfg >/x.log 2>&1 || fail create
    attach
    lives create
}
first=
begun() { # what domain 0 keeps once it has had guests - ports, maptrack entries - is there now
    [ "$(xl list | wc -l)" = 2 ] || fail "guests at the beginning"
    first=$(used)
}
settled() { # as it was then
    for i in $(seq 30); do
        now=$(used)
        [ "$first" = "$now" ] && break
        sleep 1
    done
    echo "USED $first-> $now"
}
finish() {
    sleep 3
    xl debug-keys A
    xl dmesg | grep audit: | sed 's/^/AUDIT /'
    xl destroy g1
    sleep 3
    [ -z "$first" ] || settled
    echo "DOMAINS $(xl list | wc -l)"
    echo "GAPS $(sed -n 's/.*STIR [0-9]* gap \\([0-9.]*\\).*/\\1/p' /g1.log | sort -n | tail -n 40 | tr '\\n' ' ')"
    echo "FREE $free $(xl info free_memory)"
}
saved() { # ROUND
    xl save g1 /g1.save >/x.log 2>&1 || fail "save $1"
    xl restore /g1.save >/x.log 2>&1 || fail "restore $1"
    rm /g1.save
    attach
    lives "save $1"
}
migrated() { # ROUND
    xl migrate -s "" g1 "xl migrate-receive" >/x.log 2>&1 || fail "migrate $1"
    attach
    lives "migrate $1"
}
"""

SHORT = """
create
saved 1
migrated 1
finish
"""

# Where it does not come to an end, the guest is what it was, and the image of another guest's life is refused.
FAILURES = """
create
xl migrate -s "" g1 "head -c 30000000 | xl migrate-receive" >/x.log 2>&1 && fail "a target that dies was no error"
grep -q 'Migration failed' /x.log || fail "a target that dies"
[ $(xl list | wc -l) = 3 ] || fail "a target that dies leaves a domain"
lives "a target that dies"
xl dump-core g1 /g1.core >/x.log 2>&1 || fail dump-core
echo "CORE $(head -c 4 /g1.core | od -An -c | tr -d ' ')"
rm /g1.core
lives dump-core
xl save -c g1 /g1.save >/x.log 2>&1 || fail "save -c"
lives "save -c"
xl destroy g1
head -c 3000000 /g1.save >/bad.save
xl restore /bad.save >/x.log 2>&1 && fail "half an image was restored"
sed 's/^/REFUSED /' /x.log | tail -n 4
cp /g1.save /bad.save
size=$(ls -l /g1.save | awk '{print $5}')
dd if=/dev/zero of=/bad.save bs=64 seek=$((size / 64 / 2)) count=1 conv=notrunc 2>/dev/null
dd if=/dev/urandom of=/bad.save bs=64 seek=60 count=40 conv=notrunc 2>/dev/null
xl restore /bad.save >/x.log 2>&1 && fail "a broken image was restored"
sed 's/^/REFUSED /' /x.log | tail -n 4
rm /bad.save
sleep 2
echo "LEFT $(xl list | wc -l)"
xl restore /g1.save >/x.log 2>&1 || fail restore
attach
lives restore
finish
"""

# The console of a guest that crashes, and what the tools keep of it.
CRASH = """
mkdir -p /var/lib/xen/dump
create 'on_crash="coredump-destroy"'
echo 'echo c >/proc/sysrq-trigger' >$tty
for i in $(seq 120); do xl list | grep -q '^g1 ' || break; sleep 1; done
echo "CORE $(head -c 4 /var/lib/xen/dump/* | od -An -c | tr -d ' ')"
rm /var/lib/xen/dump/*
echo "DOMAINS $(xl list | wc -l)"
echo "FREE $free $(xl info free_memory)"
"""


# A guest, or the tool that is just working on it, is killed in the middle of that.
KILLS = """
create
xl save g1 /g1.save >/x.log 2>&1 || fail save
others() { xl list | awk 'NR > 2 { print $2 }'; }
clean() { # WHAT
    for i in $(seq 100); do
        for domain in $(others); do xl destroy $domain >/dev/null 2>&1; done
        [ -z "$(others)" ] && [ "$(xl info free_memory)" = $alone ] && return
        usleep 300000
    done
    fail "left by $1: free $(xl info free_memory) of $alone"
}
alone=$free
round() { # NUMBER WHAT VICTIM MICROSECONDS
    case $2 in save|migrate) xl restore /g1.save >/x.log 2>&1 || fail "restore before $*" ;; esac
    case $2 in
    create) xl create /g1.cfg >/x.log 2>&1 & ;;
    restore) xl restore /g1.save >/x.log 2>&1 & ;;
    save) xl save g1 /g2.save >/x.log 2>&1 & ;;
    migrate) xl migrate -s "" g1 "xl migrate-receive" >/x.log 2>&1 & ;;
    esac
    tool=$!
    usleep $4
    case $3 in
    tool) kill -9 $tool ;;
    guest) for domain in $(others); do xl destroy $domain >/dev/null 2>&1; done ;;
    esac
    wait $tool
    echo "ROUND $* -> $?"
    busybox killall -9 xl 2>/dev/null
    rm -f /g2.save
    clean "$*"
}
"""
# How long these take, on a machine whose clock counts instructions.
KILL_MICROSECONDS = {"create": 5000000, "restore": 600000, "save": 800000, "migrate": 1500000}


def kills(seed, count):
    """The same for the same seed."""
    chance = random.Random(seed)
    rounds = []
    for number in range(count):
        what = ("create", "restore", "save", "migrate")[number % 4]
        victim = chance.choice(("tool", "guest"))
        rounds.append(f"round {number} {what} {victim} {chance.randrange(KILL_MICROSECONDS[what])}")
        if number == 7:
            rounds.append("begun")
    return "\n".join(rounds)


@pytest.fixture(scope="module")
def guest_initrd(tmp_path_factory):
    directory = tmp_path_factory.mktemp("stir")
    program = str(directory / "stir")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", program, SOURCE], check=True)
    with open(program, "rb") as source:
        files = {"bin/stir": source.read(), "domus/run/00": GUEST_RUN}
    out = str(directory / "initrd")
    initrd.extend(QUICK_IMAGE, files, out)
    with open(out, "rb") as source:
        return source.read()


def fields(guest_initrd):
    # Half of domain 0's memory is what files may take: two images of the guest at a time.
    return {"initrd": TOOLS_IMAGE, "release": RELEASE, "dom0_mem": "896M", "smp": 2,
            "files": {"guest/initrd": guest_initrd}}


def counted(guest_initrd):
    """The same with one CPU, whose clock counts instructions: what else the host does changes nothing."""
    return {**fields(guest_initrd), "smp": 1, "icount": True, "icount_idle": True}


def check_end(console, target):
    before, after = re.search(r"^FREE (\d+) (\d+)$", console, re.M).groups()
    assert before == after, "a guest left memory behind"
    assert re.search(r"^DOMAINS 2$", console, re.M), "the guest is still there"
    used = re.search(r"^USED (.*)-> (.*)$", console, re.M)
    assert not used or used[1] == used[2], "frames or bytes of small objects are lost"
    assert not used or target != "domus" or " bytes " in used[1]
    if target == "domus" and "AUDIT" in console:
        assert "contradictions" not in console, "the audit found contradictions"
        assert re.search(r"^AUDIT .* clean$", console, re.M)


@pytest.mark.long
def test_save_and_migrate(run, target, guest_initrd):
    console = run(LIBRARY + SHORT, timeout=6 * machines.PATIENCE, **fields(guest_initrd))
    check_end(console, target)


@pytest.mark.long
def test_failures(run, target, guest_initrd):
    """Images that are no images, a target that dies; and a dump of the running guest."""
    console = run(LIBRARY + FAILURES, timeout=8 * machines.PATIENCE, **fields(guest_initrd))
    check_end(console, target)
    assert re.search(r"^CORE 177ELF$", console, re.M)
    assert re.search(r"^LEFT 2$", console, re.M), "a refused image left a domain behind"
    assert len(re.findall(r"^REFUSED ", console, re.M)) >= 4


@pytest.mark.long
def test_crash(run, target, guest_initrd):
    console = run(LIBRARY + CRASH, timeout=4 * machines.PATIENCE, **fields(guest_initrd))
    check_end(console, target)
    assert re.search(r"^CORE 177ELF$", console, re.M)


@pytest.mark.long
def test_rounds(run, target, guest_initrd):
    """Fifty times saved and restored, thirty times migrated."""
    script = "create\nsaved first\nmigrated first\nxl destroy g1\nsleep 3\nbegun\ncreate\n"
    script += "\n".join(f"saved {i}" for i in range(50)) + "\n"
    script += "\n".join(f"migrated {i}" for i in range(30)) + "\nfinish\n"
    console = run(LIBRARY + script, timeout=60 * machines.PATIENCE, **counted(guest_initrd))
    check_end(console, target)


@pytest.mark.long
def test_killed_at_any_instant(run, target, guest_initrd):
    """Two hundred times, at instants that a seed picks: nothing is left of a guest, whatever was under way."""
    script = KILLS + kills(int(os.environ.get("DOMUS_SEED", "1")), 200) + '\necho "DOMAINS $(xl list | wc -l)"\n'
    script += 'settled\nxl debug-keys A\nxl dmesg | grep audit: | sed "s/^/AUDIT /"\necho "FREE $free $(xl info free_memory)"\n'
    check_end(run(LIBRARY + script, timeout=60 * machines.PATIENCE, **counted(guest_initrd)), target)


NETWORK = """
modprobe e1000 && ip link set eth0 up && ip addr add 10.5.0.{number}/24 dev eth0 || exit 1
"""

THERE = """
printf '#!/bin/busybox sh\\nexec xl migrate-receive\\n' >/receive && chmod 755 /receive
nc -l -p 5000 -e /receive 2>/x.log &
for i in $(seq 600); do xl domid g1 >/dev/null 2>&1 && break; sleep 1; done
xl domid g1 >/x.log || fail "nobody came"
for i in $(seq 60); do xl list | grep -q '^g1 ' && break; sleep 1; done
attach
lives "from the other machine"
finish
"""

HERE = """
create
for i in $(seq 120); do ping -c 1 -W 1 10.5.0.2 >/dev/null && break; done
xl migrate -s "" g1 "nc 10.5.0.2 5000" >/x.log 2>&1 || fail migrate
sleep 2
echo "DOMAINS $(xl list | wc -l)"
echo "FREE $free $(xl info free_memory)"
"""


@pytest.mark.long
def test_two_machines(boot, target, guest_initrd):
    """From one machine to another, whose time stamp counter was measured anew."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def network(number, end):
        return ["-netdev", f"socket,id=m,{end}=127.0.0.1:{port}",
                "-device", f"e1000,netdev=m,mac=52:54:00:00:00:0{number}"]

    both = fields(guest_initrd)
    there = boot(run=[LIBRARY + NETWORK.format(number=2) + THERE], extra=network(2, "listen"), **both)
    there.userspace()
    here = boot(run=[LIBRARY + NETWORK.format(number=1) + HERE], extra=network(1, "connect"), **both)
    here.userspace()
    for running in (here, there):
        statuses = running.results(8 * machines.PATIENCE)
        console = running.ended()
        assert statuses == [0], running.report(f"the script ended with {statuses}")
        check_end(console, target)
