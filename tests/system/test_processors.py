# SPDX-License-Identifier: GPL-2.0-or-later
"""Processors from twenty years, as far as QEMU plays them: domain 0 runs on each, and is told what it may use."""

import pytest

MODELS = (
    "qemu64 kvm64 Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5 phenom EPYC-Rome EPYC-Milan core2duo Conroe"
    " Penryn Nehalem Westmere SandyBridge IvyBridge Haswell Broadwell Skylake-Client Skylake-Server Cascadelake-Server"
    " Icelake-Server Denverton max"
).split()
# One that announces XSAVE where QEMU's emulation of it never ends; another is among the tests of flaws below.
QUICK = ("Opteron_G5",)
# On these, gathers of AVX may leak what others left behind, and nothing but to have no AVX helps: on some of Intel's by
# their models, on all of them where those may be another hypervisor's invention.
LEAKING = ("Haswell", "Skylake-Server")
PEER_LACKS = ",-monitor,-smap"


def cpu_of(target, model):
    return model + (PEER_LACKS if target == "peer" else "")


@pytest.mark.parametrize("model", [m if m in QUICK else pytest.param(m, marks=pytest.mark.long) for m in MODELS])
def test_boots(run, target, model):
    # Xen does not know of what QEMU does there.
    if target == "peer" and model in ("Opteron_G4", "Opteron_G5"):
        pytest.skip("QEMU hangs under Xen")
    assert "\nCPUS 2\n" in run("echo CPUS $(grep -c ^processor /proc/cpuinfo)", cpu=cpu_of(target, model), smp=2)


@pytest.mark.parametrize("model", ["EPYC", *LEAKING])
def test_avx(run, target, model):
    """What there is for domain 0's programs: AVX, but not where it leaks."""
    console = run("echo AVX $(grep -c -w avx /proc/cpuinfo) $(grep -c -w avx2 /proc/cpuinfo)", cpu=cpu_of(target, model))
    assert f"\nAVX {'0 0' if model in LEAKING else '1 1'}\n" in console
