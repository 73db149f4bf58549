"""The first line of a magic: which connection, which options, and where the SQL begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

ASSIGNMENT: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*(=?)\s*<<")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_WORD: Final = re.compile(r"\s*(\S+)")

_FIRST_WORDS: Final = """
    select with insert update delete merge replace upsert values table from show describe desc
    explain summarize pivot unpivot create drop alter truncate rename comment grant revoke call
    exec execute do begin start commit rollback savepoint release set reset use pragma attach
    detach copy load install export import analyze vacuum optimize refresh cache prepare
    deallocate declare fetch lock kill checkpoint if
"""
# Words that begin a statement: any other first word names a connection.
_STATEMENTS: Final = frozenset(_FIRST_WORDS.split())


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
            elif _NAME.match(token.rstrip(";")) and token.lower() not in _STATEMENTS:
                self.connection = token.rstrip(";")
                at = word.end()
            else:
                break
        self.rest = line[at:].strip()
