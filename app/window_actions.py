"""What the window itself does when an action is triggered; the rest goes to the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox

from app.actions import ACTIONS, title
from app.page_state import sample_reference
from app.pages.base import Page
from app.palette import Entry, Palette
from engine.messages import Device, Event, Ready
from widgets import theme

if TYPE_CHECKING:
    from app.window import MainWindow


class WindowActions(QObject):
    """The hands of the window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._palette: Palette | None = None
        #: What the present engine said of itself first.
        self.ready: Ready | None = None
        self.menu = QMenu(window)
        window.actions_.fill(self.menu)
        window.header.set_menu(self.menu)
        window.client.event.connect(self._on_event)

    @property
    def devices(self) -> tuple[Device, ...]:
        """What the engine can compute on; nothing before it is ready."""
        return self.ready.devices if self.ready is not None else ()

    @Slot(str, bool)
    def run(self, action_id: str, checked: bool) -> None:
        """Carry out an action: the page first, then the window."""
        window = self._window
        page = window.page
        if page is not None and page.do(action_id, checked):
            window.refresh()
            return
        group, _, name = action_id.partition(".")
        if action_id == "file.quit":
            window.close()
        elif action_id == "go.palette":
            self.find()
        elif group == "go":
            window.show_page(name)
        elif action_id in ("file.open", "edit.paste"):
            self._on_first_bench(action_id)
        elif action_id == "engine.restart":
            window.client.restart()
        elif action_id == "view.log":
            window.log.setVisible(checked)
        elif action_id == "view.theme":
            dark = theme.theme().dark
            window.preferences.set(theme="light" if dark else "dark")
        elif action_id == "view.screen":
            window.showFullScreen() if checked else window.showNormal()
        elif action_id == "help.about":
            self._about()

    def check(self, page: Page | None) -> None:
        """Tick what is shown."""
        actions = self._window.actions_
        area: Any = getattr(page, "area", None)
        for side in ("left", "right"):
            actions[f"view.{side}"].setChecked(area is not None and area.is_shown(side))
        actions["view.log"].setChecked(not self._window.log.isHidden())
        actions["view.screen"].setChecked(self._window.isFullScreen())

    @Slot()
    def show_log(self) -> None:
        """Open the drawer."""
        self._window.log.show()
        self._window.refresh()

    @Slot(str)
    def on_preference(self, name: str) -> None:
        """A preference changed, here or on the settings page."""
        if name in ("theme", "text_scale"):
            self.dress()
        elif name == "reduced_motion":
            theme.set_reduced_motion(self._window.preferences.values.reduced_motion)

    def dress(self) -> None:
        """Theme and type size as preferred."""
        app, wish = QApplication.instance(), self._window.preferences.values
        if app is not None:
            theme.apply(app, wish.theme, wish.text_scale)

    @Slot()
    def find(self) -> None:
        """Open the palette over everything that there is."""
        if self._palette is None:
            self._palette = Palette(self._window)
            self._palette.chosen.connect(self._on_found)
        self._palette.open(self.entries())

    @property
    def palette(self) -> Palette | None:
        """The palette, once it was opened."""
        return self._palette

    def entries(self) -> list[Entry]:
        """Pages, methods, samples, examples, and every action."""
        window, catalogue = self._window, self._window.catalogue
        found = [
            Entry(f"page:{key}", window.rail.button(key).text(), self.tr("Page"))
            for key in window.rail.keys()  # noqa: SIM118 - a method, not a mapping
        ]
        for bench in catalogue.benches:
            for method in catalogue.methods_of(bench.id):
                words = f"{method.summary} {method.source}"
                entry = Entry(
                    f"method:{method.id}", method.title, self.tr("Method"), bench.verb, words=words
                )
                found.append(entry)
            for number, example in enumerate(bench.examples):
                key = f"example:{bench.id}:{number}"
                found.append(Entry(key, example.title, self.tr("Example"), bench.verb))
            for spec in bench.inputs:
                for sample in spec.samples:
                    reference = sample_reference(sample.value)
                    key = f"sample:{bench.id}:{spec.name}:{reference}"
                    found.append(Entry(key, sample.title, self.tr("Picture"), bench.verb))
        for declared in ACTIONS:
            action = window.actions_[declared.id]
            if declared.id == "go.palette" or declared.id.startswith("go."):
                continue
            reason = window.actions_.reason(declared.id)
            shortcut = action.shortcut().toString()
            name = action.text().rstrip("…") if not reason else title(declared).rstrip("…")
            menu = declared.menu.replace("&", "")
            found.append(Entry(f"action:{declared.id}", name, menu, shortcut, reason))
        return found

    @Slot(str)
    def _on_found(self, entry_id: str) -> None:
        window = self._window
        kind, _, rest = entry_id.partition(":")
        if kind == "action":
            window.actions_[rest].trigger()
        elif kind == "page":
            window.show_page(rest)
        elif kind == "method":
            window.open_bench(window.catalogue.method(rest).bench, rest)
        elif kind == "example":
            bench, _, number = rest.partition(":")
            window.try_example(window.catalogue.bench(bench).examples[int(number)])
        elif kind == "sample":
            bench, name, reference = rest.split(":", 2)
            window.show_page(bench)
            window.bench(bench).choose_input(name, reference)

    def _on_first_bench(self, action_id: str) -> None:
        """Pages without pictures hand these to the bench that takes one."""
        benches = self._window.pages.benches()
        if benches:
            self._window.show_page(benches[0])
            self._window.bench(benches[0]).do(action_id, False)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, Ready):
            self.ready = event
            settings: Any = self._window.pages.made().get("settings")
            if settings is not None:
                settings.set_devices(event.devices)

    def _about(self) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("priorbench")
        except PackageNotFoundError:
            number = self.tr("not installed")
        text = self.tr("A desktop workbench to run and watch experiments with learned priors.")
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.NoIcon)
        box.setWindowTitle(self.tr("About Priorbench"))
        box.setText(f"Priorbench {number}")
        box.setInformativeText(text)
        box.setStandardButtons(QMessageBox.StandardButton.Close)
        box.exec()
        box.deleteLater()
