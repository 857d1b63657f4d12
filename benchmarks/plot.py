"""Draws entities done over time from ``results.json``. Runs in an environment of its own, with matplotlib."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

INK, QUIET = "#1f2328", "#6e7781"
STYLES = {  # Okabe and Ito's palette, which colour-blind people can tell apart
    "ours": ("#0072b2", 2.8, "-"),
    "ours, verified": ("#0072b2", 2.0, (0, (5, 1.6))),
    "bare loop": ("#009e73", 1.6, "-"),
    "b24pysdk": ("#e69f00", 1.6, "-"),
    "fast-bitrix24": ("#d55e00", 1.6, "-"),
    "fast-bitrix24 slow()": ("#d55e00", 1.6, (0, (2, 1.6))),
    "b24api": ("#cc79a7", 1.6, "-"),
}
BATCH, BURST, RATE = 50, 50, 2.0


def floor(count: int, last: float) -> tuple[list[float], list[int]]:
    """What the portal's bucket allows: 50 batches at once, then two a second."""
    times, done = [0.0], [0]
    for batch in range(1, -(-count // BATCH) + 1):
        times.append(max(0.0, (batch - BURST) / RATE) + last)
        done.append(min(count, batch * BATCH))
    return times, done


def draw(row: dict, folder: Path) -> None:
    """Draw one file."""
    count = row["plotted"]["count"]
    timelines = row["plotted"]["timelines"]
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bitrix24", "font.size": 10})
    figure, axes = plt.subplots(figsize=(9, 4.6))
    times, done = floor(count, 0.27)
    longest = max(points[-1][0] for points in timelines.values())
    axes.fill_between(
        [*times, longest * 1.1], [*done, count], count * 1.06, color="#8c959f", alpha=0.16, linewidth=0, step=None
    )
    axes.plot(times, done, color=QUIET, linewidth=1.0, label=f"floor  {times[-1]:.1f} s")
    for name, points in sorted(timelines.items(), key=lambda item: _finish(item[1])):
        colour, width, dashes = STYLES.get(name, (INK, 1.4, "-"))
        kept = _until_done(points)
        reached = kept[-1][1]
        end = f"{kept[-1][0]:.1f} s" if reached >= count else f"dies with {reached:,} moved"
        axes.plot(
            [moment for moment, _ in kept],
            [moved for _, moved in kept],
            color=colour,
            linewidth=width,
            linestyle=dashes,
            label=f"{name}  {end}",
            zorder=3 if name.startswith("ours") else 2,
        )
        if reached < count:
            axes.plot(kept[-1][0], reached, marker="x", color=colour, markersize=8, markeredgewidth=2, zorder=4)
    axes.text(0.6, count * 0.86, "the portal allows no more", color=QUIET, fontsize=9.5)
    axes.set_xlim(0, longest * 1.03)
    axes.set_ylim(0, count * 1.06)
    axes.set_xlabel("seconds", color=QUIET)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_title(
        f"{count:,} deals moved through the portal's limit of 50 requests + 2 a second",
        loc="left",
        color=INK,
        fontsize=12,
    )
    axes.grid(axis="y", color="#d0d7de", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=QUIET, length=0)
    axes.legend(loc="lower right", frameon=False, labelcolor=INK, fontsize=9.5, handlelength=2.6)
    figure.tight_layout()
    figure.savefig(folder / "progress.svg", metadata={"Date": None, "Creator": None})


def _until_done(points: list[list[float]]) -> list[list[float]]:
    """The line up to the first moment when nothing more happens."""
    last = points[-1][1]
    end = next(index for index, (_, moved) in enumerate(points) if moved == last)
    return points[: end + 1]


def _finish(points: list[list[float]]) -> tuple[int, float]:
    kept = _until_done(points)
    return -kept[-1][1], kept[-1][0]


if __name__ == "__main__":
    rows = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["rows"]
    if "5000" in rows:
        draw(rows["5000"], Path(sys.argv[2]))
