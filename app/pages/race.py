"""A bench page set to a race: several methods on what is set at the left, against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Slot

from app.page_state import (
    FEWEST,
    PageState,
    racer_requests,
    with_preset,
    with_race,
    with_racer,
)
from app.pages.race_desk import RaceDesk
from app.pages.race_results import RaceResults
from app.words import sentence
from engine.messages import Event, Reply, RunRequest

if TYPE_CHECKING:
    from app.engine_client import EngineClient
    from app.pages.bench import BenchPage


class Race(QObject):
    """The part of a bench page that knows of races: state in, state out, and the desk."""

    def __init__(self, page: BenchPage, client: EngineClient) -> None:
        super().__init__(page)
        self._page, self._client = page, client
        parts = page.parts
        self.desk = RaceDesk(
            client,
            page.bench,
            page.methods,
            parts.stage,
            parts.below,
            parts.bar,
            parts.banner,
            self,
        )
        self.results = RaceResults(self.desk.run, page.catalogue, page)
        #: The methods that can race here.
        self.able = [method.id for method in page.methods.values() if method.races]
        #: Of every method that can race: why it cannot on this problem, and whatever is wrong.
        self._unfit: dict[str, str] = {}
        self._errors: dict[str, str] = {}
        self._on = False
        parts.race.ticked.connect(self._on_ticked)
        parts.race.preset_chosen.connect(self._on_preset)
        parts.race.together_chosen.connect(self._on_together)
        client.event.connect(self._on_event)

    def toggle(self) -> None:
        """To the race and back to one method."""
        page, on = self._page, not self._page.state.race.on
        if page.desk.run.active:
            return
        state = with_race(page.state, page.methods.values(), on)
        page.model.replace(state, self.tr("Race") if on else self.tr("One method"))

    def requests(self) -> list[RunRequest]:
        """The runs that would race, on the pictures and the device that one would run on."""
        page = self._page
        like = page.request()
        return [
            msgspec.structs.replace(
                request, inputs=like.inputs, device=like.device, threads=like.threads
            )
            for request in racer_requests(page.state, page.methods)
        ]

    @property
    def blocked(self) -> bool:
        """Whether one of those that would race is known to fail at once."""
        race = self._page.state.race
        return race.on and not self._errors.keys().isdisjoint(race.methods)

    def start(self) -> bool:
        """Race what is chosen; False where nothing was started."""
        page = self._page
        if len(page.state.race.methods) < FEWEST or self.blocked:
            return False
        return self.desk.start(self.requests(), page.runs_folder, parent=page)

    def show_state(self, state: PageState, changed: frozenset[str] | None) -> None:
        """Draw who races; nothing of it where no race is set."""
        page, parts, on = self._page, self._page.parts, state.race.on
        self.desk.together = state.race.together
        if changed is None or "race" in changed or any(k.startswith("params:") for k in changed):
            parts.race.show_state(state)
        if on != self._on:
            self._on = on
            # What the one left on the page is not the other's.
            parts.banner.hide()
            page.single.forget_result()
            page.results.forget()
            parts.show_race(on)
            if on and self.desk.shown is not None and not page.answers.shows_result():
                self.desk.forget_result()
            page.facts_changed.emit()
        if on:
            self.desk.choose(racer_requests(state, page.methods))
        else:
            self.desk.leave()

    def judge(self) -> None:
        """Let the engine say who could race, and which values cannot be used."""
        state = self._page.state
        race = msgspec.structs.replace(state.race, methods=tuple(self.able))
        every = msgspec.structs.replace(state, race=race)
        for request in racer_requests(every, self._page.methods) if race.on else ():
            values = {
                "method": request.method,
                "params": request.params,
                "problem": request.problem,
                "racing": True,
            }
            self._client.query("validate", values, f"race/{request.method}")

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if not isinstance(event, Reply) or not event.channel.startswith("race/"):
            return
        method = event.channel.removeprefix("race/")
        if method not in self._page.methods:
            return
        # What is wrong with the problem is said where it is set, once for all of them.
        told = event.value.get("errors", {}).items()
        errors = {name: text for name, text in told if not name.startswith("problem.")}
        for kept in (self._unfit, self._errors):
            kept.pop(method, None)
        if unfit := event.value.get("unfit", ""):
            errors["unfit"] = self._unfit[method] = sentence(unfit)
        if errors:
            self._errors[method] = "; ".join(errors.values())
        self._page.parts.race.set_errors(self._errors, self._unfit)
        self._page.answers.settle()

    @Slot(str, bool)
    def _on_ticked(self, method: str, on: bool) -> None:
        page = self._page
        state = with_racer(page.state, page.methods.values(), method, on)
        page.model.replace(state, self.tr("Race"))
        # Where it was not taken, the switch goes back.
        page.parts.race.show_state(page.state)

    @Slot(str, str)
    def _on_preset(self, method: str, preset: str) -> None:
        page = self._page
        state = with_preset(page.state, page.methods[method], preset)
        page.model.replace(state, self.tr("Preset"))

    @Slot(object)
    def _on_together(self, together: bool) -> None:
        page = self._page
        race = msgspec.structs.replace(page.state.race, together=together)
        page.model.replace(msgspec.structs.replace(page.state, race=race), self.tr("Turns"))
