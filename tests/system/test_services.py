# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's service scripts: they start the store, the console and the device model, and the guests of /etc/xen/auto;
when they stop those are saved, and when they start again they go on."""

import re

import machine as machines
from xenhost import host_fields

SCRIPT = """
service() { echo "\\$ $*"; /etc/init.d/"$@" 2>&1 | grep -v -e '^xc: ' -e '^libxl: ' -e '^Loading' -e '^ Savefile' -e '^Parsing'; }
running() { pgrep -x -c "$1"; }
there() { xl domid auto1 2>/dev/null; }
is_gone() { ! there; }
config auto1 "on_poweroff='destroy'"
echo 'XENCONSOLED_ARGS="--log=guest --log-dir=/var/log/xen/console"' >>/etc/default/xen
mkdir -p /etc/xen/auto && mv auto1.cfg /etc/xen/auto/
service xen start
echo "DAEMONS $(running oxenstored) $(running xenconsoled) $(running xen-qemu-system)"
xenstore-read /local/domain/0/name
: >"$(log_of auto1)"
service xendomains start
seen auto1 'DOMUS-TEST: end shell'
ask auto1 'export LIFE=one; echo $LIFE'
service xendomains stop
until_true 60 is_gone || fail 'auto1 was not saved'
ls /var/lib/xen/save
service xendomains start
until_true 60 there || fail 'auto1 was not restored'
ask auto1 'echo $LIFE'
ls /var/lib/xen/save
rm /etc/xen/auto/auto1.cfg
xl destroy auto1
service xen stop
echo "DAEMONS $(running xenconsoled) $(running xen-qemu-system)"
"""


SAID = """\
$ xen start
Starting Xen daemons: xenfs xenstored xenconsoled qemu.
DAEMONS 1 1 1
Domain-0
$ xendomains start
Starting Xen domain auto1 (from /etc/xen/auto/auto1.cfg)...done.
one
$ xendomains stop
Saving Xen domain auto1 (1)......done.
auto1
$ xendomains start
Restoring Xen domain auto1 (from /var/lib/xen/save/auto1)...done.
one
$ xen stop
Stopping Xen daemons: qemu xenconsoled.
DAEMONS 0 0
"""


def test_service_scripts(run):
    console = run(**host_fields(SCRIPT, start="prepare", smp=1, icount=True), timeout=4 * machines.PATIENCE)
    said = console[console.index("$ xen start"):console.index("DOMUS-TEST: exit")]
    assert re.sub(r"\.{4,}", "...", said) == re.sub(r"\.{4,}", "...", SAID)
