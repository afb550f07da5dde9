# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person can get wrong at boot. Domus must say in one line what is wrong: when it cannot go on, and
when it can. To add a case, add a row: what is wrong, and the line that must say so."""

import lzma
import re
import struct
import subprocess

import pytest

import machine as machines

# Offsets in a bzImage (the kernel's x86 boot protocol).
SETUP_SECTS = 0x1F1
VERSION = 0x206
PAYLOAD_OFFSET = 0x248
PAYLOAD_LENGTH = 0x24C
SECTOR = 512


def payload_span(kernel):
    offset, length = struct.unpack_from("<II", kernel, PAYLOAD_OFFSET)
    start = (kernel[SETUP_SECTS] + 1) * SECTOR + offset
    return start, length


def kernel_truncated(kernel):
    start, length = payload_span(kernel)
    return kernel[: start + length // 2]


def kernel_flipped(kernel):
    start, length = payload_span(kernel)
    middle = start + length // 2
    return kernel[:middle] + bytes([kernel[middle] ^ 0x10]) + kernel[middle + 1 :]


def kernel_with(kernel, payload, unpacked):
    """The same bzImage around another payload, which says to unpack to that many bytes."""
    start, _ = payload_span(kernel)
    payload += struct.pack("<I", unpacked)
    header = bytearray(kernel[:start])
    struct.pack_into("<I", header, PAYLOAD_LENGTH, len(payload))
    return bytes(header) + payload


def recompressed(*command):
    """Makes of an xz kernel one that another program has packed."""

    def change(kernel):
        start, length = payload_span(kernel)
        elf = lzma.decompress(kernel[start : start + length - 4])
        packed = subprocess.run(command, input=elf, stdout=subprocess.PIPE, check=True).stdout
        return kernel_with(kernel, packed, len(elf))

    return change


GZIP = recompressed("gzip", "-1")
LZ4 = recompressed("lz4", "-l", "-1", "-q")


def elf_packed(*command):
    """Makes of an xz kernel its ELF file, packed by itself."""
    return lambda kernel: subprocess.run(
        command, input=kernel_elf(kernel), stdout=subprocess.PIPE, check=True
    ).stdout


ELF_GZIP = elf_packed("gzip", "-1")
XZ_SHA256 = recompressed("xz", "-0", "--check=sha256")


def kernel_flipped_lz4(kernel):
    """lz4's legacy frame has no checksum, so that only damage to its structure can be noticed: here the first
    match begins before the data."""
    block = b"\x40" + b"\x7fELF" + b"\xff\xff" + bytes(6)
    return kernel_with(kernel, struct.pack("<II", 0x184C2102, len(block)) + block, 1 << 20)


def kernel_half(kernel):
    """The stream ends in its middle, while all lengths around it agree."""
    start, length = payload_span(kernel)
    return kernel_with(kernel, kernel[start : start + length // 2], 1 << 26)


def kernel_elf(kernel):
    start, length = payload_span(kernel)
    return lzma.decompress(kernel[start : start + length - 4])


# Types of Xen's notes, those of PV kernels (xen/elfnote.h).
NOTE_ENTRY = 1
NOTE_VIRT_BASE = 3
NOTE_INIT_P2M = 15
NOTE_UNKNOWN = 99


def notes_changed(change):
    """Makes of an xz kernel its ELF file with other notes: {type: (type, number, or None to leave it)}."""

    def apply(kernel):
        elf = bytearray(kernel_elf(kernel))
        for old, (new, number) in change.items():
            at = elf.index(struct.pack("<III4s", 4, 8, old, b"Xen\0"))
            struct.pack_into("<I", elf, at + 8, new)
            if number is not None:
                struct.pack_into("<Q", elf, at + 16, number)
        return bytes(elf)

    return apply


def note_number(note, number):
    return notes_changed({note: (note, number)})


def kernel_old(kernel):
    return kernel[:VERSION] + struct.pack("<H", 0x204) + kernel[VERSION + 2 :]


def file_read(path):
    with open(path, "rb") as source:
        return source.read()


# Name: (release, what to make of its kernel, what Domus must say).
KERNELS = {
    "text": ("bookworm", lambda _: b"This is not a kernel.\n" * 100, "neither a bzImage nor an ELF file"),
    "one-byte": ("bookworm", lambda _: b"\x7f", "neither a bzImage nor an ELF file"),
    "truncated": ("bookworm", kernel_truncated, "bzImage: truncated"),
    "half-xz": ("bookworm", kernel_half, "xz: truncated"),
    "half-zstd": ("trixie", kernel_half, "zstd: truncated"),
    "half-gzip": ("bookworm", lambda kernel: kernel_half(GZIP(kernel)), "gzip: truncated"),
    "half-lz4": ("bookworm", lambda kernel: kernel_half(LZ4(kernel)), "lz4: truncated"),
    "flipped-xz": ("bookworm", kernel_flipped, "xz: "),
    "flipped-zstd": ("trixie", kernel_flipped, "zstd: "),
    "flipped-gzip": ("bookworm", lambda kernel: kernel_flipped(GZIP(kernel)), "gzip: "),
    "flipped-xz-sha256": ("bookworm", lambda kernel: kernel_flipped(XZ_SHA256(kernel)), "xz: "),
    "flipped-lz4": ("bookworm", kernel_flipped_lz4, "lz4: a match begins before the data"),
    "elf-half-gzip": ("bookworm", lambda kernel: ELF_GZIP(kernel)[: 1 << 20] + b"\0\0\0\1", "gzip: truncated"),
    "elf-lz4-no-size": ("bookworm", elf_packed("lz4", "-l", "-1", "-q"), "lz4: the file does not say its unpacked size"),
    "bzip2": ("bookworm", lambda kernel: kernel_with(kernel, b"BZh91AY", 1 << 20), "bzip2 is not supported"),
    "old-protocol": ("bookworm", kernel_old, "boot protocol is older than 2.08"),
    "32-bit": ("bookworm", lambda _: file_read(machines.HYPERVISOR["peer"]), "ELF: not for 64-bit x86"),
    "a-program": ("bookworm", lambda _: file_read("/bin/busybox"), "no Xen notes"),
    "no-pv-notes": (
        "bookworm",
        notes_changed({NOTE_ENTRY: (NOTE_UNKNOWN, None), NOTE_VIRT_BASE: (NOTE_UNKNOWN, None)}),
        "its Xen notes have neither ENTRY nor VIRT_BASE",
    ),
    "base-in-page": ("bookworm", note_number(NOTE_VIRT_BASE, 0xFFFFFFFF80000010), "VIRT_BASE in its Xen notes is inside"),
    "base-ours": ("bookworm", note_number(NOTE_VIRT_BASE, 0xFFFF830000000000), "VIRT_BASE in its Xen notes is not canon"),
    "entry-ours": ("bookworm", note_number(NOTE_ENTRY, 0xFFFF830000000000), "its entry is an address"),
    "p2m-ours": ("bookworm", note_number(NOTE_INIT_P2M, 0xFFFF830000000000), "INIT_P2M in its Xen notes is not canonical"),
    "p2m-in-kernel": ("bookworm", note_number(NOTE_INIT_P2M, 0xFFFFFFFF81000000), "the p2m table inside of itself"),
    "p2m-in-tables": (
        "bookworm",
        note_number(NOTE_INIT_P2M, 0xFFFFFFFF7FFFF000),
        "wants the p2m table where it, its RAM disk or its tables are",
    ),
}
# These take seconds each, and are close to one of the others.
LONG_KERNELS = ("half-xz", "half-gzip", "flipped-zstd", "one-byte", "base-in-page", "entry-ours", "p2m-ours")
# Machines and options that Domus cannot go on with, and what it must say.
REFUSED = {
    "no-module": ({"modules": []}, r"the boot loader passed no module"),
    "dom0-mem-too-little": ({"dom0_mem": "1M"}, r"1 MiB of memory \(dom0_mem\) are too little"),
    "no-memory": ({"memory": 16, "dom0_mem": ""}, r"not enough memory"),
    "no-memory-for-module": ({"memory": 48, "dom0_mem": "", "packed": False}, r"boot module 1 lies at .*, which is not memory"),
    "no-memory-for-kernel": ({"memory": 64, "dom0_mem": ""}, r"unpacked size exceeds the memory there is"),
}
# Options that it cannot follow, all on one line: of each it says so, and goes on.
IGNORED = {
    "nonsense=1": r"command line: nonsense=1: no such option, ignored",
    "dom0_mem=lots": r"command line: dom0_mem=lots: this option does not take such a value",
    "smap=perhaps": r"command line: smap=perhaps: this option does not take such a value",
    "watchdog=never": r"command line: watchdog=never: this option does not take such a value",
    "dom0_mem=64G": r"dom0_mem: 65536 MiB wanted, but only \d+ MiB are free",
}
# Processors that Domus cannot run on, and what it must say before there is a log.
PROCESSORS = {
    "32-bit": ("qemu32", "this processor has no 64-bit"),
    "no-long-mode": ("EPYC,-lm", "this processor has no 64-bit"),
    "no-nx": ("EPYC,-nx", "this processor has no execute-disable"),
}
# Contents of ACPI tables that cannot be right, each of which must be named: entries without a length and
# with one that passes the end; a table that is too short.
TABLES = {
    "SRAT": b"\0" * 12 + b"\0" * 40,
    "SLIT": b"\xff" * 8 + b"\0" * 4,
    "MCFG": b"\0" * 11,
}
SIGN = r"\(DOMUS\) ----- cannot start: "
HALTED = r"\(DOMUS\) ----- halted \(noreboot\)"


@pytest.fixture(autouse=True)
def only_domus(target):
    if target != "domus":
        pytest.skip("these are Domus' own words")


def refusal_check(boot, pattern, **fields):
    """One line tells what is wrong, once, and the machine halts: it neither boots nor restarts."""
    running = boot(reboots=False, **{"packed": True, **fields})
    running.expect(f"{SIGN}[^\n]*{pattern}", fatal=None)
    running.expect(HALTED, fatal=None)
    running.quiet()
    console = running.console()
    assert len(re.findall(pattern, console)) == 1, running.report("said more than once")
    assert len(re.findall(SIGN, console)) == 1, running.report("said more than once")
    assert machines.MARKER not in console


def bad_kernel_check(boot, tmp_path, name):
    release, change, message = KERNELS[name]
    path = tmp_path / "kernel"
    path.write_bytes(change(file_read(machines.Spec(release=release, packed=True).kernel_path())))
    refusal_check(boot, re.escape(message), release=release, kernel=str(path))


@pytest.mark.parametrize("name", [name for name in KERNELS if name not in LONG_KERNELS])
def test_bad_kernel(boot, tmp_path, name):
    bad_kernel_check(boot, tmp_path, name)


@pytest.mark.long
@pytest.mark.parametrize("name", LONG_KERNELS)
def test_bad_kernel_more(boot, tmp_path, name):
    bad_kernel_check(boot, tmp_path, name)


@pytest.mark.long
@pytest.mark.parametrize("change", (GZIP, LZ4, ELF_GZIP), ids=("gzip", "lz4", "elf-gzip"))
def test_good_kernel(run, tmp_path, change):
    """The other formats, unhurt, boot; so does an ELF file that is packed without a bzImage around it."""
    path = tmp_path / "kernel"
    path.write_bytes(change(file_read(machines.Spec(packed=True).kernel_path())))
    run("true", kernel=str(path))


@pytest.mark.parametrize("name", REFUSED)
def test_refused(boot, name):
    fields, message = REFUSED[name]
    refusal_check(boot, message, **fields)


def test_initrd_too_large(boot, tmp_path):
    path = tmp_path / "initrd"
    path.touch()
    with open(path, "r+b") as image:
        image.truncate(300 << 20)
    refusal_check(boot, r"initial RAM disk of 300 MiB", dom0_mem="256M", initrd=str(path))


@pytest.mark.parametrize("name", PROCESSORS)
def test_bad_processor(boot, name):
    cpu, message = PROCESSORS[name]
    running = boot(reboots=False, cpu=cpu)
    running.expect("Domus cannot start: " + message)
    running.quiet()


def test_reboots(boot):
    """Without noreboot a machine that cannot start does so again and again."""
    running = boot(reboots=False, default_options=False, options="console=com1", modules=[])
    running.expect(SIGN, fatal=None)
    assert "the machine reboots in five seconds" in running.ended(30)


def ignored_check(boot, messages, **fields):
    """Each line comes once, and the machine works all the same."""
    running = boot(run=["true"], dom0_mem="", **fields)
    running.userspace()
    console = running.ended()
    for message in messages:
        assert len(re.findall(message, console)) == 1, message


def test_ignored_options(boot):
    ignored_check(boot, IGNORED.values(), options=" ".join(IGNORED))


@pytest.mark.parametrize("medium", ("iso", "iso-multiboot1"))
def test_ignored_first_word(boot, medium):
    """GRUB passes no file name: the first word is an option like the others. What follows -- is the kernel's."""
    running = boot(
        run=["cat /proc/cmdline"], medium=medium, default_options=False,
        options="nonsense console=com1 dom0_mem=1024M smep=hvm watchdog=force -- quiet domus.more=1",
    )
    running.userspace()
    console = running.ended()
    complaints = re.findall(r"command line: (.*)", console)
    assert complaints == ["nonsense: no such option, ignored"]
    assert re.search(r"^console=hvc0 quiet domus\.more=1$", console, re.M)


def test_ignored_module(boot):
    spec = machines.Spec(args="domus.end=poweroff")
    modules = [f"{spec.kernel_path()} {spec.kernel_args()}", spec.initrd_path(), f"{spec.initrd_path()} extra"]
    running = boot(modules=modules)
    running.expect(r"boot modules: domain 0 has no use for the third of 3 \(\".* extra\"\)")
    running.userspace()


def test_bad_tables(boot, tmp_path):
    extra = []
    for signature, content in TABLES.items():
        (tmp_path / signature).write_bytes(content)
        extra += ["-acpitable", f"sig={signature},data={tmp_path / signature}"]
    ignored_check(boot, [f"table {signature} at .* is ignored" for signature in TABLES], extra=extra)
