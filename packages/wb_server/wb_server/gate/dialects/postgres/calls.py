"""Rewrites PostgreSQL calls with keywords between their arguments to calls that the parser knows.

``substring(a similar b escape c)`` becomes ``substring(a, b, c)``, as PostgreSQL itself turns it. The
XML functions have no plain form: there each keyword becomes an operator with its name.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import Token, TokenType

from ..sealing import MAX_BRACKETS, like, nothing, operator

_NAMED = ("xmlelement", "xmlpi")
_ALIASED = ("xmlattributes", "xmlforest", "xmlnamespaces")
_XML = (
    *_NAMED, *_ALIASED, "xmlparse", "xmlserialize", "xmlexists", "xmlroot", "xmltable",
)  # fmt: skip


# The operators that stand for keywords; only ``lex`` makes them.
_FORMS = ("NFC", "NFD", "NFKC", "NFKD")
WORDS = frozenset(
    f"IS {no}{form} NORMALIZED" for no in ("", "NOT ") for form in _FORMS
) | frozenset(
    {"NAME", "AS", "DEFAULT", "DOCUMENT", "CONTENT", "AS TYPE", "PASSING", "VERSION", "COLUMNS"}
    | {"VERSION NO VALUE", "STANDALONE NO VALUE", "STANDALONE YES", "STANDALONE NO", "TYPE"}
    | {"FOR ORDINALITY", "PATH", "NOT NULL"}
)


def seal_calls(tokens: list[Token], lower: str) -> list[Token]:
    """Rewrites calls with keywords to forms that the parser knows.

    Args:
        tokens: the tokens of the whole text.
        lower: the whole text in lower case, so that most statements cost nothing here.
    """
    if "similar" in lower and "substring" in lower:
        _substring_similar(tokens)
    if "xml" in lower:
        tokens = _xml(tokens)
    return tokens


def _substring_similar(tokens: list[Token]) -> None:
    for index, token in enumerate(tokens[:-1]):
        if token.text.lower() == "substring" and _opens(tokens, index + 1):
            for place in own_places(tokens, index + 1):
                if tokens[place].text.lower() in ("similar", "escape") and _is_word(tokens[place]):
                    tokens[place].token_type, tokens[place].text = TokenType.COMMA, ","


def _opens(tokens: list[Token], index: int) -> bool:
    return index < len(tokens) and tokens[index].token_type == TokenType.L_PAREN


def _is_word(token: Token) -> bool:
    return token.token_type not in (TokenType.STRING, TokenType.IDENTIFIER)


def own_places(tokens: list[Token], opening: int) -> list[int]:
    """The indexes of a call's tokens outside any inner brackets; the last is its ``)``."""
    depth = 0
    places: list[int] = []
    for index in range(opening, len(tokens)):
        kind = tokens[index].token_type
        if kind in (TokenType.R_PAREN, TokenType.R_BRACKET):
            depth -= 1
            if depth == 0:
                return [*places, index]
        if depth == 1:
            places.append(index)
        if kind in (TokenType.L_PAREN, TokenType.L_BRACKET):
            depth += 1
            if depth > MAX_BRACKETS:  # refused anyway, so not worth a scan
                return []
    return []


def _xml(tokens: list[Token]) -> list[Token]:
    """Rewrites the XML calls, last call first, so that inner ones are done before outer ones."""
    for index in range(len(tokens) - 2, -1, -1):
        name = tokens[index].text.lower()
        if name not in _XML or not _is_word(tokens[index]) or not _opens(tokens, index + 1):
            continue
        places = own_places(tokens, index + 1)
        if places:
            call = CallTokens(tokens, index + 2, places[-1], set(places))
            _SEALS[name](call)
            tokens[index + 2 : places[-1]] = call.result
    return tokens


class CallTokens:
    """Reads the tokens between the parentheses of a call from left to right."""

    def __init__(self, tokens: list[Token], begin: int, end: int, own: set[int]) -> None:
        self._tokens = tokens
        self._index = begin
        self._end = end
        self._own = own
        self.result: list[Token] = []

    @property
    def more(self) -> bool:
        return self._index < self._end

    @property
    def here(self) -> Token:
        return self._tokens[min(self._index, self._end - 1)]

    def at(self, *texts: str) -> bool:
        """True if these words come next, outside any inner brackets."""
        return self._index in self._own and all(
            self._index + offset < self._end
            and self._tokens[self._index + offset].text.lower() == text
            and _is_word(self._tokens[self._index + offset])
            for offset, text in enumerate(texts)
        )

    def skip(self, count: int = 1) -> None:
        self._index += count

    def copy(self) -> None:
        """Copies one token unchanged."""
        self.result.append(self._tokens[self._index])
        self._index += 1

    def word(self, sign: str, *, skip: int, prefix: bool = False, suffix: bool = False) -> None:
        """Replaces the next ``skip`` words by an operator."""
        token = self.here
        self._index += skip
        self.result += operator(token, sign, prefix=prefix)
        if suffix:
            self.result.append(nothing(token))

    def ahead(self, count: int) -> Token:
        """The token ``count`` places ahead."""
        return self._tokens[min(self._index + count, self._end - 1)]

    def is_empty(self) -> bool:
        """True if nothing is left to read."""
        return not self.more

    @property
    def begins(self) -> bool:
        """True if there is no operand on the left."""
        return not self.result or self.result[-1].token_type == TokenType.COMMA

    def inside(self) -> CallTokens | None:
        """A reader for the parentheses that come next, or None."""
        places = own_places(self._tokens, self._index) if self.at("(") else []
        return (
            CallTokens(self._tokens, self._index + 1, places[-1], set(places)) if places else None
        )

    def put(self, inner: CallTokens) -> None:
        """Adds the parentheses with the result of ``inside``."""
        closing = self._tokens[inner._end]
        self.result += [self.here, *inner.result, closing]
        self._index = inner._end + 1

    def name(self) -> None:
        """Reads a name, which may be a keyword."""
        token = self.here
        text = token.text if token.token_type == TokenType.IDENTIFIER else token.text.lower()
        self.result.append(like(token, TokenType.IDENTIFIER, text))
        self._index += 1

    def type(self, sign: str, *until: str) -> None:
        """Reads a type up to one of these words, as a cast of NULL to it."""
        token = self.here
        self.result += [
            *operator(token, sign),
            like(token, TokenType.NULL, "NULL"),
            like(token, TokenType.DCOLON, "::"),
        ]
        while self.more and not any(self.at(word) for word in until):
            self.copy()


def _names_first(call: CallTokens) -> None:
    if call.at("name"):
        call.word("NAME", skip=1, prefix=True)
        call.name()
    _rest(call)


def _rest(call: CallTokens) -> None:
    while call.more:
        call.copy()


def _aliases(call: CallTokens) -> None:
    if call.at("default"):
        call.word("DEFAULT", skip=1, prefix=True)
    while call.more:
        if call.at("as"):
            call.word("AS", skip=1)
            call.name()
        else:
            call.copy()


def _xmlparse(call: CallTokens) -> None:
    for kind in ("document", "content"):
        if call.at(kind):
            call.word(kind.upper(), skip=1, prefix=True)
    _rest(call)


def _xmlserialize(call: CallTokens) -> None:
    for kind in ("document", "content"):
        if call.at(kind):
            call.word(kind.upper(), skip=1, prefix=True)
    while call.more:
        if call.at("as"):
            call.skip()
            call.type("AS TYPE")
        else:
            call.copy()


def _passing(call: CallTokens) -> bool:
    """Reads PASSING, and BY REF or BY VALUE, which PostgreSQL accepts and ignores."""
    if call.at("passing"):
        call.word("PASSING", skip=1)
        if call.at("by", "ref") or call.at("by", "value"):
            call.skip(2)
        return True
    if call.at("by", "ref") or call.at("by", "value"):
        call.skip(2)
        return True
    return False


def _xmlexists(call: CallTokens) -> None:
    while call.more:
        if not _passing(call):
            call.copy()


def _xmlroot(call: CallTokens) -> None:
    while call.more:
        if call.at("version", "no", "value"):
            call.word("VERSION NO VALUE", skip=3, prefix=True, suffix=True)
        elif call.at("version"):
            call.word("VERSION", skip=1, prefix=True)
        elif call.at("standalone", "no", "value"):
            call.word("STANDALONE NO VALUE", skip=3, prefix=True, suffix=True)
        elif call.at("standalone", "yes"):
            call.word("STANDALONE YES", skip=2, prefix=True, suffix=True)
        elif call.at("standalone", "no"):
            call.word("STANDALONE NO", skip=2, prefix=True, suffix=True)
        else:
            call.copy()


def _xmltable(call: CallTokens) -> None:
    while call.more and not call.at("columns"):
        if not _passing(call):
            call.copy()
    if call.more:
        call.word("COLUMNS", skip=1)
    while call.more:
        call.name()
        if call.at("for", "ordinality"):
            call.word("FOR ORDINALITY", skip=2, suffix=True)
        else:
            call.type("TYPE", "path", "default", "not", "null", ",")
        while call.more:
            if call.at(","):
                call.copy()
                break
            if call.at("path"):
                call.word("PATH", skip=1)
            elif call.at("default"):
                call.word("DEFAULT", skip=1)
            elif call.at("not", "null"):
                call.word("NOT NULL", skip=2, suffix=True)
            else:
                call.copy()


_SEALS: dict[str, Callable[[CallTokens], None]] = {
    **dict.fromkeys(_NAMED, _names_first),
    **dict.fromkeys(_ALIASED, _aliases),
    "xmlparse": _xmlparse,
    "xmlserialize": _xmlserialize,
    "xmlexists": _xmlexists,
    "xmlroot": _xmlroot,
    "xmltable": _xmltable,
}
