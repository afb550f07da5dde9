# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole Debian 12 as people set it up for Xen: service scripts, saved domains and libvirt say what they say on Xen.

Domain 0 boots the image `server` from a disk. libvirt needs a model of processor that it knows, and on Xen, too,
that is none of AMD's.
"""

import difflib
import io
import os
import re
import tarfile

import pytest

import kernel_log
import machine as machines

pytestmark = pytest.mark.long

CPU = "Haswell-noTSX"
HOST_IMAGE = os.path.join(machines.IMAGES, "bookworm", "host.ext4")
GUEST = "/mnt/guest/bookworm"
XML = f"""<domain type='xen'><name>g1</name><memory unit='MiB'>128</memory><vcpu>2</vcpu>
<os><type>linux</type><kernel>{GUEST}/vmlinuz</kernel><initrd>{GUEST}/initrd</initrd>
<cmdline>console=hvc0 quiet domus.end=shell domus.modules=ext4,xen-blkfront,xen-netfront</cmdline></os>
<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/srv/disk'/>
<target dev='xvda' bus='xen'/></disk><interface type='bridge'><source bridge='xenbr0'/>
<mac address='00:16:3e:00:00:01'/></interface><console type='pty'/></devices></domain>"""
CONFIG = f"""name='auto1'
memory=96
kernel='{GUEST}/vmlinuz'
ramdisk='{GUEST}/initrd'
extra='console=hvc0 quiet domus.end=shell'
"""
# What is said differs with versions, sizes, times and names of processes; who runs just now depends on when one asks.
DIFFERS = (
    (r"\d+\.\d+s", "TIME"), (r" [r-][b-]---- +\d+\.\d", " STATE TIME"), (r"(CPU time: +).*", r"\1TIME"),
    (r"running|blocked|idle", "STATE"), (r"/dev/pts/\d+", "PTY"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
)
# A command is printed, and what it says with its exit state; `until` waits without a word.
LIFE = """
t() { echo "\\$ $*"; eval "$*" 2>&1; echo "  -> $?"; }
until_true() { for i in $(seq 300); do eval "$*" >/dev/null 2>&1 && return; sleep 0.2; done; echo "NEVER $*"; }
there() { xl list $1; }
tty_of() { xenstore-read /local/domain/$(xl domid $1)/console/tty; }
cd /srv
dmesg -n 1
mount -o ro,noload /dev/vdb /mnt && truncate -s 16M disk second || exit 1
ip link add xenbr0 type bridge && ip link set xenbr0 up && modprobe -a loop xen-blkback xen-netback || exit 1
mkdir -p /etc/xen/auto && cp auto1.cfg /etc/xen/auto/ || exit 1
t systemctl is-active xen libvirtd
t systemctl --failed --no-legend --plain
t ls -d /sys/hypervisor/properties /dev/xen/privcmd /proc/xen/privcmd
t xl list
t 'systemctl restart xendomains; systemctl is-active xendomains'
until_true there auto1
# One that has not started its kernel yet can be saved, and not be restored: on Xen neither.
until_true test -c '$(tty_of auto1)'
cat $(tty_of auto1) >auto1.log 2>/dev/null &
until_true grep -q "'DOMUS-TEST: end shell'" auto1.log
t xl list
t 'systemctl stop xendomains; xl list; ls /var/lib/xen/save'
t systemctl start xendomains
until_true there auto1
t 'xl list; ls /var/lib/xen/save'
t 'rm /etc/xen/auto/auto1.cfg; xl destroy auto1; xl list'
t virsh list --all
t 'virsh nodeinfo | grep -v -e MHz -e Memory'
t 'virsh capabilities | grep -v -e "<memory"'
t virsh define g1.xml
t virsh start g1
cat $(virsh ttyconsole g1) >g1.log 2>/dev/null &
until_true grep -q "'DOMUS-TEST: end shell'" g1.log
t virsh list --all
t 'virsh dominfo g1 | grep -v -e UUID -e memory'
t virsh vcpuinfo g1
t 'virsh domblklist g1; virsh domiflist g1'
t 'virsh dumpxml g1'
t 'virsh suspend g1; virsh domstate g1 --reason; virsh resume g1; virsh domstate g1 --reason'
t 'virsh vcpupin g1 0 0; virsh vcpupin g1'
t 'virsh setvcpus g1 1 --live; virsh vcpucount g1'
t 'virsh setmem g1 100M; virsh setmem g1 4G'
t 'virsh schedinfo g1; virsh schedinfo g1 --set weight=512'
t 'virsh attach-disk g1 /srv/second xvdb --subdriver raw; virsh domblklist g1; virsh detach-disk g1 xvdb'
t 'virsh save g1 /srv/image; virsh list --all; virsh restore /srv/image; virsh domstate g1'
t 'virsh managedsave g1; virsh list --all; virsh start g1; virsh domstate g1'
t 'virsh dump g1 /srv/core --live && head -c 4 /srv/core | od -An -c'
t 'virsh start g1; virsh start nosuch; virsh restore /srv/nosuch; virsh undefine nosuch'
t 'virsh destroy g1; virsh domstate g1 --reason; virsh undefine g1; virsh list --all'
"""


def life(boot, target, directory):
    """What the commands of LIFE say there, line by line."""
    files = str(directory / "files.tar")
    with tarfile.open(files, "w") as archive:
        for name, text in (("g1.xml", XML), ("auto1.cfg", CONFIG), ("life", LIFE)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    drives = [machines.Drive(path, snapshot=True) for path in (HOST_IMAGE, files)]
    running = boot(root="virtio", image="server", target=target, cpu=CPU, smp=1, memory=2560, dom0_mem="1400M",
                   icount=True, icount_idle=True, drives=drives)
    running.expect("login: root", timeout=6 * machines.PATIENCE)
    running.userspace()
    _, status = running.command_run("systemctl is-system-running --wait", timeout=3 * machines.PATIENCE)
    assert status == 0
    output, status = running.command_run(
        "tar -C /srv -xf /dev/vdc && bash /srv/life", timeout=10 * machines.PATIENCE)
    assert status == 0, output
    running.send("poweroff")
    assert kernel_log.trouble(running.ended(timeout=3 * machines.PATIENCE)) is None
    for pattern, text in DIFFERS:
        output = re.sub(pattern, text, output)
    return [line.rstrip() for line in output.splitlines()]


def test_server(boot, tmp_path):
    said = {target: life(boot, target, tmp_path) for target in ("domus", "peer")}
    print("\n".join(said["domus"]))
    assert not [line for line in said["domus"] if line.startswith("NEVER")]
    difference = "\n".join(difflib.unified_diff(said["peer"], said["domus"], "Xen", "Domus", lineterm=""))
    assert not difference, difference
