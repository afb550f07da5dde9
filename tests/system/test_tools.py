# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own Xen tools, unmodified, in domain 0: they look at the machine, and run PV guests in it."""

import os
import re

import pytest

import machine as machines

RELEASE = "bookworm"
TOOLS = {"initrd": os.path.join(machines.IMAGES, RELEASE, "tools.img"), "release": RELEASE, "dom0_mem": "512M"}

INFO = """
. /bin/xen-start || exit 1
xl info || exit 1
xl list || exit 1
xl info -n || exit 1
xl vcpu-list || exit 1
xl cpupool-list || exit 1
xl sched-credit2 || exit 1
xl debug-keys h || exit 1
xl dmesg >/dmesg || exit 1
echo DMESG $(wc -l </dmesg)
xenstore-write /tool/domus 7 && echo STORE $(xenstore-read /tool/domus)
"""

GUEST = """
guest() { # NAME VCPUS END
    printf 'name="%s"\\nkernel="/guest/vmlinuz"\\nramdisk="/guest/initrd"\\nmemory=128\\nvcpus=%s\\n' $1 $2 >/$1.cfg
    printf 'extra="console=hvc0 domus.end=%s"\\ncpu_weight=300\\ncap=100\\n' $3 >>/$1.cfg
    xl create /$1.cfg || exit 1
    path=/local/domain/$(xl domid $1)/console/tty
    for i in $(seq 60); do tty=$(xenstore-read $path 2>/dev/null) && [ -n "$tty" ] && break; sleep 1; done
    cat $tty >/$1.log &
}
seen() { # FILE TEXT
    for i in $(seq 120); do grep -q "$2" $1 && return 0; sleep 1; done
    echo "no $2 in $1"
    cat $1
    exit 1
}
"""

LIFE = """
free=$(xl info free_memory)
for round in 1 2; do
    guest g1 2 shell
    seen /g1.log 'DOMUS-TEST: end shell'
    sleep 2
    echo 'echo CPUS-$(grep -c ^processor /proc/cpuinfo)-SEEN' >$tty
    seen /g1.log CPUS-2-SEEN
    xl vcpu-pin g1 0 0 && xl vcpu-list g1 || exit 1
    xl sched-credit2 -d g1 | sed 's/^/CREATED /'
    xl sched-credit2 -d g1 -w 512 -c 60 && xl sched-credit2 -d g1 | sed 's/^/WEIGHT /' || exit 1
    xl pause g1 && xl list g1 | sed 's/^/PAUSED /' && xl unpause g1 || exit 1
    echo 'echo AGAIN-$((6 * 7))' >$tty
    seen /g1.log AGAIN-42
    xl destroy g1 || exit 1
    sleep 3
done
xl list
echo "FREE $free $(xl info free_memory)"
"""

ENDS = """
free=$(xl info free_memory)
guest g1 1 poweroff
seen /g1.log 'DOMUS-TEST: end poweroff'
for i in $(seq 60); do xl list | grep -q ^g1 || break; sleep 1; done
xl list
echo "FREE $free $(xl info free_memory)"
"""


def test_look(run):
    """What xl and the store say of the machine before there is any guest."""
    console = run(INFO, smp=2, numa=2, **TOOLS)
    facts = dict(re.findall(r"^(\w+) +: (.*)$", console, re.M))
    assert facts["nr_cpus"] == "2"
    assert facts["nr_nodes"] == "2"
    assert facts["total_memory"] == "2047"
    assert 1300 < int(facts["free_memory"]) < 1536
    assert facts["xen_scheduler"] == "credit2"
    assert facts["xen_major"] == "4" and facts["xen_minor"] == "17"
    assert "xen-3.0-x86_64" in facts["xen_caps"]
    assert "pv" in facts["virt_caps"].split()
    assert re.search(r"^Domain-0 +0 +512 +2 +r-----", console, re.M)
    assert re.search(r"^ +1: +10\d\d +\d+ +20,10$", console, re.M)
    assert re.search(r"^Pool-0 +2 +credit2 +y +1$", console, re.M)
    assert re.search(r"^Domain-0 +0 +256 +0$", console, re.M)
    assert int(re.search(r"^DMESG (\d+)$", console, re.M).group(1)) > 10
    assert "\nSTORE 7\n" in console


def test_dom0_options(run):
    """What domain 0 gets by bounds, and that each of its vCPUs stays where it is put."""
    options = "dom0_max_vcpus=1-2 dom0_vcpus_pin sync_console"
    script = ". /bin/xen-start || exit 1\nxl list && xl vcpu-list"
    fields = {**TOOLS, "dom0_mem": "min:256M,40%,max:640M"}
    console = run(script, smp=3, options=options, **fields)
    assert re.search(r"^Domain-0 +0 +640 +2 ", console, re.M)
    for cpu in range(2):
        assert re.search(rf"^Domain-0 +0 +{cpu} +{cpu} .* {cpu} / all$", console, re.M)
    assert "(DOMUS) command line:" not in console


def memory_is_back(console):
    before, after = re.search(r"^FREE (\d+) (\d+)$", console, re.M).groups()
    assert before == after, "a guest left memory behind"
    assert not re.search(r"^g1 ", console.split("FREE")[0].rsplit("Name ", 1)[1], re.M), "the guest is still there"


@pytest.mark.long
def test_guest(run):
    """A PV guest of the same kernel: created, talked to, pinned, paused, destroyed, and all that again."""
    console = run(". /bin/xen-start || exit 1\n" + GUEST + LIFE, smp=2, timeout=6 * machines.PATIENCE, **TOOLS)
    assert len(re.findall(r"^PAUSED g1 +\d+ +128 +2 +-[-b]p---", console, re.M)) == 2
    assert len(re.findall(r"^CREATED g1 +\d+ +300 +100$", console, re.M)) == 2
    assert len(re.findall(r"^WEIGHT g1 +\d+ +512 +60$", console, re.M)) == 2
    assert len(re.findall(r"^g1 +\d+ +0 +\S+ +\S+ +[\d.]+ +0 / all$", console, re.M)) == 2
    memory_is_back(console)


@pytest.mark.long
def test_guest_ends(run):
    """A guest that switches itself off is noticed and removed by the tools."""
    console = run(". /bin/xen-start || exit 1\n" + GUEST + ENDS, timeout=4 * machines.PATIENCE, **TOOLS)
    memory_is_back(console)
