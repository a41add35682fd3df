"""Lines as SVG, by matplotlib; the same points give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import matplotlib as mpl
from matplotlib.figure import Figure

Points: TypeAlias = Sequence[tuple[float, float]]
SIZE_INCHES = (7.0, 3.6)


def lines(title: str, x: str, y: str, drawn: Mapping[str, Points], scale: Literal["linear", "log"] = "linear") -> str:
    """A line for each name; `x` and `y` name the axes and their units."""
    with mpl.rc_context({"svg.hashsalt": title, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        axes = figure.add_subplot()
        for name, points in drawn.items():
            axes.plot(*zip(*points, strict=True), label=name, marker="o" if len(points) < 20 else None, linewidth=1.5)
        axes.set(title=title, xlabel=x, ylabel=y, xscale=scale, yscale=scale)
        if scale == "linear":
            axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
