"""Which tests a change can reach, for ``./wb test --changed``.

A test depends on what it imports, directly or indirectly; on modules that a string names, such as
programs that it starts; on files whose names it contains; and with a Hub or a browser, on the whole
product. A change to any other file, such as a lock, selects every test.
"""

from __future__ import annotations

import ast
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "wb_server": "packages/wb_server", "wb_kernels": "packages/wb_kernels",
    "wb": "packages/wb_kernels", "wb_hub": "hub",
}  # fmt: skip
PRODUCT = ("packages/", "hub/", "examples/", "jupyterhub_config.py")
# Fixtures that run the whole product.
WHOLE = {"hub", "hub_apart", "people", "page", "person", "second", "api", "embedded_api"}
WHOLE |= {"service_api", "gateway_api"}
# The tests of the docs run on every change: they take a moment.
ALWAYS = "tests/docs"
_SHARED = ("tests/conftest.py", "tests/support/shared.py", "tests/support/spread.py")


def changed(since: str) -> list[str]:
    """The files changed since this branch left ``since``, committed or not."""

    def git(*command: str) -> list[str]:
        done = subprocess.run(
            ["git", *command], cwd=ROOT, check=True, capture_output=True, text=True
        )
        return done.stdout.splitlines()

    (base,) = git("merge-base", since, "HEAD")
    return [*git("diff", "--name-only", base), *git("ls-files", "--others", "--exclude-standard")]


class Reach:
    """The repository's import graph, and the tests that depend on a file."""

    def tests(self, files: Iterable[str]) -> list[str]:
        """The test files that changes to ``files`` can affect; ``tests`` if that may be all."""
        files = list(files)
        modules, texts, product = set(), set(), False
        for file in files:
            if file.endswith(".md"):
                continue
            product |= file.startswith(PRODUCT)
            if (module := self._module_of(file)) is not None:
                modules.add(module)
            elif file in _SHARED or not file.startswith(("tests/", *PRODUCT)):
                return ["tests"]
            elif not file.startswith("packages/wb_labext/"):
                texts.add(Path(file).name)
        affected = self._downstream(modules)
        found = {ALWAYS} if files else set()
        for name, path in self._tests.items():
            tree = self._trees[name]
            if Path(path).name.startswith("test_") and (
                name in affected
                or (product and _parameters(tree) & WHOLE)
                or any(text in constant for constant in _texts(tree) for text in texts)
            ):
                found.add(path)
        return sorted(found)

    def _module_of(self, file: str) -> str | None:
        return next((name for name, path in self._files.items() if path == file), None)

    def _downstream(self, modules: set[str]) -> set[str]:
        users: defaultdict[str, set[str]] = defaultdict(set)
        for user, used in self._uses.items():
            for each in used:
                users[each].add(user)
        found, left = set(modules), list(modules)
        while left:
            new = users[left.pop()] - found
            found |= new
            left += new
        return found

    @cached_property
    def _tests(self) -> dict[str, str]:
        """The files of the tests' modules, by the names under which they import each other."""
        found = {}
        for path in sorted((ROOT / "tests").rglob("*.py")):
            file = path.relative_to(ROOT)
            parts = file.with_suffix("").parts[1:]
            parts = (
                parts[1:] if file.parent == Path("tests/hub") and parts[1][:5] != "test_" else parts
            )
            found[".".join(parts).removesuffix(".__init__")] = str(file)
        return found

    @cached_property
    def _graph(self) -> grimp.ImportGraph:
        return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)

    @cached_property
    def _files(self) -> dict[str, str]:
        """The files of all modules, by name."""
        found = dict(self._tests)
        for name in self._graph.modules:
            place = ROOT / PACKAGES[name.partition(".")[0]] / Path(*name.split("."))
            path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
            found[name] = str(path.relative_to(ROOT))
        return found

    @cached_property
    def _trees(self) -> dict[str, ast.Module]:
        return {
            name: ast.parse((ROOT / path).read_text("utf-8")) for name, path in self._files.items()
        }

    @cached_property
    def _uses(self) -> dict[str, set[str]]:
        """What each module imports or names in a string."""
        known = self._files.keys()
        found = {}
        for name, tree in self._trees.items():
            used = {text for text in _texts(tree) if text in known and "." in text}
            if name in self._tests:
                used |= {part for part in self._imports(name, tree) if part in known}
                used |= set(self._conftests(name, _parameters(tree)))
            else:
                used |= self._graph.find_modules_directly_imported_by(name)
                # What its package imports; the top-level packages import nothing.
                used |= {it for it in (name.rpartition(".")[0],) if "." in it}
            found[name] = used
        return found

    def _imports(self, name: str, tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = name.split(".")[: -node.level] if node.level else []
                start = ".".join([*above, *([node.module] if node.module else [])])
                yield start
                yield from (f"{start}.{alias.name}" for alias in node.names)

    def _conftests(self, name: str, fixtures: set[str]) -> Iterator[str]:
        """The conftest modules above a file that define fixtures it uses."""
        parts = name.split(".")
        for depth in range(1, len(parts)):
            conftest = ".".join([*parts[:depth], "conftest"])
            if conftest in self._tests and conftest != name:
                made = {
                    it.name for it in self._trees[conftest].body if isinstance(it, ast.FunctionDef)
                }
                if made & fixtures:
                    yield conftest


def _texts(tree: ast.Module) -> set[str]:
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _parameters(tree: ast.Module) -> set[str]:
    """The names of all functions' parameters, which include the fixtures they use."""
    return {
        argument.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for argument in node.args.args
    }
