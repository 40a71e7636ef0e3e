"""A run on its page: frames to the stage, numbers to the curves, words to the job bar."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.dialogs import ask
from app.pages.bench_curves import CurvesPanel
from app.pages.moments import Moments
from app.pages.pointer_feed import PointerFeed
from app.pages.stage import BenchStage
from app.run_controller import RunController, new_folder
from app.run_words import value_text
from app.words import sentence
from engine.catalogue import FieldSpec
from engine.messages import JobState, Progress, RunRequest
from widgets.job_bar import JobBar
from widgets.parts import Banner

if TYPE_CHECKING:
    from app.engine_client import EngineClient
    from app.engine_memory import Crash

_BAR = {"none": "ready", "stopping": "cancelling", "interrupted": "cancelled"}


class RunDesk(QObject):
    """Joins the run of a page with what shows it. Asks before a run is replaced.

    ``suggested(values)`` carries values (``problem.name``, ``params.name``) that a failure
    proposes and a person accepted.
    """

    changed = Signal()
    began = Signal()
    suggested = Signal(object)
    ended = Signal()
    log_wanted = Signal()

    def __init__(
        self,
        client: EngineClient,
        fields: dict[str, FieldSpec],
        stage: BenchStage,
        curves: CurvesPanel,
        bar: JobBar,
        banner: Banner,
        parent: QObject,
        *,
        interactive: Collection[str] = (),
    ) -> None:
        super().__init__(parent)
        self.run = RunController(client, self, interactive=interactive)
        self._pointer = PointerFeed(self.run, self)
        stage.pointed.connect(self._pointer.take)
        self._fields = fields
        self._stage, self._curves, self._bar, self._banner = stage, curves, bar, banner
        #: What the banner's action does; each banner sets it anew.
        self._next = ""
        self._suggestion: dict[str, Any] = {}
        #: The request whose pictures are on the stage; None before the first frame.
        self.shown: RunRequest | None = None
        self._warming = False
        self._moments = Moments()
        bar.looked.connect(self._look_back)
        run = self.run
        run.changed.connect(self._on_changed)
        run.started.connect(self._on_started)
        run.progress.connect(self._on_progress)
        run.metrics.connect(curves.append)
        run.curves.connect(curves.show_curves)
        run.panels.connect(stage.expect)
        run.frame.connect(self._on_frame)
        run.failed.connect(self._on_failed)
        run.unsaved.connect(self._on_unsaved)
        run.interrupted.connect(self._on_interrupted)
        run.stuck.connect(self._on_stuck)
        run.freed.connect(self._on_freed)
        run.ended.connect(self._on_ended)
        bar.pause.connect(run.pause)
        bar.resume.connect(run.go_on)
        bar.step.connect(run.step)
        bar.cancel.connect(run.cancel)
        banner.acted.connect(self._on_action)

    def start(self, request: RunRequest, runs: Path, *, parent: Any) -> bool:
        """Start a run in a new folder below ``runs``; False where it was not wanted or failed."""
        if self.run.active and not ask(
            parent,
            self.tr("Replace the run?"),
            self.tr("A run is going on here. It will be cancelled; what it reached is kept."),
            self.tr("Replace"),
            no=self.tr("Keep running"),
        ):
            return False
        try:
            self.run.start(request, new_folder(runs, request.method))
        except OSError as error:
            text = self.tr(
                "The run cannot be kept in {folder} ({reason}). Nothing was started; "
                "choose another folder in the settings."
            )
            self._say(text.format(folder=runs, reason=error.strerror or error), "error")
            return False
        return True

    def resume(self) -> None:
        """Take an interrupted run up again."""
        self.run.resume()

    def open_runs(self) -> list[tuple[RunRequest, Path]]:
        """The run, where it is not over: for the next start of the window."""
        run = self.run
        if not (run.active or run.resumable) or run.request is None or run.folder is None:
            return []
        return [(run.request, run.folder)]

    def adopt(self, runs: Sequence[tuple[RunRequest, Path]]) -> None:
        """Offer the run that an earlier window left behind."""
        request, folder = runs[0]
        self.run.adopt(request, folder)
        text = self.tr("A run was going on when the window closed. Its newest checkpoint is kept.")
        self._say(text, "info", self.tr("Resume"), "resume")

    def forget_result(self) -> None:
        """What the stage showed belongs to other settings now."""
        self.shown = None
        self._next = ""
        self._forget_moments()
        self._curves.clear()
        if not self.run.active:
            self._bar.set_state("ready")

    @Slot()
    def _on_changed(self) -> None:
        state = self.run.state
        text = self.tr("Interrupted") if state == "interrupted" else ""
        self._bar.set_state(_BAR.get(state, state), text)  # type: ignore[arg-type]
        self._stage.show_run(state)
        last = self.run.last_progress
        if last is not None and state in ("finished", "cancelled", "failed", "paused", "idle"):
            self._on_progress(last)
        if state not in ("preparing", "running"):
            self._warm(False)
            self._bar.set_moments(len(self._moments))
        self.changed.emit()

    @Slot(object)
    def _on_started(self, resumed: bool) -> None:
        self._banner.hide()
        if not resumed:
            self._forget_moments()
            self._curves.clear()
            self.shown = None
        self._warm(True)
        self.began.emit()

    @Slot(object)
    def _on_progress(self, event: Progress) -> None:
        self._bar.set_progress(event.step, event.total, event.rate, event.seconds, event.eta)
        self._curves.set_total(event.total)

    @Slot(str, object, int, bool)
    def _on_frame(self, panel: str, array: Any, step: int, _final: bool) -> None:
        if self._curves.draws(panel):
            self._curves.draw(panel, array)
            self._stage.offer_plot(panel)
            return
        self._stage.show_frame(panel, array, step)
        # Where a person explores, it is they who lead: there is no way to look back along.
        if self._stage.compares:
            self._moments.keep(step, panel, array)
        if panel == self._stage.result:
            self.shown = self.run.request
            self._warm(False)

    @Slot(int)
    def _look_back(self, index: int) -> None:
        """See the pictures of an earlier moment, and read the curves there."""
        if not 0 <= index < len(self._moments):
            return
        step, pictures = self._moments[index]
        for panel, array in pictures.items():
            self._stage.show_frame(panel, array, step)
        self._curves.point_at(step)

    def _forget_moments(self) -> None:
        self._moments.clear()
        self._bar.set_moments(0)

    def _warm(self, on: bool) -> None:
        if on != self._warming:
            self._warming = on
            self._stage.stage.set_warming(on)

    @Slot(object)
    def _on_failed(self, event: JobState) -> None:
        text = sentence(event.text.removeprefix(f"{event.field}: ")) if event.text else ""
        text = text or self.tr("The run failed.")
        safe = self.tr("Your settings and what was reached are safe.")
        self._suggestion = event.suggestion
        if event.suggestion:
            values = ", ".join(self._told(*pair) for pair in event.suggestion.items())
            action = self.tr("Try {values}").format(values=values)
            self._say(f"{text} {safe}", "error", action, "less")
        else:
            self._say(f"{text} {safe}", "error", self.tr("Show the log"), "log")

    def _told(self, name: str, value: Any) -> str:
        """A value that is suggested, as it stands within a sentence: ``working size 32 px``."""
        field = self._fields.get(name)
        if field is None:
            return f"{name} {value}"
        return f"{field.title[:1].lower()}{field.title[1:]} {value_text(field, value)}"

    @Slot(str)
    def _on_unsaved(self, text: str) -> None:
        self._say(text, "error", self.tr("Resume"), "save")

    @Slot(object)
    def _on_interrupted(self, crash: Crash) -> None:
        safe = self.tr("The run stopped at its newest checkpoint; nothing else is lost.")
        if crash.restarting:
            self._say(f"{crash.cause} {safe}", "error", self.tr("Resume"), "resume")
        else:
            text = self.tr("It does not start again by itself; the log tells more.")
            self._say(f"{crash.cause} {safe} {text}", "error", self.tr("Resume"), "resume")

    @Slot()
    def _on_stuck(self) -> None:
        text = self.tr(
            "The step that is going on takes long and cannot be broken off. Wait for it, or end "
            "it by force: the engine restarts, other runs go on."
        )
        self._say(text, "warning", self.tr("End by force"), "force")

    @Slot()
    def _on_freed(self) -> None:
        self._answered("force")

    @Slot(str)
    def _on_ended(self, _folder: str) -> None:
        self._answered("save")
        self.ended.emit()

    def forget_failure(self) -> None:
        """What failed would be another run now: its reason goes."""
        for question in ("less", "log"):
            self._answered(question)
        if self._bar.state() == "failed":
            self._bar.set_state("ready")

    def _answered(self, question: str) -> None:
        """What the banner offers is not needed any more."""
        if self._next == question:
            self._banner.hide()
            self._next = ""

    def _say(self, text: str, level: Any, action: str = "", then: str = "") -> None:
        self._next = then
        self._banner.show_message(text, level, action)

    @Slot()
    def _on_action(self) -> None:
        then, self._next = self._next, ""
        if then:
            self._banner.hide()
        if then == "resume":
            self.run.resume()
        elif then == "force":
            self.run.force_stop()
        elif then == "save":
            self.run.go_on()
        elif then == "less":
            self.suggested.emit(self._suggestion)
        elif then == "log":
            self.log_wanted.emit()
