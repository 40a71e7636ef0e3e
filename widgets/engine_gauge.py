"""What the engine is, what it does, and how much memory it takes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from widgets import theme
from widgets.parts.labels import ElidedLabel, IconLabel, SectionLabel

_LEVELS = {
    "starting": ("dot", "hint"),
    "ready": ("dot", "accent"),
    "busy": ("dot", "accent"),
    "restarting": ("repeat", "amber"),
    "not answering": ("warning", "amber"),
    "dead": ("error", "red"),
}


def memory(size: float) -> str:
    """Bytes as people say them: ``820 MB``, ``1.1 GB``."""
    if size >= 1e11:
        return f"{size / 1e9:.0f} GB"
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB"


class EngineGauge(QWidget):
    """Name of the device, threads and memory, with a bar where the total is known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(6)
        self._sign = IconLabel("dot", "hint", 10)
        row.addWidget(self._sign)
        row.addWidget(SectionLabel(self.tr("Engine")))
        self.label = ElidedLabel("", "value")
        self.label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.label, 1)
        column.addLayout(row)
        self.bar = QProgressBar()
        self.bar.setProperty("size", "thin")
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName(self.tr("Memory of the engine"))
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        column.addWidget(self.bar)
        self.set(state="starting")

    def set(
        self,
        *,
        state: str = "ready",
        device: str = "",
        threads: int = 0,
        used: float = 0.0,
        total: float = 0.0,
    ) -> None:
        """Show what the engine says of itself.

        Args:
            state: ``starting``, ``ready``, ``busy``, ``not answering``, ``dead``, ``restarting``.
            device: its title (``CPU``).
            threads: threads it computes with, 0 if unknown.
            used: bytes of memory taken.
            total: bytes there are, 0 if unknown (no bar then).

        Raises:
            ValueError: the state is unknown.
        """
        if state not in _LEVELS:
            raise ValueError(f"engine state {state!r} is unknown; allowed: {', '.join(_LEVELS)}")
        sign, color = _LEVELS[state]
        self._sign.set_icon(sign, color)
        words = {
            "starting": self.tr("starting"),
            "not answering": self.tr("not answering"),
            "dead": self.tr("stopped"),
            "restarting": self.tr("restarting"),
        }
        parts = [words.get(state, ""), device]
        if threads:
            counted = self.tr("1 thread") if threads == 1 else self.tr("{0} threads")
            parts.append(counted.format(threads))
        if used:
            parts.append(memory(used))
        self.label.setText(" · ".join(part for part in parts if part))
        self.bar.setVisible(total > 0)
        share = min(used / total, 1.0) if total > 0 else 0.0
        self.bar.setValue(round(1000 * share))
        level = "error" if share > 0.95 else "warning" if share > 0.85 else ""
        if self.bar.property("level") != level:
            self.bar.setProperty("level", level)
            theme.refresh(self.bar)
        tip = self.label.text()
        if total > 0:
            tip = self.tr("{0} of {1} memory in use").format(memory(used), memory(total))
        self.setToolTip(tip)
        self.setAccessibleDescription(tip)
