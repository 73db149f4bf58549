"""Checks a pipeline file and reports all problems at once, each with its position.

``check`` parses the text, validates it against the models, and checks what models can't: which task
needs which, names in expressions, and the world around the file (a :class:`CheckContext`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ...kit.errors import InvalidInput, WorkbenchError
from . import binding, expressions, graph, messages, templates
from .document import Document, child
from .expressions import ExpressionError
from .models import PipelineFile, Registry, TaskSpec
from .names import Names
from .near import near
from .outside import OUTSIDE, problems_outside
from .parameter_types import PARAMETER_TYPES, has_expressions
from .parameters import default_of
from .problems import Path, Position, Problem
from .reader import read
from .registry import model_for
from .uses import CheckContext

__all__ = ["OUTSIDE", "CheckContext", "Checked", "Problem", "check", "load"]

MAX_PROBLEMS = 200
_SAMPLE = {
    "run": {
        "id": "sample",
        "date": date(2026, 1, 31),
        "time": "2026-01-31T06:00:00+00:00",
        "trigger": "manual",
    },
    "pipeline": {"name": "sample"},
}


@dataclass(frozen=True)
class Checked:
    """The result of a check.

    Attributes:
        definition: the pipeline; None if the file itself has a mistake. Problems of ``OUTSIDE`` don't
            count.
        problems: in the order of the file; at most 200.
        warnings: what the file promises without effect. They don't keep it from being saved.
    """

    definition: PipelineFile | None
    problems: list[Problem]
    warnings: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if there are no problems."""
        return not self.problems


def check(text: str | bytes, registry: Registry, context: CheckContext | None = None) -> Checked:
    """Checks a pipeline file. Never raises for what the text contains.

    Args:
        text: the file; bytes are UTF-8.
        registry: the task types.
        context: the world around it; None skips what only it can tell.
    """
    document = read(text)
    checker = _Checker(document, registry, context)
    definition = checker.run()
    problems = sorted(
        dict.fromkeys(document.problems + checker.problems),
        key=lambda problem: (problem.line, problem.column),
    )
    if any(problem.code not in OUTSIDE for problem in problems):
        definition = None
    return Checked(definition, problems[:MAX_PROBLEMS], list(_warnings(document)))


def _warnings(document: Document) -> Iterator[Problem]:
    if "sla" in _mapping(document.data):
        path: Path = ("sla",)
        at = document.key_at(path)
        message = "sla has no effect yet: nothing watches how late a run ends."
        yield Problem(at.line, at.column, path, "no_effect", message)


def load(text: str | bytes, registry: Registry) -> PipelineFile:
    """Parses the pipeline of a text that was checked before.

    Raises:
        InvalidInput: code ``bad_pipeline``, with ``problems`` in its details.
    """
    checked = check(text, registry)
    if checked.definition is None:
        raise refusal(checked.problems)
    return checked.definition


def refusal(problems: list[Problem]) -> InvalidInput:
    """The error for a file with problems."""
    first = problems[0]
    more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
    return InvalidInput(
        f"The pipeline file has mistakes. Line {first.line}, column {first.column}: "
        f"{first.message}{more}",
        code="bad_pipeline",
        problems=[problem.model_dump(mode="json") for problem in problems],
    )


class _Checker:
    def __init__(
        self, document: Document, registry: Registry, context: CheckContext | None
    ) -> None:
        self.document = document
        self.registry = registry
        self.context = context
        self.problems: list[Problem] = []

    def run(self) -> PipelineFile | None:
        data = self.document.data
        if data is None and self.document.problems:
            return None
        if not isinstance(data, dict):
            self._add((), "wrong_type", "A pipeline file is a mapping: it begins with `name: …`.")
            return None
        definition = self._structure(data)
        parameters = _mapping(data.get("parameters"))
        tasks = {
            name: task
            for name, task in _mapping(data.get("tasks")).items()
            if isinstance(task, dict)
        }
        specs = {name: self._spec(task) for name, task in tasks.items()}
        needs = self._needs(tasks)
        self._defaults(parameters)
        self._schedule(data, parameters)
        artifacts = {
            name: None if spec is None else spec.artifacts() for name, spec in specs.items()
        }
        for name, spec in specs.items():
            reached = graph.needed(needs, name)
            names = Names(
                list(parameters),
                {other: _outputs(specs[other]) for other in reached},
                [other for other in tasks if other not in reached],
            )
            self._expressions(("tasks", name), tasks[name], spec, names)
            self._in_files(("tasks", name), spec, names)
            for use in spec.reads() if spec is not None else ():
                found = names.artifact_problem(use.artifact, artifacts)
                if found is not None:
                    self._add(("tasks", name, *use.path), *found)
        if self.context is not None:
            self._tags(tasks)
            for problem in problems_outside(data, specs, self.context):
                self._add(problem.path, problem.code, problem.message, problem.offset)
        return definition

    # Models

    def _structure(self, data: dict[str, Any]) -> PipelineFile | None:
        try:
            return model_for(self.registry).model_validate(data)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_input=False):
                self._report(item, data)
            for name, task in _mapping(data.get("tasks")).items():
                if isinstance(task, dict) and not _known(task, self.registry):
                    self._common_keys(name, task, data)
            return None

    def _common_keys(self, name: str, task: dict[str, Any], data: dict[str, Any]) -> None:
        """Checks the keys that every task has, of a task whose type isn't known."""
        common = {key: task[key] for key in TaskSpec.untouched - {"type"} if key in task}
        try:
            TaskSpec.model_validate({**common, "type": ""})
        except ValidationError as error:
            for item in error.errors(include_url=False, include_input=False):
                self._report({**item, "loc": ("tasks", name, "", *item["loc"])}, data)

    def _report(self, error: ErrorDetails, data: dict[str, Any]) -> None:
        message = messages.translate(error, data, self.registry)
        position = self._key(message.path) if message.at_key else self._value(message.path)
        self._put(position, message.path, message.code, message.text)

    def _spec(self, task: dict[str, Any]) -> TaskSpec | None:
        kind = task.get("type")
        spec = self.registry.get(kind) if isinstance(kind, str) else None
        if spec is None:
            return None
        try:
            return spec.model_validate(task)
        except ValidationError:
            return None  # reported by _structure

    # Needs

    def _needs(self, tasks: Mapping[str, dict[str, Any]]) -> dict[str, list[str]]:
        needs: dict[str, list[str]] = {}
        for name, task in tasks.items():
            given = task.get("needs")
            needs[name] = []
            for index, other in enumerate(given if isinstance(given, list) else []):
                if not isinstance(other, str):
                    continue
                path: Path = ("tasks", name, "needs", index)
                if other == name:
                    self._add(path, "cycle", "A task can't need itself.")
                elif other not in tasks:
                    self._add(
                        path, "unknown_need", f"There is no task {other[:80]}{near(other, tasks)}."
                    )
                else:
                    needs[name].append(other)
        for cycle in graph.cycles(needs):
            around = " → ".join([*cycle[:20], cycle[0]])
            index = tasks[cycle[0]]["needs"].index(cycle[1])
            self._add(
                ("tasks", cycle[0], "needs", index),
                "cycle",
                f"These tasks wait for each other: {around}. Remove one of the needs.",
            )
        return needs

    # Parameters

    def _defaults(self, parameters: Mapping[str, Any]) -> None:
        for name, given in parameters.items():
            if not isinstance(given, dict) or not has_expressions(given.get("default")):
                continue
            path: Path = ("parameters", name, "default")
            before = len(self.problems)
            for each in templates.texts(given["default"], path, "value"):
                self._names(each.path, each.text, each.kind, Names())
            if len(self.problems) == before and given.get("type") not in ("text", "choice"):
                self._default_fits(path, given)

    def _default_fits(self, path: Path, given: dict[str, Any]) -> None:
        kind = given.get("type")
        model = PARAMETER_TYPES.get(kind) if isinstance(kind, str) else None
        if model is None:
            return
        try:
            parameter = model.model_validate(given)
            value = default_of(parameter, _SAMPLE)  # type: ignore[arg-type]
            if value is not None:
                parameter.convert(value)
        except ValidationError:
            return  # reported by _structure
        except WorkbenchError as error:
            self._add(path, "bad_value", error.message)
        except ValueError as error:
            self._add(path, "bad_value", f"The expression's value isn't valid. {error}")

    def _schedule(self, data: dict[str, Any], parameters: Mapping[str, Any]) -> None:
        if not isinstance(data.get("schedule"), dict):
            return
        for name, given in parameters.items():
            if not isinstance(given, dict):
                continue
            required = given.get("required")
            if required is True or (required is None and given.get("default") is None):
                self._put(
                    self._key(("parameters", name)),
                    ("parameters", name),
                    "required_parameter",
                    f"A scheduled run gets no values, and {name} has no default. Add a default, "
                    "or `required: false`.",
                )

    # Expressions

    def _expressions(
        self, path: Path, task: dict[str, Any], spec: TaskSpec | None, names: Names
    ) -> None:
        kind = task.get("type")
        model = self.registry.get(kind) if isinstance(kind, str) else None
        found = templates.of(spec) if spec else templates.guessed(model or TaskSpec, task)
        for each in found:
            self._names((*path, *each.path), each.text, each.kind, names)

    def _in_files(self, path: Path, spec: TaskSpec | None, names: Names) -> None:
        """Checks the expressions in the SQL files of a task, as far as their content is known."""
        if spec is None or self.context is None:
            return
        for use in spec.statements():
            content = self.context.content(use.file) if use.file else None
            if content is None:
                continue
            line, text = 1, content.decode("utf-8", "replace")
            for tag in templates.tags(text, "sql"):
                where = f"{use.file}, line {text.count(chr(10), 0, tag.start()) + 1}: "
                self._add((*path, *use.path), "template_tag", where + _no_tag(tag[0]))
            for part in binding.scan(text):
                where = f"{use.file}, line {line}: "
                if isinstance(part, ExpressionError):
                    self._add((*path, *use.path), part.code, where + part.message)
                    line += part.source.count("\n")
                elif isinstance(part, str):
                    line += part.count("\n")
                else:
                    for name, _ in part.names:
                        found = names.problem(name)
                        if found is not None:
                            self._add((*path, *use.path), found[0], where + found[1])
                    line += part.source.count("\n")

    def _names(self, path: Path, text: str, kind: templates.Kind, names: Names) -> None:
        for part in binding.scan(text) if kind == "sql" else expressions.split(text):
            if isinstance(part, ExpressionError):
                position = self.document.expression_at(path, part.number, part.inside)
                self._put(position, path, part.code, part.message)
            elif not isinstance(part, str):
                for name, inside in part.names:
                    found = names.problem(name)
                    if found is not None:
                        position = self.document.expression_at(
                            path, part.number, inside, len(part.source)
                        )
                        self._put(position, path, *found)

    def _tags(self, tasks: Mapping[str, dict[str, Any]]) -> None:
        """Refuses what only a template engine would understand.

        Versions that were saved with it, when it was plain text, run on.
        """
        for name, task in tasks.items():
            kind = task.get("type")
            model = self.registry.get(kind) if isinstance(kind, str) else None
            for each in templates.guessed(model or TaskSpec, task, every=True):
                for tag in templates.tags(each.text, each.kind):
                    path: Path = ("tasks", name, *each.path)
                    self._add(path, "template_tag", _no_tag(tag[0]), tag.start())

    # Positions

    def _key(self, path: Path) -> Position:
        return self.document.key_at(path)

    def _value(self, path: Path) -> Position:
        return self.document.value_at(path)

    def _add(self, path: Path, code: str, message: str, offset: int | None = None) -> None:
        """Adds a problem at a value, or at an offset of its text."""
        text = self._text(path) if offset is not None else None
        if text is None or offset is None:
            self._put(self._value(path), path, code, message)
        else:
            self._put(self.document.text_at(path, text, offset), path, code, message)

    def _text(self, path: Path) -> str | None:
        value = self.document.data
        for part in path:
            value = child(value, part)
        return value if isinstance(value, str) else None

    def _put(self, position: Position, path: Path, code: str, message: str) -> None:
        self.problems.append(Problem(position.line, position.column, path, code, message))


def _no_tag(tag: str) -> str:
    return (
        f"{tag} has no meaning here: there are no conditions or loops. Use {{{{ a if b else c }}}} for a "
        "value, and separate tasks for different work."
    )


def _known(task: dict[str, Any], registry: Registry) -> bool:
    return isinstance(task.get("type"), str) and task["type"] in registry


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _outputs(spec: TaskSpec | None) -> Any:
    return None if spec is None else spec.outputs()
