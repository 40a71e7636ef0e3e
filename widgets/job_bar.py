"""The bar below the stage that starts and steers a run and says how far it is."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QCoreApplication, QEvent, QSignalBlocker, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)

from widgets import icons, theme
from widgets.parts.buttons import PrimaryButton
from widgets.parts.labels import ElidedLabel

State = Literal[
    "ready",
    "queued",
    "preparing",
    "running",
    "idle",
    "paused",
    "cancelling",
    "finished",
    "cancelled",
    "failed",
]
STATES: tuple[State, ...] = (
    "ready",
    "queued",
    "preparing",
    "running",
    "idle",
    "paused",
    "cancelling",
    "finished",
    "cancelled",
    "failed",
)
#: Longer lines at the right are cut: this many times the width of an average letter.
_WIDEST_LINE = 44
#: A shorter bar says nothing: it gives way to words and buttons.
_LEAST_PROGRESS = 48
#: While nothing moves, a run can be looked back along.
_LOOKS_BACK = {"paused", "finished", "cancelled", "failed"}
_ACTIVE = {"queued", "preparing", "running", "idle", "paused"}


def _tr(text: str) -> str:
    return QCoreApplication.translate("JobBar", text)


def duration(seconds: float) -> str:
    """A time span as people say it: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 1:
        return _tr("{0} s").format(f"{max(seconds, 0):.1f}")
    whole = round(seconds)
    if whole < 60:
        return _tr("{0} s").format(whole)
    if whole < 3600:
        return _tr("{0} min {1} s").format(whole // 60, f"{whole % 60:02d}")
    return _tr("{0} h {1} min").format(whole // 3600, f"{whole % 3600 // 60:02d}")


def rate_text(rate: float) -> str:
    """Steps per second, or seconds per step where that reads better."""
    if rate <= 0:
        return ""
    if rate < 0.5:
        return _tr("{0} s/it").format(f"{1 / rate:.1f}")
    return _tr("{0} it/s").format(f"{rate:.1f}" if rate < 100 else f"{rate:.0f}")


class JobBar(QFrame):
    """One primary button (run, pause, resume, finish), step, cancel, progress and times.

    It only asks: the state changes when the owner says so with ``set_state``.
    """

    run = Signal()
    pause = Signal()
    resume = Signal()
    step = Signal()
    cancel = Signal()
    #: Which of the moments that were kept a person wants to see again.
    looked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "footer")
        self.setAccessibleName(self.tr("Run"))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(12)
        self.primary = PrimaryButton("", self)
        self.step_button = QPushButton(self.tr("Step"), self)
        self.cancel_button = QPushButton(self.tr("Cancel"), self)
        for button in (self.step_button, self.cancel_button):
            button.setMinimumHeight(34)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setMinimumWidth(_LEAST_PROGRESS)
        self.progress.setAccessibleName(self.tr("Progress"))
        self.progress.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.look_back = QSlider(Qt.Orientation.Horizontal, self)
        self.look_back.setMinimumWidth(_LEAST_PROGRESS)
        self.look_back.setAccessibleName(self.tr("Look back along the run"))
        self.look_back.setToolTip(self.tr("Look back: what was seen at earlier steps"))
        self.look_back.hide()
        self._moments = 0
        self.label = ElidedLabel("", "secondary", self)
        self.label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for part, stretch in (
            (self.primary, 0),
            (self.step_button, 0),
            (self.cancel_button, 0),
            (self.progress, 3),
            (self.look_back, 3),
            (self.label, 1),
        ):
            row.addWidget(part, stretch)
        self._state: State = "ready"
        self._allowed, self._reason = True, ""
        self._times = ""
        self._room = 0
        self._keep_widths()
        self.primary.clicked.connect(self._pressed)
        self.step_button.clicked.connect(self.step)
        self.cancel_button.clicked.connect(self.cancel)
        self.look_back.valueChanged.connect(self.looked)
        self.set_state("ready")

    def state(self) -> State:
        """What was set last."""
        return self._state

    def is_active(self) -> bool:
        """Whether a run is under way."""
        return self._state in _ACTIVE or self._state == "cancelling"

    def set_state(self, state: State, text: str = "") -> None:
        """Show a state; ``text`` replaces the line at the right until progress comes.

        Raises:
            ValueError: the state is unknown.
        """
        if state not in STATES:
            raise ValueError(f"job state {state!r} is unknown; allowed: {', '.join(STATES)}")
        started = state in ("queued", "preparing") and not self.is_active()
        if started or state == "ready":
            self._times, self._room = "", 0
            self.progress.setRange(0, 100)
            self.progress.setValue(0)
        self._state = state
        if state == "finished" and self.progress.maximum() > 0:
            self.progress.setValue(self.progress.maximum())
        elif state in ("cancelled", "failed", "idle") and self.progress.maximum() == 0:
            self.progress.setRange(0, 100)
            self.progress.setValue(0)
        levels = {"failed": "error", "paused": "quiet", "cancelled": "quiet"}
        self.progress.setProperty("level", levels.get(state, ""))
        theme.refresh(self.progress)
        self._show(text or self._words())
        self._show_buttons()

    def set_moments(self, count: int) -> None:
        """How many moments can be looked at again while nothing moves; the last one is seen."""
        self._moments = count
        blocker = QSignalBlocker(self.look_back)
        self.look_back.setRange(0, max(0, count - 1))
        self.look_back.setValue(count - 1)
        blocker.unblock()
        self._make_room()

    def set_can_run(self, allowed: bool, reason: str = "") -> None:
        """Whether Run may be pressed; the reason is shown on hover where it may not."""
        self._allowed, self._reason = allowed, reason
        self._show_buttons()

    def set_progress(
        self,
        step: int,
        total: int | None,
        rate: float = 0.0,
        elapsed: float = 0.0,
        eta: float = -1.0,
        count: str = "",
    ) -> None:
        """How far it is.

        Args:
            step: finished steps.
            total: all steps; 0 or None where there is no end.
            rate: steps per second, 0 if unknown.
            elapsed: seconds so far.
            eta: seconds left, negative if unknown.
            count: words in place of the numbers of steps.
        """
        busy = not total and self._state in ("running", "preparing")
        self.progress.setRange(0, 0 if busy and not theme.reduced_motion() else (total or 100))
        if total:
            self.progress.setValue(min(step, total))
        steps = f"{step} / {total}" if total else self.tr("step {0}").format(step)
        count = count or steps
        spent = duration(elapsed) if elapsed > 0 else ""
        left = self.tr("{0} left").format(duration(eta)) if eta >= 0 else ""
        self._times = " · ".join(part for part in (count, rate_text(rate), spent, left) if part)
        # What waits for a person and has no end is not counted: it is theirs how long it takes.
        endless = self._state == "idle" and not total
        ended = "" if endless else " · ".join(part for part in (count, spent) if part)
        over = self._state in ("idle", "paused", "finished", "cancelled", "failed")
        words = " · ".join(part for part in (self._words(), ended) if part)
        self._show(words if over else self._times)

    def minimumSizeHint(self) -> QSize:
        """Room for the two buttons that are always there and a few letters."""
        letters = self.label.minimumSizeHint().width()
        height = self.layout().totalMinimumSize().height()
        return QSize(self._width_with(letters, self.primary, self.cancel_button), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """With less room, parts give way."""
        super().resizeEvent(event)
        self._make_room()

    def _width_with(self, line: int, *parts: QWidget) -> int:
        """How wide the bar has to be for these parts and a line at the right."""
        row = self.layout()
        sides = row.contentsMargins()
        least = [part.minimumWidth() or part.minimumSizeHint().width() for part in parts]
        return line + sum(least) + row.spacing() * len(parts) + sides.left() + sides.right()

    def _make_room(self) -> None:
        """Nothing lies over another: the bar gives way, then Step, and then the line is cut."""
        # The line takes the room of its longest text so far, so that the bar does not tremble.
        line = min(self._room, _WIDEST_LINE * self.label.fontMetrics().averageCharWidth())
        buttons = (self.primary, self.step_button, self.cancel_button)
        looks = self._moments > 1 and self._state in _LOOKS_BACK
        track, other = self.progress, self.look_back
        if looks:
            track, other = other, track
        bar = self.width() >= self._width_with(line, *buttons, track)
        track.setVisible(bar)
        other.hide()
        self.step_button.setVisible(bar or self.width() >= self._width_with(line, *buttons))
        # Alone it has all that the buttons leave.
        self.label.setMinimumWidth(line if bar else 0)

    def _words(self) -> str:
        words = {
            "ready": self.tr("Ready"),
            "queued": self.tr("Waiting for its turn"),
            "preparing": self.tr("Warming up"),
            "running": self._times or self.tr("Running"),
            "idle": self.tr("Waiting for you"),
            "paused": self.tr("Paused"),
            "cancelling": self.tr("Cancelling"),
            "finished": self.tr("Done"),
            "cancelled": self.tr("Cancelled"),
            "failed": self.tr("Failed"),
        }
        return words[self._state]

    def _show(self, text: str) -> None:
        self._room = max(self._room, self.label.fontMetrics().horizontalAdvance(text) + 2)
        self.label.setText(text)
        self._make_room()
        self.progress.setAccessibleDescription(text)

    def _face(self) -> tuple[str, str]:
        """Word and icon of the primary button."""
        if self._state in ("running", "preparing", "queued"):
            return self.tr("Pause"), "pause"
        if self._state == "idle":
            return self.tr("Finish"), "check"
        if self._state == "paused":
            return self.tr("Resume"), "play"
        if self._state in ("finished", "cancelled", "failed"):
            return self.tr("Run again"), "repeat"
        return self.tr("Run"), "play"

    def _show_buttons(self) -> None:
        word, icon = self._face()
        self.primary.setText(word)
        self.primary.setIcon(icons.icon(icon, "on_accent"))
        usable, reason = True, ""
        if self._state in ("queued", "preparing", "cancelling"):
            usable, reason = False, self._words()
        elif not self.is_active():
            usable, reason = self._allowed, self._reason
        self.primary.setEnabled(usable)
        waits = self._state == "idle"
        keeps = self.tr("End the run and keep what there is") if waits else ""
        self.primary.setToolTip(keeps if usable else reason)
        stepping = self._state in ("paused", "running")
        self.step_button.setEnabled(stepping)
        self.step_button.setToolTip(
            self.tr("Do one step, then wait")
            if stepping
            else self.tr("Steps are taken one by one once it runs or is paused")
        )
        cancellable = self._state in _ACTIVE and not waits
        self.cancel_button.setEnabled(cancellable)
        if cancellable:
            self.cancel_button.setToolTip(self.tr("Stop and keep what there is"))
        else:
            self.cancel_button.setToolTip(self._words() if waits else self.tr("Nothing is running"))

    def changeEvent(self, event: QEvent) -> None:
        """With another type size everything needs another width."""
        super().changeEvent(event)
        kinds = (QEvent.Type.FontChange, QEvent.Type.StyleChange)
        if event.type() in kinds:
            # The parts get their new type only after their parent.
            QTimer.singleShot(0, self, self._refit)

    @Slot()
    def _refit(self) -> None:
        self._keep_widths()
        self._room = 0
        self._show(self.label.text())
        self._show_buttons()

    def _keep_widths(self) -> None:
        """The primary button is as wide as its longest word, so that nothing jumps."""
        shown = self._state
        self.primary.setMinimumWidth(0)
        widest = 0
        for state in STATES:
            self._state = state
            self.primary.setText(self._face()[0])
            self.primary.setIcon(icons.icon("play", "on_accent"))
            self.primary.ensurePolished()
            widest = max(widest, self.primary.sizeHint().width())
        self.primary.setMinimumWidth(widest)
        self._state = shown

    def _pressed(self) -> None:
        if self._state == "running":
            self.pause.emit()
        elif self._state == "idle":
            self.cancel.emit()
        elif self._state == "paused":
            self.resume.emit()
        elif not self.is_active():
            self.run.emit()
