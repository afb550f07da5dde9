#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what the two programs of this folder print. Called by abi.mk: abi_compare.py OURS XENS.

Each line is a name, a tab, and what is known of it. Fails, and prints a line for each difference.
"""

import pathlib
import sys


def read(path):
    return dict(line.split("\t") for line in pathlib.Path(path).read_text().splitlines())


def main():
    ours, xens = (read(path) for path in sys.argv[1:])
    differences = [f"{name}: here {ours.get(name, 'absent')}, in Xen {xens.get(name, 'absent')}"
                   for name in ours | xens if ours.get(name) != xens.get(name)]
    print("\n".join(differences + [f"ABI: {len(ours)} compared, {len(differences)} differ"]))
    return 1 if differences or not ours else 0


if __name__ == "__main__":
    sys.exit(main())
