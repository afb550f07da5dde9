# SPDX-License-Identifier: GPL-2.0-or-later
"""Domain 0 with all of Debian's Xen tools: the host image (tests/images/host) on a disk, and scripts that run in it.

`host_fields(script)` gives what the fixture `run` takes to boot the quick image, mount the disk and run
`script` with bash there, after the tools were started and the functions of xenhost.sh were read; with
start="prepare" the script starts them. `files` are copied into its directory (name: path).
"""

import os

import machine as machines

RELEASE = "bookworm"
# A shell function of any domain 0: frames that are free and that domain 0 has, and bytes of small objects, where the
# hypervisor says so.
USED = r"""
used() {
    xl dmesg -c >/dev/null
    xl debug-keys m
    xl dmesg | tr -d '\r' | sed -n 's/.*heap:.*(\(.*\) frames), small objects: \(.*\) bytes/\1 frames \2 bytes/p
        s/.*domain 0: \(.*\) frames.*/\1/p' | tr '\n' ' '
}
"""
HERE = os.path.dirname(os.path.realpath(__file__))
ENTER = """
for module in virtio_pci virtio_blk ext4; do modprobe $module; done
for try in $(seq 100); do [ -b /dev/vda ] && break; sleep 0.1; done
mount -t ext4 -o noatime /dev/vda /mnt || exit 1
for dir in proc sys dev; do mount -o bind /$dir /mnt/$dir; done
cp /domus/host/* /mnt/srv/
exec chroot /mnt /bin/bash /srv/start
"""
START = "cd /srv\n. /srv/xenhost.sh\n{start}\n. /srv/script\n"


def host_fields(script, files=None, start="start_tools", **fields):
    with open(os.path.join(HERE, "xenhost.sh"), encoding="utf-8") as functions:
        added = {
            "domus/host/xenhost.sh": functions.read().encode(),
            "domus/host/start": START.format(start=start).encode(),
            "domus/host/script": script.encode(),
        }
    for name, path in (files or {}).items():
        with open(path, "rb") as source:
            added[f"domus/host/{name}"] = source.read()
    drive = machines.Drive(os.path.join(machines.IMAGES, RELEASE, "host.ext4"), snapshot=True)
    fields = {"dom0_mem": "768M", "release": RELEASE, "smp": 2, "args": "quiet", "icount_idle": True, **fields}
    return {"script": ENTER, "files": added, "drives": [drive], **fields}
