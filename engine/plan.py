"""A run request, judged: everything that can be refused before anything is computed."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import devices, seeds, store
from engine.discovery import installed
from engine.messages import RunRequest
from engine.method import BadInput, Bench, Context, Method, Settings
from engine.settings import dump, errors, flat, make

BACKENDS = ("auto", "torch", "onnx")
SEED_LIMIT = 2**53


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a request means on this machine.

    ``params`` are the preset's values overridden by the request's; ``threads`` 0 keeps
    the number that torch has; ``inputs`` maps a name to a file that exists, and
    ``references`` to how it was named (``sample:NAME``, ``store:SHA256``, absolute path).
    """

    request: RunRequest
    method: Method
    bench: Bench
    params: Settings
    problem: Settings
    inputs: dict[str, Path]
    references: dict[str, str]
    seeds: dict[str, int]
    device: str
    threads: int

    def context(self) -> Context:
        """What the bench gets to build the problem; its random numbers start afresh."""
        return Context(
            device=self.device,
            rng=seeds.generator(self.seeds["problem"]),
            inputs=self.inputs,
            backend=self.request.backend,
            sample_seed=self.seeds["samples"],
        )

    def smaller(self) -> dict[str, Any]:
        """Values of ``problem.…`` fields that need about half the memory; empty if unknown."""
        if self.bench.smaller is None:
            return {}
        values = flat(self.bench.smaller(self.problem))
        if errors(self.bench.problem, {**dump(self.problem), **values}):
            return {}
        return {f"problem.{name}": value for name, value in values.items()}


def declaration(method_id: str) -> tuple[Method, Bench]:
    """A method and its bench by the method's id.

    Raises:
        BadInput: there is none, or it is broken; the line says which.
    """
    catalogue, methods, benches = installed()
    if method_id in methods:
        return methods[method_id], benches[methods[method_id].bench]
    for module, reason in catalogue.broken.items():
        if module.endswith(method_id):
            raise BadInput(f"method: {method_id!r} cannot be loaded: {reason}", "method")
    near = difflib.get_close_matches(method_id, list(methods), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    known = ", ".join(methods) or "none"
    raise BadInput(f"method: {method_id!r} is unknown{hint} (known: {known})", "method")


def plan(request: RunRequest, *, resume: bool = False) -> Plan:
    """Judge a request; one to ``resume`` may ask for what its method has come to fix since.

    Raises:
        BadInput: one line with field, value and what is allowed. Fields of the problem are
            named ``problem.blur.sigma``, files ``inputs.picture``.
    """
    method, bench = declaration(request.method)
    if not 0 <= request.seed < SEED_LIMIT:
        raise BadInput(
            f"seed: {request.seed} is out of range (allowed 0 to {SEED_LIMIT - 1})", "seed"
        )
    if request.backend not in BACKENDS:
        allowed = ", ".join(BACKENDS)
        raise BadInput(f"backend: {request.backend!r} is unknown (allowed {allowed})", "backend")
    most = max(os.cpu_count() or 1, 1)
    if not 0 <= request.threads <= most:
        raise BadInput(
            f"threads: {request.threads} is out of range (allowed 0 to {most})", "threads"
        )
    inputs, references = _inputs(bench, request.inputs)
    params = make(method.params, {**_preset(method, request.preset), **flat(request.params)})
    fixed, problem = method.fixed_under(dump(params)), flat(request.problem)
    if not resume:
        for name, text in overruled(fixed, bench, problem).items():
            raise BadInput(f"problem.{name}: {text}", f"problem.{name}")
    return Plan(
        request=request,
        method=method,
        bench=bench,
        params=params,
        problem=make(bench.problem, {**problem, **fixed}, "problem."),
        inputs=inputs,
        references=references,
        seeds=seeds.child_seeds(request.seed),
        device=devices.pick(request.device),
        threads=request.threads,
    )


def overruled(fixed: dict[str, Any], bench: Bench, given: dict[str, Any]) -> dict[str, str]:
    """What cannot be asked of a problem that is ``fixed`` in part: field to what is wrong."""
    asked = {name: value for name, value in given.items() if name in fixed}
    if wrong := errors(bench.problem, asked):
        return wrong
    wanted = dump(make(bench.problem, asked))
    allowed = dump(make(bench.problem, fixed))
    return {
        name: f"{wanted[name]} is not what this method works on (allowed {allowed[name]})"
        for name in asked
        if wanted[name] != allowed[name]
    }


def _preset(method: Method, name: str) -> dict[str, Any]:
    if not name:
        return {}
    for preset in method.presets:
        if preset.name == name:
            return flat(preset.values)
    known = ", ".join(preset.name for preset in method.presets)
    raise BadInput(f"preset: {name!r} is unknown (allowed {known})", "preset")


def _inputs(bench: Bench, given: dict[str, str]) -> tuple[dict[str, Path], dict[str, str]]:
    known = [spec.name for spec in bench.inputs]
    for name in given:
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise BadInput(f"{name}: there is no such input (allowed {allowed})", f"inputs.{name}")
    files, references = {}, {}
    for spec in bench.inputs:
        reference = given.get(spec.name) or spec.default
        if reference:
            files[spec.name] = store.resolve(reference, spec.name)
            named = reference.startswith(("sample:", "store:"))
            references[spec.name] = reference if named else str(files[spec.name].resolve())
        elif spec.required:
            raise BadInput(f"{spec.name}: a file is needed", f"inputs.{spec.name}")
    return files, references
