"""What a person changes on a bench page, each change one step of undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, Slot

from app.page_state import with_knob, with_method, with_preset
from app.pages.bench_input import SEED
from app.pages.bench_masks import keep_mask
from engine.catalogue import BenchSpec, Catalogue
from engine.messages import Pointer

if TYPE_CHECKING:
    from app.pages.bench import BenchPage


class Edits(QObject):
    """Turns signals of the panels into changes of the page's model."""

    def __init__(self, page: BenchPage) -> None:
        super().__init__(page)
        self._page = page
        self._words = _words(page.bench, page.catalogue)
        parts = page.parts
        parts.input.changed.connect(self._on_problem)
        parts.input.chosen.connect(self.choose)
        parts.input.paint_wanted.connect(self._on_paint)
        parts.method.changed.connect(self._on_knob)
        parts.method.method_chosen.connect(self.choose_method)
        parts.method.preset_chosen.connect(self._on_preset)
        for panel in (parts.input, parts.method):
            panel.committed.connect(page.model.seal)
        parts.stage.viewed.connect(self.set)
        parts.stage.painted.connect(self._on_painted)
        parts.stage.pointed.connect(self._on_pointed)
        page.intake.accepted.connect(self._on_accepted)
        page.single.run.moved.connect(self.follow)
        #: What changes now is not to be sent to the run.
        self.follows = False

    @Slot(str, object)
    def set(self, key: str, value: Any) -> None:
        """Change one value."""
        self._page.model.set(key, value, self._words.get(key, self._page.tr("View")))

    @Slot(str, str)
    def choose(self, name: str, reference: str) -> None:
        """Use a file or sample for an input."""
        self._page.model.seal()
        self.set(f"inputs:{name}", reference)

    @Slot(str)
    def choose_method(self, method: str) -> None:
        """Do it another way; the knobs of the way before are kept."""
        page = self._page
        page.model.replace(with_method(page.state, page.methods[method]), self.tr("Method"))

    def reset_knobs(self) -> None:
        """Every knob of the method as its first preset has it."""
        presets = self._page.method.presets
        self._to_preset(presets[0].name if presets else "", self.tr("Reset"))

    @Slot(str, object)
    def _on_problem(self, name: str, value: Any) -> None:
        self.set("seed" if name == SEED else f"problem:{name}", value)

    @Slot(str, object)
    def _on_knob(self, name: str, value: Any) -> None:
        page, key = self._page, f"params:{name}"
        state = with_knob(page.state, page.method, name, value)
        words = self._words.get(f"{page.method.id}:{name}", name)
        page.model.replace(state, words, merge=key)

    @Slot(object)
    def follow(self, values: dict[str, Any]) -> None:
        """Show knobs where a hand on a picture has moved them: the run has them there already.

        From a press to the next is one step of undo.
        """
        page, run = self._page, self._page.single.run
        if run.request is None or run.request.method != page.method.id:
            return
        state = page.state
        for name, value in values.items():
            state = with_knob(state, page.method, name, value)
        self.follows = True
        try:
            page.model.replace(state, self._page.tr("Drag"), merge="follow")
        finally:
            self.follows = False

    @Slot(object)
    def _on_pointed(self, event: Any) -> None:
        if isinstance(event, Pointer) and event.phase == "press":
            self._page.model.seal()

    @Slot(str)
    def _on_preset(self, name: str) -> None:
        if name:
            self._to_preset(name, self.tr("Preset"))
        else:
            # Custom is what the knobs are, not something to choose: back to what they say.
            self._page.parts.method.show_state(self._page.state, frozenset())

    def _to_preset(self, name: str, words: str) -> None:
        page = self._page
        page.model.replace(with_preset(page.state, page.method, name), words)

    @Slot(str, str, object, object)
    def _on_accepted(self, name: str, reference: str, facts: dict[str, Any], thumb: Any) -> None:
        if not self._page.may_change_pictures():
            # It was asked for before the run began, and the answer came late.
            return
        self.choose(name, reference)
        self._page.parts.input.samples(name).show_choice(reference, thumb)
        self._page.parts.banner.hide()
        # Without a note, what was said of the picture before goes away.
        self._page.notice.emit("info", " ".join(str(note) for note in facts.get("notes", ())))

    @Slot()
    def _on_paint(self) -> None:
        page = self._page
        values = page.parts.input.painted
        state = page.state.with_values({f"problem:{n}": v for n, v in values.items()})
        page.model.replace(state, self.tr("Paint by hand"))
        page.parts.stage.paint(True, "brush")
        page.parts.input.show_state(page.state, frozenset())

    @Slot(object)
    def _on_painted(self, mask: Any) -> None:
        page = self._page
        spec = next((s for s in page.bench.inputs if s.kind == "mask"), None)
        if spec is None or page.desk.run.active:
            return
        reference = ""
        if mask is not None and mask.any():
            try:
                reference = keep_mask(mask)
            except OSError as error:
                text = self.tr("What you painted cannot be kept ({reason}).")
                why = text.format(reason=error.strerror or error)
                page.parts.banner.show_message(why, "error")
                return
        self.choose(spec.name, reference)


def _words(bench: BenchSpec, catalogue: Catalogue) -> dict[str, str]:
    """Key to the words that undo uses for it."""
    words = {"seed": QCoreApplication.translate("Edits", "Seed")}
    words |= {f"problem:{field.name}": field.title for field in bench.fields}
    words |= {f"inputs:{spec.name}": spec.title for spec in bench.inputs}
    for method in catalogue.methods_of(bench.id):
        words |= {f"{method.id}:{field.name}": field.title for field in method.fields}
    return words
