#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists everything that the headers of abi/ declare, for the test that compares them with Xen's.

Writes a C file of CONSTANT, CALL, TYPE, FIELD, FLEX and BITS lines, which abi_emit.h turns into
output. It reads the headers themselves, so that nothing can be forgotten: what this script does not
understand is an error. Called by abi.mk: abi_list.py ROOT EXCEPTIONS > LIST.
"""

import fnmatch
import pathlib
import re
import subprocess
import sys

# Arguments for which a macro with one parameter is compared.
SAMPLES = (0, 1, 5, 0x123456789A)
TOKEN = re.compile(r"[A-Za-z_]\w*|\d\w*|[{}\[\]();:,=*]|[^\s]")
INCLUDE_GUARD = "DOMUS_ABI_"


class Refused(Exception):
    """The headers hold something that this script cannot list."""


def own_text(root, headers):
    """The preprocessed text of the headers, without what they include from elsewhere."""
    includes = "".join(f'#include "abi/{h.name}"\n' for h in headers)
    run = subprocess.run(["gcc", "-std=gnu11", "-E", "-I", root, "-x", "c", "-"], input=includes,
                         text=True, capture_output=True, check=True)
    kept, own = [], False
    for line in run.stdout.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            own = pathlib.Path(marker[1]).parent.name == "abi"
        elif own:
            kept.append(line)
    return re.sub(r"__attribute__\s*\(\(.*?\)\)", "", "\n".join(kept))


def macros(headers):
    """Yields (name, parameters or None, value) of each #define, continuation lines joined."""
    for header in headers:
        text = re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.S).replace("\\\n", " ")
        for define in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(\(([^)]*)\))?(.*)$", text, re.M):
            yield define[1], define[3], define[4].strip()


class Parser:
    """The small part of C's declarations that the headers use."""

    def __init__(self, text):
        self.tokens = TOKEN.findall(text)
        self.at = 0
        self.lines = []

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, wanted=None):
        token = self.peek()
        if token is None or (wanted is not None and token != wanted):
            near = " ".join(self.tokens[max(0, self.at - 8):self.at + 4])
            raise Refused(f"expected {wanted}, found {token}, near: {near}")
        self.at += 1
        return token

    def declarations(self):
        while self.peek() is not None:
            start = self.take()
            if start == "typedef":
                self.typedef()
            elif start in ("struct", "union"):
                tag = self.take()
                self.aggregate(f"{start} {tag}")
                self.take(";")
            elif start == "enum":
                self.enum()
            elif start != ";":
                raise Refused(f"unknown declaration starts with {start}")

    def aggregate(self, name):
        """A tagged struct or union, from its brace on: its own lines, and those of its fields."""
        self.lines.append(("TYPE", name))
        for kind, path in self.members():
            self.lines.append((kind, name, path))

    def typedef(self):
        if self.tokens[self.at] in ("struct", "union") and self.tokens[self.at + 1] == "{":
            self.take()
            self.members()
            self.lines.append(("TYPE", self.take()))
            self.take(";")
            return
        words = []
        while self.peek() not in (";", "["):
            words.append(self.take())
        while self.take() != ";":
            pass
        self.lines.append(("TYPE", words[-1]))

    def enum(self):
        if self.peek() != "{":
            self.take()
        self.take("{")
        while self.peek() != "}":
            self.lines.append(("CONSTANT", self.take()))
            while self.peek() not in (",", "}"):
                self.take()
            if self.peek() == ",":
                self.take()
        self.take("}")
        self.take(";")

    def members(self):
        """From a brace to its end: a list of (kind, path) of all fields, nested ones included."""
        found = []
        self.take("{")
        while self.peek() != "}":
            nested = []
            if self.peek() in ("struct", "union"):
                keyword = self.take()
                tag = self.take() if self.peek() != "{" else None
                if self.peek() == "{":
                    nested = self.nested(keyword, tag)
                    if self.peek() == ";":
                        self.take()
                        found += nested
                        continue
            found += self.declarators(nested)
        self.take("}")
        return found

    def nested(self, keyword, tag):
        """A struct defined inside another. With a tag it is also a type of its own."""
        if tag is None:
            return self.members()
        first = len(self.lines)
        self.aggregate(f"{keyword} {tag}")
        return [(line[0], line[2]) for line in self.lines[first:]
                if len(line) == 3 and line[1] == f"{keyword} {tag}"]

    def declarators(self, nested):
        found, name, kind, index = [], None, "FIELD", ""
        while True:
            token = self.take()
            if token in (",", ";"):
                found.append((kind, name))
                found += [(k, f"{name}{index}.{path}") for k, path in nested]
                kind, index = "FIELD", ""
                if token == ";":
                    return found
            elif token == "[":
                if self.peek() == "]":
                    kind = "FLEX"
                while self.take() != "]":
                    pass
                index += "[0]"
            elif token == ":":
                kind = "BITS"
                self.take()
            elif re.match(r"[A-Za-z_]", token):
                name = token


def macro_lines(headers):
    for name, parameters, value in macros(headers):
        if name.startswith(INCLUDE_GUARD):
            continue
        if parameters is None:
            if not value:
                raise Refused(f"macro {name} has no value")
            yield ("CONSTANT", name)
        elif "," in parameters:
            yield ("CALL", name)
        else:
            for sample in SAMPLES:
                yield ("CALL", name, hex(sample))


def read_exceptions(path):
    """Lines of: name or pattern, colon, reason."""
    exceptions = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, colon, reason = line.partition(":")
            if not colon or not reason.strip():
                raise Refused(f"exception without a reason: {line}")
            exceptions[pattern.strip()] = reason.strip()
    return exceptions


def main():
    root, exceptions_path = sys.argv[1:]
    headers = sorted(pathlib.Path(root, "abi").glob("*.h"))
    exceptions = read_exceptions(pathlib.Path(exceptions_path))
    parser = Parser(own_text(root, headers))
    parser.declarations()
    unused = set(exceptions)
    count = 0
    for line in dict.fromkeys(parser.lines + list(macro_lines(headers))):
        excepted = [p for p in exceptions if fnmatch.fnmatchcase(line[1], p)]
        unused.difference_update(excepted)
        if excepted:
            continue
        if line[0] == "CALL" and len(line) == 2:
            raise Refused(f"macro {line[1]} has several parameters: no way to compare it")
        print(f"{line[0]}({', '.join(line[1:])})")
        count += 1
    if unused:
        raise Refused(f"exceptions that name nothing: {', '.join(sorted(unused))}")
    print(f"{len(headers)} headers, {count} things to compare", file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except Refused as refused:
        sys.exit(f"abi_list.py: {refused}")
