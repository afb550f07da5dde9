# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures as a picture: one bar for each operation, Domus's instructions as a part of Xen's."""

import io

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot  # noqa: E402

import figures as bench  # noqa: E402

COLOUR, COLOUR_OVER, COLOUR_XEN = "#2f6f9f", "#c46a2b", "#dddddd"
BAR_HEIGHT = 0.27  # inches
WIDTH = 9


def draw(figures, path):
    """Writes the picture as SVG; the same figures give the same bytes."""
    # Text stays text, and names of elements do not change from run to run.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.family": "sans-serif"})
    rows = [(name, figure, bench.ratio(figure)) for name, figure in figures.items() if bench.ratio(figure)]
    rows.reverse()
    picture, axes = pyplot.subplots(figsize=(WIDTH, 1 + BAR_HEIGHT * len(rows)), layout="constrained")
    places = range(len(rows))
    ratios = [row[2] for row in rows]
    axes.barh(places, [1] * len(rows), color=COLOUR_XEN, height=0.7, label="Xen 4.17.7")
    colours = [COLOUR if ratio <= bench.RATIO_MAX else COLOUR_OVER for ratio in ratios]
    axes.barh(places, ratios, color=colours, height=0.7, label="Domus")
    for place, (_, figure, _) in zip(places, rows):
        axes.text(1.01, place, f"{figure['domus']:,} of {figure['peer']:,}", va="center", fontsize=8)
    axes.axvline(bench.RATIO_MAX, color="black", linewidth=0.8, linestyle="--")
    axes.set_yticks(places, [row[0] for row in rows], fontsize=8)
    axes.set_xlim(0, 1.35)
    axes.set_xlabel("instructions, as a part of Xen's (dashed: the aim)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.01)
    text = io.StringIO()
    picture.savefig(text, format="svg", metadata={"Date": None})
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(line.rstrip() + "\n" for line in text.getvalue().splitlines())
