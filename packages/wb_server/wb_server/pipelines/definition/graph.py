"""The dependency graph of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Needs = Mapping[str, Iterable[str]]
"""Task id -> the ids that it needs directly. Ids that aren't keys are ignored."""


def order(needs: Needs) -> list[str]:
    """Task ids in topological order: each after the tasks it needs, otherwise as given.

    Raises:
        ValueError: there is a cycle (see :func:`cycles`).
    """
    found = _sortable(needs)
    if len(found) < len(needs):
        raise ValueError("Tasks need each other in a cycle.")
    return found


def needed(needs: Needs, task: str) -> set[str]:
    """All tasks that a task needs, directly or indirectly; itself only if it is in a cycle."""
    found: set[str] = set()
    waiting = [task]
    while waiting:
        for other in needs.get(waiting.pop(), ()):
            if other in needs and other not in found:
                found.add(other)
                waiting.append(other)
    return found


def dependents(needs: Needs, tasks: Iterable[str]) -> set[str]:
    """All tasks that need one of the given ones, directly or indirectly, without the given ones."""
    given = set(tasks)
    return {task for task in needs if task not in given and needed(needs, task) & given}


def cycles(needs: Needs) -> list[list[str]]:
    """The cycles: one path around each group of tasks that need each other."""
    open_tasks = set(needs) - set(_sortable(needs))
    found: list[list[str]] = []
    done: set[str] = set()
    for task in needs:
        if task not in open_tasks or task in done:
            continue
        group = {task} | (needed(needs, task) & open_tasks)
        cycle = _shortest_cycle(needs, task, group)
        if cycle:
            found.append(cycle)
            done |= {other for other in group if task in needed(needs, other)}
    return found


def _sortable(needs: Needs) -> list[str]:
    """Task ids in topological order, without those that are in a cycle or need one."""
    found: dict[str, None] = {}
    open_tasks = {
        task: {other for other in others if other in needs} for task, others in needs.items()
    }
    while True:
        ready = [task for task, others in open_tasks.items() if not others - found.keys()]
        if not ready:
            return list(found)
        for task in ready:
            found[task] = None
            del open_tasks[task]


def _shortest_cycle(needs: Needs, task: str, group: set[str]) -> list[str]:
    """The shortest path from a task through its needs back to itself; empty if there is none."""
    came_from: dict[str, str] = {}
    waiting = [task]
    for current in waiting:
        for other in needs[current]:
            if other == task:
                path = [current]
                while path[-1] != task:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if other in group and other not in came_from:
                came_from[other] = current
                waiting.append(other)
    return []
