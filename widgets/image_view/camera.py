"""Which part of the pictures the panes show: layout, zoom and pan, linked over all panes."""

from __future__ import annotations

from widgets.image_view.panes import Pane, arrange
from widgets.image_view.viewport import Placement, Viewport, constrained, fitted


class Camera:
    """The panes of a stage and the one viewport that all of them share.

    Methods that look elsewhere return whether anything changed. Points are view pixels of the
    stage; ``zoom`` is in device pixels per picture pixel, so 1.0 is 100 % on every screen.
    """

    def __init__(self) -> None:
        self.frame = (0, 0)
        self.panes: list[Pane] = []
        self.view = Viewport()
        self.ratio = 1.0
        self.fitting = True

    @property
    def pane_size(self) -> tuple[float, float]:
        """Width and height that all panes have."""
        return float(self.panes[0].width), float(self.panes[0].height)

    @property
    def zoom(self) -> float:
        """Device pixels per picture pixel."""
        return self.view.scale * self.ratio

    def arrange(
        self, keys: list[str], frame: tuple[int, int], width: int, height: int, ratio: float
    ) -> bool:
        """Lay the panes out anew; a picture of another size, or a view that fits, is fitted."""
        refit = frame != self.frame
        # 100 % stays 100 % when the window moves to a screen of another density.
        scale = self.view.scale * self.ratio / ratio
        self.frame, self.ratio = frame, ratio
        self.panes = arrange(keys, frame, width, height) if all(frame) else []
        if not self.panes:
            return False
        if refit or self.fitting:
            return self.fit()
        return self._look(Viewport(self.view.x, self.view.y, scale))

    def fit(self) -> bool:
        """Show the whole picture, and go on doing so when the panes change."""
        self.fitting = True
        return bool(self.panes) and self._look(fitted(self.frame, self.pane_size))

    def zoom_by(self, factor: float, at: tuple[float, float] | None = None) -> bool:
        """Zoom about a point, which goes on showing the same place; without it about the middle."""
        if not self.panes:
            return False
        pane = self.pane_at(*at) if at is not None else self.panes[0]
        dx = at[0] - pane.left - pane.width / 2 if at is not None else 0.0
        dy = at[1] - pane.top - pane.height / 2 if at is not None else 0.0
        # The factor is cut first: cutting the scale afterwards would move the point.
        bounded = constrained(
            self.view.zoomed(factor, 0.0, 0.0), self.frame, self.pane_size, self.ratio
        )
        self.fitting = False
        return self._look(self.view.zoomed(bounded.scale / self.view.scale, dx, dy))

    def pan_by(self, dx: float, dy: float) -> bool:
        """Move the picture by view pixels, as a drag does."""
        if not self.panes:
            return False
        moved = self._look(self.view.panned(dx, dy))
        self.fitting = self.fitting and not moved
        return moved

    def pane_at(self, x: float, y: float) -> Pane:
        """The pane under a point, the first for points beside all of them."""
        return next((pane for pane in self.panes if pane.contains(x, y)), self.panes[0])

    def placement(self, pane: Pane) -> Placement:
        """Where the frame lies in a pane, in stage coordinates, exactly as it is drawn."""
        return self.view.placement(pane.left, pane.top, pane.width, pane.height, self.ratio)

    def _look(self, view: Viewport) -> bool:
        kept = constrained(view, self.frame, self.pane_size, self.ratio)
        changed = kept != self.view
        self.view = kept
        return changed
