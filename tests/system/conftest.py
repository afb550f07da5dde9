# SPDX-License-Identifier: GPL-2.0-or-later
"""What all system tests share: which target they run on, and a console log for each.

DOMUS_TARGET=peer runs every test on Debian's Xen instead of Domus; a test that fails there is itself
wrong. The console of each test stays in build/test-logs/TARGET/.

Tests run side by side (pytest-xdist), but those marked `alone`: what has more than two processors, loads them or
measures time would wait for its neighbours. They come last.
"""

import fcntl
import os
import re

import pytest

import kernel_log
import machine as machines

LOGS = os.path.join(machines.TOP, "build", "test-logs")


@pytest.fixture(scope="session")
def target():
    name = os.environ.get("DOMUS_TARGET", "domus")
    assert name in ("domus", "peer"), f"DOMUS_TARGET={name}: domus or peer"
    path = machines.HYPERVISOR[name]
    assert os.path.exists(path), f"{path} is not built"
    return name


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: bool(item.get_closest_marker("alone")))


@pytest.fixture(autouse=True)
def host(request):
    """The machine that runs the tests: shared, or of one test that is `alone`."""
    os.makedirs(LOGS, exist_ok=True)
    with open(os.path.join(LOGS, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if request.node.get_closest_marker("alone") else fcntl.LOCK_SH)
        yield


@pytest.fixture
def boot(request, target):
    """boot(...) starts a machine with the fields of machine.Spec; all are killed at the test's end."""
    started = []
    directory = os.path.join(LOGS, target)
    os.makedirs(directory, exist_ok=True)

    def start(root=None, image="root", **fields):
        fields.setdefault("target", target)
        spec = machines.Spec(**fields)
        if root:
            machines.spec_use_root(spec, root, image)
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", request.node.nodeid.replace(".py::", "-"))
        log = os.path.join(directory, f"{name}.{len(started)}.log")
        running = machines.Machine(spec, log=log)
        started.append(running)
        running.start()
        return running

    yield start
    for running in started:
        running.close()


@pytest.fixture
def run(boot):
    """run(script, ...) boots the quick image, runs the script, waits for power-off; returns the console.

    The script runs as one shell command file; its exit status must be 0.
    """

    def boot_and_run(script, timeout=None, **fields):
        running = boot(run=[script], **fields)
        running.userspace()
        statuses = running.results(timeout)
        console = running.ended()
        assert statuses == [0], running.report(f"the script ended with {statuses}")
        starts = console.split("DOMUS-TEST: userspace")  # later, tools print the hypervisor's log
        assert len(starts) == 2 and starts[0].count("(DOMUS) Domus starts") <= 1, running.report("it started more than once")
        trouble = kernel_log.trouble(console)
        assert not trouble, running.report(f"its kernel says {trouble!r}")
        return console

    return boot_and_run
