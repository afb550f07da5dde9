# SPDX-License-Identifier: GPL-2.0-or-later
"""What operations cost on Debian's Xen and on Domus, what they may cost, and what they did when last recorded.

All figures are instructions that QEMU counts (-icount), so they depend on the two hypervisors, the test kernel
and QEMU's version, and not on the machine. Used by scripts/bench.
"""

import json
import os

import cost
import guests

HERE = os.path.dirname(os.path.realpath(__file__))
RECORDED = os.path.join(HERE, "recorded.json")

# The same processor for both; the peer does not run with MWAIT and SMAP.
CPU = "EPYC,-monitor,-smap"
BOOT = "boot_to_domain0"

# How much worse than recorded a ratio may be.
TOLERANCE = 1.02
# Of Xen's instructions, for every operation ...
RATIO_MAX = 0.6
# ... but these: docs/PERFORMANCE.md says what they are spent on.
EXPLAINED = ()
# Instructions.
COST_MAX = {
    "xen_version": 120,
    "evtchn_send_self": 200,
    "evtchn_send_pending": 200,
    "mmu_update_8": 1_800,
    "mmu_update_8_fill": 1_800,
    BOOT: 6_700_000_000,
}


def measure(targets, boot=True):
    """{operation: {target: instructions}}, in the order in which the test kernel has them."""
    figures = {}
    for target in targets:
        for name, cost_ in guests.bench(target, CPU).items():
            figures.setdefault(name, {})[target] = cost_
        if boot:
            figures.setdefault(BOOT, {})[target] = cost.boot_ticks(target)
    return figures


def ratio(figure):
    """Domus's cost in terms of Xen's; None if one of them is not known."""
    if not figure.get("peer") or not figure.get("domus"):
        return None
    return round(figure["domus"] / figure["peer"], 4)


def recorded():
    """The figures as they were recorded, {} if they were never."""
    if not os.path.exists(RECORDED):
        return {}
    with open(RECORDED, encoding="utf-8") as file:
        return json.load(file)


def write(figures, path):
    """The figures with their ratios, as JSON."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump({name: {**figure, "ratio": ratio(figure)} for name, figure in figures.items()}, file, indent=4)
        file.write("\n")


def complaints(figures, before):
    """What is worse than it may be, in words."""
    found = []
    for name, figure in figures.items():
        now, limit = ratio(figure), COST_MAX.get(name)
        if now is None:
            found.append(f"{name}: measured on one side only: {figure}")
            continue
        then = before.get(name, {}).get("ratio")
        if then and now > then * TOLERANCE:
            found.append(f"{name}: the ratio was recorded as {then:.3f}, and is {now:.3f}")
        if now > RATIO_MAX and name not in EXPLAINED:
            found.append(f"{name}: the ratio is {now:.3f}, and may be {RATIO_MAX}")
        if limit and figure["domus"] > limit:
            found.append(f"{name}: {figure['domus']} instructions, and {limit} are allowed")
    return found + [f"{name}: recorded, but not measured" for name in before if name not in figures]


def table(figures):
    """Lines for people."""
    lines = [f"{'operation':28} {'Xen':>13} {'Domus':>13} {'ratio':>6}"]
    for name, figure in figures.items():
        costs = [f"{figure[target]:,}" if target in figure else "-" for target in ("peer", "domus")]
        now = ratio(figure)
        lines.append(f"{name:28} {costs[0]:>13} {costs[1]:>13} {'' if now is None else f'{now:6.2f}'}")
    return "\n".join(lines)
