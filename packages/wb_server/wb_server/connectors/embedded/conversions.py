"""What a file's options say about its texts: which are NULL, how numbers and dates are written.

Texts are brought into the form of ``texts.py`` (a point, ISO dates) before types are looked for, and
where a type was found or declared. A column that stays text keeps its texts as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ...kit.duckdb_sql import literal
from .file_tables import normal
from .texts import Facts

# Numbers by their decimal mark: with groups of thousands, and a sign before or after them.
_GROUPED: Final = {
    mark: rf"[-+]?(?:[0-9]{{1,3}}(?:[{groups}][0-9]{{3}})+|[0-9]+)?(?:[{mark}][0-9]+)?(?:[eE][-+]?[0-9]+|-)?"
    for mark, groups in ((",", r". ''’\x{00A0}\x{202F}"), (".", r", ''’\x{00A0}\x{202F}"))
}
_GROUPS: Final = {",": r"[. ''’\x{00A0}\x{202F}]", ".": r"[, ''’\x{00A0}\x{202F}]"}
_POINT: Final = r"[-+]?[0-9]*\.[0-9]+"
_INTEGER: Final = r"[-+]?[0-9]+(?:\.0*)?"
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT: Final = rf"{_DATE}(?:[ T][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{1,6}})?)?)?"
# What a declared type takes, besides what its cast takes: a cast alone would round or cut.
_TAKES: Final = {
    "DATE": _DATE,
    "TIMESTAMP": _MOMENT,
    "TIME": r"(?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?",
    **dict.fromkeys(("SMALLINT", "INTEGER", "INT", "BIGINT"), _INTEGER),
}


class Conversions:
    """The conversions of one file's texts, as SQL.

    Args:
        options: the file's options, from ``Reading.of``.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._nulls: list[str] = options.get("nulls") or []
        self._decimal: str | None = options.get("decimal")
        self._format: str | None = options.get("date_format")
        self._types: dict[str, str] = options.get("types") or {}
        self._all_text = bool(options.get("all_varchar"))

    def declared(self, name: str) -> str | None:
        """The type that the options give a column; ``None`` if it is to be found."""
        return self._types.get(normal(name)) or ("VARCHAR" if self._all_text else None)

    def text(self, sql: str) -> str:
        """An expression of a text with the NULL texts replaced."""
        if not self._nulls:
            return sql
        listed = ", ".join(literal(text.strip()) for text in self._nulls)
        return f"CASE WHEN trim({sql}) IN ({listed}) THEN NULL ELSE {sql} END"

    def plain(self, sql: str) -> str:
        """The same with numbers and dates in the form of ``texts.py``."""
        text = self.text(sql)
        trimmed = f"trim({text})"
        cases = []
        if self._format is not None:
            time = re.search("%[HIMSfp]", self._format)
            shape = "%Y-%m-%d %H:%M:%S.%f" if time else "%Y-%m-%d"
            moment = f"try_strptime({trimmed}, {literal(self._format)})"
            cases.append(f"WHEN {moment} IS NOT NULL THEN strftime({moment}, '{shape}')")
        if self._decimal is not None:
            bare = f"regexp_replace({trimmed}, '{_GROUPS[self._decimal]}', '', 'g')"
            signed = f"CASE WHEN {bare} LIKE '%-' THEN '-' || rtrim({bare}, '-') ELSE {bare} END"
            pointed = f"replace({signed}, ',', '.')" if self._decimal == "," else signed
            cases.append(
                f"WHEN regexp_full_match({trimmed}, '{_GROUPED[self._decimal]}') AND "
                f"regexp_matches({trimmed}, '[0-9]') THEN {pointed}"
            )
        if self._decimal == ",":
            # With a decimal comma, 1.5 is neither a number nor a thousand of something.
            cases.append(f"WHEN regexp_full_match({trimmed}, '{_POINT}') THEN '~' || {trimmed}")
        return f"CASE {' '.join(cases)} ELSE {text} END" if cases else text

    def read(self, sql: str, name: str, facts: Facts | None) -> str:
        """An expression of a column's values.

        Args:
            sql: its texts.
            name: its name.
            facts: what all texts have in common; ``None`` for a column with a declared type.
        """
        kind = self.declared(name)
        if kind is None and facts is not None:
            return self.text(sql) if facts.type() == "VARCHAR" else facts.read(self.plain(sql))
        return self.text(sql) if kind in (None, "VARCHAR") else self._cast(sql, kind)

    def misfits(self, sql: str, kind: str) -> str:
        """A condition for the texts that aren't values of a declared type."""
        if kind == "VARCHAR":
            return "false"
        given = f"nullif(trim({self.text(sql)}), '')"
        return f"{given} IS NOT NULL AND {self._cast(sql, kind)} IS NULL"

    def _cast(self, sql: str, kind: str) -> str:
        given = f"nullif(trim({self.plain(sql)}), '')"
        takes = _TAKES.get(kind)
        if found := re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", kind):
            takes = rf"[-+]?[0-9]*(?:\.[0-9]{{0,{found[1]}}}0*)?"
        if kind == "TIMESTAMP" and self._format is None:
            takes = _MOMENT
        cast = f"TRY_CAST({given} AS {kind})"
        if kind == "DOUBLE":  # beyond its range it would be infinite, or 0
            known = f"regexp_matches({given}, '[nN]')"
            lost = f"isinf({cast}) OR ({cast} = 0 AND regexp_matches({given}, '^[^eE]*[1-9]'))"
            return f"CASE WHEN {known} OR NOT ({lost}) THEN {cast} END"
        return f"CASE WHEN regexp_full_match({given}, '{takes}') THEN {cast} END" if takes else cast
