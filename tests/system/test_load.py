# SPDX-License-Identifier: GPL-2.0-or-later
"""Load inside domain 0: processes, threads, signals, debuggers, vector registers, 32-bit programs, vCPUs
that come and go, memory that is given away, taken back and swapped. Afterwards the hypervisor's own audit
of all page tables must find nothing.

The programs are in load/; they check themselves what they do.
"""

import io
import os
import re
import subprocess
import tarfile

import pytest

import kernel_log
import machine as machines

pytestmark = pytest.mark.alone
HERE = os.path.join(machines.TOP, "tests", "system", "load")
TESTS = ("processes", "maps", "threads", "fpu", "signals", "ptrace", "calls")
FLAGS_64 = ["-static", "-pthread"]
FLAGS_32 = ["-m32", "-ffreestanding", "-nostdlib", "-static", "-fno-pie", "-no-pie", "-fno-stack-protector"]

# Each vCPU but the first goes off and on again.
HOTPLUG = """
for cpu in /sys/devices/system/cpu/cpu[1-9]*; do
    echo 0 >$cpu/online && [ $(cat $cpu/online) = 0 ] && echo 1 >$cpu/online && [ $(cat $cpu/online) = 1 ] || exit 1
done
"""

# Domain 0's balloon goes down to 600,000 KiB and back: all that it had is there again.
BALLOON = """
cd /sys/devices/system/xen_memory/xen_memory0
full=$(cat info/current_kb)
total=$(grep MemTotal /proc/meminfo)
for kb in 600000 $full; do
    echo $kb >target_kb
    tries=0
    while [ $(cat info/current_kb) != $kb ] && [ $((tries += 1)) -lt 200 ]; do sleep 0.2; done
    [ $(cat info/current_kb) = $kb ] || exit 1
done
[ "$total" = "$(grep MemTotal /proc/meminfo)" ]
"""

# A whole Debian: stress-ng for all SECONDS, beside it one after the other everything above and Debian's own
# debuggers. strace must see the calls, gdb's hardware watchpoint the write.
DEBIAN = r"""
cd $(dirname $0)
disk=/dev/disk/by-label/domus-swap
debuggers() {
    strace -f -o trace sh -c 'for i in 1 2 3 4 5; do /bin/true; done; /bin/echo traced' | grep -q traced &&
    [ $(grep -c 'execve("/bin/true"' trace) = 5 ] && grep -q 'write(1, "traced' trace &&
    [ $(grep -c 'exited with 0' trace) = 7 ] || return 1
    gdb -nx -batch -ex starti -ex 'stepi 100' -ex 'watch -l *(long *)($rsp - 64)' -ex continue -ex delete -ex continue \
        --args /bin/echo debugged >session 2>&1
    for text in '^Hardware watchpoint 1:' '^New value' '^debugged' 'exited normally'; do
        grep -q "$text" session || { cat session; return 1; }
    done
}
once() {
    ./load32 || return 1
    for test in @TESTS@; do ./load $test || return 1; done
    for step in debuggers "./load memory 460" ./hotplug ./balloon; do
        $step && echo "$step: $(cut -d ' ' -f 1 /proc/uptime) s" || return 1
    done
}
swapon $disk || exit 1
nice stress-ng --quiet --verify --timeout @SECONDS@ --fork 1 --mmap 1 --mmap-bytes 16m --vm 1 --vm-bytes 48m --switch 1 \
    --sigsuspend 1 --timer 1 --matrix 1 --pthread 1 --pthread-max 64 &
stress=$!
rounds=0
while kill -0 $stress 2>/dev/null; do
    once || { kill $stress; exit 1; }
    echo round $((rounds += 1)): $(cut -d ' ' -f 1 /proc/uptime) s
done
wait $stress || exit 1
@SWAPPED@ && swapoff $disk && grep -E 'Swap(Total|Free): +0 kB' /proc/meminfo
"""
SECONDS = 600

# Something was written there and read again.
SWAPPED = "awk '/^pswp(in|out) / && $2 > 1000 { n++ } END { exit n != 2 }' /proc/vmstat"
SWAP = f"""
mkswap /dev/vda && swapon /dev/vda && load memory 460 && {SWAPPED} && grep Swap /proc/meminfo && swapoff /dev/vda
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The two programs, as files for an initrd."""
    directory = tmp_path_factory.mktemp("load")
    files = {}
    for name, flags in (("load", FLAGS_64), ("load32", FLAGS_32)):
        out = str(directory / name)
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", out, os.path.join(HERE, name + ".c")]
        subprocess.run(command + flags, check=True)
        with open(out, "rb") as program:
            files["bin/" + name] = program.read()
    return files


def all_tests(factor=1):
    return "\n".join(["load32 || exit 1"] + [f"load {name} {factor} || exit 1" for name in TESTS])


def bundle(files):
    """A tar of programs: name to contents."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def keys_press(running, keys, until):
    """Debug keys on the console, until something is said; then the input is domain 0's again."""
    running.child.send("\x01\x01\x01")
    running.child.send(keys)
    match = running.expect(until)
    running.child.send("\x01\x01\x01")
    return match


def memory_free(running):
    return int(keys_press(running, "m", r"MiB free \((\d+) frames\)").group(1))


def sound_check(running, free):
    """What the hypervisor says after load: page tables are sound, and as many frames are free as before."""
    match = keys_press(running, "A", r"audit: (.*)\r")
    assert b"are clean" in match.group(1), running.report("the audit found contradictions")
    assert memory_free(running) == free, running.report(f"{free} frames were free")


def load_check(boot, target, scripts, timeout, **fields):
    """Boots the quick image, runs the scripts, and looks at the machine."""
    fields["files"] = {**fields["files"], **{f"bin/script{i}": b"#!/bin/busybox sh\n" + script.encode()
                                             for i, script in enumerate(scripts)}}
    running = boot(**fields)
    running.userspace()
    running.expect("DOMUS-TEST: end shell")
    running.expect("/ # ")
    free = memory_free(running) if target == "domus" else None
    for i in range(len(scripts)):
        output, status = running.command_run(f"script{i}", timeout)
        assert status == 0, running.report(f"script {i} ended with {status}: {output}")
    if target == "domus":
        sound_check(running, free)
    running.send("poweroff -f")
    running.ended()


def test_load(boot, target, programs):
    """More vCPUs than CPUs, everything once."""
    load_check(boot, target, [all_tests(), HOTPLUG, BALLOON], machines.PATIENCE * 3,
               files=programs, smp=2, options="dom0_max_vcpus=3")


@pytest.mark.long
@pytest.mark.parametrize("release", machines.RELEASES)
@pytest.mark.parametrize("smp, vcpus", ((1, 2), (4, 4)))
def test_load_long(boot, target, programs, tmp_path, release, smp, vcpus):
    disk = tmp_path / "swap"
    with open(disk, "wb") as image:
        image.truncate(512 << 20)
    # Linux 6.12 brings up no more vCPUs than ACPI lists CPUs, on Xen neither: there is none to take away then.
    hotplug = [] if release == "trixie" and smp == 1 else [HOTPLUG] * 5
    scripts = [all_tests(8), SWAP] + hotplug + [BALLOON] * 3
    load_check(boot, target, scripts, machines.PATIENCE * 6, files=programs, smp=smp, release=release,
               dom0_mem="640M", options=f"dom0_max_vcpus={vcpus}", args="domus.modules=virtio_blk,virtio_pci",
               drives=[machines.Drive(str(disk))])


@pytest.mark.long
@pytest.mark.parametrize("cpu", ("Skylake-Server", "qemu64"))
def test_load_cpus(boot, target, programs, cpu):
    """SYSENTER instead of SYSCALL for 32-bit programs; a processor without AVX."""
    if target == "peer":
        cpu += ",-monitor,-smap"
    load_check(boot, target, [all_tests()], machines.PATIENCE * 3, files=programs, smp=2, cpu=cpu)


@pytest.mark.long
@pytest.mark.parametrize("release", machines.RELEASES)
def test_load_debian(boot, target, programs, tmp_path, release):
    """Ten minutes of everything at once, and more vCPUs than CPUs; then a whole Debian is still healthy."""
    script = DEBIAN.replace("@TESTS@", " ".join(TESTS)).replace("@SECONDS@", str(SECONDS)).replace("@SWAPPED@", SWAPPED)
    texts = {"debian": script, "hotplug": HOTPLUG, "balloon": BALLOON}
    files = {os.path.basename(name): data for name, data in programs.items()}
    files.update({name: b"#!/bin/bash\n" + text.encode() for name, text in texts.items()})
    drives = []
    for name in ("bundle", "swap"):
        drives.append(machines.Drive(str(tmp_path / name)))
        with open(drives[-1].path, "wb") as image:
            image.write(bundle(files) if name == "bundle" else b"")
            image.truncate(512 << 20)
    subprocess.run(["mkswap", "-q", "-L", "domus-swap", drives[1].path], check=True,
                   env={**os.environ, "PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"})
    running = boot(root="virtio", release=release, smp=2, dom0_mem="768M", options="dom0_max_vcpus=3", drives=drives)
    running.userspace(3 * machines.PATIENCE)
    # Debian's own services have come to rest.
    running.command_run("systemctl is-system-running --wait", 2 * machines.PATIENCE)
    free = memory_free(running) if target == "domus" else None
    output, status = running.command_run("mkdir load && tar -C load -xf /dev/vdb && load/debian", SECONDS + 3 * machines.PATIENCE)
    assert status == 0, running.report(f"ended with {status}: {output}")
    assert len(re.findall("(?m)^round", output)) > 1
    if target == "domus":
        sound_check(running, free)
    state, _ = running.command_run("systemctl is-system-running")
    assert state.strip() == "running", running.report(state)
    running.send("poweroff")
    console = running.ended(2 * machines.PATIENCE)
    assert kernel_log.trouble(console) is None
