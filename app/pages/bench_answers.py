"""What the engine answers to a bench page: previews, and which values cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot

from app.page_state import from_request
from app.pages.bench_input import SEED
from app.words import sentence

if TYPE_CHECKING:
    from app.pages.bench import BenchPage


class Answers(QObject):
    """Shows previews on the stage and marks fields; nothing of it changes the page's state."""

    def __init__(self, page: BenchPage) -> None:
        super().__init__(page)
        self._page = page
        self._errors: dict[str, dict[str, str]] = {"judged": {}, "preview": {}, "run": {}}
        page.preview.ready.connect(self._on_preview)
        page.preview.failed.connect(self._on_failed)
        page.preview.judged.connect(self._on_judged)
        page.intake.refused.connect(self.refuse)

    @property
    def blocked(self) -> bool:
        """Whether a value is known to be unusable, so that a run would fail at once."""
        return bool(self._errors["judged"] or self._errors["preview"])

    def mark_run(self, field: str, text: str) -> None:
        """A run failed because of a field; without one, earlier marks of runs go away."""
        self._mark("run", {field: text} if field else {})

    @Slot(str)
    def refuse(self, text: str) -> None:
        """A file cannot be used: one line; the page stays as it was."""
        line = self.tr("{why} The page is as it was.").format(why=sentence(text))
        self._page.parts.banner.show_message(line, "warning")

    def shows_result(self) -> bool:
        """Whether the result on the stage belongs to the measurement that is set."""
        page = self._page
        shown, wanted = page.desk.shown, page.state.request()
        if shown is None or shown.inputs != wanted.inputs or shown.seed != wanted.seed:
            return False
        return from_request(page.catalogue, shown, page.state).problem == page.state.problem

    @Slot(object, object)
    def _on_preview(self, arrays: dict[str, Any], facts: dict[str, Any]) -> None:
        page = self._page
        self._mark("preview", {})
        page.parts.input.ask_thumbnails()
        page.parts.input.set_size(str(facts.get("size", "")))
        notes = [sentence(str(note)) for note in facts.get("notes", ())]
        if facts.get("truth"):
            notes.append(self.tr("The method never sees the original; it only measures with it."))
        page.parts.input.set_foot("\n".join(notes))
        if page.desk.run.active:
            if page.desk.shown is None:
                # The run's own first pictures are still to come.
                note = page.parts.stage.stage.note()
                page.parts.stage.show_pictures(arrays)
                page.parts.stage.stage.set_note(note)
            return
        if self.shows_result():
            return
        page.desk.forget_result()
        page.results.folder = None
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
        if name in page.state.inputs and not page.state.inputs[name]:
            # Nothing is wrong: something is still to be given.
            page.parts.stage.ask_for(line)
        else:
            page.parts.banner.show_message(line, "warning")

    @Slot(object)
    def _on_judged(self, errors: dict[str, str]) -> None:
        self._mark("judged", errors)

    def _mark(self, kind: str, errors: dict[str, str]) -> None:
        self._errors[kind] = errors
        merged = {n: t for part in self._errors.values() for n, t in part.items()}
        self._page.parts.method.set_errors(merged)
        problem = {n.removeprefix("problem."): t for n, t in merged.items()}
        problem = {SEED if name == "seed" else name: text for name, text in problem.items()}
        self._page.parts.input.set_errors(problem)
