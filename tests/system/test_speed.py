# SPDX-License-Identifier: GPL-2.0-or-later
"""How quickly guests of Debian's tools start, read, write, talk and fork, beside Xen: medians are compared.

Domain 0 and the guest use the host image (xenhost.py). The guest's second disk is memory of domain 0, so that
the way from front end to back end is measured, and nothing behind it. The clock is domain 0's, and counts
instructions: what else the host does is not measured.
"""

import os
import re
import statistics

import pytest

import machine as machines
from xenhost import RELEASE, host_fields

pytestmark = pytest.mark.long

ROUNDS = 5
# What Domus may take at most of Xen's time, or do at least of what Xen does. For a guest's start a hypervisor that took no
# time at all would come to 0.82 of Xen's (docs/PERFORMANCE.md): the rest is tools that unpack a kernel, and kernels.
TIMES = {"create": 0.97, "fork": 0.9, "ping": 1.0, "tcp_round_trip": 1.0}
RATES = {"read": 1.0, "write": 1.0, "randread": 1.0, "randwrite": 1.0, "tcp": 1.0, "tcp-R": 1.0}
# "As good" is within what the medians of five differ by when Xen is compared with itself.
NOISE = 0.05

SERVER = """
import socket
door = socket.create_server(("10.0.0.1", 7))
while True:
    peer = door.accept()[0]
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while word := peer.recv(1):
        peer.send(word)
"""
CLIENT = """
import socket, time
peer = socket.create_connection(("10.0.0.1", 7))
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
began = time.monotonic()
answers = [peer.send(b"x") and peer.recv(1) for _ in range(1000)]
print("MICROSECONDS", (time.monotonic() - began) * 1000)
"""
SPEED = """
cat >server.py <<'END'@SERVER@END
client='@CLIENT@'
ip link add xenbr0 type bridge && ip link set xenbr0 up && ip addr add 10.0.0.1/24 dev xenbr0
modprobe brd rd_nr=1 rd_size=65536 || fail 'no memory disk'
iperf3 -s -D >/dev/null || fail 'no iperf3'
python3 server.py & server=$!
since() { echo "$(date +%s%N) $1" | awk '{ printf "%.3f", ($1 - $2) / 1e9 }'; }
figure() { echo "FIGURE $1 $2"; }
memory=256 config g1 "disk=['phy:/dev/vdb,xvda,r', 'phy:/dev/ram0,xvdb,w']" "vif=['bridge=xenbr0']"
# The first one reads what it is made of from the disk.
for name in "" create; do
    : >"$(log_of g1)"
    began=$(date +%s%N)
    xl create -q g1.cfg || fail 'no guest'
    grep -q -m 1 'DOMUS-TEST: userspace' < <(tail -f -n +1 "$(log_of g1)")
    [ "$name" ] && figure create $(since $began) || xl destroy g1
done
seen g1 'DOMUS-TEST: end shell'
ask g1 'mount -t ext4 -o ro,noload /dev/xvda /mnt; for d in proc sys dev; do mount -o bind /$d /mnt/$d; done; mount -t tmpfs t /mnt/tmp'
ask g1 'until ifconfig eth0 10.0.0.2 up; do sleep 1; done'
until_true 30 ping -c 1 10.0.0.2 || fail 'no network'
ping -q -c 200 -i 0.005 10.0.0.2 >/tmp/ping; figure ping $(sed -n 's,^rtt .* = [^/]*/\\([^/]*\\)/.*,\\1,p' /tmp/ping)
began=$(date +%s%N)
ask g1 'i=0; while [ $i -lt 1000 ]; do /bin/busybox true; i=$((i + 1)); done' >/dev/null
figure fork $(since $began)
for way in read write randread randwrite; do
    ask g1 "chroot /mnt fio --name=t --filename=/dev/xvdb --rw=$way --bs=4k --direct=1 --ioengine=psync --runtime=1 --time_based --size=60m --minimal 2>/dev/null" >/tmp/fio
    case $way in *read) field=8 ;; *) field=49 ;; esac
    figure $way $(tail -n 1 /tmp/fio | cut -d ';' -f $field)
done
for way in "" -R; do
    ask g1 "chroot /mnt iperf3 -c 10.0.0.1 -t 1 -f k $way" >/tmp/iperf
    figure tcp$way $(awk '/receiver/ { print $7 }' /tmp/iperf)
done
ask g1 "chroot /mnt python3 -c '$client'" >/tmp/trips
figure tcp_round_trip $(awk '/MICROSECONDS/ { print $2 }' /tmp/trips)
xl destroy g1
kill $server
"""


def figures(run, target):
    script = SPEED.replace("@SERVER@", SERVER).replace("@CLIENT@", CLIENT.strip().replace("\n", "; "))
    fields = host_fields(script, smp=1, icount=True, target=target, cpu=machines.CPU["peer"])
    fields["drives"].append(machines.Drive(os.path.join(machines.IMAGES, RELEASE, "host.ext4"), snapshot=True))
    console = run(**fields, timeout=20 * machines.PATIENCE)
    found = {}
    for name, value in re.findall(r"^FIGURE (\S+) ([\d.]+)$", console, re.M):
        found.setdefault(name, []).append(float(value))
    return found


def test_speed(run):
    all_figures = {"domus": {}, "peer": {}}
    for _ in range(ROUNDS):
        for target, found in all_figures.items():
            for name, values in figures(run, target).items():
                found.setdefault(name, []).extend(values)
    ours, xens = (
        {name: statistics.median(values) for name, values in all_figures[target].items()} for target in ("domus", "peer")
    )
    assert ours.keys() == xens.keys() == TIMES.keys() | RATES.keys()
    ratios = {name: ours[name] / xens[name] for name in ours}
    print("\n".join(f"{name}: {ours[name]} against {xens[name]}, {ratio:.2f}" for name, ratio in ratios.items()))
    slow = [name for name, most in TIMES.items() if ratios[name] > most * (1 + NOISE if most == 1 else 1)]
    slow += [name for name, least in RATES.items() if ratios[name] < least * (1 - NOISE)]
    assert not slow, ratios
