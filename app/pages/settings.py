"""The settings page: how it looks, where it computes, where runs are kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from app import words
from app.files import reason
from app.folders import folders
from app.header import Heading
from app.pages.base import Page
from app.pages.parts import FactTable, reading_column
from app.preferences import Preferences, Values
from engine.messages import Device
from widgets.form import Choice, Field, Form
from widgets.parts import Banner, Card, ElidedLabel, HintLabel, IconButton

WIDTH = 640


class SettingsPage(Page):
    """Every change is kept at once; those who care listen to ``Preferences.changed``.

    ``devices`` are what the engine can compute on, known once it is ready: ``set_devices``.
    """

    def __init__(
        self,
        preferences: Preferences,
        devices: Sequence[Device] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self._column = reading_column(self, WIDTH)
        self.banner = Banner()
        self._column.addWidget(self.banner)
        if preferences.notice:
            self.banner.show_message(preferences.notice, "warning")
        self.look = self._form(self.tr("Look"), self._look_fields())
        self._computing = Card(self.tr("Computing"))
        self._column.addWidget(self._computing)
        self.computing: Form | None = None
        self.set_devices(devices)
        self._column.addWidget(self._runs_card())
        self._column.addWidget(self._about_card())
        self._column.addStretch(1)
        preferences.changed.connect(self._on_changed)

    def heading(self) -> Heading:
        """The title."""
        return Heading(title=self.tr("Settings"))

    def set_devices(self, devices: Sequence[Device]) -> None:
        """Offer these devices; one that was chosen earlier stays, even where it is not here."""
        if self.computing is not None:
            self._computing.body.removeWidget(self.computing)
            self.computing.deleteLater()
        self.computing = Form(self._computing_fields(devices))
        self.computing.set_values(self._values(self.computing))
        self.computing.committed.connect(self._on_committed)
        self._computing.body.addWidget(self.computing)

    # --- the forms -----------------------------------------------------------------------

    def _look_fields(self) -> list[Field]:
        fresh = Values()
        return [
            Field(
                name="theme",
                title=self.tr("Theme"),
                kind="choice",
                default=fresh.theme,
                choices=(
                    Choice("system", self.tr("As the system")),
                    Choice("light", self.tr("Light")),
                    Choice("dark", self.tr("Dark")),
                ),
                help=self.tr("Light or dark colors; the system's choice is followed live"),
            ),
            Field(
                name="text_scale",
                title=self.tr("Text size"),
                kind="float",
                default=fresh.text_scale,
                minimum=0.8,
                maximum=2.0,
                step=0.1,
                decimals=1,
                unit="×",
                help=self.tr("How large texts are, compared with the usual size"),
            ),
            Field(
                name="reduced_motion",
                title=self.tr("Less motion"),
                kind="bool",
                default=fresh.reduced_motion,
                help=self.tr("Nothing slides or fades; everything changes at once"),
            ),
        ]

    def _computing_fields(self, devices: Sequence[Device]) -> list[Field]:
        fresh = Values()
        choices = [Choice("auto", self.tr("Fastest there is"))]
        choices += [Choice(device.id, device_text(device)) for device in devices]
        chosen = self._preferences.values.device
        if chosen not in {choice.value for choice in choices}:
            choices.append(Choice(chosen, self.tr("{name} (not here)").format(name=chosen)))
        return [
            Field(
                name="device",
                title=self.tr("Device"),
                kind="choice",
                default=fresh.device,
                choices=tuple(choices),
                help=self.tr("What new runs compute on"),
            ),
            Field(
                name="threads",
                title=self.tr("Processor threads (0: automatic)"),
                kind="int",
                default=fresh.threads,
                minimum=0,
                maximum=max(2, os.cpu_count() or 2, self._preferences.values.threads),
                help=self.tr("0 leaves the choice to the engine; used from the next engine start"),
            ),
        ]

    def _form(self, title: str, fields: list[Field]) -> Form:
        card = Card(title)
        form = Form(fields)
        form.set_values(self._values(form))
        form.committed.connect(self._on_committed)
        card.body.addWidget(form)
        self._column.addWidget(card)
        return form

    def _values(self, form: Form) -> dict[str, Any]:
        return {name: getattr(self._preferences.values, name) for name in form.names()}

    @Slot()
    def _on_committed(self) -> None:
        # Not on every movement of a slider: a text size changes the whole window.
        for form in (self.look, self.computing):
            if form is not None:
                values = form.values()
                kept = self._values(form)
                self._keep(**{n: v for n, v in values.items() if v != kept[n]})

    def _keep(self, **changes: Any) -> None:
        before = self._preferences.notice
        self._preferences.set(**changes)
        if self._preferences.notice != before:
            self.banner.show_message(self._preferences.notice, "warning")

    @Slot(str)
    def _on_changed(self, name: str) -> None:
        # Another part of the window changed it: the theme button, a second page.
        for form in (self.look, self.computing):
            if form is not None and name in form.names():
                value = getattr(self._preferences.values, name)
                if form.values()[name] != value:
                    form.set_values({name: value})
        if name == "runs_folder":
            self._show_folder()

    # --- runs ----------------------------------------------------------------------------

    def _runs_card(self) -> Card:
        card = Card(self.tr("Runs"))
        row = QHBoxLayout()
        row.setSpacing(8)
        self.folder = ElidedLabel("")
        row.addWidget(self.folder, 1)
        show = IconButton("folder", self.tr("Show this folder"))
        show.clicked.connect(self._open_folder)
        row.addWidget(show)
        change = QPushButton(self.tr("Change…"))
        change.clicked.connect(self._ask_folder)
        row.addWidget(change)
        self.standard = QPushButton(self.tr("Standard place"))
        self.standard.clicked.connect(self._use_standard)
        row.addWidget(self.standard)
        card.body.addLayout(row)
        card.body.addWidget(
            HintLabel(
                self.tr(
                    "New runs are kept here. Earlier runs stay where they are and are still listed."
                )
            )
        )
        self._show_folder()
        return card

    def _show_folder(self) -> None:
        self.folder.setText(str(self._preferences.runs_folder))
        self.standard.setVisible(bool(self._preferences.values.runs_folder))

    @Slot()
    def _open_folder(self) -> None:
        folder = self._preferences.runs_folder
        if folder.is_dir():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
        else:
            self.banner.show_message(self.tr("The folder is made with the first run."), "info")

    @Slot()
    def _ask_folder(self) -> None:
        start = str(self._preferences.runs_folder)
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Where runs are kept"), start)
        if chosen:
            self.use_folder(Path(chosen))

    @Slot()
    def _use_standard(self) -> None:
        self._keep(runs_folder="")

    def use_folder(self, folder: Path) -> bool:
        """Keep new runs in ``folder``; False, with the reason shown, if it cannot be written."""
        probe = folder / ".priorbench-probe"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            text = self.tr("Runs cannot be kept in {folder} ({reason}). Choose another folder.")
            self.banner.show_message(text.format(folder=folder, reason=reason(error)), "error")
            return False
        self._keep(runs_folder="" if folder == folders().runs else str(folder))
        return True

    # --- about ---------------------------------------------------------------------------

    def _about_card(self) -> Card:
        card = Card(self.tr("About"))
        places = folders()
        card.body.addWidget(
            FactTable(
                [
                    (self.tr("Priorbench"), _version("priorbench")),
                    (self.tr("Qt for Python"), _version("PySide6-Essentials")),
                    (self.tr("Settings are kept in"), str(places.settings)),
                    (self.tr("The history is kept in"), str(places.index)),
                ]
            )
        )
        return card


def device_text(device: Device) -> str:
    """A device with its memory: ``NVIDIA H200 · 141 GB``."""
    if not device.memory_total:
        return device.title
    return f"{device.title} · {words.size(device.memory_total)}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "?"
