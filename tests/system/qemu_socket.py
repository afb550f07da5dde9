# SPDX-License-Identifier: GPL-2.0-or-later
"""Sockets by which QEMU is asked and told things. Used by the clients of its protocols."""

import socket
import time


def connect(path, patience):
    """A connection to the socket at `path`, which QEMU may still be creating; `patience` in seconds, also for reads."""
    deadline = time.monotonic() + patience
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(path)
            break
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    connection.settimeout(patience)
    return connection
