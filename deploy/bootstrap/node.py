"""What npm installs and builds: the Hub's proxy and the Lab extension."""

from __future__ import annotations

from pathlib import Path

from progress import run
from steps import ENV, REPO, Step, digest, tool_env

HUB = REPO / "hub"
LABEXT = REPO / "packages" / "wb_labext"
_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund")


def _npm(step: Step, title: str, folder: Path, *command: str) -> None:
    full = [str(ENV / "bin" / "npm"), *command]
    run(title, full, log=step.log, env=tool_env(), cwd=folder)


def proxy(python: str) -> None:
    """Installs the Hub's proxy."""
    made_from = digest(HUB / "package.json", HUB / "package-lock.json", python)
    installed = HUB / "node_modules" / "configurable-http-proxy" / "package.json"
    step = Step("hub-proxy", made_from, whole=installed.is_file())
    if not step.done:
        with step.doing():
            _npm(step, "The Hub's proxy", HUB, "ci", "--omit=dev", *_QUIET)


def _sources() -> list[Path]:
    """The extension's sources, without what tools put beside them."""
    made = {"node_modules", "dist", "wb_labext", "__pycache__"}
    return sorted(
        path for path in LABEXT.iterdir() if path.name not in made and not path.name.startswith(".")
    )


def extension(python: str, *, dev: bool) -> None:
    """Installs the Lab extension's packages (with ``dev``, also those that check it) and builds it."""
    made_from = digest(LABEXT / "package.json", LABEXT / "package-lock.json", python)
    whole = (LABEXT / "node_modules").is_dir()
    with_tools = Step("labext-packages-dev", made_from, whole=whole)
    packages = with_tools if dev else Step("labext-packages", made_from, whole=whole)
    if not (packages.done or with_tools.done):
        with packages.doing():
            kind = () if dev else ("--omit=dev",)
            _npm(packages, "The Lab extension's packages", LABEXT, "ci", *kind, *_QUIET)
    built = LABEXT / "wb_labext" / "labextension" / "package.json"
    build = Step("labext-build", digest(*_sources(), python), whole=built.is_file())
    if not build.done:
        with build.doing():
            _npm(build, "The Lab extension", LABEXT, "run", "build")
