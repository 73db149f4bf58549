"""Everything the docs refer to exists: files, headings, commands, paths."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Folders with third-party or built files.
_OTHERS = {
    ".git",
    ".pytest_cache",
    ".wb",
    ".venv",
    "node_modules",
    "site-packages",
    "lib",
    "labextension",
}

_FENCE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_REFERENCE = re.compile(r"^\s*\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
# Links with a scheme aren't followed: tests use no network.
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$", re.MULTILINE)
_COMMAND = re.compile(r"^\s*(?:\$ )?\./wb[ \t]+([a-z-]+)\b([^#\n]*)", re.MULTILINE)
# Paths of one machine: a home, a checkout, a temporary folder. `/srv`, `/etc` and `~` may be examples.
_MACHINE = re.compile(r"(?<![\w.~])/(?:home|root|work|tmp|Users|mnt|workspace)/[\w.-]+")
# A path with a folder, or the bare name of a source file.
_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+/?|[\w-]+\.(?:py|tsx?))`")
# Paths outside the repository: in the data folder or a user's home, and built files.
_OUTSIDE = {
    ".jupyter/jupyter_server_config.py",
    "examples/01-first-sql.ipynb",
    "examples/02-sales-dashboard.ipynb",
    "files/sample",
    "hub/first-admin.json",
    "hub/jupyterhub.sqlite",
    "logs/hub.log",
    "wb_labext/labextension",
}
# Files that the guides to connectors, dialects and rooms create, and one that must not exist.
_FICTION = re.compile(r"granite|bookmarks|^utils\.py$")


@cache
def documents() -> list[Path]:
    """Every Markdown file of the repository."""
    found = []
    for place, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in _OTHERS]
        found += [Path(place, name) for name in files if name.endswith(".md")]
    return sorted(found)


@cache
def paths() -> tuple[frozenset[str], frozenset[str]]:
    """The folders of the repository by name, and every end of every path: ``a/b/c``, ``b/c``, ``c``.

    Modules also appear without ``.py``.
    """
    named: set[str] = set()
    found: set[str] = set()
    for place, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in _OTHERS]
        named.update(folders)
        for name in (*folders, *files):
            parts = Path(place, name).relative_to(ROOT).parts
            for start in range(len(parts)):
                end = "/".join(parts[start:])
                found |= {end, end.removesuffix(".py")}
    return frozenset(named), frozenset(found)


def missing_paths(text: str) -> list[str]:
    """The paths in a page's prose that the repository doesn't have.

    A span is a path if its first folder exists in the repository; others, such as ``text/csv``, may
    be anything.
    """
    folders, found = paths()
    spans = {span.rstrip("/") for span in _PATH.findall(_FENCE.sub("", text))}
    return sorted(
        span
        for span in spans - found - _OUTSIDE
        if not _FICTION.search(span) and ("/" not in span or span.split("/")[0] in folders)
    )


def names() -> list[str]:
    """The documents' paths, as test ids."""
    return [str(path.relative_to(ROOT)) for path in documents()]


def anchors(text: str) -> set[str]:
    """The anchors of a document, as GitHub derives them from its headings."""
    found: dict[str, int] = {}
    result = set()
    for _, heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        plain = re.sub(r"[`*]", "", plain).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = found.get(anchor, 0)
        found[anchor] = number + 1
        result.add(f"{anchor}-{number}" if number else anchor)
    return result


def links(text: str) -> list[str]:
    """The targets of a document's links and images."""
    prose = _CODE.sub("", _FENCE.sub("", text))
    return [*_LINK.findall(prose), *_REFERENCE.findall(prose)]


def calls(text: str) -> list[tuple[str, str]]:
    """The calls of ``./wb`` in a document's code: the command and the rest of the line."""
    blocks = [code for _, code in _FENCE.findall(text)]
    spans = _CODE.findall(_FENCE.sub("", text))
    return [call for code in (*blocks, *spans) for call in _COMMAND.findall(code)]


@cache
def commands() -> dict[str, str]:
    """The commands of ``./wb`` by name, each with its help text."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "bootstrap" / "main.py"), "help"],
        capture_output=True,
        text=True,
        check=True,
    )
    # A command starts a line; lines indented further belong to it.
    found: dict[str, str] = {}
    name = ""
    for line in done.stdout.splitlines():
        if start := re.match(r"  ([a-z-]+)(?: [A-Z]+)?\s{2,}\S", line):
            name = start[1]
            found[name] = line
        elif name and re.match(r"\s{3,}\S", line):
            found[name] += f"\n{line}"
        else:
            name = ""
    return found


@pytest.mark.parametrize("name", names())
def test_links_resolve(name: str) -> None:
    path = ROOT / name
    text = path.read_text(encoding="utf-8")
    broken = []
    for link in links(text):
        if _ELSEWHERE.match(link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / unquote(file)).resolve() if file else path
        if not target.is_relative_to(ROOT) or not target.exists():
            broken.append(f"{link}: no such file")
        elif anchor and target.suffix == ".md":
            if anchor not in anchors(target.read_text(encoding="utf-8")):
                broken.append(f"{link}: no such heading")
    assert not broken, f"{name}:\n" + "\n".join(broken)


@pytest.mark.parametrize("name", names())
def test_commands_exist(name: str) -> None:
    known = commands()
    unknown = []
    for command, rest in calls((ROOT / name).read_text(encoding="utf-8")):
        if command not in known:
            unknown.append(f"./wb {command}")
            continue
        options = {"--help", *re.findall(r"--[a-z-]+", known[command])}
        given = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
        unknown += [f"./wb {command} {option}" for option in sorted(given - options)]
    assert not unknown, f"{name} names what `./wb help` doesn't list: {', '.join(unknown)}"


def test_the_help_is_parsed() -> None:
    # Otherwise a new layout of the help would make the test above fail or pass for every page.
    assert {"up", "test", "generate", "help"} <= set(commands())
    assert "--sample" in commands()["up"]
    assert "--fast" in commands()["test"]


# Decisions and the changelog describe the code of their time.
@pytest.mark.parametrize(
    "name", [n for n in names() if not n.startswith("docs/decisions/") and n != "CHANGELOG.md"]
)
def test_paths_exist(name: str) -> None:
    missing = missing_paths((ROOT / name).read_text(encoding="utf-8"))
    assert not missing, f"{name} names paths that don't exist: {', '.join(missing)}"


def test_paths_that_do_not_exist_are_found() -> None:
    # Otherwise a mistake in the pattern would make the test above pass for every page.
    text = "`kit/http` `kit/http.py` `text/csv` `kit/nowhere.py` `nowhere.ts` `pipelines/tasks/`"
    assert missing_paths(text) == ["kit/nowhere.py", "nowhere.ts"]


@pytest.mark.parametrize("name", names())
def test_pages_name_no_paths_of_one_machine(name: str) -> None:
    found = _MACHINE.findall((ROOT / name).read_text(encoding="utf-8"))
    assert not found, f"{name} names paths of one machine: {', '.join(found)}"


@pytest.mark.parametrize("name", ["README.md", *[n for n in names() if n.startswith("docs/")]])
def test_code_blocks_are_closed(name: str) -> None:
    # An unclosed block swallows the rest of the page and hides it from the checks above.
    fences = re.findall(r"^\s*```", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0, f"{name} has an unclosed code block"


def test_every_page_is_reachable_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        waiting += [
            (page.parent / unquote(file)).resolve()
            for link in links(page.read_text(encoding="utf-8"))
            if not _ELSEWHERE.match(link) and (file := link.partition("#")[0])
        ]
    pages = {path for path in documents() if path.is_relative_to(ROOT / "docs")}
    lost = sorted(str(path.relative_to(ROOT)) for path in pages - seen)
    assert not lost, f"no page links to {', '.join(lost)}"
