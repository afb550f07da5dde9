# SPDX-License-Identifier: GPL-2.0-or-later
"""Adds files to an initrd without unpacking it.

Linux unpacks archives that follow one another in an initrd, so a test's own files go into a second
archive (the "newc" form of cpio, described in the kernel's documentation of its early user space).
"""

import os

ALIGNMENT = 4
TYPE_FILE = 0o100755
TYPE_DIRECTORY = 0o040755


def _pad(data):
    return data + b"\0" * (-len(data) % ALIGNMENT)


def _entry(inode, name, mode, data):
    encoded = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _pad(header + encoded) + _pad(data)


def archive(files):
    """A cpio archive of `files` (path without a leading slash: bytes), with the directories above them."""
    directories = set()
    for path in files:
        parent = os.path.dirname(path)
        while parent:
            directories.add(parent)
            parent = os.path.dirname(parent)
    parts = []
    for inode, path in enumerate(sorted(directories), start=1):
        parts.append(_entry(inode, path, TYPE_DIRECTORY, b""))
    for inode, path in enumerate(sorted(files), start=1 + len(directories)):
        parts.append(_entry(inode, path, TYPE_FILE, files[path]))
    parts.append(_entry(0, "TRAILER!!!", 0, b""))
    return b"".join(parts)


def extend(base, files, out):
    """Writes the initrd `base` with `files` added to the path `out`."""
    with open(base, "rb") as source:
        content = source.read()
    with open(out, "wb") as target:
        target.write(_pad(content) + archive(files))
