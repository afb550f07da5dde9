# SPDX-License-Identifier: GPL-2.0-or-later
"""PV guests under Debian 12's unmodified xl: their disks and networks, how they are booted, what is refused.

Domain 0 is the host image (xenhost.py). The clock counts instructions where one CPU is enough: the tools' own
time-outs, of ten seconds, then do not depend on how busy the machine is.
"""

import difflib
import os
import re

import pytest

import guests
import machine as machines
from xenhost import USED, host_fields

LIMIT = 10 * machines.PATIENCE
CLEAN = r"audit: .* of all domains are clean"

# What the machine has before and after: free memory, domains, and what the store says of others than domain 0.
BEFORE = """
# The directories that the tools make once stay, and stay empty.
store() { xenstore-ls -f | grep -v -e /local/domain/0/ -e '^/libxl = ' -e '^/vm = ' | sed 's/ = .*//'; }
free=$(xl info free_memory)
store >/tmp/store
"""
AFTER = """
same() { [ "$free" = "$(xl info free_memory)" ]; }
until_true 30 same || echo "LOST memory: $free $(xl info free_memory)"
store | diff /tmp/store - || echo 'LOST entries of the store'
[ "$(xl list | wc -l)" = 2 ] || echo 'LOST domain'
[ -z "$(losetup -a)" ] || echo "LOST loop device $(losetup -a)"
xl debug-keys A
xl dmesg | grep audit: || :
"""
BRIDGE = """
ip link add xenbr0 type bridge && ip link set xenbr0 up && ip addr add 10.0.0.1/24 dev xenbr0
"""

DEVICES = """
truncate -s 16M /tmp/a.img /tmp/b.img
head -c 16M /dev/urandom >/tmp/a.img
vcpus=2 config g1 "disk=['file:/tmp/a.img,xvda,w']" "vif=['bridge=xenbr0,mac=00:16:3e:00:00:01']"
create g1
ask g1 'echo QUEUES $(ls /sys/block/xvda/mq | wc -w) $(ls -d /sys/class/net/eth0/queues/tx-* | wc -l)'
[ "$(ask g1 'md5sum </dev/xvda')" = "$(md5sum </tmp/a.img)" ] && echo READ same
ask g1 'dd if=/dev/urandom of=/dev/xvda bs=64k count=64 conv=fsync 2>/dev/null; md5sum </dev/xvda' >/tmp/sum
[ "$(cat /tmp/sum)" = "$(md5sum </tmp/a.img)" ] && echo WRITTEN same
ask g1 'ifconfig eth0 10.0.0.2 up; ping -c 3 10.0.0.1' | grep received
ping -q -c 100 -i 0.01 -s 1400 10.0.0.2 | grep received
ask g1 'dmesg | grep persistent' | grep -c 'persistent grants: enabled'

xl block-attach g1 file:/tmp/b.img xvdb w || fail 'no second disk'
ask g1 'until grep -q 32768 /sys/block/xvdb/size 2>/dev/null; do sleep 1; done'
ask g1 'echo attached >/dev/xvdb; sync'
head -c 8 /tmp/b.img; echo
xl block-list g1 | wc -l
xl block-detach g1 xvdb || fail 'the disk stays'
ask g1 'ls /sys/block'
xl network-attach g1 bridge=xenbr0 mac=00:16:3e:00:00:11 || fail 'no second network'
ask g1 'until ifconfig eth1 10.0.0.22 up 2>/dev/null; do sleep 1; done; ls /sys/class/net'
ping -q -c 3 -i 0.2 10.0.0.22 | grep received
xl network-detach g1 1 || fail 'the network stays'
ask g1 'ls /sys/class/net'
xl shutdown -w g1
gone g1
"""


def nothing_lost(console):
    assert "LOST" not in console
    assert re.search(CLEAN, console)


@pytest.mark.long
def test_devices(run):
    """A disk by blkback and a network by netback, written, read, attached and detached while the guest runs; with a
    queue for each of its CPUs, as domain 0 has as many."""
    console = run(**host_fields(BEFORE + BRIDGE + DEVICES + AFTER, smp=1, icount=True, options="dom0_max_vcpus=2"), timeout=LIMIT)
    assert "\nQUEUES 2 2\n" in console
    assert "\nREAD same\n" in console and "\nWRITTEN same\n" in console
    assert "3 packets transmitted, 3 packets received, 0% packet loss" in console
    assert "100 packets transmitted, 100 received, 0% packet loss" in console
    assert "3 packets transmitted, 3 received, 0% packet loss" in console
    assert "\n1\nattached\n3\nxvda\n" in console
    assert re.search(r"\neth0 +eth1 +lo\n", console) and re.search(r"\neth0 +lo\n", console)
    nothing_lost(console)


CPUS = """
for release in bookworm trixie; do
    vcpus=8 memory=160 config g1 "maxvcpus=8"
    create g1
    ask g1 'echo "ALL $(grep -c ^processor /proc/cpuinfo)"'
    for n in 3 1 8; do
        xl vcpu-set -i g1 $n
        # What udev does elsewhere.
        [ $n = 8 ] && ask g1 'sleep 1; for cpu in /sys/devices/system/cpu/cpu*/online; do echo 1 >$cpu; done'
        ask g1 "until [ \\$(grep -c ^processor /proc/cpuinfo) = $n ]; do sleep 1; done; echo SET $n"
    done
    xl vcpu-list g1 | tail -n +2 | wc -l
    xl shutdown -w g1
    gone g1
done
"""


@pytest.mark.long
def test_cpus(run):
    """Guests of both releases with eight vCPUs, which come and go."""
    console = run(**host_fields(BEFORE + CPUS + AFTER, smp=1, icount=True), timeout=2 * LIMIT)
    assert console.count("\nALL 8\nSET 3\nSET 1\nSET 8\n8\n") == 2
    nothing_lost(console)


STORAGE = """
modprobe dm-mod
export DM_DISABLE_UDEV=1
truncate -s 64M /tmp/pv.img && losetup /dev/loop6 /tmp/pv.img
{ pvcreate -q /dev/loop6 && vgcreate -q vg /dev/loop6 && lvcreate -q -an -Zn -L 16M -n lv vg && lvchange -ay vg/lv; } || fail 'no LVM'
vgmknodes
qemu-img create -q -f qcow2 /tmp/q.qcow2 16M
config g1 "disk=['phy:/dev/vg/lv,xvda,w', 'format=qcow2,vdev=xvdb,access=rw,target=/tmp/q.qcow2']"
create g1
ask g1 'echo on-lvm >/dev/xvda; echo on-qcow2 >/dev/xvdb; sync; cat /sys/block/xvda/size /sys/block/xvdb/size'
xl shutdown -w g1
gone g1
head -n 1 /dev/vg/lv
qemu-img convert -O raw /tmp/q.qcow2 /tmp/q.raw && head -n 1 /tmp/q.raw
no_model() { ! ps -A -o args | grep -v grep | grep -q qemu-system; }
until_true 20 no_model || echo 'LOST device model'
vgchange -q -an vg && losetup -d /dev/loop6
"""


@pytest.mark.long
def test_storage(run):
    """Disks on LVM by blkback, and in a qcow2 file by the device model."""
    console = run(**host_fields(BEFORE + STORAGE + AFTER, smp=1, icount=True), timeout=LIMIT)
    assert "\n32768\n32768\n" in console
    assert "\non-lvm\non-qcow2\n" in console
    nothing_lost(console)


SWITCH = """
modprobe openvswitch
mkdir -p /var/run/openvswitch
ovsdb-tool create /tmp/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /tmp/conf.db --remote=punix:/var/run/openvswitch/db.sock --detach --pidfile 2>/dev/null || fail 'no ovsdb'
ovs-vsctl --no-wait init
# Within ten seconds of the machine's start it counts no processor, and takes no packet that the kernel asks about.
is_later() { [ "$(cut -d . -f 1 /proc/uptime)" -gt 10 ]; }
until_true 20 is_later
ovs-vswitchd --detach --pidfile 2>/dev/null || fail 'no switch'
ovs-vsctl add-br ovsbr0 && ip addr add 10.0.1.1/24 dev ovsbr0 && ip link set ovsbr0 up
for n in 2 3; do
    config g$n "vif=['script=vif-openvswitch,bridge=ovsbr0']"
    create g$n
    ask g$n "ifconfig eth0 10.0.1.$n up"
done
ask g2 'ping -c 3 10.0.1.1' | grep received
ask g2 'ping -c 3 10.0.1.3' | grep received
ovs-vsctl list-ports ovsbr0 | wc -l
xl destroy g2 && xl destroy g3
ovs-vsctl list-ports ovsbr0 | wc -l
"""


@pytest.mark.long
def test_switch(run):
    """Guests on Open vSwitch reach domain 0 and one another."""
    console = run(**host_fields(BEFORE + SWITCH + AFTER, smp=1, icount=True), timeout=LIMIT)
    assert console.count("3 packets transmitted, 3 packets received, 0% packet loss") == 2
    assert "\n2\n0\n" in console
    nothing_lost(console)


LOADERS = """
for release in bookworm trixie; do
    cp /guest/$release/boot.img /tmp/boot.img
    disk="disk=['file:/tmp/boot.img,xvda,w']"
    printf '%s\\n' "name='g1'" "memory=160" "bootloader='pygrub'" "$disk" >g1.cfg
    create g1
    ask g1 'echo PYGRUB $(uname -r)'
    xl destroy g1
    # GRUB does not unpack a kernel that is packed by zstd: "not xen image", whatever it runs on.
    [ $release = trixie ] && continue
    printf '%s\\n' "name='g2'" "memory=192" "kernel='/usr/lib/grub-xen/grub-x86_64-xen.bin'" "$disk" >g2.cfg
    create g2
    ask g2 'echo PVGRUB $(uname -r)'
    xl destroy g2
done
"""


@pytest.mark.long
def test_loaders(run):
    """Debian 12's and 13's kernels from a guest's disk, by pygrub, and the former by GRUB in the guest."""
    console = run(**host_fields(BEFORE + LOADERS + AFTER, smp=1, icount=True), timeout=2 * LIMIT)
    for words in (r"PYGRUB 6\.1\.", r"PYGRUB 6\.12\.", r"PVGRUB 6\.1\."):
        assert re.search(f"^{words}", console, re.M), words
    nothing_lost(console)


SMALL = {"unprivileged.elf": os.path.join(guests.DIRECTORY, "unprivileged.elf")}
SMALL_CONFIG = """
small() { # NAME COMMAND-LINE
    printf '%s\\n' "name='$1'" "memory=8" "kernel='/srv/unprivileged.elf'" "extra='$2'" >$1.cfg
    printf '%s\\n' "on_poweroff='destroy'" "on_reboot='destroy'" "on_crash='destroy'" >>$1.cfg
}
"""
ROUNDS = USED + r"""
ends=(0 1 3 4) # power off, reboot, crash, watchdog
round() {
    small g1 end=${ends[$1 % 4]}
    xl create -q g1.cfg || echo "FAILED create $1"
    gone g1
    small g2
    xl create -q g2.cfg || echo "FAILED create $1"
    xl destroy g2 || echo "FAILED destroy $1"
}
# What domain 0 keeps once it has had guests - ports, maptrack entries - is not counted.
for number in 0 1 2 3; do round $number; done
first=$(used)
for number in $(seq $rounds); do round $number; done
same_use() { [ "$first" = "$(used)" ]; }
until_true 30 same_use || echo "LOST $first, now $(used)"
echo USED $first
"""
MANY = """
for n in $(seq 60); do
    small m$n
    xl create -q m$n.cfg || { echo "FAILED create $n"; break; }
done
echo "THERE $(xl list | wc -l)"
for n in $(seq 60); do xl destroy m$n || echo "FAILED destroy $n"; done
"""


def small_guests(run, script, **fields):
    console = run(
        **host_fields(BEFORE + SMALL_CONFIG + script + AFTER, files=SMALL, smp=1, icount=True, **fields), timeout=4 * LIMIT
    )
    assert "FAILED" not in console
    nothing_lost(console)
    return console


def rounds(run, target, count):
    console = small_guests(run, f"rounds={count}\n" + ROUNDS)
    assert target != "domus" or re.search(r"^USED \d+ frames \d+ bytes \d+", console, re.M)


def test_few_rounds(run, target):
    """Guests that end for every reason, and that are destroyed, leave nothing behind."""
    rounds(run, target, 5)


@pytest.mark.long
def test_rounds(run, target):
    rounds(run, target, 100)


@pytest.mark.long
def test_many(run):
    """Sixty guests at once on 4 GiB."""
    assert "\nTHERE 62\n" in small_guests(run, MANY, memory=4096)


BALLOON = """
memory_of_domain0() { xl list 0 | awk '/Domain-0/ { print $3 }'; }
before=$(memory_of_domain0)
small g1
sed -i s/memory=8/memory=400/ g1.cfg
xl create -q g1.cfg || echo 'FAILED create'
after=$(memory_of_domain0)
[ $((before - after)) -ge 250 ] && echo "BALLOONED"
xl destroy g1
xl mem-set 0 $before
is_back() { [ "$(memory_of_domain0)" = $before ]; }
until_true 60 is_back || echo "FAILED to give it back: $(memory_of_domain0)"
"""


@pytest.mark.long
def test_balloon(run):
    """A domain 0 that has all memory makes room for a guest by itself."""
    console = run(**host_fields(SMALL_CONFIG + BALLOON, files=SMALL, smp=1, icount=True, dom0_mem=""), timeout=2 * LIMIT)
    assert "\nBALLOONED\n" in console and "FAILED" not in console


# --- what scripts rely on: the same words and exit states as on Xen

TRANSCRIPT = """
t() { echo "\\$ $*"; timeout 100 "$@" 2>&1; local rc=$?; [ $rc = 0 ] || echo "  -> $rc"; }
try() { printf '%s\\n' "$@" >bad.cfg; t xl create bad.cfg; t xl list; xl destroy b1 2>/dev/null || :; }
said() { "$@" 2>&1 | tr '\\r' '\\n' | grep -v -e 'Frames:' -e '^ *$' -e 'End of stream'; }
echo TRANSCRIPT
"""
REFUSALS = """
head -c 100000 /dev/zero >/tmp/junk
: >/tmp/empty
head -c 1000000 /guest/bookworm/vmlinuz >/tmp/cut
kernel="kernel='/srv/unprivileged.elf'"
for image in /tmp/junk /tmp/empty /tmp/cut /nosuch /bin/ls; do try "name='b1'" "memory=64" "kernel='$image'"; done
for line in "ramdisk='/nosuch'" "vcpus=0" "disk=['file:/nosuch,xvda,w']" "disk=['phy:/dev/nosuch,xvda,w']" \\
    "disk=['nonsense']" "vif=['bridge=nosuch']" "pool='nosuch'" "cpus='77'" "type='pvx'" "irqs=[50000]" \\
    "ioports=['ffff-1ffff']" "bootloader='/nosuch'" "max_grant_version=3" "uuid='zzz'" "garbage garbage"; do
    try "name='b1'" "memory=64" "$kernel" "$line"
done
try "name='b1'" "memory=100000" "$kernel"
try "memory=64" "$kernel"
try "name='b1'" "memory=8" "$kernel"
small b1
t xl create b1.cfg
try "name='b1'" "memory=8" "$kernel"
try "name='Domain-0'" "memory=8" "$kernel"
"""
COMMANDS = """
small g1
t xl create g1.cfg
for command in "list nosuch" "domid g1" "domid nosuch" "domname 1" "domname 77" "rename g1 g2" "list g2" "rename g2 g1" \\
    "rename nosuch g1" "pause g1" "list g1" "pause nosuch" "unpause g1" "unpause g1" "trigger g1 nmi" "trigger g1 power" \\
    "trigger g1 nonsense" "vcpu-list g1" "vcpu-pin g1 0 0" "vcpu-list g1" "vcpu-pin g1 9 0" "vcpu-pin g1 0 77" \\
    "vcpu-pin g1 all all all" "vcpu-set g1 9" "mem-max g1 16" "mem-max g1 1" "mem-set g1 100" "sched-credit" \\
    "sched-credit2" "sched-credit2 -d g1 -w 512" "sched-credit2 -d g1" "sched-credit2 -d g1 -w 70000" \\
    "sched-credit2 -s" "sched-credit2 -s -r 2000" "sched-credit2 -s" "sched-credit2 -s -r 7" "sched-rtds" "block-list g1" \\
    "network-list g1" "channel-list g1" "vncviewer nosuch" "set-parameters loglvl=all" "set-parameters nosuch=1" \\
    "cpupool-list" "cpupool-list -c" "cpupool-cpu-remove Pool-0 1" 'cpupool-create name="p1" sched="credit2" cpus=["1"]' \\
    "cpupool-migrate g1 p1" "list -c g1" "vcpu-pin g1 0 0" "cpupool-destroy p1" "cpupool-cpu-remove p1 1" \\
    "cpupool-migrate g1 Pool-0" "cpupool-rename p1 p2" "cpupool-list -c" "cpupool-destroy p2" "cpupool-cpu-add Pool-0 1" \\
    "cpupool-list -c" "cpupool-destroy Pool-0" "claims" "console nosuch" "shutdown nosuch" "reboot nosuch" "destroy nosuch" \\
    "destroy 0" "pause 0" "debug-keys q" "nosuchcommand" "destroy g1" "list g1" "create nosuch.cfg"; do
    eval "t xl $(printf '%q ' $command)"
done
"""


TOOLS = """
small g1
t xl create g1.cfg
for command in "xenstore-list /" "xenstore-exists /nosuch" "xenstore-read /nosuch" "xenstore-write /a b" "xenstore-read /a" \\
    "xenstore-write /a/b c" "xenstore-list /a" "xenstore-chmod /a r0 b1" "xenstore-ls -fp /a" "xenstore-rm /a" "xenstore-rm /a" \\
    "xenstore-read name" "xenstore-read /local/domain/1/name" "xenstore-list /local/domain/1" "xenstore-ls -f /vm" \\
    "xen-hptool" "xen-hptool cpu-offline 0" "xen-hptool cpu-online 1" "xen-hptool cpu-offline 1" "xen-hptool cpu-offline 1" \\
    "xl cpupool-list -c" "xl info nr_cpus" "xl vcpu-list g1" "xl vcpu-pin g1 0 1" "xen-hptool cpu-online 1" "xen-hptool cpu-online 1" \\
    "xl cpupool-list -c" "xl vcpu-pin g1 0 1" "xen-hptool cpu-offline 1" "xl vcpu-list g1" "xen-hptool cpu-online 1" \\
    "xl vcpu-pin g1 0 all all" "xen-hptool cpu-offline 77" "xen-hptool cpu-online 77" "xen-hptool smt-enable" "xen-hptool smt-disable" \\
    "xen-hptool mem-status 0x8005" "xen-hptool mem-online 0x8005" "xen-hptool mem-offline 0x8005" "xen-hptool mem-status 0x8005" \\
    "xen-hptool mem-offline 0x8005" "xen-hptool mem-online 0x8005" "xen-hptool mem-status 0x8005" "xen-hptool mem-offline 0xa0" \\
    "xen-hptool mem-online 0xa0" "xen-hptool mem-status 0xa0" "xen-hptool mem-offline" "xen-hptool mem-offline 0xfffffff" \\
    "xl cpupool-cpu-remove Pool-0 1" "xen-hptool cpu-offline 1" "xen-hptool cpu-online 1" "xl cpupool-list -c" \\
    "xl cpupool-cpu-add Pool-0 1" "xl cpupool-list -c" "xenpm" "xenpm get-cpufreq-states" \\
    "xenpm get-cpufreq-para" "xenpm get-cpufreq-average" "xenpm get-cpu-topology" "xenpm set-scaling-governor performance" \\
    "xenpm set-max-cstate 1" "xenpm set-max-cstate unlimited 2" "xenpm get-cpuidle-states 7" "xenpm set-sched-smt enable" "xenpm get-vcpu-migration-delay" "xenpm set-vcpu-migration-delay 7" \\
    "xenpm enable-turbo-mode" "xen-diag gnttab_query_size 0" "xen-livepatch list" "xenctx" "xenctx 77" \\
    "xen-mfndump" "xen-detect" "xenhypfs ls /" "xenhypfs cat /nosuch" "xenhypfs ls /cpupool" "xenhypfs cat /cpupool/0/sched-gran" "xenhypfs cat /cpupool/1" \\
    "xl dmesg -c -c" "xl sysrq g1" \\
    "xl claims" "xl devd -F nonsense" "xl config-update nosuch" "xl config-update g1 /nosuch" "xl dump-core nosuch /tmp/core" \\
    "xl dump-core g1 /tmp/core" "xl dump-core g1 /nosuch/core" "xl list -l nosuch" "xl uptime nosuch" "xl vcpu-set nosuch 1" \\
    "xl pci-list g1" "xl pci-assignable-list" "xl usbctrl-list g1" "xl vtpm-list g1" "xl vkb-list g1" "xl channel-list g1" \\
    "xl migrate nosuch localhost" "xl save nosuch /tmp/x" "xl restore /nosuch" "xl destroy g1"; do
    eval "t $(printf '%q ' $command)"
done
"""
# A guest with Debian's kernel, its disk and network, from beginning to end. It is not moved: Debian's Xen is built
# without what it takes to log the writes of PV guests.
LINUX = """
ip link add xenbr0 type bridge && ip link set xenbr0 up
truncate -s 64M /tmp/disk /tmp/second
config g1 "disk=['file:/tmp/disk,xvda,w']" "vif=['bridge=xenbr0,mac=00:16:3e:00:00:01']" "maxvcpus=2" "maxmem=192"
create g1
connected() {
    xl block-list g1 | awk 'NR > 1 && $4 != 4 { exit 1 }' && xl network-list g1 | awk 'NR > 1 && $5 != 4 { exit 1 }'
}
words() {
    until_true 60 connected || fail "devices"
    ask g1 "$1" | sed 's/^/  | /'
}
for command in "list g1" "domid g1" "vcpu-list g1" "block-list g1" "network-list g1" "channel-list g1" "vcpu-set g1 2" \\
    "vcpu-set -i g1 2" "sysrq g1 h" "sysrq g1 nonsense" "mem-set g1 100" "mem-max g1 300" "block-attach g1 file:/tmp/second,xvdb,w" \\
    "network-attach g1 bridge=xenbr0 mac=00:16:3e:00:00:02" "vcpu-pin g1 0 0" "trigger g1 nmi" "rename g1 g2" \\
    "list g2" "rename g2 g1" "config-update g1 g1.cfg" "pause g1" "unpause g1"; do
    eval "t xl $(printf '%q ' $command)"
done
words 'grep -c ^processor /proc/cpuinfo; cat /sys/block/xvdb/size; ls /sys/class/net'
t xl block-list g1
t xl network-list g1
t xl vcpu-set g1 1
t xl mem-set g1 128
t xl block-detach g1 xvdb
t xl network-detach g1 1
words 'ls /sys/block /sys/class/net'
t xl block-list g1
t xl network-list g1
t xl dump-core g1 /tmp/core
head -c 4 /tmp/core | od -An -c; rm /tmp/core
said t xl save -c g1 /tmp/image
words 'echo ALIVE'
said t xl save g1 /tmp/image
t xl list g1
said t xl restore /tmp/image
words 'echo AGAIN'
t xl list g1
: >"$(log_of g1)"
t xl reboot g1
again() { [ "$(xl domid g1)" -gt 2 ]; }
until_true 60 again
seen g1 'DOMUS-TEST: end shell'
words 'echo NEW'
t xl list g1
t xl shutdown -w g1
gone g1
t xl list g1
"""

# A screen and a channel by the device model; images of paused guests; a crash that is kept to be looked at.
SCREEN = """
config g1 "vfb=['vnc=1,vnclisten=127.0.0.1']" "channel=['connection=pty,name=org.test']" "on_crash='preserve'"
create g1
for command in "channel-list g1" "vkb-list g1" "vncviewer g1" "trigger g1 nmi" "dump-core g1 /tmp/core"; do t xl $command; done
t xenstore-read /local/domain/1/console/vnc-port
exec 3<>/dev/tcp/127.0.0.1/5900 && head -c 12 <&3
said t xl save -p g1 /tmp/image
t xl list g1
said t xl restore -p /tmp/image
t xl unpause g1
ask g1 'echo AGAIN'
said t xl save -c g1 /tmp/image
ask g1 'echo STILL'
xl destroy g1
said t xl restore -p -e /tmp/image
t xl list g1
t xl unpause g1
tell g1 'echo c >/proc/sysrq-trigger'
crashed() { xl list g1 | grep -q -e '---c-' -e '---sc-'; }
until_true 60 crashed || echo 'does not crash'
t xl list g1
t xl destroy g1
t xl list g1
"""


def transcript(console):
    """What the tools said, without what is said by others and what may differ: times, who runs just now and where."""
    lines = console.split("\nTRANSCRIPT\n")[1].split("DOMUS-TEST: exit")[0].splitlines()
    lines = [line for line in lines if not re.match(r"\((XEN|DOMUS)\)|\[ *\d+\.\d+\]", line)]
    same = []
    for line in lines:
        line = re.sub(r"mfn 0x[0-9a-f]+", "mfn", line)
        line = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|start_time = .*", "VARIES", line)
        line = re.sub(r" [r-][b-]([p-]([s-][c-][d-])?) +\d+\.\d", r" STATE\1 TIME", line)
        same.append(re.sub(r" +[\d-]+ +(STATE[p-] TIME)", r" CPU \1", line))
    return same


@pytest.mark.long
@pytest.mark.parametrize("name, smp", (("refusals", 1), ("commands", 2), ("tools", 2), ("linux", 1), ("screen", 1)))
def test_same_words(run, name, smp):
    """The same script on Domus and on Debian's Xen: the transcripts agree."""
    script = SMALL_CONFIG + TRANSCRIPT + {"refusals": REFUSALS, "commands": COMMANDS, "tools": TOOLS, "linux": LINUX,
                                          "screen": SCREEN}[name]
    said = {}
    for target in ("domus", "peer"):
        fields = host_fields(script, files=SMALL, smp=smp, icount=True, target=target, cpu=machines.CPU["peer"])
        said[target] = transcript(run(**fields, timeout=2 * LIMIT))
    difference = "\n".join(difflib.unified_diff(said["peer"], said["domus"], "Xen", "Domus", lineterm=""))
    assert not difference, difference
