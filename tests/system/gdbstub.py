# SPDX-License-Identifier: GPL-2.0-or-later
"""A small client of QEMU's gdb stub, to do to a machine's processor what only a fault in the hypervisor would."""

import select
import struct
import time

import qemu_socket

RAX, RDX, RIP, EFLAGS, CS = 0, 3, 0x10, 0x11, 0x12
CS_HYPERVISOR = 0xE008
FLAG_INTERRUPT = 1 << 9
STOP = bytes.fromhex("faf4ebfc")  # cli; hlt; jump back
RDTSC = "0f31"


def code_address(image, code):
    """Where the first segment of an ELF image holds some code."""
    with open(image, "rb") as file:
        data = file.read()
    (table,) = struct.unpack_from("<Q", data, 0x20)
    offset, address = struct.unpack_from("<QQ", data, table + 8)
    found = data.find(code, offset)
    assert found >= 0, f"{image} has no {code.hex()}"
    return address + found - offset


class GdbStub:
    """One connection to the stub's socket. The machine stands still while there is one."""

    def __init__(self, path, patience=30):
        """Connects to the socket at `path`, which QEMU may still be creating; `patience` in seconds."""
        self.socket = qemu_socket.connect(path, patience)
        self.stream = self.socket.makefile("rb", buffering=0)
        # The stub names single registers only to him who has asked what registers there are.
        self.command("qXfer:features:read:target.xml:0,fff")

    def _packet(self):
        while self.stream.read(1) != b"$":
            pass
        text = b""
        while (byte := self.stream.read(1)) != b"#":
            text += byte
        self.stream.read(2)
        self.socket.sendall(b"+")
        return text.decode()

    def command(self, text):
        """Sends one packet of the protocol and returns the answer; that the machine has stopped is none."""
        self.socket.sendall(f"${text}#{sum(text.encode()) % 256:02x}".encode())
        while (answer := self._packet()).startswith("T"):
            pass
        return answer

    def _resume(self, how, timeout=30, meanwhile=lambda: None):
        """Lets the machine run until it stops again."""
        deadline = time.monotonic() + timeout
        self.socket.sendall(f"${how}#{sum(how.encode()) % 256:02x}".encode())
        assert self.stream.read(1) == b"+"
        while True:
            while not select.select([self.socket], [], [], 0.1)[0]:
                meanwhile()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the machine did not stop within {timeout} s")
            if self._packet().startswith("T05"):
                return

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.command(f"p{number:x}")), "little")

    def register_set(self, number, value, size):
        assert self.command(f"P{number:x}={value.to_bytes(size, 'little').hex()}") == "OK"

    def close(self):
        """Lets the machine run again."""
        self.command("D")
        self.socket.close()

    def memory_write(self, address, code):
        assert self.command(f"M{address:x},{len(code) // 2:x}:{code}") == "OK"

    def run_to(self, address, timeout, meanwhile):
        """Lets the machine run until its processor comes to an address; meanwhile() is called again and again."""
        assert self.command(f"Z1,{address:x},1") == "OK"
        self._resume("c", timeout, meanwhile)
        assert self.register(RIP) == address, f"stopped at {self.register(RIP):x}"
        assert self.command(f"z1,{address:x},1") == "OK"

    def tsc(self):
        """The time-stamp counter, by an instruction that stands for a moment where the processor is."""
        saved = {number: self.register(number) for number in (RAX, RDX, RIP)}
        code = self.command(f"m{saved[RIP]:x},2")
        self.memory_write(saved[RIP], RDTSC)
        self._resume("s")
        ticks = self.register(RDX) << 32 | self.register(RAX)
        self.memory_write(saved[RIP], code)
        for number, value in saved.items():
            self.register_set(number, value, 8)
        return ticks

    def cpu_hang(self, cpu, image):
        """A CPU stands still in the hypervisor, with interrupts disabled: where `image` does so at its end.

        False if it is in a guest now.
        """
        assert self.command(f"Hg{cpu + 1:x}") == "OK"
        if self.register(CS) != CS_HYPERVISOR:
            return False
        self.register_set(EFLAGS, self.register(EFLAGS) & ~FLAG_INTERRUPT, 4)
        self.register_set(RIP, code_address(image, STOP), 8)
        return True
