"""Respells syntax of MySQL and MariaDB that the parser doesn't know.

Each construct becomes a call of a function with a space in its name, which no user can write, or
plain commas between arguments; ``trees.py`` renders it as it was. Nothing is parsed twice here. What
isn't recognized stays as it is: the parser refuses it, or the comparison with the second parse does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sqlglot import Token, TokenType

from ..base import words
from .json import columns_of

# Character sets whose strings the server tokenizes like those of the connection. In others, a byte of
# a multi-byte character may look like a backslash.
PLAIN_SETS: Final = words("utf8mb4 utf8mb3 utf8 latin1 ascii binary")
SETS: Final = PLAIN_SETS | words(
    """
    armscii8 big5 cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 cp932 dec8 eucjpms euckr gb18030
    gb2312 gbk geostd8 greek hebrew hp8 keybcs2 koi8r koi8u latin2 latin5 latin7 macce macroman sjis
    swe7 tis620 ucs2 ujis utf16 utf16le utf32
    """
)
INTRODUCER: Final = "introducer "
CHAR_USING: Final = "char using "
BINARY: Final = "binary operator"
SEPARATOR: Final = "separator literal"
JSON_COLUMNS: Final = "json columns"
TITLES: Final = "select titles"
VALUES: Final = "values list"
NAMES: Final = (
    frozenset(f"{INTRODUCER}{name}" for name in SETS)
    | frozenset(f"{CHAR_USING}{name}" for name in SETS)
    | {BINARY, SEPARATOR, JSON_COLUMNS}
)
TITLE_BREAK: Final = "\x1f"
_MAX_TITLE: Final = 255  # characters of an expression's text that the servers keep

_DATED: Final = {"d": "date", "t": "time", "ts": "timestamp"}
_OPENING: Final = (TokenType.L_PAREN, TokenType.L_BRACE, TokenType.L_BRACKET)
_CLOSING: Final = (TokenType.R_PAREN, TokenType.R_BRACE, TokenType.R_BRACKET)
_HEX: Final = (TokenType.HEX_STRING, TokenType.BIT_STRING)
_SET_OPERATIONS: Final = (TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT)
_DISTINCT: Final = (TokenType.DISTINCT, TokenType.ALL)
_IN_CASE: Final = (TokenType.CASE, TokenType.WHEN, TokenType.THEN, TokenType.ELSE)
_BEFORE_JOIN: Final = (
    *(TokenType.INNER, TokenType.CROSS, TokenType.LEFT, TokenType.RIGHT, TokenType.OUTER),
    *(TokenType.NATURAL, TokenType.FULL, TokenType.STRAIGHT_JOIN, TokenType.FOR),
)
_BEFORE_QUERY: Final = (
    *(*_SET_OPERATIONS, TokenType.ALL, TokenType.DISTINCT, TokenType.L_PAREN, TokenType.ALIAS),
)
_AFTER_ITEMS: Final = (
    *(*_SET_OPERATIONS, TokenType.FROM, TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING),
    *(TokenType.ORDER_BY, TokenType.LIMIT, TokenType.WINDOW, TokenType.INTO, TokenType.FOR),
)
_BEFORE_OPERAND: Final = (
    *(TokenType.COMMA, TokenType.L_PAREN, TokenType.WHERE, TokenType.ON, TokenType.HAVING),
    *(TokenType.AND, TokenType.OR, TokenType.XOR, TokenType.NOT, TokenType.DISTINCT),
    *(TokenType.EQ, TokenType.NEQ, TokenType.NULLSAFE_EQ, TokenType.LT, TokenType.LTE),
    *(TokenType.GT, TokenType.GTE, TokenType.PLUS, TokenType.DASH, TokenType.STAR),
    *(TokenType.LIKE, TokenType.RLIKE, TokenType.BETWEEN, TokenType.GROUP_BY),
    *(TokenType.ORDER_BY, TokenType.PARTITION_BY, *_IN_CASE),
)
MODIFIERS: Final = words(
    """
    all distinct distinctrow high_priority straight_join sql_small_result sql_big_result
    sql_buffer_result sql_no_cache sql_cache sql_calc_found_rows
    """
)


@dataclass
class _Scope:
    """An open scope: the statement or a bracket.

    Attributes:
        call: the name before the bracket, in lower case.
        place: the index of that name in the result.
        marker: receives the titles of the SELECT whose items are being read in this scope.
        titles: the titles of its items so far.
        begin: the start of the current item in the text; -1 before it.
    """

    call: str = ""
    place: int = -1
    marker: Token | None = None
    titles: list[str] = field(default_factory=list)
    begin: int = -1


def respell(sql: str, tokens: list[Token]) -> list[Token]:
    """The tokens in a spelling that the parser accepts."""
    return _Respelled(sql, tokens).result


class _Respelled:
    def __init__(self, sql: str, tokens: list[Token]) -> None:
        self.result: list[Token] = []
        self._sql = sql
        self._tokens = tokens
        self._levels = [_Scope()]
        self._ends: list[int] = []  # where inserted parentheses close
        self._is_insert = bool(tokens) and tokens[0].token_type == TokenType.INSERT
        here = 0
        while here < len(tokens):
            here = self._take(here)
        self._end_items(self._levels[-1], len(tokens))

    def _take(self, here: int) -> int:
        """Takes the token at this index, and maybe others; returns the next index."""
        token, after = self._tokens[here], self._peek(here + 1)
        while self._ends and self._ends[-1] == here:
            self.result.append(_like(token, TokenType.R_PAREN, ")"))
            self._ends.pop()
        kind, level = token.token_type, self._levels[-1]
        word = token.text.lower()
        if level.marker is not None:
            self._note_item(level, here)
        if kind in _OPENING:
            self._open(token)
        elif kind in _CLOSING:
            if len(self._levels) > 1:
                self._levels.pop()
            self.result.append(token)
        elif kind == TokenType.SELECT:
            return self._select(here, level)
        elif kind == TokenType.JOIN and not self._is_joined():
            # The parser would turn a bare JOIN into a comma, which binds less tightly.
            self.result += [_like(token, TokenType.INNER, "INNER"), token]
        elif kind == TokenType.VALUES and (rows := self._values(here)):
            return rows
        elif kind in (TokenType.ARROW, TokenType.DARROW) and (end := self._arrow(here)):
            return end
        elif kind == TokenType.INTRODUCER and after is not None and self._introduce(token, after):
            return here + 2
        elif level.call in ("substr", "substring", "mid") and kind in (
            TokenType.FROM,
            TokenType.FOR,
        ):
            self.result.append(_like(token, TokenType.COMMA, ","))
        elif level.call == "char" and word == "using" and after is not None:
            if after.text.lower() in SETS:
                self.result[level.place].text = CHAR_USING + after.text.lower()
                self.result[level.place].token_type = TokenType.VAR
                return here + 2
            self.result.append(token)
        elif level.call == "convert" and word == "using" and after is not None:
            self.result += [token, _like(after, TokenType.VAR, after.text)]
            return here + 2
        elif level.call == "group_concat" and kind == TokenType.SEPARATOR and after is not None:
            # As the first argument: after ORDER BY it would be another sort key.
            level.call = ""  # there is only one separator
            comma = _like(token, TokenType.COMMA, ",")
            first = level.place + 2
            self.result[first:first] = [*_call(SEPARATOR, [after], token), comma]
            return here + 2
        elif word == "offset" and after is not None and self._limited(level):
            # LIMIT 2 OFFSET 1 is LIMIT 1, 2
            count = self.result.pop()
            self.result += [after, _like(token, TokenType.COMMA, ","), count]
            return here + 2
        elif word == "columns" and level.call == "json_table":
            found = columns_of(self._tokens, here)
            if found is None:
                self.result.append(token)
            else:
                text, end = found
                string = _like(token, TokenType.STRING, text)
                self.result.append(_like(token, TokenType.COMMA, ","))
                self.result += _call(JSON_COLUMNS, [string], token)
                return end
        elif word == "match" and after is not None and (end := self._match(here)):
            return end
        elif word == "binary" and self._is_operator(token, after):
            self.result.append(_like(token, TokenType.VAR, BINARY))
        elif kind == TokenType.PARAMETER and after is not None and after.start == token.end + 1:
            # A variable's name may be in any kind of quotes.
            assigned = self._peek(here + 2)
            before = self.result[-1].token_type if self.result else None
            if before in _IN_CASE and assigned and assigned.token_type == TokenType.COLON_EQ:
                self.result.append(_like(token, TokenType.L_PAREN, "("))
                self._ends.append(self._end_in_case(here + 3))
            self.result += [token, _like(after, TokenType.IDENTIFIER, after.text)]
            return here + 2
        else:
            self.result.append(token)
        return here + 1

    def _is_joined(self) -> bool:
        return bool(self.result) and self.result[-1].token_type in _BEFORE_JOIN

    def _peek(self, place: int) -> Token | None:
        return self._tokens[place] if 0 <= place < len(self._tokens) else None

    def _open(self, token: Token) -> None:
        before = self.result[-1] if self.result else None
        named = before is not None and before.token_type != TokenType.IDENTIFIER
        self._levels.append(
            _Scope(before.text.lower() if before and named else "", len(self.result) - 1)
        )
        self.result.append(token)
        if token.token_type == TokenType.L_BRACE:
            self._levels[-1].call = "{"

    # Titles: the title of a SELECT's expression is its text.

    def _select(self, here: int, level: _Scope) -> int:
        self.result.append(self._tokens[here])
        here += 1
        found: list[Token] = []
        while (next_ := self._peek(here)) is not None and next_.text.lower() in MODIFIERS:
            if next_.token_type == TokenType.IDENTIFIER:
                break
            found.append(next_)
            here += 1
        # DISTINCT and ALL may stand anywhere among them.
        self.result += sorted(found, key=lambda it: it.token_type not in _DISTINCT)
        if next_ is not None:
            level.marker, level.titles, level.begin = _like(next_, TokenType.STRING, ""), [], -1
            self.result += _call(TITLES, [level.marker], next_)
            self.result.append(_like(next_, TokenType.COMMA, ","))
        return here

    def _note_item(self, level: _Scope, here: int) -> None:
        token = self._tokens[here]
        if token.token_type in _AFTER_ITEMS or token.token_type in _CLOSING:
            self._end_items(level, here)
        elif token.token_type == TokenType.COMMA:
            self._end_item(level, here)
        elif level.begin < 0:
            level.begin = token.start

    def _end_item(self, level: _Scope, here: int) -> None:
        end = min(self._tokens[here - 1].end + 1, level.begin + 4 * _MAX_TITLE)
        text = self._sql[level.begin : end] if level.begin >= 0 else ""
        level.titles.append(title_of(text))
        level.begin = -1

    def _end_items(self, level: _Scope, here: int) -> None:
        if level.marker is not None:
            self._end_item(level, here)
            level.marker.text = TITLE_BREAK.join(level.titles)
            level.marker = None

    # The individual rewrites.

    def _values(self, here: int) -> int:
        """Turns ``VALUES (1), (2)`` into a SELECT if it is a query, not part of an INSERT."""
        token, after = self._tokens[here], self._peek(here + 1)
        before = self.result[-1].token_type if self.result else None
        if after is None or not (before is None or before in _BEFORE_QUERY):
            return 0
        rows = after.token_type == TokenType.ROW
        if not rows and (after.token_type != TokenType.L_PAREN or self._is_insert):
            return 0
        self.result.append(_like(token, TokenType.SELECT, "SELECT"))
        self.result += [*_call(VALUES, [], token), _like(token, TokenType.COMMA, ",")]
        return here + 1

    def _arrow(self, here: int) -> int:
        """Rewrites ``a.doc -> '$.n'``, which the parser would take for a lambda inside a call."""
        token = self._tokens[here]
        path = self._peek(here + 1)
        if path is None or not self.result:
            return 0
        end = here + 2
        if path.token_type == TokenType.COLON:
            end += 1
        elif path.token_type != TokenType.STRING:
            return 0
        begin = len(self.result) - 1
        while begin >= 2 and self.result[begin - 1].token_type == TokenType.DOT:
            begin -= 2
        first = self.result[begin]
        if first.token_type in (*_CLOSING, *_OPENING, TokenType.STRING, TokenType.NUMBER):
            return 0
        names = self.result[begin:]
        del self.result[begin:]
        comma = _like(token, TokenType.COMMA, ",")
        call = _call("json_extract", [*names, comma, *self._tokens[here + 1 : end]], token)
        unquoted = token.token_type == TokenType.DARROW
        self.result += _call("json_unquote", call, token) if unquoted else call
        return end

    def _end_in_case(self, here: int) -> int:
        """The index where an expression of a CASE ends, or the next one begins."""
        depth = 0
        while (token := self._peek(here)) is not None and token.token_type != TokenType.COLON_EQ:
            kind = token.token_type
            if not depth and kind in (*_IN_CASE[1:], TokenType.END):
                break
            if kind in _OPENING or kind == TokenType.CASE:
                depth += 1
            elif kind in _CLOSING or kind == TokenType.END:
                depth -= 1
            here += 1
        return here

    def _introduce(self, token: Token, after: Token) -> bool:
        name = token.text.lower().removeprefix("_")
        plain = after.token_type == TokenType.STRING and name in PLAIN_SETS
        if not plain and not (after.token_type in _HEX and name in SETS):
            return False
        self.result += _call(INTRODUCER + name, [after], token)
        return True

    def _limited(self, level: _Scope) -> bool:
        name = self.result[level.place].text.lower() if level.place >= 0 else ""
        return name == "group_concat" and self.result[-2].token_type == TokenType.LIMIT

    def _is_operator(self, token: Token, after: Token | None) -> bool:
        """True if BINARY before a bracket is the operator, not the type as in ``AS BINARY(3)``."""
        before = self.result[-1].token_type if self.result else None
        of_type = before == TokenType.COMMA and self._levels[-1].call == "convert"
        return (
            token.token_type != TokenType.IDENTIFIER
            and after is not None
            and after.token_type == TokenType.L_PAREN
            and before in _BEFORE_OPERAND
            and not of_type
        )

    def _match(self, here: int) -> int:
        """Puts parentheses around the columns of ``MATCH a, b AGAINST (…)``."""
        token = self._tokens[here]
        if token.token_type == TokenType.IDENTIFIER:
            return 0
        end = here + 1
        while (next_ := self._peek(end)) is not None and next_.text.lower() != "against":
            if next_.text.lower() == "match":
                return 0
            plain = next_.token_type in (TokenType.COMMA, TokenType.DOT, TokenType.IDENTIFIER)
            if not plain and not next_.text.replace("_", "a").isalnum():
                return 0
            end += 1
        if next_ is None or end == here + 1:
            return 0
        self.result.append(token)
        self.result.append(_like(token, TokenType.L_PAREN, "("))
        self.result += self._tokens[here + 1 : end]
        self.result.append(_like(next_, TokenType.R_PAREN, ")"))
        return end


def title_of(text: str) -> str:
    """The title that the servers give an expression: its text, truncated as they do."""
    kept = text[: 2 * _MAX_TITLE].replace(TITLE_BREAK, " ")
    # Their names can't contain four-byte characters.
    kept = "".join(letter if letter <= "\uffff" else "?" for letter in kept)
    return kept.strip()[:_MAX_TITLE].strip()


def odbc_literals(tokens: list[Token]) -> Iterator[Token]:
    """``{d '2026-01-31'}`` is ``DATE '2026-01-31'``."""
    skip = 0
    for index, token in enumerate(tokens):
        if skip:
            skip -= 1
            continue
        following = tokens[index + 1 : index + 4]
        if (
            token.token_type == TokenType.L_BRACE
            and len(following) == 3
            and following[0].text.lower() in _DATED
            and following[1].token_type == TokenType.STRING
            and following[2].token_type == TokenType.R_BRACE
        ):
            yield _like(token, TokenType.VAR, _DATED[following[0].text.lower()])
            following[1].end = following[2].end
            yield following[1]
            skip = 3
        else:
            yield token


def _like(token: Token, kind: TokenType, text: str) -> Token:
    return Token(kind, text, token.line, token.col, token.start, token.end)


def _call(name: str, arguments: list[Token], near: Token) -> list[Token]:
    return [
        _like(near, TokenType.VAR, name),
        _like(near, TokenType.L_PAREN, "("),
        *arguments,
        _like(near, TokenType.R_PAREN, ")"),
    ]
