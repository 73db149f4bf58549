"""The first line of a magic: which connection, which options, and where the SQL begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from wb_server.kit.reserved_names import FIRST_WORDS

ASSIGNMENT: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*(=?)\s*<<")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_WORD: Final = re.compile(r"\s*(\S+)")
# A connection's id: the way to one whose name means something else here.
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class Head:
    """The first line of a magic, parsed.

    Args:
        line: the line, after the magic's name.
        parser: jupysql's parser of options.
        known: tells whether a word names a connection of jupysql's own.

    Attributes:
        connection: the name of a connection of the Workbench.
        options: as written, each with its value after it.
        foreign: True if jupysql opens the connection itself: by a URL, or from a variable.
        rest: the SQL, as written.
    """

    def __init__(self, line: str, parser: Any, known: Callable[[str], bool]) -> None:
        takes = {
            option: action.nargs != 0
            for action in parser._actions
            for option in action.option_strings
        }
        self.connection: str | None = None
        self.options: list[str] = []
        self.foreign = False
        at = 0
        while (word := _WORD.match(line, at)) and not ASSIGNMENT.match(line, at):
            token = word[1]
            option = token.partition("=")[0]
            if option.startswith("-") and option in takes:
                at = word.end()
                self.options.append(token)
                if takes[option] and "=" not in token and (value := _WORD.match(line, at)):
                    self.options.append(value[1])
                    at = value.end()
            elif option.startswith("-") and option.strip("-").isidentifier():
                self.options.append(token)  # unknown: jupysql reports it
                at = word.end()
            elif self.connection is not None or self.foreign:
                break
            elif "://" in token or (token.startswith("[") and token.endswith("]")) or known(token):
                self.foreign = True
                break
            elif _names_connection(token.rstrip(";")):
                self.connection = token.rstrip(";")
                at = word.end()
            else:
                break
        self.rest = line[at:].strip()


def _names_connection(word: str) -> bool:
    return bool(_ID.match(word) or (_NAME.match(word) and word not in FIRST_WORDS))
