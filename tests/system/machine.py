# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole machines in QEMU: what they consist of, how they are started, watched and ended.

A `Machine` boots one of three targets - Domus, the peer (Debian's Xen) or a bare kernel - and hands back
its serial console. When it does not do what is expected, the error tells the console's last lines and
the registers of every CPU. Used by the tests beside this file and by scripts/boot.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

import pexpect

import initrd as initrd_files
from qmp import Qmp

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("DOMUS_BUILD", os.path.join(TOP, "build"))
IMAGES = os.path.join(TOP, "build", "images")

TARGETS = ("domus", "peer", "bare")
HYPERVISOR = {
    "domus": os.path.join(BUILD, "domus.elf"),
    "peer": os.path.join(IMAGES, "peer", "xen"),
}
# The peer faults in its idle loop when MWAIT is there, and its domain 0 dies early with SMAP.
CPU = {"domus": "EPYC", "peer": "EPYC,-monitor,-smap", "bare": "EPYC"}
OPTIONS = {"domus": "console=com1 noreboot", "peer": "console=com1 loglvl=all guest_loglvl=all noreboot"}
CONSOLE = {"domus": "hvc0", "peer": "hvc0", "bare": "ttyS0"}
RELEASES = ("bookworm", "trixie")

OVMF_CODE = "/usr/share/OVMF/OVMF_CODE.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS.fd"

# What ends the wait for anything else: the machine will not recover from these.
FATAL = re.compile(r"Kernel panic - not syncing|Panic on CPU|\(DOMUS\) ----- (panic|cannot start): ")
# The first is a CPU's flags, the second whether it waits for an interrupt.
HALTED = re.compile(r"[RE]FL=([0-9a-f]+) [^\n]*HLT=([01])")
FLAG_INTERRUPT = 1 << 9
VECTOR_REGISTER = re.compile(r"[XY]MM\d|FPR\d|FCW|Opmask")
MARKER = "DOMUS-TEST: "
REPORT_LINES = 60
PR_SET_PDEATHSIG = 1
# Seconds that are allowed for one step of a boot; slow machines multiply it.
PATIENCE = 90 * float(os.environ.get("DOMUS_PATIENCE", "1"))


class MachineError(AssertionError):
    """The machine did not do what was expected; the text says what it did."""


@dataclass
class Drive:
    """A disk: `path` of a raw image, on a controller `bus` (virtio, ahci or nvme)."""

    path: str
    bus: str = "virtio"
    snapshot: bool = False


@dataclass
class Net:
    """A network card: QEMU's `model`, on a private network whose gateway 10.0.2.2 serves `tftp`."""

    model: str = "virtio-net-pci"
    tftp: str = ""


@dataclass
class Spec:
    """What to boot, on what. Memory in MiB; `options` are the hypervisor's, `args` the kernel's.

    With `icount` the clock counts instructions; while the machine is idle it jumps to what is waited for next, which
    may be sooner than a disk answers, or with `icount_idle` it runs as the host's does. The kernel is Debian's bzImage if
    it is `packed` or GRUB loads it; otherwise what that holds, which saves the emulated machine from unpacking it.
    """

    target: str = "domus"
    release: str = "bookworm"
    kernel: str = ""
    initrd: str = ""
    args: str = ""
    options: str = ""
    default_options: bool = True
    dom0_mem: str = "1024M"
    files: dict = field(default_factory=dict)
    run: list = field(default_factory=list)
    machine: str = "pc"
    cpu: str = ""
    smp: int = 1
    memory: int = 2048
    numa: int = 0
    firmware: str = "bios"
    medium: str = "kernel"
    drives: list = field(default_factory=list)
    nets: list = field(default_factory=list)
    packed: bool = False
    icount: bool = False
    icount_idle: bool = False
    reboots: bool = True
    modules: list = None
    extra: list = field(default_factory=list)

    def kernel_path(self):
        file = "vmlinuz" if self.packed or self.medium != "kernel" else "vmlinux"
        return self.kernel or os.path.join(IMAGES, self.release, "kernel", file)

    def initrd_path(self):
        return self.initrd or os.path.join(IMAGES, self.release, "quick.img")

    def kernel_args(self):
        return f"console={CONSOLE[self.target]} {self.args}".strip()

    def hypervisor_options(self):
        if not self.default_options:
            return self.options
        memory = f"dom0_mem={self.dom0_mem}" if self.dom0_mem else ""
        return " ".join(word for word in (OPTIONS[self.target], memory, self.options) if word)


def spec_use_root(spec, bus="virtio", image="root"):
    """Makes `spec` boot its release's full Debian, or its `server`, from a disk; what it writes there is forgotten."""
    root = os.path.join(IMAGES, spec.release, image)
    spec.kernel = os.path.join(root, "vmlinuz")
    spec.initrd = os.path.join(root, "initrd")
    # systemd's own patience is for machines that are not emulated.
    patience = "systemd.default_device_timeout_sec=600 systemd.default_timeout_start_sec=600"
    spec.args = f"root=LABEL=domus-root rw {patience} {spec.args}".strip()
    spec.drives.insert(0, Drive(os.path.join(root, "root.ext4"), bus, snapshot=True))
    return spec


def module_quote(text):
    """One module of -initrd: QEMU separates modules by commas and takes a doubled one literally."""
    return text.replace(",", ",,")


class Machine:
    """A running machine. Use it in a `with`: QEMU is killed at its end, whatever happens in it.

    `log` is a path that receives the whole console; without it the console stays in memory.
    """

    def __init__(self, spec, log=None, echo=None):
        self.spec = spec
        self.echo = echo
        self.log = open(log, "wb") if log else None
        self.directory = tempfile.mkdtemp(prefix="domus-machine-")
        self.text = b""
        self.child = None
        self.started = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # --- the command line

    def _initrd(self):
        """The initrd with the test's files and scripts added, in the machine's own directory if any."""
        files = {path.lstrip("/"): data for path, data in self.spec.files.items()}
        for number, script in enumerate(self.spec.run):
            files[f"domus/run/{number:02}"] = script.encode() + b"\n"
        if not files:
            return self.spec.initrd_path()
        out = os.path.join(self.directory, "initrd")
        initrd_files.extend(self.spec.initrd_path(), files, out)
        return out

    def _boot_arguments(self):
        spec = self.spec
        if spec.medium != "kernel":
            return self._iso_arguments()
        if spec.target == "bare":
            return ["-kernel", spec.kernel_path(), "-append", spec.kernel_args(), "-initrd", self._initrd()]
        modules = spec.modules
        if modules is None:
            modules = [f"{spec.kernel_path()} {spec.kernel_args()}", self._initrd()]
        arguments = ["-kernel", HYPERVISOR[spec.target], "-append", spec.hypervisor_options()]
        if modules:
            arguments += ["-initrd", ",".join(module_quote(module) for module in modules)]
        return arguments

    def _iso_arguments(self):
        spec = self.spec
        iso = os.path.join(self.directory, "boot.iso")
        command = [os.path.join(TOP, "scripts", "iso"), iso, HYPERVISOR[spec.target]]
        command += [spec.hypervisor_options(), spec.kernel_path(), spec.kernel_args(), self._initrd()]
        command.append(spec.medium.removeprefix("iso-multiboot") if spec.medium != "iso" else "2")
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if made.returncode:
            raise MachineError(f"no boot medium: {made.stdout}")
        return ["-cdrom", iso, "-boot", "d"]

    def _device_arguments(self):
        arguments = []
        for number, drive in enumerate(self.spec.drives):
            snapshot = "on" if drive.snapshot else "off"
            arguments += ["-drive", f"if=none,id=d{number},file={drive.path},format=raw,snapshot={snapshot}"]
            if drive.bus == "ahci":
                arguments += ["-device", f"ich9-ahci,id=a{number}"]
                arguments += ["-device", f"ide-hd,drive=d{number},bus=a{number}.0"]
            elif drive.bus == "nvme":
                arguments += ["-device", f"nvme,drive=d{number},serial=domus{number}"]
            else:
                arguments += ["-device", f"virtio-blk-pci,drive=d{number}"]
        for number, net in enumerate(self.spec.nets):
            tftp = f",tftp={net.tftp}" if net.tftp else ""
            arguments += ["-netdev", f"user,id=n{number},restrict=on{tftp}"]
            arguments += ["-device", f"{net.model},netdev=n{number}"]
        return arguments

    def _numa_arguments(self):
        nodes = self.spec.numa
        arguments = []
        for node in range(nodes):
            size = self.spec.memory // nodes
            arguments += ["-object", f"memory-backend-ram,id=m{node},size={size}M"]
            cpus = "".join(f",cpus={cpu}" for cpu in range(self.spec.smp) if cpu * nodes // self.spec.smp == node)
            arguments += ["-numa", f"node,nodeid={node},memdev=m{node}{cpus}"]
        return arguments

    def command(self):
        """The whole QEMU command line."""
        spec = self.spec
        arguments = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-vga", "std"]
        arguments += ["-machine", spec.machine, "-accel", "tcg", "-cpu", spec.cpu or CPU[spec.target]]
        arguments += ["-smp", str(spec.smp), "-m", f"{spec.memory}M"]
        arguments += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
        arguments += ["-qmp", f"unix:{self.directory}/qmp,server=on,wait=off"]
        if not spec.reboots:
            arguments += ["-no-reboot"]
        if spec.icount:
            sleep = "on" if spec.icount_idle else "off"
            arguments += ["-icount", f"shift=0,sleep={sleep}", "-rtc", "base=2024-01-01,clock=vm"]
        if spec.firmware == "uefi":
            variables = os.path.join(self.directory, "vars.fd")
            shutil.copy(OVMF_VARS, variables)
            arguments += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF_CODE}"]
            arguments += ["-drive", f"if=pflash,format=raw,file={variables}"]
        arguments += self._numa_arguments()
        arguments += self._boot_arguments()
        arguments += self._device_arguments()
        return arguments + spec.extra

    # --- life

    def start(self):
        def die_with_parent():
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

        self.errors = os.path.join(self.directory, "stderr")
        shell = ["-c", f'exec "$@" 2>{self.errors}', "sh"] + self.command()
        self.child = pexpect.spawn(
            "/bin/sh", shell, timeout=PATIENCE, maxread=1 << 16, echo=False, preexec_fn=die_with_parent,
            codec_errors="replace",
        )
        self.child.delaybeforesend = None
        self.child.delayafterread = 0.01  # the emulator needs the processor more than we do
        self.child.logfile_read = self
        self.started = time.monotonic()

    def write(self, data):
        """Receives what the console says (pexpect's log interface)."""
        self.text += data
        if self.log:
            self.log.write(data)
            self.log.flush()
        if self.echo:
            self.echo(data)

    def flush(self):
        pass

    def close(self):
        if self.child is not None:
            self.child.logfile_read = None
            if self.child.isalive():
                self.child.kill(signal.SIGKILL)
            self.child.close(force=True)
        if self.log:
            self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- looking

    def console(self):
        """All console output up to now as text, without carriage returns and terminal controls."""
        text = self.text.decode("utf-8", "replace").replace("\r", "")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1bc", "", text)

    def monitor(self, line):
        """The answer of QEMU's monitor to one line."""
        connection = Qmp(os.path.join(self.directory, "qmp"))
        try:
            return connection.monitor(line)
        finally:
            connection.close()

    def registers(self):
        """The registers of all CPUs, without the vector and floating-point ones."""
        text = self.monitor("info registers -a")
        return "\n".join(line for line in text.splitlines() if not VECTOR_REGISTER.match(line))

    def report(self, why):
        """What a person needs to find out why the machine failed."""
        parts = [f"{self.spec.target}: {why} after {time.monotonic() - self.started:.0f} s"]
        parts.append(f"--- the console's last {REPORT_LINES} lines")
        parts += self.console().splitlines()[-REPORT_LINES:]
        if self.child.isalive():
            parts.append("--- registers")
            try:
                parts.append(self.registers())
            except OSError as error:
                parts.append(f"(none: {error})")
        else:
            parts.append("--- QEMU has ended")
        with open(self.errors, encoding="utf-8", errors="replace") as errors:
            said = [line for line in errors.read().splitlines() if "TCG doesn't support" not in line]
        if said:
            parts += ["--- QEMU says"] + said
        return "\n".join(parts)

    # --- doing

    def expect(self, pattern, timeout=None, fatal=FATAL):
        """Waits for a regular expression on the console and returns its match; fails on a panic.

        `fatal` is what counts as one; None lets the machine say what it likes.
        """
        patterns = [re.compile(pattern.encode())]
        if fatal:
            patterns.append(re.compile(fatal.pattern.encode()))
        try:
            found = self.child.expect(patterns, timeout=timeout or PATIENCE)
        except pexpect.TIMEOUT:
            raise MachineError(self.report(f"no {pattern!r}")) from None
        except pexpect.EOF:
            raise MachineError(self.report(f"ended without {pattern!r}")) from None
        if found == 1:
            self.drain()
            raise MachineError(self.report(f"died before {pattern!r}"))
        return self.child.match

    def drain(self):
        """Takes what still comes within two seconds, so that a report holds the whole panic."""
        try:
            self.child.expect([pexpect.EOF], timeout=2)
        except pexpect.TIMEOUT:
            pass

    def listen(self):
        """Takes what the console says just now: a machine that is not listened to waits."""
        try:
            self.child.read_nonblocking(1 << 16, timeout=0)
        except pexpect.TIMEOUT:
            pass

    def quiet(self):
        """Takes the rest of what is being said, until all CPUs have halted for good; fails unless they do."""
        deadline = time.monotonic() + PATIENCE
        while not self.halted():
            if time.monotonic() > deadline or not self.child.isalive():
                raise MachineError(self.report("not halted"))
            self.listen()
            time.sleep(0.05)
        self.listen()

    def halted(self):
        """Whether no CPU will ever do anything again, but for an NMI."""
        cpus = HALTED.findall(self.monitor("info registers -a"))
        return cpus and all(halt == "1" and not int(flags, 16) & FLAG_INTERRUPT for flags, halt in cpus)

    def userspace(self, timeout=None):
        """Waits for userspace; CPUs that outnumber the host's make every spinlock dear."""
        self.expect(MARKER + "userspace", timeout or PATIENCE * max(1, self.spec.smp // 2))

    def results(self, timeout=None):
        """Waits until all `run` scripts have ended; returns their exit statuses in order."""
        statuses = []
        for _ in self.spec.run:
            statuses.append(int(self.expect(MARKER + r"exit (\d+) ", timeout).group(1)))
        return statuses

    def ended(self, timeout=None):
        """Waits for the machine to switch itself off; returns the whole console."""
        try:
            self.child.expect(pexpect.EOF, timeout=timeout or PATIENCE)
        except pexpect.TIMEOUT:
            raise MachineError(self.report("not switched off")) from None
        return self.console()

    def send(self, line):
        self.child.send(line + "\r")

    def command_run(self, line, timeout=None):
        """Runs one line in the shell on the console; returns (its output, its exit status)."""
        self.send(f"echo DOMUS-B''EGIN; {line}; echo DOMUS-E''ND $?")
        self.expect(r"DOMUS-BEGIN\r*\n")
        match = self.expect(r"(?s)(.*?)DOMUS-END (\d+)", timeout)
        return match.group(1).decode("utf-8", "replace").replace("\r", ""), int(match.group(2))


def boot_and_run(spec, timeout=None, log=None):
    """Boots, runs the spec's scripts, waits for power-off. Returns (statuses, console)."""
    with Machine(spec, log=log) as machine:
        machine.userspace(timeout)
        statuses = machine.results(timeout)
        return statuses, machine.ended(timeout)
