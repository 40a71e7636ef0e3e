"""A bench page: what I have, what I see, how it is done. Made from declarations only.

The page's state is one model. ``Edits`` changes it, ``Answers`` shows what the engine says
of it, ``RunDesk`` runs it; the page draws it and is what the window talks to.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QWidget

from app import page_state
from app.actions import ActionSet, Facts, run_reason
from app.header import Heading
from app.page_state import PageModel, PageState
from app.pages.base import Page
from app.pages.bench_answers import Answers
from app.pages.bench_curves import panels_of, unmeasured
from app.pages.bench_edits import Edits
from app.pages.bench_gauge import GaugeFeed
from app.pages.bench_help import show_help
from app.pages.bench_intake import Intake
from app.pages.bench_kept import KeptRuns
from app.pages.bench_parts import BenchParts
from app.pages.bench_preview import Preview
from app.pages.bench_results import Results
from app.pages.bench_run import RunDesk
from app.pages.bench_samples import quick_look
from app.pages.race import Race
from app.pages.race_desk import RaceDesk
from app.run_row import checkpoint_params
from app.words import sentence
from engine.catalogue import BenchSpec, Catalogue, ExampleSpec, InputSpec, MethodSpec
from engine.messages import RunRequest

if TYPE_CHECKING:
    from app.engine_client import EngineClient
    from app.preferences import Preferences

#: Keys whose change means another measurement.
_PROBLEM = ("problem:", "inputs:", "seed")


class BenchPage(Page):
    """One bench. ``state_changed`` tells the session to keep what is set."""

    state_changed = Signal()
    log_wanted = Signal()

    def __init__(
        self,
        bench: BenchSpec,
        catalogue: Catalogue,
        client: EngineClient,
        preferences: Preferences,
        actions: ActionSet,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.bench, self.catalogue = bench, catalogue
        self._client, self._preferences = client, preferences
        self.methods = {method.id: method for method in catalogue.methods_of(bench.id)}
        self.model = PageModel(page_state.initial(bench, self.methods.values()))
        self._masks = [spec.name for spec in bench.inputs if spec.kind == "mask"]
        self._example = ""
        self._was_entered = False
        #: What was said of a run that is in the way.
        self._refusal = ""
        #: The method that shows before a run what its own knobs say, or what it fixes of the
        #: problem, if it is the chosen one.
        self._shown_own: tuple[str, dict[str, Any]] | None = None
        self.parts = parts = BenchParts(bench, catalogue, actions, self)
        self.area = parts.area
        self.preview = Preview(client, bench.id, self)
        self.intake = Intake(client, bench.id, self)
        self.single_results = Results(self)
        fields = {f"problem.{field.name}": field for field in bench.fields}
        self.single = RunDesk(
            client,
            fields,
            parts.stage,
            parts.curves,
            parts.bar,
            parts.banner,
            self,
            interactive=[method.id for method in self.methods.values() if method.interactive],
        )
        self.race = Race(self, client)
        self.edits = Edits(self)
        self.answers = Answers(self)
        self.kept = KeptRuns(self)
        self.gauge = GaugeFeed(client, parts.gauge, self)
        self._connect()
        self._show(self.state, None)

    # --- what the window asks ------------------------------------------------------------

    @property
    def state(self) -> PageState:
        """What is set on the page."""
        return self.model.state

    @property
    def method(self) -> MethodSpec:
        """The chosen method."""
        return self.methods[self.state.method]

    @property
    def desk(self) -> RunDesk | RaceDesk:
        """What runs here: one method, or those that race."""
        return self.race.desk if self.state.race.on else self.single

    @property
    def results(self) -> Results:
        """What the page's run, or its race, left."""
        return self.race.results if self.state.race.on else self.single_results

    @property
    def runs_folder(self) -> Path:
        """Where runs are kept."""
        return self._preferences.runs_folder

    @property
    def picture_input(self) -> InputSpec | None:
        """The input that dropped and pasted pictures go to."""
        return next((spec for spec in self.bench.inputs if spec.kind == "picture"), None)

    def heading(self) -> Heading:
        """The bench, the method and where it was published."""
        method = self.method
        shown = ("file.example",) if self.bench.examples else ()
        if len(self.race.able) > 1:
            shown = ("run.race", *shown)
        if self.results.available:
            shown = ("file.save", *shown)
        if self.state.race.on:
            return Heading(self.bench.title, self.tr("Race"), actions=shown, panels=True)
        return Heading(self.bench.title, method.title, method.source, method.url, shown, True)

    def facts(self) -> Facts:
        """What can be done here now."""
        run = self.desk.run
        return Facts(
            bench=True,
            engine=self._client.current_state not in ("dead", "starting"),
            run=run.state if run.active else "none",
            picture=all(self.state.inputs.get(s.name) for s in self.bench.inputs if s.required),
            result=self.results.available and not run.active,
            resumable=run.resumable,
            undo=self.model.undo_text,
            redo=self.model.redo_text,
            undo_fixed=run.active and not page_state.live(self.model.undo_keys, self.method),
            redo_fixed=run.active and not page_state.live(self.model.redo_keys, self.method),
            examples=bool(self.bench.examples),
            racing=self.state.race.on,
            racers=len(self.state.race.methods),
            able=len(self.race.able),
            compares=self.parts.stage.compares,
        )

    def do(self, action_id: str, checked: bool) -> bool:
        """Carry out an action that belongs to a bench."""
        handlers: dict[str, Callable[[], object]] = {
            "file.open": self.open_picture,
            "file.example": self.try_example,
            "file.save": self.results.save,
            "file.export": self.results.export_all,
            "file.folder": self.results.show_folder,
            "run.race": self.race.toggle,
            "edit.undo": partial(self._travel, back=True),
            "edit.redo": partial(self._travel, back=False),
            "edit.copy": self.copy,
            "edit.paste": self.paste,
            "edit.reset": self.edits.reset_knobs,
            "run.start": self.start,
            "run.pause": self.desk.run.pause,
            "run.continue": self.desk.run.go_on,
            "run.step": self.desk.run.step,
            "run.cancel": self.desk.run.cancel,
            "run.resume": self.desk.resume,
            "view.fit": self.parts.stage.fit,
            "view.full": self.parts.stage.zoom_100,
            "view.layout": self.area.reset,
            "help.method": self._show_help,
        }
        if action_id in ("view.left", "view.right"):
            self.area.set_shown(action_id.removeprefix("view."), checked)
        elif action_id in ("view.wipe", "view.side", "view.difference"):
            self.edits.set("view:mode", action_id.removeprefix("view."))
        elif action_id in handlers:
            handlers[action_id]()
        else:
            return False
        return True

    def take_file(self, path: Path) -> bool:
        """Use a picture for the first input, once the engine could read it."""
        spec = self.picture_input
        if spec is None:
            return False
        if self.may_change_pictures():
            self.intake.offer(spec.name, str(path))
        return True

    def may_change_pictures(self) -> bool:
        """Whether nothing runs on the pictures that are set; where something does, it is said."""
        return not self.refuses(self.tr("A run is going on; cancel it to change pictures."))

    def refuses(self, text: str) -> bool:
        """Whether a run is going on; then that is said with ``text``, as long as it does."""
        if self.desk.run.active:
            self._refusal = text
            self.notice.emit("warning", text)
        return bool(self.desk.run.active)

    def entered(self) -> None:
        """Ask for what the page shows, at the first time."""
        if not self._was_entered:
            self._was_entered = True
            self._quick_look(self.tr("The engine is starting …"))
            self._ask(picture=True)

    def _quick_look(self, text: str = "") -> None:
        """Something to see while the engine is still starting, or begins with a run."""
        stage, spec = self.parts.stage.stage, self.picture_input
        ready = self._client.current_state in ("ready", "busy")
        if not self.desk.run.active and (self.parts.stage.keys() or ready):
            return
        array = quick_look(self.state.inputs.get(spec.name, "")) if spec is not None else None
        if array is not None and spec is not None:
            self.parts.stage.show_pictures({self.parts.stage.original: array}, text or stage.note())
        elif text:
            stage.set_empty(text)

    def restore(self, values: Any) -> None:
        """Set what an earlier session had set, as far as it still exists."""
        state = page_state.from_builtins(values)
        if state is not None:
            state = page_state.repaired(state, self.bench, self.methods.values())
            self.model = PageModel(state)
            self._observe_model()
            self._show(state, None)

    # --- doing ---------------------------------------------------------------------------

    def request(self) -> RunRequest:
        """The run that Run would start, on the device that is preferred.

        What is painted belongs to it only where it counts.
        """
        request = self.state.request(self.method.fixed_under(self.state.knobs))
        wish = self._preferences.values
        device = wish.device if request.device == "auto" else request.device
        left_out = () if self.parts.input.is_painting(self.state) else self._masks
        inputs = {name: ref for name, ref in request.inputs.items() if name not in left_out}
        return msgspec.structs.replace(request, inputs=inputs, device=device, threads=wish.threads)

    def start(self) -> None:
        """Run what is set; a run that is going on is replaced after asking."""
        if self.answers.blocked:
            self.answers.say_blocked()
            return
        self.model.seal()
        if self.state.race.on:
            self.race.start()
        else:
            self.start_request(self.request())

    def open_request(self, request: RunRequest, words: str) -> bool:
        """Show the settings of a request, as one step of undo; False where that cannot be."""
        try:
            state = page_state.from_request(self.catalogue, request, self.state)
        except KeyError as error:
            self.notice.emit("error", str(error.args[0]))
            return False
        self.model.seal()
        self.model.replace(state, words)
        return True

    def try_example(self, example: ExampleSpec | None = None) -> None:
        """Set an example and run it; where none is named, the one after the last."""
        if example is None:
            titles = [e.title for e in self.bench.examples]
            place = titles.index(self._example) + 1 if self._example in titles else 0
            example = self.bench.examples[place % len(titles)]
        self._example = example.title
        presets = self.methods[example.method].presets if example.method in self.methods else ()
        request = RunRequest(
            method=example.method,
            problem=example.problem,
            params=example.params,
            inputs=example.inputs,
            preset=presets[0].name if presets else "",
        )
        before = self.state
        if not self.open_request(request, example.title) or self.start_request(self.request()):
            return
        if self.desk.run.active and self.state != before:
            # The run that goes on stays, and the page with it.
            self.model.undo()

    def open_picture(self) -> None:
        """Let the person choose a file for the first input."""
        if self.picture_input is not None and self.may_change_pictures():
            self.intake.ask(self.picture_input)

    def choose_input(self, name: str, reference: str) -> None:
        """Use a sample or a file that is known to be good."""
        if self.may_change_pictures():
            self.edits.choose(name, reference)

    def choose_method(self, method: str) -> None:
        """Do it another way."""
        if method in self.methods and not self.desk.run.active:
            self.edits.choose_method(method)

    def _travel(self, *, back: bool) -> None:
        """Take the newest change back, or do it again; what a run works on stays as it is."""
        before, model = self.state, self.model
        model.undo() if back else model.redo()
        changed = page_state.changed_keys(before, self.state)
        if self.desk.run.active and any(key.startswith(_PROBLEM) for key in changed):
            model.redo() if back else model.undo()
            self.may_change_pictures()

    def copy(self) -> None:
        """The result on the clipboard; before there is one, what is seen."""
        stage = self.parts.stage.stage
        result = self.parts.stage.result
        if stage.keys():
            stage.copy(result if result in stage.keys() else "view")  # noqa: SIM118
            self.notice.emit("info", self.tr("Copied"))

    def paste(self) -> None:
        """A picture, or a file that was copied, from the clipboard."""
        data, spec = QGuiApplication.clipboard().mimeData(), self.picture_input
        if spec is None:
            return
        files = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        if files:
            self.take_file(Path(files[0]))
        elif data.hasImage():
            if self.may_change_pictures():
                self.intake.paste(spec.name, QImage(QGuiApplication.clipboard().image()))
        else:
            self.notice.emit("warning", self.tr("There is no picture on the clipboard."))

    # --- drawing the state ---------------------------------------------------------------

    def show_mask(self, state: PageState, changed: frozenset[str] | None = None) -> None:
        """Offer the tools of painting where they count, and draw what is painted."""
        spec = next((s for s in self.bench.inputs if s.kind == "mask"), None)
        if spec is None:
            return
        stage, mask = self.parts.stage, state.inputs.get(spec.name, "")
        painting = self.parts.input.is_painting(state) and not self.desk.run.active
        # Another picture, or nothing painted any more: painting comes next.
        fresh = any(key.startswith("inputs:") for key in changed or ()) and not mask
        if painting != stage.painting or (painting and fresh and stage.stage.tool() is None):
            stage.paint(painting, None if mask else "brush")
        stage.show_mask(mask if painting else "")

    def _show(self, state: PageState, changed: frozenset[str] | None) -> None:
        # Those that race all work on the same problem.
        hidden = () if state.race.on else self.method.unasked(state.knobs)
        self.parts.input.set_unused(hidden)
        self.parts.input.show_state(state, changed)
        self.parts.method.show_state(state, changed)
        self.parts.stage.show_view(state)
        if not state.race.on and (changed is None or changed & {"method", "race"}):
            method, curves = self.method, self.parts.curves
            curves.set_panels(panels_of(self.bench, method), lead=method.lead)
            self.parts.stage.set_method(method.panels, method.lead)
            self.parts.stage.show_plot(curves.lead)
        idle = () if state.race.on else unmeasured(self.bench, self.method, state.knobs)
        self.parts.curves.set_idle(idle)
        self.race.show_state(state, changed)
        self.show_mask(state, changed)

    def _on_state(self, state: PageState, changed: frozenset[str]) -> None:
        self._show(state, changed)
        run = self.desk.run
        if "race" in changed:
            self._ask(picture=not self.answers.shows_result())
        if run.active and run.request is not None and run.request.method == state.method:
            knobs = [k.removeprefix("params:") for k in changed if k.startswith("params:")]
            live = {name: state.value(f"params:{name}") for name in knobs if self._is_live(name)}
            if live and not self.edits.follows:
                run.tune(live)
        other = any(key.startswith(_PROBLEM) for key in changed)
        if other or any(key.startswith("params:") or key == "method" for key in changed):
            self.answers.mark_run("", "")
            self.single.forget_failure()
            self._ask(picture=other or self._shows_otherwise())
        self.facts_changed.emit()
        self.state_changed.emit()

    def _shows_otherwise(self) -> bool:
        """Whether what is seen is another method's, or goes with the knobs."""
        method, fixed = self.method, self.method.fixed_under(self.state.knobs)
        before = self._shown_own
        self._shown_own = (method.id, fixed) if method.previews or fixed else None
        return (
            method.previews
            or before != self._shown_own
            or (self.desk.shown is not None and not self.answers.shows_result())
        )

    def _is_live(self, name: str) -> bool:
        return any(field.name == name and field.live for field in self.method.fields)

    def _ask(self, *, picture: bool) -> None:
        if self._was_entered:
            wanted = picture and not self.desk.run.active
            # What the chosen method says of the problem does not count for those that race.
            racing = self.race.requests() if self.state.race.on else []
            request = racing[0] if racing else self.request()
            self.preview.ask(request, picture=wanted or self.preview.pending)
            self.race.judge()

    # --- the run -------------------------------------------------------------------------

    def start_request(self, request: RunRequest) -> bool:
        """Run ``request``, which the page shows already; False where nothing was started."""
        return self.single.start(request, self.runs_folder, parent=self)

    @Slot()
    def _on_run(self) -> None:
        run = self.desk.run
        if self._refusal and not run.active:
            self.withdrawn.emit(self._refusal)
            self._refusal = ""
        for panel in (self.parts.input, self.parts.method, self.parts.race):
            panel.set_running(run.active)
        if run.state == "failed" and run.failed_field:
            text = run.text.removeprefix(f"{run.failed_field}: ")
            self.answers.mark_run(run.failed_field, sentence(text))
        if run.state == "preparing":
            self.parts.bar.set_state("preparing", self.tr("Reading and preparing the picture …"))
        self.show_mask(self.state)
        self.facts_changed.emit()
        self.state_changed.emit()

    @Slot(bool)
    def _on_started(self, resumed: bool) -> None:
        """A run that goes on gets the live values that were set after its checkpoint."""
        run = self.single.run
        shown = run.request is not None and run.request.method == self.state.method
        if resumed and shown and run.folder is not None:
            kept = checkpoint_params(run.folder)
            now = {name: self.state.value(f"params:{name}") for name in kept if self._is_live(name)}
            if moved := {name: value for name, value in now.items() if value != kept[name]}:
                run.tune(moved)

    @Slot()
    def _on_began(self) -> None:
        self.results.forget()
        # A preview on its way still tells thumbnails and size; it shows until the first frame.
        if self.preview.pending and self.desk.shown is None:
            self._quick_look()

    @Slot()
    def _on_ended(self) -> None:
        single = self.single
        self.single_results.folder = single.run.folder if single.shown is not None else None
        self.parts.curves.settle()
        self.facts_changed.emit()

    @Slot(object)
    def _on_suggested(self, values: dict[str, Any]) -> None:
        keys = {
            f"problem:{name.removeprefix('problem.')}"
            if name.startswith("problem.")
            else f"params:{name}": value
            for name, value in values.items()
        }
        self.model.replace(self.state.with_values(keys), self.tr("Smaller"))
        self.start_request(self.request())

    # --- wiring --------------------------------------------------------------------------

    def _connect(self) -> None:
        parts = self.parts
        self._observe_model()
        parts.input.sample_wanted.connect(self.intake.look)
        parts.input.open_wanted.connect(self._on_open)
        parts.method.help_wanted.connect(self._show_help)
        parts.stage.open_wanted.connect(self.open_picture)
        parts.stage.failed.connect(self.answers.refuse)
        self.intake.sample.connect(parts.input.set_thumbnail)
        parts.bar.run.connect(self.start)
        for desk in (self.single, self.race.desk):
            desk.changed.connect(self._on_run)
            desk.began.connect(self._on_began)
            desk.ended.connect(self._on_ended)
            desk.log_wanted.connect(self.log_wanted)
        self.single.run.started.connect(self._on_started)
        self.single.suggested.connect(self._on_suggested)
        for results in (self.single_results, self.race.results):
            results.done.connect(self._on_saved)
            results.failed.connect(self._on_not_saved)
        parts.area.rearranged.connect(self.facts_changed)
        parts.area.rearranged.connect(parts.stage.rearrange)
        self.facts_changed.connect(self._on_facts)

    def _observe_model(self) -> None:
        self.model.observe(self._on_state)

    @Slot()
    def _on_facts(self) -> None:
        reason = run_reason(self.facts())
        self.parts.bar.set_can_run(not reason, reason)
        # What filled a hole is looked at without the mark of the hole.
        self.parts.stage.stage.set_mask_shown(self.desk.shown is None)

    @Slot(str)
    def _on_open(self, name: str) -> None:
        if self.may_change_pictures():
            self.intake.ask(next(spec for spec in self.bench.inputs if spec.name == name))

    @Slot()
    def _show_help(self) -> None:
        show_help(self.method, self)

    @Slot(str)
    def _on_saved(self, text: str) -> None:
        self.parts.banner.show_message(text, "success")

    @Slot(str)
    def _on_not_saved(self, text: str) -> None:
        self.parts.banner.show_message(text, "error")
