# SPDX-License-Identifier: GPL-2.0-or-later
"""A small client of QEMU's machine protocol (QMP), for the state of a machine that does not answer."""

import json

import qemu_socket


class Qmp:
    """One connection to a QMP socket. Every method raises OSError when QEMU is gone or silent."""

    def __init__(self, path, patience=10):
        """Connects to the socket at `path`, which QEMU may still be creating; `patience` in seconds."""
        self.socket = qemu_socket.connect(path, patience)
        self.stream = self.socket.makefile("rw")
        self._read()
        self.command("qmp_capabilities")

    def _read(self):
        line = self.stream.readline()
        if not line:
            raise ConnectionError("QEMU closed its control socket")
        return json.loads(line)

    def command(self, name, **arguments):
        """Runs one command and returns its result; events that arrive before it are dropped."""
        self.stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            message = self._read()
            if "error" in message:
                raise OSError(message["error"]["desc"])
            if "return" in message:
                return message["return"]

    def monitor(self, line):
        """Runs one line of the human monitor and returns its text."""
        return self.command("human-monitor-command", **{"command-line": line}).replace("\r", "")

    def close(self):
        self.stream.close()
        self.socket.close()
