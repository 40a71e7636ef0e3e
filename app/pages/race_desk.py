"""A race on its page: pictures to the stage, numbers to table and curves, words to the job bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.dialogs import ask
from app.pages.bench_below import Below
from app.pages.bench_kept import kept_pictures
from app.pages.stage import BenchStage
from app.race_run import Lane, RaceRun
from app.race_scores import SECONDS, line, overlaid, scores
from app.run_row import read_folder
from app.run_words import curves_of
from app.words import listed, sentence
from engine.catalogue import BenchSpec, MethodSpec
from engine.messages import JobState, RunRequest
from widgets.job_bar import JobBar
from widgets.parts import Banner
from widgets.score_table import Column, ScoreTable

if TYPE_CHECKING:
    from app.engine_client import EngineClient
    from app.engine_memory import Crash

_BAR = {"none": "ready", "stopping": "cancelling", "interrupted": "cancelled"}
#: Parts of the progress bar, which counts shares and not steps.
_PARTS = 1000


class RaceDesk(QObject):
    """Joins a race with what shows it, as ``RunDesk`` does for one run."""

    changed = Signal()
    began = Signal()
    suggested = Signal(object)
    ended = Signal()
    log_wanted = Signal()

    def __init__(
        self,
        client: EngineClient,
        bench: BenchSpec,
        methods: Mapping[str, MethodSpec],
        stage: BenchStage,
        below: Below,
        bar: JobBar,
        banner: Banner,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.run = RaceRun(client, self)
        self._bench = bench
        self._stage, self._below, self._bar, self._banner = stage, below, bar, banner
        self._methods = methods
        #: Who would race next, and who is on the page: those that raced last, if any did.
        self._chosen: list[str] = []
        self._seated: list[MethodSpec] = []
        #: What is on the page raced with another choice than the one that is set now.
        self._earlier = False
        #: Whether lanes take turns step by step, else one after another.
        self.together = True
        self._next = ""
        #: Of one lane whose picture is on the stage: what all of them measured.
        self.shown: RunRequest | None = None
        run = self.run
        run.changed.connect(self._on_changed)
        run.started.connect(self._on_started)
        run.progress.connect(self._on_progress)
        run.metrics.connect(self._on_metrics)
        run.curves.connect(self._on_curves)
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

    @property
    def table(self) -> ScoreTable | None:
        """The table, while a race is set."""
        return self._below.table

    def choose(self, requests: Sequence[RunRequest]) -> None:
        """Who would race next; what a race has left stays on the page until then."""
        self._chosen = [request.method for request in requests]
        raced = [lane.request for lane in self.run.lanes if lane.request is not None]
        before, back = self._earlier, not self._seated
        self._earlier = bool(raced) and _choices(raced) != _choices(requests)
        self._seat()
        if raced and back:
            self._show_kept()
            self._offer()
        if raced and (back or self._earlier != before):
            self._show_run()

    def leave(self) -> None:
        """The page shows one method; what raced comes back with the race."""
        if self._seated:
            self._seated = []
            self._next = ""
            self._stage.set_rivals({})
            self._below.set_table(None)

    def _seat(self) -> None:
        """Make room for those that raced; before a race, for those that are chosen."""
        raced = [lane.method for lane in self.run.lanes if lane.method in self._methods]
        methods = [self._methods[name] for name in raced or self._chosen]
        if methods == self._seated:
            return
        self._seated = methods
        self._stage.set_rivals({method.id: method.title for method in methods})
        columns = [
            Column(s.metric, s.title, s.unit, s.help, s.digits, s.better)  # type: ignore[arg-type]
            for s in scores(self._bench, methods)
        ]
        self._below.set_table(ScoreTable(columns), [method.title for method in methods])
        self._below.curves.set_panels(overlaid(self._bench, methods), legend=False)
        self._clear()

    def _clear(self) -> None:
        """No results yet."""
        if self.table is not None:
            self.table.set_contestants([(method.id, method.title) for method in self._seated])
            self._stage.forget_rivals()
            self._below.curves.clear()

    def start(self, requests: Sequence[RunRequest], runs: Path, *, parent: Any) -> bool:
        """Race in new folders below ``runs``; False where it was not wanted or failed."""
        if self.run.active and not ask(
            parent,
            self.tr("Replace the race?"),
            self.tr("A race is going on here. It will be cancelled; what it reached is kept."),
            self.tr("Replace"),
            no=self.tr("Keep racing"),
        ):
            return False
        return self._tried(lambda: self.run.start(requests, runs, together=self.together))

    def open_runs(self) -> list[tuple[RunRequest, Path]]:
        """All lanes, where the race is not over: for the next start of the window."""
        if not self.run.active and not self.run.resumable:
            return []
        pairs = [(lane.request, lane.folder) for lane in self.run.lanes]
        return [(request, folder) for request, folder in pairs if request and folder]

    def adopt(self, runs: Sequence[tuple[RunRequest, Path]]) -> None:
        """Offer a race that an earlier window left behind, and show what it reached."""
        self.run.adopt(runs, together=self.together)
        self._seat()
        self._show_kept()
        if self.run.resumable:
            text = self.tr("A race was going on when the window closed. What it reached is kept.")
            self._say(text, "info", self.tr("Resume"), "resume")

    def _show_kept(self) -> None:
        """Pictures, curves and numbers as the lanes' folders have them."""
        for lane in self.run.lanes:
            row = read_folder(lane.folder) if lane.folder and lane.folder.is_dir() else None
            if row is None:
                continue
            self._on_curves(lane, curves_of(row))
            self._set_values(lane, {**row.metrics, SECONDS: lane.computed or row.seconds})
            for panel, array in kept_pictures(row.path, self._bench).items():
                self._on_frame(lane, panel, array, 0, True)
        if self.table is not None and not self.run.resumable:
            self.table.mark()

    def resume(self) -> bool:
        """Go on with what was halted."""
        return self._tried(self.run.resume)

    def forget_result(self) -> None:
        """What is shown belongs to other settings now."""
        self.shown = None
        self._next = ""
        if not self.run.active:
            self.run.forget()
            self._earlier = False
            self._seat()
            self._clear()
            self._bar.set_state("ready")

    def _tried(self, begin: Any) -> bool:
        try:
            begin()
        except OSError as error:
            text = self.tr(
                "A run cannot be kept ({reason}); choose another folder in the settings."
            )
            self._say(text.format(reason=error.strerror or error), "error")
            return False
        return True

    # --- what the lanes tell ---------------------------------------------------------------

    @Slot()
    def _on_changed(self) -> None:
        self._show_run()
        self.changed.emit()

    def _show_run(self) -> None:
        state = self.run.state
        shown: Any = _BAR.get(state, state)
        self._bar.set_state(shown, self.tr("Interrupted") if state == "interrupted" else "")
        for lane in self.run.lanes:
            self._tell(lane)
        self._show_progress()
        if self._earlier and not self.run.active:
            self._bar.set_state(shown, self.tr("Of the earlier choice"))
        if state not in ("preparing", "running"):
            self._stage.stage.set_warming(False)

    @Slot(bool)
    def _on_started(self, resumed: bool) -> None:
        self._banner.hide()
        self._next = ""
        if not resumed:
            self.shown = None
            self._earlier = False
            self._seat()
            self._clear()
        if self.table is not None:
            self.table.mark(False)
        self._stage.stage.set_warming(True)
        self.began.emit()

    @Slot(object)
    def _on_progress(self, lane: Lane) -> None:
        self._tell(lane)
        self._set_values(lane, {SECONDS: lane.computed})
        totals = [x.last_progress.total for x in self.run.lanes if x.last_progress is not None]
        self._below.curves.set_total(max(totals, default=0))
        self._show_progress()

    def _show_progress(self) -> None:
        lanes = self.run.lanes
        if not lanes:
            return
        done = sum(lane.state == "finished" for lane in lanes)
        count = self.tr("{done} of {all} done").format(done=done, all=len(lanes))
        share = round(_PARTS * self.run.share)
        spent = sum(lane.computed for lane in lanes)
        left = self._left()
        self._bar.set_progress(share, _PARTS, elapsed=spent, eta=left, count=count)

    def _left(self) -> float:
        """Seconds left, negative where a lane has not said yet."""
        running = [lane for lane in self.run.lanes if lane.state == "running"]
        waits = any(lane.state in ("waiting", "preparing") for lane in self.run.lanes)
        etas = [lane.last_progress.eta if lane.last_progress else -1.0 for lane in running]
        return -1.0 if waits or not etas or min(etas) < 0 else max(etas)

    @Slot(object, int, object)
    def _on_metrics(self, lane: Lane, step: int, values: Mapping[str, float]) -> None:
        self._set_values(lane, values)
        named = {line(name, lane.method): value for name, value in values.items()}
        self._below.curves.append(step, named)

    def _set_values(self, lane: Lane, values: Mapping[str, float]) -> None:
        table = self.table
        if table is None or not table.has(lane.method):
            return
        for name, value in values.items():
            if name in table.columns():
                table.set_value(lane.method, name, value)

    @Slot(object, object)
    def _on_curves(self, lane: Lane, curves: Mapping[str, Any]) -> None:
        named = {line(name, lane.method): points for name, points in curves.items()}
        self._below.curves.set_lines(named)
        self._below.curves.settle()

    @Slot(object, str, object, int, bool)
    def _on_frame(self, lane: Lane, panel: str, array: Any, step: int, _final: bool) -> None:
        stage = self._stage
        if panel != stage.result:
            if panel in (stage.measurement, stage.original):
                stage.show_frame(panel, array, step)
            return
        stage.show_rival(lane.method, array, self._title(lane))
        stage.stage.set_warming(False)
        self.shown = lane.request

    def _title(self, lane: Lane) -> str:
        return self._methods[lane.method].title if lane.method in self._methods else lane.method

    def _tell(self, lane: Lane) -> None:
        if self.table is None or not self.table.has(lane.method):
            return
        last = lane.last_progress
        text = {
            "waiting": self.tr("Waiting"),
            "preparing": self.tr("Warming up"),
            "running": self.tr("Running"),
            "paused": self.tr("Paused"),
            "idle": self.tr("Waiting for you"),
            "stopping": self.tr("Cancelling"),
            "finished": self.tr("Done"),
            "cancelled": self.tr("Cancelled"),
            "failed": self.tr("Failed"),
            "interrupted": self.tr("Interrupted"),
        }.get(lane.state, "")
        if lane.state in ("running", "paused") and last is not None and last.total:
            text = f"{last.step} / {last.total}"
        self.table.set_state(lane.method, text, lane.text)

    @Slot(object, object)
    def _on_failed(self, lane: Lane, event: JobState) -> None:
        """Name all that have failed so far, those of one cause together."""
        causes: dict[str, list[str]] = {}
        for other in self.run.lanes:
            if other.state == "failed":
                text = other.text.removeprefix(f"{other.failed_field}: ")
                why = sentence(text) if text else self.tr("The log tells more.")
                causes.setdefault(why, []).append(self._title(other))
        told = self.tr("{methods} could not go on: {why}")
        lines = [told.format(methods=listed(names), why=why) for why, names in causes.items()]
        if any(other.state != "failed" for other in self.run.lanes):
            lines.append(self.tr("The others are not affected."))
        self._say(" ".join(lines), "error", self.tr("Show the log"), "log")

    @Slot(object, str)
    def _on_unsaved(self, lane: Lane, text: str) -> None:
        self._say(text, "error", self.tr("Resume"), "save")

    @Slot(object)
    def _on_interrupted(self, crash: Crash) -> None:
        safe = self.tr("The method that was computing stopped at its newest checkpoint.")
        self._say(f"{crash.cause} {safe}", "error", self.tr("Resume"), "resume")

    @Slot()
    def _on_stuck(self) -> None:
        text = self.tr(
            "The step that is going on takes long and cannot be broken off. Wait for it, or end "
            "it by force: the engine restarts, other runs go on."
        )
        self._say(text, "warning", self.tr("End by force"), "force")

    @Slot()
    def _on_freed(self) -> None:
        if self._next == "force":
            self._banner.hide()
            self._next = ""

    @Slot()
    def _on_ended(self) -> None:
        if self.table is not None:
            self.table.mark()
        self._below.curves.settle()
        if self.run.state == "cancelled":
            self._offer()
        self.ended.emit()

    def _offer(self) -> None:
        """Let a race that was halted go on."""
        if self.run.resumable:
            text = {
                "cancelled": self.tr("The race was cancelled; what each method reached is kept."),
                "interrupted": self.tr("The race was interrupted; what each reached is kept."),
            }[self.run.state]
            self._say(text, "info", self.tr("Resume"), "resume")

    def _say(self, text: str, level: Any, action: str = "", then: str = "") -> None:
        self._next = then
        self._banner.show_message(text, level, action)

    @Slot()
    def _on_action(self) -> None:
        then, self._next = self._next, ""
        if then:
            self._banner.hide()
        if then == "resume":
            self.resume()
        elif then == "save":
            self.run.go_on()
        elif then == "force":
            self.run.force_stop()
        elif then == "log":
            self.log_wanted.emit()


def _choices(requests: Sequence[RunRequest]) -> list[tuple[str, dict[str, Any]]]:
    return [(request.method, request.params) for request in requests]
