"""The names that an expression may read, depending on where it stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from .evaluation import Name, written
from .near import near

RUN = {
    "id": "the run's id",
    "date": "the day for which it runs, in the schedule's time zone: a date",
    "time": "the time for which it runs, as ISO text",
    "trigger": "what started it, such as `schedule` or `manual`",
}
PIPELINE = {"name": "the pipeline's name"}


@dataclass(frozen=True)
class Names:
    """The names that may be read in one place.

    Attributes:
        parameters: names of parameters; None where none may be read (in their defaults).
        tasks: the needed tasks with their outputs (None: known only at run time).
        others: tasks that exist but aren't needed.
    """

    parameters: Collection[str] | None = None
    tasks: Mapping[str, Collection[str] | None] = field(default_factory=dict)
    others: Collection[str] = ()

    def problem(self, name: Name) -> tuple[str, str] | None:
        """The code and message of a name's problem; None if it can be read."""
        root, *rest = name
        if root == "run":
            return _fixed(name, RUN)
        if root == "pipeline":
            return _fixed(name, PIPELINE)
        if root in ("params", "tasks") and self.parameters is None:
            return "unknown_name", "A default can use only run.… and pipeline.…."
        if root == "params":
            return self._parameter(name, rest)
        if root == "tasks":
            return self._output(name, rest)
        return (
            "unknown_name",
            f"There is no {written(name)}. Names begin with params, tasks, run or pipeline"
            f"{near(str(root), ['params', 'tasks', 'run', 'pipeline'])}.",
        )

    def _parameter(self, name: Name, rest: list[str | int]) -> tuple[str, str] | None:
        known = self.parameters or ()
        if not rest:
            return "unknown_name", "Name a parameter: params.<name>."
        if rest[0] not in known:
            listed = f"Available: {', '.join(known)}" if known else "The file has none"
            return (
                "unknown_name",
                f"There is no parameter {rest[0]}{near(str(rest[0]), known)}. {listed[:300]}.",
            )
        if len(rest) > 2 or (len(rest) == 2 and not isinstance(rest[1], int)):
            return (
                "unknown_name",
                f"{written(name)}: a parameter has no parts except list items: [0].",
            )
        return None

    def _output(self, name: Name, rest: list[str | int]) -> tuple[str, str] | None:
        task = str(rest[0]) if rest else ""
        found = self._task(task)
        if found is not None:
            return found
        if len(rest) < 3 or rest[1] != "outputs" or not isinstance(rest[2], str):
            return "unknown_name", f"Tasks have outputs: tasks.{task}.outputs.<name>."
        known = self.tasks[task]
        if known is not None and rest[2] not in known:
            listed = f"It has: {', '.join(sorted(known))}" if known else "It has none"
            return "unknown_name", f"The task {task} has no output {rest[2]}. {listed}."
        return None

    def artifact_problem(
        self, artifact: str, known: Mapping[str, Collection[str] | None]
    ) -> tuple[str, str] | None:
        """The code and message of an artifact name's problem; None if it can be read.

        Args:
            known: the artifacts of tasks, by task; None if known only at run time.
        """
        task, _, name = artifact.partition(".")
        found = self._task(task)
        if found is not None:
            return found
        made = known.get(task)
        if made is None or name in made:
            return None
        listed = f"It makes {', '.join(sorted(made))}" if made else "It makes none"
        return "unknown_artifact", f"The task {task} makes no artifact {name}. {listed}."

    def _task(self, task: str) -> tuple[str, str] | None:
        if task in self.others:
            return (
                "not_needed",
                f"This task doesn't need {task}, which may not have run yet. Add it to needs.",
            )
        if task not in self.tasks:
            return (
                "unknown_name",
                f"There is no task {task or 'without a name'}{near(task, self.tasks)}.",
            )
        return None


def _fixed(name: Name, known: Mapping[str, str]) -> tuple[str, str] | None:
    root, *rest = name
    if len(rest) == 1 and rest[0] in known:
        return None
    listed = ", ".join(f"{root}.{part}" for part in known)
    return "unknown_name", f"There is no {written(name)}. Available: {listed}."
