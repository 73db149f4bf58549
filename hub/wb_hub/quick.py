"""Runs a module as ``python -m`` does, and starts it a second faster: ``quick MODULE ARGUMENT …``.

``jsonschema`` imports the checker of international addresses where one is installed, and Jupyter's
packages ask for it to be installed. That import alone builds a grammar for more than a second, on
every start of the Hub, of the service and of each user's server. Here it is built once an address
is to be checked.

``httpx`` imports a command line of its own, with all that draws its colours, which nobody calls here.

Importing makes a hundred thousand objects and no garbage. Python looks for some all the while, which
takes a fifth of a start: here it looks less often.
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
    """Puts modules in the places of those that take long to import and are hardly needed.

    The checker's imports the real one once it is asked; httpx's command line stays away.
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
