"""Repaints no more often than the screen shows them."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer
from PySide6.QtWidgets import QWidget


class RepaintLimiter(QObject):
    """Merges requests to repaint a widget into one per refresh of its screen."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._since = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._fire)

    def request(self) -> None:
        """Repaint as soon as a refresh has passed since the last repaint asked for here."""
        if self._timer.isActive():
            return
        wait = self._interval() - self._since.elapsed() if self._since.isValid() else 0
        if wait <= 0:
            self._fire()
        else:
            self._timer.start(wait)

    def is_waiting(self) -> bool:
        """Whether a repaint was asked for and is still to come."""
        return self._timer.isActive()

    def _fire(self) -> None:
        self._since.restart()
        self._widget().update()

    def _widget(self) -> QWidget:
        widget = self.parent()
        assert isinstance(widget, QWidget)
        return widget

    def _interval(self) -> int:
        """Milliseconds of one refresh, rounded down."""
        return int(1000 / max(self._widget().screen().refreshRate(), 24.0))
