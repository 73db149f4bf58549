"""Parses SQL text into a tree with the same meaning.

sqlglot rewrites the calls of functions that it knows, and changes the meaning of some. So names that
call a function are masked before parsing: the parser leaves such calls alone. Literals that it would
take apart are spelled so that they survive. Nothing here is trusted: ``statement.py`` parses the
rendered text again and compares.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.parser import Parser

from wb_server.gate.dialects.base import DialectRules, words
from wb_server.gate.dialects.complexity import check_complexity, check_depth, check_length
from wb_server.gate.dialects.joins import check_joins
from wb_server.gate.dialects.refusals import statement_refused, unclosed
from wb_server.gate.dialects.sealing import SEAL, is_nothing, like
from wb_server.kit.errors import InvalidInput, TooLarge, WorkbenchError
from wb_server.kit.sizes import MAX_SQL_BYTES

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*")
# sqlglot logs a warning with the SQL text for syntax that it doesn't know; here that is an error.
logging.getLogger("sqlglot").addFilter(lambda record: record.levelno >= logging.ERROR)


def parse(sql: str, rules: DialectRules) -> exp.Expr:
    """Parses one statement.

    Raises:
        InvalidInput: ``syntax_error``, ``empty_statement``, ``one_statement`` or ``too_complex``.
        TooLarge: the text has more than a million bytes.
        Forbidden: a statement of this kind never runs.
    """
    try:
        size = len(sql.encode())
    except UnicodeEncodeError:
        raise InvalidInput("The SQL text isn't valid Unicode.", code="syntax_error") from None
    if size > MAX_SQL_BYTES:
        raise TooLarge(f"The SQL text is larger than {MAX_SQL_BYTES:,} bytes.")
    if SEAL in sql:
        raise InvalidInput("The SQL text contains a NUL byte.", code="syntax_error")
    dialect = Dialect.get_or_raise(rules.grammar or rules.name)
    try:
        tokens = rules.lexer(sql) if rules.lexer is not None else dialect.tokenize(sql)
    except TokenError:
        opening = next((each for each in _QUOTED.finditer(sql) if each["open"]), None)
        if opening is not None:
            raise unclosed(sql, opening.start()) from None
        raise InvalidInput(
            "The SQL can't be read: a quote or a comment isn't closed, or a character is wrong.",
            code="syntax_error",
            line=None,
            column=None,
            near=None,
        ) from None
    tokens = _one_statement(tokens)
    check_length(tokens)
    check_joins(tokens)
    check_complexity(tokens)
    _mask_functions(tokens, rules)
    tokens = _respell_literals(tokens, rules)
    try:
        trees = dialect.parser().parse(tokens, sql)
    except ParseError as error:
        raise _syntax_error(error) from None
    except (RecursionError, WorkbenchError):
        raise
    except Exception:  # the parser failed on input that it doesn't expect
        raise InvalidInput("The SQL can't be read.", code="syntax_error") from None
    if len(trees) != 1 or trees[0] is None:
        raise InvalidInput("Send one statement at a time.", code="one_statement")
    tree: exp.Expr = trees[0]
    check_depth(tree)
    if rules.unseal is not None:
        rules.unseal(tree)
    _unmask(tree)
    return tree


def _one_statement(tokens: list[Token]) -> list[Token]:
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise InvalidInput("There is no statement to run.", code="empty_statement")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise InvalidInput("Send one statement at a time.", code="one_statement")
    word = tokens[0].text.upper().split(" ")[0]
    if word.lower() in _REFUSED_STATEMENTS:
        raise statement_refused(word)
    return tokens


# Refused by name, since the parser knows only some of them. What else isn't a query or a plain write
# is refused after parsing.
_REFUSED_STATEMENTS = words(
    """
    abort analyze attach begin cache call change check checkpoint checksum close cluster comment
    commit copy deallocate declare describe detach discard do end execute explain export fetch
    flush force grant handler import install kill listen load lock move notify optimize pivot
    pragma prepare purge reassign refresh reindex release rename repair replace reset resignal
    revoke rollback savepoint security set show shutdown signal start summarize uninstall
    unlisten unlock unpivot use vacuum xa
    """
)


def _mask_functions(tokens: list[Token], rules: DialectRules) -> None:
    """Masks each name that calls a function, and drops comments, which can steer the parser.

    Names of types are masked too, unless a size follows (varchar(10)): the parser would try them as
    a type and then as a call, which doubles its time at each level.
    """
    for index, token in enumerate(tokens):
        token.comments.clear()
        after = tokens[index + 1].token_type if index + 1 < len(tokens) else None
        kind = token.token_type
        before = tokens[index - 1] if index else None
        if kind == TokenType.IDENTIFIER and rules.name == "postgres" and SEAL not in token.text:
            # The parser takes words in quotes for keywords too. The mask goes after the name: names
            # that the lexer made begin with it.
            token.text += SEAL
        if after == TokenType.L_BRACKET and _is_column(token, before, rules):
            # The parser would turn "array"[1] and t.array[1] into ARRAY[1].
            token.text = SEAL + token.text
            token.token_type = kind if kind == TokenType.IDENTIFIER else TokenType.VAR
        if after != TokenType.L_PAREN:
            continue
        if kind == TokenType.IDENTIFIER:
            token.text = SEAL + token.text
        elif (
            (kind in rules.masked or (kind in rules.type_tokens and not _has_sizes(tokens, index)))
            and token.text.lower() not in rules.kept
            and token.text != "%"  # the lexer gives it the type of MOD
            and not _is_star_replace(before, token)
        ):
            token.text = SEAL + token.text
            if kind != TokenType.UNNEST:
                token.token_type = TokenType.VAR


def _is_column(token: Token, before: Token | None, rules: DialectRules) -> bool:
    """True if a word before ``[`` names a column or a field, although the parser takes it for ARRAY."""
    if token.text.upper() not in Parser.ARRAY_CONSTRUCTORS:
        return False
    return (
        token.token_type == TokenType.IDENTIFIER
        or (before is not None and before.token_type == TokenType.DOT)
        or (token.token_type == TokenType.LIST and rules.name == "postgres")
    )


def _has_sizes(tokens: list[Token], index: int) -> bool:
    """True if (10) or (12, 2) follows a type's name."""
    kinds = [token.token_type for token in tokens[index + 2 : index + 6]]
    number, comma, closing = TokenType.NUMBER, TokenType.COMMA, TokenType.R_PAREN
    return kinds[:2] == [number, closing] or kinds == [number, comma, number, closing]


def _is_star_replace(before: Token | None, token: Token) -> bool:
    """True for DuckDB's ``* REPLACE (…)``, which isn't the function."""
    return (
        token.token_type == TokenType.REPLACE
        and before is not None
        and before.token_type in (TokenType.STAR, TokenType.R_PAREN)
    )


def _respell_literals(tokens: list[Token], rules: DialectRules) -> list[Token]:
    """Spells literals and parameters so that the parser doesn't misread them.

    ``INTERVAL '1.5 days'`` becomes ``'1.5 days'::INTERVAL``: the parser would split it into a number
    and a unit, which DuckDB reads differently. ``j -> 'a.b'`` becomes ``j -> ('a.b')``: the parser
    would read a path where the database reads a key. DuckDB's ``:name`` becomes ``$name``.
    """
    result: list[Token] = []
    last = len(tokens) - 1
    for index, token in enumerate(tokens):
        before = result[-1].token_type if result else None
        if token.token_type == TokenType.STRING and before == TokenType.INTERVAL:
            # A quoted word is always an alias.
            named = index < last and tokens[index + 1].token_type != TokenType.IDENTIFIER
            unit = tokens[index + 1].text.lower() if named else ""
            span = index + 1 < last and tokens[index + 2].text.lower() == "to"
            if unit not in _UNITS or span:
                interval = result.pop()
                cast = [token, like(token, TokenType.DCOLON, "::"), interval]
                if index < last and tokens[index + 1].token_type in _ALIASES and not span:
                    # An alias, or a word such as PRECEDING: the parser would read a unit.
                    opening = like(token, TokenType.L_PAREN, "(")
                    cast = [opening, *cast, like(token, TokenType.R_PAREN, ")")]
                result += cast
                continue
        if token.token_type == TokenType.COLON and rules.name == "duckdb" and index < last:
            name = tokens[index + 1]
            if (
                before not in _OPERANDS
                and name.start == token.end + 1
                and _WORD.fullmatch(name.text)
            ):
                # In DuckDB a colon also makes an alias (x: 1); $name is always a parameter.
                result.append(like(token, TokenType.PARAMETER, "$"))
                continue
        if token.token_type in _LITERALS and before in (TokenType.ARROW, TokenType.DARROW):
            opening = like(token, TokenType.L_PAREN, "(")
            result += [opening, token, like(token, TokenType.R_PAREN, ")")]
            continue
        result.append(token)
    return result


_OPERANDS = frozenset(
    {TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER}
    | {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
)
_ALIASES = frozenset({TokenType.VAR, TokenType.IDENTIFIER})
_LITERALS = frozenset({TokenType.STRING, TokenType.NUMBER, TokenType.BYTE_STRING})
_UNITS = words(
    """
    year years month months day days hour hours minute minutes second seconds week weeks quarter
    quarters decade decades century centuries millennium millennia millisecond milliseconds
    microsecond microseconds
    """
)


# Comments and quoted texts, and openings of them that nothing closes; only for places in messages.
_QUOTED = re.compile(
    r"(?<!\w)[eE]'(?:[^'\\]|\\.|'')*+'|'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"|--[^\n]*|/\*.*?\*/"
    r"|(?<![\w$])\$([A-Za-z_]*)\$.*?\$\1\$|(?P<open>['\"]|/\*|(?<![\w$])\$[A-Za-z_]*\$)",
    re.DOTALL,
)


def _unmask(tree: exp.Expr) -> None:
    for node in tree.walk():
        for key, value in node.args.items():
            if isinstance(value, str) and SEAL in value and not is_nothing(node):
                node.set(key, value.replace(SEAL, ""))


def _syntax_error(error: ParseError) -> InvalidInput:
    first: Mapping[str, Any] = error.errors[0] if error.errors else {}
    near = str(first.get("highlight") or "")[:60]
    line = first.get("line")
    column = first.get("col")
    if line is None or column is None:
        return InvalidInput("The SQL can't be read.", code="syntax_error")
    column = max(1, int(column) - len(near) + 1)
    return InvalidInput(
        f"The SQL can't be read at line {line}, column {column}, near {near!r}.",
        code="syntax_error",
        line=int(line),
        column=column,
        near=near,
    )
