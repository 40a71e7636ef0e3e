"""The models page: what each trained network is, what it reaches, and where it comes from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from PySide6.QtCore import QProcess, QProcessEnvironment, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import engine_cli, words
from app.header import Heading
from app.pages.base import Page
from app.pages.parts import FactTable, Figures, clear, reading_column
from engine.catalogue import Catalogue, ModelSpec
from widgets.parts import Banner, Card, EmptyState, HintLabel, IconButton, TextLabel

FOLDER = engine_cli.ROOT / "assets" / "models"
WIDTH = 860


class ModelCard(Card):
    """One network. ``export`` carries its id."""

    export = Signal(str)

    def __init__(self, model: ModelSpec, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, margin=16)
        self._model = model
        self._folder = folder
        card = model.card
        self.body.setSpacing(12)
        self.body.addLayout(self._head())
        summary = TextLabel(model.summary, "secondary")
        summary.setWordWrap(True)
        self.body.addWidget(summary)
        figures = [(metric_title(name), metric_text(name, v)) for name, v in _numbers(card)]
        if figures:
            self.body.addWidget(Figures(figures))
        self.body.addWidget(FactTable(self._facts()))
        for key, title in (
            ("data", self.tr("Trained on")),
            ("data_terms", self.tr("Terms of the data, which the weights inherit")),
            ("limits", self.tr("What it cannot do")),
        ):
            if text := str(card.get(key, "")):
                self._paragraph(title, text)
        published = card.get("published")
        if isinstance(published, dict) and published:
            lines = "\n".join(f"{name}: {value}" for name, value in published.items())
            self._paragraph(self.tr("What others reach on the same test"), lines)
        if command := str(card.get("command", "")):
            self._command(command)

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(TextLabel(self._model.title, "title"))
        row.addWidget(TextLabel(parameters_text(self._model.parameters), "hint"))
        row.addStretch(1)
        folder = IconButton("folder", self.tr("Show the files of this model"))
        folder.setEnabled(self._folder.is_dir())
        folder.clicked.connect(self._show_folder)
        row.addWidget(folder)
        self.button = QPushButton(self.tr("Export to ONNX"))
        self.button.setToolTip(
            self.tr("Write model.onnx anew and check that it computes the same as the original")
        )
        self.button.clicked.connect(self._on_export)
        row.addWidget(self.button)
        return row

    def _facts(self) -> list[tuple[str, str]]:
        card = self._model.card
        lines = []
        for name, title in (
            ("weights.safetensors", self.tr("Weights")),
            ("model.onnx", self.tr("ONNX file")),
        ):
            try:
                lines.append((title, words.size((self._folder / name).stat().st_size)))
            except OSError:
                lines.append((title, self.tr("not here")))
        if seconds := card.get("seconds"):
            lines.append((self.tr("Training took"), words.seconds(float(seconds))))
        for key, title in (
            ("steps", self.tr("Training steps")),
            ("hardware", self.tr("On")),
            ("architecture", self.tr("Architecture")),
            ("sha256", self.tr("Checksum (SHA-256)")),
        ):
            if value := card.get(key):
                lines.append((title, f"{value:,}" if isinstance(value, int) else str(value)))
        return lines

    def _paragraph(self, title: str, text: str) -> None:
        part = QVBoxLayout()
        part.setSpacing(2)
        part.addWidget(TextLabel(title, "section"))
        label = HintLabel(text)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        part.addWidget(label)
        self.body.addLayout(part)

    def _command(self, command: str) -> None:
        part = QVBoxLayout()
        part.setSpacing(4)
        part.addWidget(TextLabel(self.tr("Made by this command"), "section"))
        row = QHBoxLayout()
        # What the card adds behind the command is for reading, not for a terminal.
        self._typed, _, remark = command.partition(", ")
        line = QLineEdit(self._typed)
        line.setReadOnly(True)
        line.setCursorPosition(0)
        line.setAccessibleName(self.tr("Command that trained this model"))
        row.addWidget(line, 1)
        copy = IconButton("copy", self.tr("Copy the command"))
        copy.clicked.connect(self._copy_command)
        row.addWidget(copy)
        part.addLayout(row)
        if remark:
            part.addWidget(HintLabel(words.sentence(remark)))
        self.body.addLayout(part)

    @Slot()
    def _on_export(self) -> None:
        self.export.emit(self._model.id)

    @Slot()
    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))

    @Slot()
    def _copy_command(self) -> None:
        QGuiApplication.clipboard().setText(self._typed)


class ModelsPage(Page):
    """A card for each model of the catalogue; exporting runs in a process of its own."""

    def __init__(
        self, catalogue: Catalogue, folder: Path = FOLDER, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._folder = folder
        self._process: QProcess | None = None
        self.cards: list[ModelCard] = []
        column = reading_column(self, WIDTH)
        self.banner = Banner()
        column.addWidget(self.banner)
        self._column = QVBoxLayout()
        self._column.setSpacing(16)
        column.addLayout(self._column, 1)
        self.set_catalogue(catalogue)

    def heading(self) -> Heading:
        """The title."""
        return Heading(title=self.tr("Models"), subtitle=self.tr("the learned priors that ship"))

    def set_catalogue(self, catalogue: Catalogue) -> None:
        """Show the models of another catalogue."""
        clear(self._column)
        self.cards = []
        for model in catalogue.models:
            card = ModelCard(model, self._folder / model.id)
            card.export.connect(self.export)
            self.cards.append(card)
            self._column.addWidget(card)
        if catalogue.models:
            self._column.addStretch(1)
            return
        self._column.addWidget(
            EmptyState(
                "models",
                self.tr("No trained model is here yet"),
                self.tr("Train one in a terminal: priorbench train photo-denoiser --data DIR"),
            )
        )

    @Slot(str)
    def export(self, model: str) -> None:
        """Write a model's ONNX file anew, unless an export goes on."""
        if self._process is not None:
            return
        process = QProcess(self)
        environment = QProcessEnvironment()
        for name, value in engine_cli.environment().items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.finished.connect(self._on_finished)
        self._process = process
        self._allow(False)
        self.banner.show_message(self.tr("Exporting {model}…").format(model=model), closable=False)
        program, *arguments = engine_cli.command("export", model)
        process.start(program, arguments)

    def closing(self) -> None:
        """The window closes: end an export that goes on."""
        process, self._process = self._process, None
        if process is not None:
            process.finished.disconnect(self._on_finished)
            process.kill()
            process.waitForFinished(2000)
            process.deleteLater()

    @Slot(int)
    def _on_finished(self, code: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        output = process.readAllStandardOutput().data().decode(errors="replace").strip()
        errors = process.readAllStandardError().data().decode(errors="replace").strip()
        process.deleteLater()
        self._allow(True)
        if code:
            text = self.tr("The export failed: {reason}. The old file is untouched.")
            lines = errors.splitlines() or [self.tr("the engine said nothing")]
            self.banner.show_message(text.format(reason=lines[-1].rstrip(".")), "error")
            return
        lines = output.splitlines()
        self.banner.show_message(lines[-1] if lines else self.tr("Exported."), "success")

    def _allow(self, on: bool) -> None:
        for card in self.cards:
            card.button.setEnabled(on)


def parameters_text(count: int) -> str:
    """``4.3 M parameters``."""
    text = f"{count / 1e6:.1f} M" if count >= 100_000 else f"{count:,}"
    return QGuiApplication.translate("ModelsPage", "{n} parameters").format(n=text)


def metric_title(name: str) -> str:
    """``cbsd68_psnr_sigma_25`` as words: cbsd68, sigma 25."""
    parts = re.split(r"_?psnr_?", name, maxsplit=1)
    return ", ".join(part.replace("_", " ") for part in parts if part) or name


def metric_text(name: str, value: float) -> str:
    """The number with its unit where the name tells it."""
    unit = "dB" if "psnr" in name.lower() else ""
    return f"{value:.2f} {unit}".strip()


def _numbers(card: dict[str, Any]) -> list[tuple[str, float]]:
    metrics = card.get("metrics")
    pairs = metrics.items() if isinstance(metrics, dict) else ()
    return [(str(name), float(v)) for name, v in pairs if isinstance(v, int | float)]
