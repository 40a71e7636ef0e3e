"""The pages of a window: made when first shown, marked in the rail while they run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from app.pages.base import Page
from app.pages.start import RECENT, StartPage
from app.run_row import RunRow

if TYPE_CHECKING:
    from app.window import MainWindow

_BADGES = {
    "preparing": "running",
    "running": "running",
    "stopping": "running",
    "paused": "paused",
    "idle": "paused",
    "failed": "failed",
    "interrupted": "failed",
}


class Pages(QObject):
    """Pages by key: ``start``, a bench's id, ``history``, ``models``, ``settings``."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._made: dict[str, Page] = {}
        #: States of pages that are not made yet, from the last session.
        self.states: dict[str, Any] = {}
        self._seen: dict[str, str] = {}

    def fill_rail(self) -> None:
        """Put every page into the rail; a bench without methods is not shown."""
        rail, catalogue = self._window.rail, self._window.catalogue
        rail.add("start", self.tr("Start"), "home")
        known = rail_icons()
        for bench in catalogue.benches:
            if catalogue.methods_of(bench.id):
                icon = bench.icon if bench.icon in known else "picture"
                rail.add(bench.id, bench.verb, icon, tip=bench.title)
        rail.add("history", self.tr("History"), "history", foot=True)
        rail.add("models", self.tr("Models"), "models", foot=True)
        rail.add("settings", self.tr("Settings"), "settings", foot=True)

    def benches(self) -> list[str]:
        """Ids of the benches that are shown."""
        window = self._window
        return [b.id for b in window.catalogue.benches if window.catalogue.methods_of(b.id)]

    def made(self) -> dict[str, Page]:
        """The pages that exist already."""
        return dict(self._made)

    def made_benches(self) -> dict[str, Any]:
        """Of these, the bench pages."""
        return {key: self._made[key] for key in self.benches() if key in self._made}

    def get(self, key: str) -> Page | None:
        """A page, made if need be; None where there is no such page."""
        if key in self._made:
            return self._made[key]
        page = self._make(key)
        if page is None:
            return None
        self._made[key] = page
        self._window.stack.addWidget(page)
        page.facts_changed.connect(self._on_facts)
        page.notice.connect(self._window.say)
        page.withdrawn.connect(self._window.take_back)
        page.logged.connect(self._window.log.say)
        return page

    def running(self) -> list[str]:
        """Benches on which a run is going on."""
        return [key for key, page in self.made_benches().items() if page.desk.run.active]

    def rebuild(self) -> None:
        """Make every page anew, as the catalogue changed.

        What was set is kept, and so is the offer to resume a run.
        """
        from app.page_state import to_builtins

        window = self._window
        front = window.page_id
        offers = {}
        for key, page in self.made_benches().items():
            self.states[key] = to_builtins(page.state)
            if page.desk.run.resumable:
                offers[key] = page.desk.open_runs()
        for page in self._made.values():
            window.stack.removeWidget(page)
            page.hide()
            page.deleteLater()
        self._made.clear()
        window.renew_rail()
        self.fill_rail()
        for key in offers.keys() & set(self.benches()):
            window.bench(key).desk.adopt(offers[key])
        window.show_page(front if front in window.rail.keys() else "start")  # noqa: SIM118

    def badge_all(self) -> None:
        """Mark what goes on behind the page in front."""
        for key, page in self.made_benches().items():
            state = page.desk.run.state
            before = self._seen.get(key, "none")
            badge = _BADGES.get(state, "")
            if state == "finished" and key != self._window.page_id and before != "shown":
                badge = "done"
            if key == self._window.page_id:
                self._seen[key] = "shown" if state == "finished" else state
                badge = badge if badge in ("running", "paused") else ""
            elif state != "finished":
                self._seen[key] = state
            self._window.rail.set_badge(key, badge)  # type: ignore[arg-type]

    @Slot(str)
    def run_kept(self, run_id: str) -> None:
        """A run ended: pages that list runs look again."""
        start = self._made.get("start")
        if isinstance(start, StartPage):
            start.refresh()
        history = self._made.get("history")
        if history is not None and history.isVisible():
            history.entered()

    def paste_image(self, image: Any) -> None:
        """Use a picture that was dropped without a file."""
        for key in [self._window.page_id, *self.benches()]:
            if key in self.benches():
                self._window.show_page(key)
                spec = self._window.bench(key).picture_input
                if spec is not None:
                    self._window.bench(key).intake.paste(spec.name, QImage(image))
                return

    def close(self) -> None:
        """Let go of what pages hold beyond themselves."""
        for page in self._made.values():
            closing = getattr(page, "closing", None)
            if closing is not None:
                closing()

    @Slot()
    def _on_facts(self) -> None:
        sender = self.sender()
        if sender is self._window.page:
            self._window.refresh()
        else:
            self.badge_all()

    def _make(self, key: str) -> Page | None:
        window = self._window
        if key == "start":
            return self._start()
        if key == "history":
            from app.pages.history import HistoryPage

            history = HistoryPage(window.index, window.catalogue, window.stack)
            history.reopen.connect(window.reopen)
            history.repeat.connect(window.repeat)
            history.resume.connect(window.resume)
            history.start_wanted.connect(partial(window.show_page, "start"))
            return history
        if key == "models":
            from app.pages.models import ModelsPage

            return ModelsPage(window.catalogue, parent=window.stack)
        if key == "settings":
            from app.pages.settings import SettingsPage

            return SettingsPage(window.preferences, window.commands.devices, window.stack)
        return self._bench(key) if key in self.benches() else None

    def _start(self) -> Page:
        window: QWidget = self._window
        start = StartPage(self._window.catalogue, self._recent, self._window.actions_, window)
        start.set_menu(self._window.commands.menu)
        start.bench_chosen.connect(self._window.open_bench)
        start.example_chosen.connect(self._window.try_example)
        start.run_chosen.connect(self._window.reopen_id)
        start.history_wanted.connect(partial(self._window.show_page, "history"))
        return start

    def _bench(self, key: str) -> Page:
        # Imported here: curves and pictures bring numpy, which the start needs not.
        from app.pages.bench import BenchPage

        window = self._window
        bench = window.catalogue.bench(key)
        page = BenchPage(
            bench,
            window.catalogue,
            window.client,
            window.preferences,
            window.actions_,
            window.stack,
        )
        if key in self.states:
            page.restore(self.states.pop(key))
        page.area.restore(window.preferences.values.geometry.get(f"bench.{key}", ""))
        if window.commands.ready is not None:
            page.gauge.on_event(window.commands.ready)
        page.state_changed.connect(window.session.touch)
        page.log_wanted.connect(window.commands.show_log)
        return page

    def _recent(self) -> list[RunRow]:
        return self._window.index.search(limit=RECENT)


def rail_icons() -> frozenset[str]:
    """The icons that a bench may name."""
    from widgets import icons

    return frozenset(icons.names())
