"""EXPLAIN: strips and re-renders its options; the explained statement is checked separately.

Planning changes nothing and runs nothing but the planner; only a query may also be executed
(ANALYZE). A plan can show the definition of a view that it expands, and definitions of views stay
hidden here, so the connectors refuse to explain views; see ``Explanation.shows_texts``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wb_server.kit.errors import Forbidden, InvalidInput

# Atomic: a comment never continues past its first end, or n of them could be matched in 2^n ways.
SPACE = r"(?>\s|--[^\n]*(?:\n|\Z)|/\*(?![!+M]).*?\*/)"
_FIRST = re.compile(
    rf"\A{SPACE}*+(explain|describe|desc|analyze)\b{SPACE}*+", re.IGNORECASE | re.DOTALL
)
# What may follow, so that DESCRIBE t and ANALYZE t aren't taken for EXPLAIN.
_STATEMENT = re.compile(
    r"\(|(?:select|with|values|table|from|insert|update|delete|replace|merge)\b", re.IGNORECASE
)
_OPTION = re.compile(r"(\w+)(?:\s*=?\s*([\w']+))?\Z")
_SWITCHES = {"": "", "on": " ON", "true": " ON", "1": " ON", "off": " OFF", "false": " OFF"}
_SWITCHES["0"] = " OFF"
_FORMATS = frozenset({"text", "json", "xml", "yaml"})
_POSTGRES_OPTIONS = frozenset(
    {"analyze", "verbose", "costs", "buffers", "wal", "timing", "summary", "memory", "format"}
)


@dataclass(frozen=True)
class Explanation:
    """The EXPLAIN in front of a statement.

    Attributes:
        words: the text to send before the statement.
        runs: True if the statement is executed too.
        shows_texts: True if the plan can show the definition of a view.
    """

    words: str
    runs: bool
    shows_texts: bool = True

    def check(self, *, write: bool, structural: bool) -> None:
        """Refuses what can't be explained.

        Raises:
            Forbidden: ``statement_not_allowed``.
        """
        if structural:
            raise _refused("EXPLAIN takes a query, INSERT, UPDATE, DELETE or MERGE here.")
        if write and self.runs:
            raise _refused(
                "EXPLAIN ANALYZE would run the write. Remove ANALYZE to see only the plan."
            )


def explanation(sql: str, dialect: str) -> tuple[Explanation, str] | None:
    """The EXPLAIN and the statement after it; ``None`` if this is another statement.

    Raises:
        InvalidInput, Forbidden: an option that the gate doesn't know.
    """
    first = _FIRST.match(sql)
    if first is None:
        return None
    found = _READ[dialect](first[1].lower(), sql[first.end() :])
    if found is None or not _STATEMENT.match(found[1]):
        return None
    words, rest = found
    # Blanks keep the positions, so that errors point into the whole text.
    return words, re.sub(r"[^\n]", " ", sql[: len(sql) - len(rest)]) + rest


def _after(sql: str, pattern: str) -> str | None:
    """The text after a match of the pattern at its start, or None."""
    match = re.match(rf"(?:{pattern}){SPACE}*+", sql, re.IGNORECASE | re.DOTALL)
    return None if match is None else sql[match.end() :]


def _postgres(word: str, rest: str) -> tuple[Explanation, str] | None:
    if word != "explain":
        return None
    in_brackets = re.match(
        rf"\({SPACE}*+([a-z_]+)\b([^()]*)\){SPACE}*+", rest, re.IGNORECASE | re.DOTALL
    )
    if in_brackets is not None and in_brackets[1].lower() not in ("select", "values", "table"):
        options = [_postgres_option(it) for it in (in_brackets[1] + in_brackets[2]).split(",")]
        runs = any(option in ("ANALYZE", "ANALYZE ON") for option in options)
        return Explanation(f"EXPLAIN ({', '.join(options)})", runs), rest[in_brackets.end() :]
    words = "EXPLAIN"
    for option in ("analyze", "verbose"):
        after = _after(rest, rf"{option}\b" if option == "verbose" else r"analy[sz]e\b")
        if after is not None:
            words, rest = f"{words} {option.upper()}", after
    return Explanation(words, "ANALYZE" in words), rest


def _postgres_option(text: str) -> str:
    option = _OPTION.match(text.strip().lower())
    name, value = (option[1], (option[2] or "").strip("'")) if option is not None else (text, "")
    name = "analyze" if name == "analyse" else name
    if name == "settings":
        raise _refused("EXPLAIN (SETTINGS) shows the server's settings; remove SETTINGS.")
    if option is None or name not in _POSTGRES_OPTIONS:
        raise _unknown(text, _POSTGRES_OPTIONS)
    if name == "format":
        if value not in _FORMATS:
            raise _unknown(text, {f"format {it}" for it in _FORMATS})
        return f"FORMAT {value.upper()}"
    if value not in _SWITCHES:
        raise _unknown(text, {f"{name} on", f"{name} off"})
    return name.upper() + _SWITCHES[value]


def _duckdb(word: str, rest: str) -> tuple[Explanation, str] | None:
    if word != "explain":
        return None
    if _after(rest, r"analyze\b|\([^()]*\banalyze\b") is not None:
        raise _refused(
            "EXPLAIN ANALYZE shows where the files are stored, so it isn't run here. EXPLAIN "
            "without ANALYZE shows the plan."
        )
    in_brackets = re.match(
        rf"\({SPACE}*+format\b([^()]*)\){SPACE}*+", rest, re.IGNORECASE | re.DOTALL
    )
    if in_brackets is None:
        return Explanation("EXPLAIN", runs=False), rest
    value = in_brackets[1].strip().strip("'").lower()
    if value not in ("text", "json"):
        raise _unknown(value, {"format json", "format text"})
    return Explanation(f"EXPLAIN (FORMAT {value.upper()})", runs=False), rest[in_brackets.end() :]


def _mysql(word: str, rest: str) -> tuple[Explanation, str] | None:
    runs = word == "analyze"
    if runs and _after(rest, r"table\b") is not None:
        return None
    words = "ANALYZE" if runs else "EXPLAIN"
    after = _after(rest, r"analyze\b")
    if after is not None and not runs:
        words, rest, runs = "EXPLAIN ANALYZE", after, True
    after = _after(rest, r"extended\b|partitions\b") if not runs else None
    if after is not None:
        # Only MariaDB still knows these words; both servers show what EXTENDED adds anyway.
        words += " PARTITIONS" if rest[:1] in "pP" else ""
        rest = after
    chosen = re.match(rf"format\s*=\s*(\w+|'\w+'){SPACE}*+", rest, re.IGNORECASE | re.DOTALL)
    if chosen is None:
        return Explanation(words, runs, shows_texts=runs), rest
    value = chosen[1].strip("'").lower()
    if value not in ("traditional", "json", "tree"):
        raise _unknown(value, {"format=json", "format=traditional", "format=tree"})
    shows = runs or value != "traditional"
    return Explanation(f"{words} FORMAT={value.upper()}", runs, shows), rest[chosen.end() :]


_READ: Mapping[str, Callable[[str, str], tuple[Explanation, str] | None]] = {
    "postgres": _postgres,
    "duckdb": _duckdb,
    "mysql": _mysql,
}


def explains_a_view(name: str) -> Forbidden:
    """The refusal of a plan that would expand a view."""
    return Forbidden(
        f"“{name}” isn't a plain table: a plan would show the definition of its view or of its "
        "row-level policy, or where its rows are stored. EXPLAIN works on plain tables here.",
        code="explain_not_allowed",
        table=name,
    )


def _refused(message: str) -> Forbidden:
    return Forbidden(message, code="statement_not_allowed")


def _unknown(option: str, known: frozenset[str] | set[str]) -> InvalidInput:
    return InvalidInput(
        f"EXPLAIN doesn't know the option “{option.strip()[:40]}” here. Known: "
        f"{', '.join(sorted(known))}.",
        code="bad_option",
    )
