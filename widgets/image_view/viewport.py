"""Where a picture lies in a view: the arithmetic of zoom and pan, free of Qt.

Two coordinate systems meet here. *Picture* coordinates count pixels with the origin at the outer
corner of the first pixel, so pixel ``(i, j)`` covers ``[i, i+1) x [j, j+1)``. *View* coordinates
are device-independent pixels, as Qt reports them. ``ratio`` is the number of device pixels per view
pixel (2 on a high-density screen).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

LARGEST_ZOOM = 64.0
"""The most device pixels that one picture pixel may fill."""


@dataclass(frozen=True)
class Placement:
    """A picture drawn in a view: ``view = origin + scale * picture`` on both axes."""

    x: float
    y: float
    scale: float

    def to_view(self, x: float, y: float) -> tuple[float, float]:
        """View coordinates of a point given in picture coordinates."""
        return self.x + x * self.scale, self.y + y * self.scale

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Picture coordinates of a point given in view coordinates."""
        return (x - self.x) / self.scale, (y - self.y) / self.scale


@dataclass(frozen=True)
class Viewport:
    """What every linked pane looks at: the picture point in its middle, and the scale.

    ``scale`` is in view pixels per picture pixel. The state keeps the center, not the corner, so
    that a view that is resized, or is one of several panes, goes on looking at the same thing.
    """

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0

    def placement(
        self, left: float, top: float, width: float, height: float, ratio: float = 1.0
    ) -> Placement:
        """The placement in a pane of that rectangle.

        At 100 %, 200 % and so on the origin lies on the grid of device pixels: between them a
        picture looks soft, or its pixels uneven. Drawing and picking both use this placement, so
        a read-out names the pixel that is seen.
        """
        x = left + width / 2 - self.x * self.scale
        y = top + height / 2 - self.y * self.scale
        zoom = self.scale * ratio
        if zoom > 0.5 and abs(zoom - round(zoom)) < 1e-6:
            x, y = round(x * ratio) / ratio, round(y * ratio) / ratio
        return Placement(x, y, self.scale)

    def zoomed(self, factor: float, dx: float, dy: float) -> Viewport:
        """Scaled by ``factor`` about a point ``dx, dy`` view pixels from the middle."""
        scale = self.scale * factor
        return Viewport(
            self.x + dx / self.scale - dx / scale, self.y + dy / self.scale - dy / scale, scale
        )

    def panned(self, dx: float, dy: float) -> Viewport:
        """Moved so that the picture follows a drag of ``dx, dy`` view pixels."""
        return replace(self, x=self.x - dx / self.scale, y=self.y - dy / self.scale)


def fit_scale(picture: tuple[float, float], pane: tuple[float, float]) -> float:
    """The largest scale at which a picture (width, height) lies wholly in a pane."""
    return min(max(pane[0], 1.0) / picture[0], max(pane[1], 1.0) / picture[1])


def fitted(picture: tuple[float, float], pane: tuple[float, float]) -> Viewport:
    """The viewport that shows the whole picture, centered."""
    return Viewport(picture[0] / 2, picture[1] / 2, fit_scale(picture, pane))


def scale_bounds(
    picture: tuple[float, float], pane: tuple[float, float], ratio: float = 1.0
) -> tuple[float, float]:
    """Smallest and largest scale on offer: a quarter of what fits (or of 100 %) to 6400 %."""
    fit = fit_scale(picture, pane)
    return min(fit, 1.0 / ratio) / 4, max(LARGEST_ZOOM / ratio, fit)


def constrained(
    view: Viewport,
    picture: tuple[float, float],
    pane: tuple[float, float],
    ratio: float = 1.0,
) -> Viewport:
    """The nearest viewport that keeps the picture findable.

    The scale stays in `scale_bounds`. A picture that fits as a whole is centered; a larger one may
    be moved until its edge reaches the middle of the pane. Zooming in about a point of the picture
    never breaks this rule, so that point stays where it is.
    """
    low, high = scale_bounds(picture, pane, ratio)
    scale = min(max(view.scale, low), high)
    if scale <= fit_scale(picture, pane) * (1 + 1e-9):
        return Viewport(picture[0] / 2, picture[1] / 2, scale)
    return Viewport(min(max(view.x, 0.0), picture[0]), min(max(view.y, 0.0), picture[1]), scale)
