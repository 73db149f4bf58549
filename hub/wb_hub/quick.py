"""Runs a module like ``python -m``, but starts it a second faster: ``quick MODULE ARGUMENT …``.

``jsonschema`` imports a checker of internationalized addresses if one is installed, and Jupyter's
packages require one. That import alone spends more than a second building a grammar, on every start of
the Hub, of the service and of each user's server. Here the grammar is built when an address is first
checked.

``httpx`` imports its command line, with a library for coloured output, which nobody uses here.

Imports create a hundred thousand objects and no garbage. Collecting garbage meanwhile takes a fifth of a
start, so the collector runs less often here.
"""

from __future__ import annotations

import gc
import importlib
import runpy
import sys
from types import ModuleType

_CHECKER = "rfc3987_syntax"
_COMMAND = "httpx._main"


def _valid(rule: str, text: str) -> bool:
    del sys.modules[_CHECKER]
    checker = importlib.import_module(_CHECKER)
    return bool(checker.is_valid_syntax(rule, text))


def _no_command() -> None:
    sys.exit("httpx has no command line here")


def postpone() -> None:
    """Replaces modules that are slow to import and rarely needed.

    The checker's stand-in imports the real module on first use; httpx's command line stays out.
    """
    stand_in = ModuleType(_CHECKER)
    stand_in.is_valid_syntax = _valid  # type: ignore[attr-defined]
    sys.modules.setdefault(_CHECKER, stand_in)
    no_command = ModuleType(_COMMAND)
    no_command.main = _no_command  # type: ignore[attr-defined]
    sys.modules.setdefault(_COMMAND, no_command)


if __name__ == "__main__":
    gc.set_threshold(50_000, 20, 20)
    postpone()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
