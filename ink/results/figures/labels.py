"""Names written beside what they name, in a panel whose limits and layout are final."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from matplotlib.text import Text

from ink.results.figures.placement import Box, Candidate, Point, Segment, along, around, place
from ink.results.figures.style import TEXT
from ink.systems.known_systems import GREY

_GAP, _STEP, _MARGIN = 2.0, 4.5, 1.0  # points


class Labels:
    """Collects what a panel has, and then places all labels at once."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        figure = axes.get_figure(root=True)
        assert figure is not None
        self.pixels = figure.dpi / 72  # of a point
        box = axes.get_window_extent()
        self.frame = Box(box.x0, box.y0, box.x1, box.y1)
        self.marks: list[Box] = []
        self.lines: list[Segment] = []
        self._texts: list[Text] = []
        self._candidates: list[list[Candidate]] = []

    def line(self, line: Line2D) -> None:
        """Take note of a straight line, which labels keep off."""
        (x, to_x), (y, to_y) = line.get_transform().transform(line.get_xydata()).T
        self.lines.append(((float(x), float(y)), (float(to_x), float(to_y))))

    def mark(self, x: float, y: float, width: float) -> None:
        """Take note of a mark at a place of the data, `width` in points, which labels keep off."""
        (x, y), radius = self._pixel(x, y), width * self.pixels / 2
        self.marks.append(Box(x - radius, y - radius, x + radius, y + radius))

    def distance(self, first: Point, second: Point) -> float:
        """Return how many points two places of the data are apart."""
        return math.dist(self._pixel(*first), self._pixel(*second)) / self.pixels

    def add(self, x: float, y: float, text: str, width: float, weight: float = 1.0, **options: Any) -> None:
        """Name a mark at a place of the data, `width` in points; the greater the `weight`, the nearer it stands."""
        written, text_width, text_height = self._measured(text, options)
        clearance = (width / 2 + _GAP) * self.pixels
        self._texts.append(written)
        centre, step = self._pixel(x, y), _STEP * self.pixels
        self._candidates.append(around(centre, text_width, text_height, clearance, step, weight))

    def add_along(self, y: float, text: str, **options: Any) -> None:
        """Name a horizontal line at a height of the data."""
        written, width, height = self._measured(text, options)
        self._texts.append(written)
        _, pixel = self._pixel(self.axes.get_xlim()[0], y)
        self._candidates.append(along(pixel, self.frame, width, height, _GAP * self.pixels))

    def write(self) -> None:
        """Place the labels, with a thin line from those that stand away from their mark."""
        placed = place(self._candidates, self.marks, self.lines, self.frame, _MARGIN * self.pixels)
        back = self.axes.transData.inverted()
        for text, candidate in zip(self._texts, placed, strict=True):
            box = candidate.box
            text.set_position(tuple(back.transform(((box.left + box.right) / 2, (box.bottom + box.top) / 2))))
            if candidate.leader is not None:
                x, y = back.transform(candidate.leader).T
                self.axes.plot(x, y, color=GREY, linewidth=0.5, zorder=2)

    def _measured(self, text: str, options: dict[str, Any]) -> tuple[Text, float, float]:
        """Make the text, somewhere, and measure it in pixels."""
        x, y = self.axes.get_xlim()[0], self.axes.get_ylim()[0]
        settings = {"fontsize": TEXT, **options}
        written = self.axes.text(x, y, text, ha="center", va="center", zorder=4, **settings)
        canvas = written.get_figure(root=True).canvas  # type: ignore[union-attr]
        assert isinstance(canvas, FigureCanvasAgg)
        box = written.get_window_extent(canvas.get_renderer())
        return written, float(box.width), float(box.height)

    def _pixel(self, x: float, y: float) -> Point:
        pixel_x, pixel_y = self.axes.transData.transform((x, y))
        return float(pixel_x), float(pixel_y)
