"""What the engine answers to a bench page: previews, and which values cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot

from app.page_state import from_request
from app.pages.bench_input import PAINTED, SEED
from app.race_scores import comparable
from app.words import sentence

if TYPE_CHECKING:
    from app.pages.bench import BenchPage


class Answers(QObject):
    """Shows previews on the stage and marks fields; nothing of it changes the page's state."""

    def __init__(self, page: BenchPage) -> None:
        super().__init__(page)
        self._page = page
        self._errors: dict[str, dict[str, str]] = {"judged": {}, "preview": {}, "run": {}}
        #: Run was pressed in vain: what is still to be given is marked, too.
        self._insists = False
        self._blocked_text = self.tr(
            "Some values cannot be used yet; the marks on the page say why."
        )
        page.preview.ready.connect(self._on_preview)
        page.preview.failed.connect(self._on_failed)
        page.preview.judged.connect(self._on_judged)
        page.preview.slow.connect(self._on_slow)
        page.intake.refused.connect(self.refuse)

    @property
    def blocked(self) -> bool:
        """Whether a value is known to be unusable, so that a run would fail at once."""
        known = self._errors["judged"] or self._errors["preview"]
        return bool(known) or self._page.race.blocked

    def say_blocked(self) -> None:
        """Run was pressed in vain; the line goes once everything can be used."""
        self._insists = True
        self._show_marks()
        self._page.parts.banner.show_message(self._blocked_text, "warning")

    def mark_run(self, field: str, text: str) -> None:
        """A run failed because of a field; without one, earlier marks of runs go away."""
        self._mark("run", {field: text} if field else {})

    @Slot(str)
    def refuse(self, text: str) -> None:
        """A file cannot be used: one line; the page stays as it was."""
        line = self.tr("{why} The page is as it was.").format(why=sentence(text))
        self._page.parts.banner.show_message(line, "warning")
        self._page.logged.emit("warning", line)

    def shows_result(self) -> bool:
        """Whether the result on the stage belongs to the measurement that is set.

        Where nothing is compared, the pictures of another method belong to that method; and so do
        those of methods that do not restore what is measured.
        """
        page, methods = self._page, self._page.methods
        shown, wanted = page.desk.shown, page.request()
        if shown is None or shown.inputs != wanted.inputs or shown.seed != wanted.seed:
            return False
        if shown.method != wanted.method and not (
            page.state.race.on
            or (
                page.parts.stage.compares
                and all(comparable(methods[r.method], r.params) for r in (shown, wanted))
            )
        ):
            return False
        then = from_request(page.catalogue, shown, page.state)
        fixed = page.methods[then.method].fixed_under(then.knobs)
        now = page.method.fixed_under(page.state.knobs)
        return {**then.problem, **fixed} == {**page.state.problem, **now}

    @Slot(object, object)
    def _on_preview(self, arrays: dict[str, Any], facts: dict[str, Any]) -> None:
        page = self._page
        self._mark("preview", {})
        page.parts.input.ask_thumbnails()
        page.parts.input.set_size(str(facts.get("size", "")))
        pixels = int(facts.get("width", 0)) * int(facts.get("height", 0))
        page.parts.method.set_pixels(pixels)
        page.parts.race.set_pixels(pixels)
        notes = [sentence(str(note)) for note in facts.get("notes", ())]
        if facts.get("truth"):
            notes.append(self.tr("The method never sees the original; it only measures with it."))
        page.parts.input.set_foot("\n".join(notes))
        if page.desk.run.active:
            if page.desk.shown is None:
                # The run's own first pictures are still to come.
                page.parts.stage.show_pictures(arrays, page.parts.stage.stage.note())
            return
        if self.shows_result():
            return
        if page.parts.bar.state() != "failed":
            # Why it failed, and what is offered then, stands until something else is set.
            page.desk.forget_result()
            page.results.forget()
        page.parts.stage.set_params(page.state.knobs)
        page.parts.stage.show_pictures(arrays)
        page.show_mask(page.state)
        page.facts_changed.emit()

    @Slot(str, str)
    def _on_failed(self, text: str, field: str) -> None:
        page, name = self._page, field.removeprefix("problem.").removeprefix("inputs.")
        text = text.removeprefix(f"{field}: ").removeprefix(f"{name}: ")
        self._mark("preview", {name or "?": text})
        page.parts.input.ask_thumbnails()
        if name in page.state.problem:
            return
        line = sentence(text)
        if self._is_to_come(name):
            page.parts.stage.ask_for(line)
        else:
            page.parts.banner.show_message(line, "warning")

    @Slot(bool)
    def _on_slow(self, on: bool) -> None:
        stage, text = self._page.parts.stage.stage, self.tr("Preparing the preview …")
        # What else is said there counts more: an engine that starts, a run that warms up.
        if on and not stage.note():
            stage.set_note(text)
        elif not on and stage.note() == text:
            stage.set_note("")

    @Slot(object, str)
    def _on_judged(self, errors: dict[str, str], unfit: str) -> None:
        if self._page.state.race.on:
            # What is wrong with a method is said at its line there.
            said = {n: t for n, t in errors.items() if n.startswith("problem.") and t != unfit}
            errors = said
        self._mark("judged", errors)

    def _mark(self, kind: str, errors: dict[str, str]) -> None:
        self._errors[kind] = errors
        self.settle()
        self._show_marks()

    def settle(self) -> None:
        """Once everything can be used, nothing has to be said of it."""
        if not self.blocked:
            self._insists = False
            if self._page.parts.banner.text() == self._blocked_text:
                self._page.parts.banner.hide()

    def _show_marks(self) -> None:
        merged = {n: t for part in self._errors.values() for n, t in part.items()}
        self._page.parts.method.set_errors(merged)
        problem = {n.removeprefix("problem."): t for n, t in merged.items()}
        shown = [name for name in problem if self._insists or not self._is_to_come(name)]
        self._page.parts.input.set_errors({self._field_of(name): problem[name] for name in shown})

    def _is_to_come(self, name: str) -> bool:
        """Whether nothing is wrong: an input is still to be given."""
        inputs = self._page.state.inputs
        return name in inputs and not inputs[name]

    def _field_of(self, name: str) -> str:
        """The field that a mark stands at: what is to be painted has its choice for a field."""
        if name == "seed":
            return SEED
        if any(spec.name == name and spec.kind == "mask" for spec in self._page.bench.inputs):
            values = self._page.parts.input.painted
            return next((field for field, value in values.items() if value == PAINTED), name)
        return name
