# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that serves a client while Debian's xl moves it to a second machine.

Debian's Xen refuses that ("Failed to enable logdirty"): it is built without shadow page tables.

The two machines share a network on loopback. The client is domain 0 of the first, and asks on one TCP connection
(migrate/count.c); the guest knows how long it stood still.
"""

import os
import re
import socket
import subprocess

import pytest

import initrd
import machine as machines
from xenhost import host_fields

pytestmark = [pytest.mark.long, pytest.mark.alone]
SOURCE = os.path.join(machines.TOP, "tests", "system", "migrate", "count.c")

BRIDGE = """
free=$(xl info free_memory)
ip link add xenbr0 type bridge && ip link set eth0 master xenbr0 && ip link set eth0 up && ip link set xenbr0 up
ip addr add 10.5.0.{number}/24 dev xenbr0
"""
END = """
same() { [ "$free" = "$(xl info free_memory)" ]; }
until_true 30 same || echo "LOST memory: $free $(xl info free_memory)"
xl debug-keys A
xl dmesg | grep audit: || :
cat /var/log/xen/console/guest-g1*.log | grep -a STOPPED | tr -d '\\r'
"""
THERE = """
mkfifo /tmp/back
nc -l 5000 </tmp/back | xl migrate-receive >/tmp/back || fail 'nobody came'
echo "THERE $(xl domid g1)"
nc -l 5001
xl destroy g1
"""
HERE = """
until_true 60 ping -c 1 10.5.0.2 || fail 'no network'
{ gunzip -c /guest/bookworm/initrd; cat /srv/more; } >/srv/initrd # the tools unpack one archive only
config g1 "vif=['bridge=xenbr0,mac=00:16:3e:00:00:01']"
sed -i "s,^ramdisk=.*,ramdisk='/srv/initrd'," g1.cfg
create g1
ask g1 'until ifconfig eth0 10.5.0.3 netmask 255.255.255.0 up; do sleep 1; done'
tell g1 'count serve 7'
until_true 60 ping -c 1 10.5.0.3 || fail 'no guest on the network'
/srv/count ask 10.5.0.3 7 >/tmp/client & client=$!
sleep 3
cat "$(log_of g1)" | grep -c STOPPED
began=$(date +%s%N)
xl -vvv migrate -s "" g1 "nc -N 10.5.0.2 5000" >/tmp/said 2>&1 || { cat /tmp/said; fail 'it stays here'; }
echo "TOOK $((($(date +%s%N) - began) / 1000000)) ms"
grep -a -e 'iteration' -e 'Frames' -e 'dirty' /tmp/said | tr '\\r' '\\n' | tail -n 12
sleep 3
kill $client; wait $client
cat /tmp/client
nc -N 10.5.0.2 5001 </dev/null
"""


@pytest.fixture(scope="module")
def count(tmp_path_factory):
    program = str(tmp_path_factory.mktemp("count") / "count")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", program, SOURCE], check=True)
    return program


def moved(boot, target, count, tmp_path):
    """Moves the guest; returns its longest standstill, by the clock on the wall and by its own, and the longest wait
    of the client, in ms."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(count, "rb") as program:
        more = initrd.archive({"bin/count": program.read()})
    (tmp_path / "more").write_bytes(more)
    files = {"count": count, "more": str(tmp_path / "more")}
    started = []
    for number, end, script in ((2, "listen", THERE), (1, "connect", HERE)):
        fields = host_fields(BRIDGE.format(number=number) + script + END, files=files, smp=1, target=target,
                             cpu=machines.CPU["peer"], args="quiet domus.modules=e1000")
        network = ["-netdev", f"socket,id=m,{end}=127.0.0.1:{port}",
                   "-device", f"e1000,netdev=m,mac=52:54:00:00:00:0{number}"]
        running = boot(run=[fields.pop("script")], extra=network, **fields)
        running.userspace()
        started.append(running)
    consoles = []
    for running in reversed(started):
        statuses = running.results(10 * machines.PATIENCE)
        consoles.append(running.ended())
        assert statuses == [0], running.report(f"the script ended with {statuses}")
        assert "LOST" not in consoles[-1]
        assert re.search(r"audit: .* of all domains are clean", consoles[-1])
    asked, answered, waited = re.search(r"^ASKED (\d+) ANSWERED (\d+) LONGEST ([\d.]+)", consoles[0], re.M).groups()
    assert asked == answered and int(asked) > 1000
    stopped = re.findall(r"STOPPED ([\d.]+) OWN ([\d.]+)", consoles[1])
    return (*max((float(wall), float(own)) for wall, own in stopped), float(waited))


def test_served_while_moved(boot, target, count, tmp_path):
    """No request is lost. For how long the guest stood still is printed: most of that is the tools' time, emulated."""
    if target == "peer":
        pytest.skip("Debian's Xen moves no running PV guests")
    stopped, own, waited = moved(boot, target, count, tmp_path)
    print(f"stopped for {stopped} ms, {own} ms by its own clock; the client waited {waited} ms")
