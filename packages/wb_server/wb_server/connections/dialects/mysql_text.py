"""How MySQL and MariaDB read SQL text, and how the gate writes it for them.

What a text means depends on where its strings and comments end, and the server has rules of its
own for that: backslashes escape, double quotes make strings, ``#`` begins a comment, ``--`` only
before white space, and some comments are run. So a text is read twice, by these rules and by the
parser's lexer, and is refused where the two don't agree on every string, name and comment.

What is sent is plainer. No comments; all names in backticks, so that none is a keyword; all strings
in single quotes, with each quote and each backslash doubled. Such a string ends at the same place in
every mode of the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import TokenError

from wb_server.connections.dialects import mysql_tokens as spelled
from wb_server.connections.dialects.base import words
from wb_server.connections.dialects.refusals import statement_refused
from wb_server.connections.dialects.text import check_length, put_in_place
from wb_server.kit.errors import Forbidden, InvalidInput

Write = Callable[[exp.Expr], str]

# Strings and names between quotes, and comments, in the order in which the server meets them.
_PIECE: Final = re.compile(
    r"""
      (?P<run>/\*(?:!|[Mm]!|\+))
    | (?P<comment>/\*.*?\*/ | --(?=[\x00-\x20\x7f]|\Z)[^\n]* | \#[^\n]*)
    | (?P<quoted>'(?:[^'\\]|''|\\.)*' | "(?:[^"\\]|""|\\.)*" | `(?:[^`]|``)*`)
    | (?P<open>/\*|['"`])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)|''|\"\"", re.DOTALL)
_ESCAPED: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_BLANK: Final = " \t\n\v\f\r"
_PREFIXED: Final = (TokenType.HEX_STRING, TokenType.BIT_STRING, TokenType.NATIONAL_STRING)

_HEX_DIGITS: Final = re.compile(r"[0-9A-Fa-f]+")
_NUMBER: Final = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMMANDS: Final = frozenset(Dialect.get_or_raise("mysql").tokenizer_class.COMMANDS)
_DATED: Final = words("date time timestamp")
# How literals such as DATE '2026-01-31' come out of the lexer; nobody can write these names.
_HEX_NUMBER: Final = "hexadecimal literal"
_LITERALS: Final = frozenset(f"{name} literal" for name in _DATED) | {_HEX_NUMBER}
LITERAL_NAMES: Final = _LITERALS | spelled.NAMES
_UNITS: Final = words("microsecond second minute hour day week month quarter year")
_UNIT_FIRST: Final = words("timestampdiff timestampadd")

# What a rendered text may hold between its quotes, and what nowhere else. @`x` is a variable of the
# user's; one of the server's begins with two of these signs.
QUOTED: Final = re.compile(r"'(?:[^'\\]|''|\\\\)*'|@?`(?:[^`]|``)*`")
NOT_OUTSIDE_QUOTES: Final = ("'", '"', "--", "/*", "*/", "#", "@", "\\", ";", "`", "?", "\x00")


# Reading ------------------------------------------------------------------------------------------


def tokenize(sql: str) -> list[Token]:
    """The tokens, each string with the value that the server gives it.

    Raises:
        Forbidden: a comment that the server runs, or that steers it (``syntax_not_allowed``).
        InvalidInput: something isn't closed, or can be read in two ways (``syntax_error``).
    """
    quoted, comments = _pieces(sql)
    try:
        tokens = Dialect.get_or_raise("mysql").tokenize(sql)
    except TokenError:
        raise _unreadable("A quote or a comment isn't closed, or a character is wrong.") from None
    _check_start(tokens)
    check_length(tokens)
    _agree(sql, tokens, quoted, comments)
    result: list[Token] = []
    pieces: list[str] = []  # of a string that goes on: 'a' 'b' is one
    joins = False
    for token in tokens:
        place = (token.line, token.col, token.start, token.end)
        goes_on = joins and token.token_type == TokenType.STRING
        if pieces and not goes_on:
            result[-1].text, pieces = "".join(pieces), []
        if token.token_type == TokenType.NATIONAL_STRING:  # N'x' is _utf8'x'
            value = _value(sql[token.start + 1 : token.end + 1])
            result.append(Token(TokenType.INTRODUCER, "_utf8", *place))
            result.append(Token(TokenType.STRING, value, *place))
            joins = True
            continue
        after_set = bool(result) and result[-1].token_type == TokenType.INTRODUCER
        if token.token_type == TokenType.HEX_STRING and sql[token.start] == "0" and not after_set:
            # Unlike x'41' it is a number where one is wanted, so it stays what it is.
            result.append(Token(TokenType.VAR, _HEX_NUMBER, *place))
            result.append(Token(TokenType.STRING, token.text, *place))
            joins = False
            continue
        if token.token_type == TokenType.SOME:
            token.token_type, token.text = TokenType.ANY, "ANY"
        elif token.token_type == TokenType.STRING:
            token.text = _value(sql[token.start : token.end + 1])
            if goes_on:
                pieces = pieces or [result[-1].text]
                pieces.append(token.text)
                result[-1].end = token.end
                continue
        joins = token.token_type == TokenType.STRING
        result.append(token)
    if pieces:
        result[-1].text = "".join(pieces)
    return list(_literals_kept(spelled.respell(sql, list(spelled.odbc_literals(result)))))


def _check_start(tokens: list[Token]) -> None:
    """What the lexer doesn't take apart, and what holds several statements, is said by name."""
    kinds = [token.token_type for token in tokens]
    while kinds and kinds[-1] == TokenType.SEMICOLON:
        kinds.pop()
    if TokenType.SEMICOLON in kinds:
        raise InvalidInput("Send one statement at a time.", code="one_statement")
    if kinds and kinds[0] in _COMMANDS:
        raise statement_refused(tokens[0].text.upper())


def _pieces(sql: str) -> tuple[dict[int, int], list[tuple[int, int]]]:
    """Where what is quoted begins and ends, and where the comments lie, by the server's rules."""
    quoted: dict[int, int] = {}
    comments = []
    for found in _PIECE.finditer(sql):
        if found["run"]:
            raise Forbidden(
                "Comments that the server runs (/*! … */) or that steer it (/*+ … */) aren't allowed.",
                code="syntax_not_allowed",
            )
        if found["open"]:
            raise _unreadable("A quote or a comment isn't closed.")
        if found["quoted"]:
            quoted[found.start()] = found.end()
        else:
            comments.append(found.span())
    return quoted, comments


def _agree(
    sql: str, tokens: list[Token], quoted: dict[int, int], comments: list[tuple[int, int]]
) -> None:
    """Every piece is one token or lies between two, and nothing else lies between tokens."""
    left = dict(quoted)
    ahead = 0
    here = 0
    for start, end, kind in (
        *((t.start, t.end + 1, t.token_type) for t in tokens),
        (len(sql),) * 3,
    ):
        # The lexer drops semicolons' comments with them, but never the semicolon.
        while ahead < len(comments) and comments[ahead][0] < start:
            first, last = comments[ahead]
            if first < here or last > start or sql[here:first].strip(_BLANK):
                raise _two_readings()
            ahead, here = ahead + 1, last
        if sql[here:start].strip(_BLANK):
            raise _two_readings()
        here = end
        if start == len(sql):
            break
        if kind in (TokenType.STRING, TokenType.IDENTIFIER) and sql[start] in "'\"`":
            same = left.pop(start, None) == end
        elif kind in _PREFIXED and sql[start + 1 : start + 2] == "'":
            same = left.pop(start + 1, None) == end
        else:
            same = not any(quote in sql[start:end] for quote in "'\"`")
        if not same:
            raise _two_readings()
    if left or ahead < len(comments):
        raise _two_readings()


def _value(raw: str) -> str:
    """What a string literal stands for. ``\\%`` and ``\\_`` stay, for LIKE."""
    quote = raw[0]

    def one(found: re.Match[str]) -> str:
        if found[1] is None:
            return quote if found[0][0] == quote else found[0]
        if found[1] in "%_":
            return found[0]
        return _ESCAPED.get(found[1], found[1])

    value = _ESCAPE.sub(one, raw[1:-1])
    if "\0" in value:
        raise _unreadable("A string can't hold a NUL character here; use unhex('00').")
    return value


def _literals_kept(tokens: list[Token]) -> Iterator[Token]:
    """Literals of several words, spelled so that the parser keeps them.

    ``INTERVAL 1.5 DAY`` becomes ``INTERVAL (1.5) DAY``: the parser would make a string of the number,
    and the server rounds a number but cuts a string. ``DATE '…'`` becomes a call of a function with
    a space in its name, which ``verbatim`` writes as the literal again: of a wrong date a literal is
    an error, and the cast that the parser would make of it is null.
    """
    before: Token | None = None
    signed = False
    for index, token in enumerate(tokens):
        after = tokens[index + 1].token_type if index + 1 < len(tokens) else None
        place = (token.line, token.col, token.start, token.end)
        opening = Token(TokenType.L_PAREN, "(", *place)
        closing = Token(TokenType.R_PAREN, ")", *place)
        if (
            after == TokenType.STRING
            and token.text.lower() in _DATED
            and token.token_type != TokenType.IDENTIFIER
            and (before is None or before.token_type not in (TokenType.DOT, TokenType.ALIAS))
        ):
            token.token_type, token.text = TokenType.VAR, f"{token.text.lower()} literal"
        value = token.token_type in (TokenType.NUMBER, TokenType.STRING)
        if signed:
            yield from (token, closing)
            signed = False
        elif value and before is not None and _takes_brackets(before):
            yield from (opening, token, closing)
        elif _is_sign(before, token) and after in (TokenType.NUMBER, TokenType.STRING):
            yield from (opening, token)
            signed = True
        else:
            yield token
        before = token


def _is_sign(before: Token | None, token: Token) -> bool:
    interval = before is not None and before.token_type == TokenType.INTERVAL
    return interval and token.token_type == TokenType.DASH


def _takes_brackets(token: Token) -> bool:
    return token.token_type == TokenType.INTERVAL or (
        token.token_type == TokenType.VAR and token.text in _LITERALS
    )


def _unreadable(message: str) -> InvalidInput:
    return InvalidInput(
        f"The SQL can't be read: {message[:1].lower()}{message[1:]}",
        code="syntax_error",
        line=None,
        column=None,
        near=None,
    )


def _two_readings() -> InvalidInput:
    return _unreadable("A quote or a comment can be read in two ways; write it plainly.")


# Trees --------------------------------------------------------------------------------------------


def prepare(tree: exp.Expr) -> exp.Expr:
    """Makes of what ``mysql_tokens`` has spelled what it says.

    Each column of an answer, of a view and of a derived table gets the title that it has as written:
    the server would take its title from the text that is sent, with all its backticks.
    """
    for select in list(tree.find_all(exp.Select)):
        first = select.expressions[0] if select.expressions else None
        name = first.this if isinstance(first, exp.Anonymous) else None
        if name == spelled.TITLES:
            assert first is not None
            select.set("expressions", select.expressions[1:])
            if _shows_titles(select):
                _give_titles(select, first.expressions[0].name.split(spelled.TITLE_BREAK))
        elif name == spelled.VALUES:
            values = exp.Values(**{**select.args, "expressions": select.expressions[1:]})
            if select is tree:
                tree = values
            else:
                put_in_place(select, values)
    return tree


def _shows_titles(select: exp.Expr) -> bool:
    """Whether somebody can see or name the columns of a query."""
    node = select
    while isinstance(node.parent, exp.SetOperation | exp.Subquery) and node.arg_key == "this":
        node = node.parent
    return isinstance(node.parent, exp.CTE | exp.From | exp.Join | exp.Table | exp.Create | None)


def _give_titles(select: exp.Expr, titles: list[str]) -> None:
    items = select.expressions
    if len(items) != len(titles):
        return
    named = []
    for item, title in zip(items, titles, strict=True):
        inner = item.unnest()
        # What needs no other title than the server gives it.
        plain = isinstance(inner, exp.Alias | exp.Column | exp.Star | exp.Null | exp.Boolean)
        if (
            plain
            or item.is_star
            or not title
            or (isinstance(inner, exp.Literal) and inner.is_string)
        ):
            named.append(item)
            continue
        if isinstance(inner, exp.Literal):
            title = title.strip("()+ ")
        named.append(exp.Alias(this=item, alias=exp.Identifier(this=title, quoted=True)))
    select.set("expressions", named)


def one_spelling(node: exp.Expr) -> exp.Expr | None:
    """A node to put in this one's place, or None; small changes are made in place."""
    if isinstance(node, exp.Identifier):
        node.set("quoted", True)
        return None
    if isinstance(node, exp.Select) and _is_dual(node.args.get("from_")):
        node.set("from_", None)
    if isinstance(node, exp.Interval) and not node.args.get("unit"):
        alone: exp.Expr = node.this
        if isinstance(alone.unnest(), exp.Literal):
            return alone  # INTERVAL 1 DAY + '2026-01-31': the parser takes it for an interval too
    clock = _CLOCK.get(type(node))
    if clock is not None and not node.this:
        return _call(clock)
    if isinstance(node, exp.Cast):
        kind = node.to
        if isinstance(kind.this, exp.DType):
            kind.set("this", _CAST_AS.get(kind.this, kind.this))
        return None
    if isinstance(node, exp.Column) and isinstance(node.parent, exp.CollateColumnConstraint):
        return exp.Var(this=node.name)
    if isinstance(node, exp.Column) and _is_default(node):
        return exp.Var(this="DEFAULT")
    if isinstance(node, exp.Anonymous) and str(node.this).lower() in _UNIT_FIRST:
        _keep_unit(node)
    elif isinstance(node, exp.JSONExtract | exp.JSONExtractScalar):
        found = _call("json_extract", node.this, node.expression.unnest())
        return found if isinstance(node, exp.JSONExtract) else _call("json_unquote", found)
    elif isinstance(node, exp.StrPosition) and not node.args.get("occurrence"):
        return _call("locate", node.args.get("substr"), node.this, node.args.get("position"))
    elif isinstance(node, exp.CurrentUser):
        return _call("current_user")
    elif isinstance(node, exp.Parameter) and not isinstance(node.this, exp.Identifier):
        node.set("this", exp.Identifier(this=node.name, quoted=True))
    elif isinstance(node, exp.Soundex):
        return _call("soundex", node.this)
    return None


# A cast knows a few types only; the generator writes these for the others.
_CAST_AS: Final = {
    **dict.fromkeys(
        (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.MEDIUMINT, exp.DType.INT),
        exp.DType.BIGINT,
    ),
    **dict.fromkeys(
        (exp.DType.UTINYINT, exp.DType.USMALLINT, exp.DType.UMEDIUMINT, exp.DType.UINT),
        exp.DType.UBIGINT,
    ),
    **dict.fromkeys(
        (exp.DType.NCHAR, exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.LONGTEXT), exp.DType.CHAR
    ),
    **dict.fromkeys((exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ), exp.DType.DATETIME),
    exp.DType.VARBINARY: exp.DType.BINARY,
}

# Without brackets, each of these is a word of the grammar.
_CLOCK: Final[dict[type[exp.Expr], str]] = {
    exp.CurrentDate: "curdate",
    exp.CurrentTime: "curtime",
    exp.CurrentTimestamp: "now",
    exp.Localtime: "now",
    exp.Localtimestamp: "now",
}


def _is_dual(clause: exp.Expr | None) -> bool:
    """DUAL stands where no table is; the server knows it only without quotes."""
    table = clause.this if clause is not None else None
    return (
        isinstance(table, exp.Table)
        and isinstance(table.this, exp.Identifier)
        and table.name.lower() == "dual"
        and not table.this.args.get("quoted")
        and not any(value for key, value in table.args.items() if key != "this")
    )


def _is_default(node: exp.Expr) -> bool:
    name = node.this
    return (
        isinstance(name, exp.Identifier)
        and not name.args.get("quoted")
        and name.this.lower() == "default"
        and not node.args.get("table")
    )


def _keep_unit(node: exp.Expr) -> None:
    """The unit of TIMESTAMPDIFF is a word of the grammar and no column."""
    unit = node.expressions[0] if node.expressions else None
    if isinstance(unit, exp.Column) and not unit.args.get("table"):
        if unit.name.lower() in _UNITS:
            unit.replace(exp.Var(this=unit.name.upper()))


def _call(name: str, *args: exp.Expr | None) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[arg for arg in args if arg is not None])


# Writing ------------------------------------------------------------------------------------------


def verbatim(node: exp.Expr, write: Write) -> str | None:
    """The text of a node that the generator would write in another way."""
    if isinstance(node, exp.Literal):
        text = str(node.this)
        if node.is_string:
            return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
        if not _NUMBER.fullmatch(text):
            raise ValueError("not a number as the server reads them")
        return text
    if isinstance(node, exp.Anonymous):
        return _written_call(node, node.this, write) if isinstance(node.this, str) else None
    if isinstance(node, exp.RegexpLike) and not node.args.get("flag"):
        return f"{write(node.this)} REGEXP {write(node.expression)}"
    if isinstance(node, exp.Interval):
        return f"INTERVAL {write(node.this)} {write(node.args['unit'])}"
    if isinstance(node, exp.Parameter):
        return f"@{write(node.this)}"
    if isinstance(node, exp.JSONArrayContains):
        return f"{write(node.this)} MEMBER OF({write(node.expression)})"
    if isinstance(node, exp.Trim) and (node.args.get("position") or node.args.get("expression")):
        what = [node.args.get("position"), write(node.expression) if node.expression else None]
        return f"TRIM({' '.join(part for part in what if part)} FROM {write(node.this)})"
    if isinstance(node, exp.Values) and not isinstance(node.parent, exp.Insert):
        used = {key for key, value in node.args.items() if value}
        if used - {"expressions", "order", "limit", "offset", "with_"}:
            raise ValueError("not a list of values as the servers have it")
        after = [
            write(node.args[key]) for key in ("order", "limit", "offset") if node.args.get(key)
        ]
        before = f"{write(node.args['with_'])} " if node.args.get("with_") else ""
        return f"{before}VALUES {', '.join(map(write, node.expressions))}{''.join(after)}"
    return None


def _written_call(node: exp.Expr, name: str, write: Write) -> str | None:
    args = node.expressions
    if name in LITERAL_NAMES:
        return _written_literal(name, args, write)
    if name.lower() == "group_concat" and args and _is_separator(args[0]):
        limit = args[-1] if isinstance(args[-1], exp.Limit) else None
        listed = [*args[1:-1], limit.this] if limit is not None else args[1:]
        written = f"{', '.join(map(write, listed))} {write(args[0])}"
        if limit is not None:
            limit = limit.copy()
            limit.set("this", None)
            written += write(limit)
        return f"{name}({written})"
    if name.lower() == "json_table" and len(args) == 3:
        return f"JSON_TABLE({write(args[0])}, {write(args[1])} {write(args[2])})"
    return None


def _is_separator(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.this == spelled.SEPARATOR


def _written_literal(name: str, args: list[exp.Expr], write: Write) -> str:
    """What the lexer has spelled as a call."""
    if name.startswith(spelled.CHAR_USING):
        used = name.removeprefix(spelled.CHAR_USING)
        return f"CHAR({', '.join(map(write, args))} USING {used})"
    (literal,) = args
    if name.startswith(spelled.INTRODUCER) and isinstance(literal, exp.HexString | exp.BitString):
        return f"_{name.removeprefix(spelled.INTRODUCER)} {write(literal)}"
    if not isinstance(literal, exp.Literal) or not literal.is_string:
        raise ValueError("not a literal")
    if name.startswith(spelled.INTRODUCER):
        return f"_{name.removeprefix(spelled.INTRODUCER)} {write(literal)}"
    if name == spelled.SEPARATOR:
        return f"SEPARATOR {write(literal)}"
    if name == spelled.JSON_COLUMNS:
        return str(literal.name)  # by mysql_json, and by nobody else
    if name == _HEX_NUMBER:
        if not _HEX_DIGITS.fullmatch(literal.name):
            raise ValueError("not a number as the server reads them")
        return f"0x{literal.name}"
    return f"{name.split()[0].upper()} {write(literal)}"


VERBATIM: Final = (
    exp.Literal,
    exp.Anonymous,
    exp.RegexpLike,
    exp.Interval,
    exp.Parameter,
    exp.JSONArrayContains,
    exp.Trim,
    exp.Values,
)
