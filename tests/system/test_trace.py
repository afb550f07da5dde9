# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian 12's unmodified xentrace: what it reads is records from the first word to the last."""

import re

from xenhost import host_fields

# Walks the records of a file: event, number of further words, whether the time stands between.
SCRIPT = r"""
(while sleep 0.1; do :; done) & # new processes fault
busy=$!
xentrace -D -S 64 -T 3 -x /tmp/trace >/tmp/said 2>&1 || fail "xentrace: $(cat /tmp/said)"
kill $busy
od -A n -v -t u4 -w4 /tmp/trace | awk '
left { left--; next }
{ left = int($1 / 2^28) % 8 + ($1 >= 2^31 ? 2 : 0); count[$1 % 2^28]++ }
END { for (event in count) printf "EVENT %07x %d\n", event, count[event]; print "LEFT", left + 0 }'
xentrace -S 65 -T 1 -x /tmp/again >/tmp/said 2>&1 && echo AGAIN $(stat -c %s /tmp/again)
xl debug-keys A
xl dmesg | grep audit: || :
"""


def test_xentrace(run):
    console = run(**host_fields(SCRIPT))
    events = {int(event, 16): int(n) for event, n in re.findall(r"EVENT ([0-9a-f]{7}) (\d+)", console)}
    assert re.search(r"LEFT 0\b", console)
    # General, scheduler, PV guests: nothing else is traced.
    assert {event >> 16 for event in events} <= {0x1, 0x2, 0x20}
    assert events[0x1F003] > 1  # from now on of another CPU: xentrace's own
    for event in (0x21021, 0x21211, 0x28004, 0x2800A, 0x20100D, 0x201104):
        assert events.get(event, 0) > 1, f"{event:#x}"
    assert int(re.search(r"AGAIN (\d+)", console)[1]) > 0
    assert re.search(r"audit: .* of all domains are clean", console)
