"""PostgreSQL's operators: tokenized by its own rule, and rewritten to a form that the parser knows.

That form is ``a OPERATOR(sign) b``. A prefix operator gets a left operand that renders as nothing. A
user who writes OPERATOR explicitly may name only PostgreSQL's built-in ones.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect

from wb_server.kit.errors import Forbidden, InvalidInput

from ..base import words
from ..sealing import NOTHING, like, operator
from .names import EXTENSION_OPERATORS, OPERATORS, PREFIXES

_SIGNS = frozenset("+-*/<>=~!@#%^&|`?")
_SPECIAL = frozenset("~!@#%^&|`?")  # with one of them an operator may end in + or -
# The parser knows these as infix and as prefix operators. It turns ~~ into LIKE, and !~ into a NOT
# around the whole, which bind differently.
_INFIX = frozenset(
    words(
        """
        + - * / % ^ < > = <= >= <> != || & | # << >> ~ ~* -> ->> #> #>> @> <@ ? ?| ?& && @@ @? #- -|- &< &> ^@
        """
    )
)
_PREFIX = frozenset({"-", "~"})  # of PREFIXES; a plus would be dropped
# A sign after one of these is a prefix operator.
_BEFORE_OPERAND = frozenset(
    {TokenType.SELECT, TokenType.DISTINCT, TokenType.COMMA, TokenType.L_PAREN, TokenType.L_BRACKET}
    | {TokenType.WHERE, TokenType.HAVING, TokenType.ON, TokenType.AND, TokenType.OR, TokenType.NOT}
    | {TokenType.WHEN, TokenType.THEN, TokenType.ELSE, TokenType.CASE, TokenType.BETWEEN}
    | {TokenType.LIKE, TokenType.ILIKE, TokenType.SIMILAR_TO, TokenType.GROUP_BY}
    | {TokenType.ORDER_BY, TokenType.PARTITION_BY, TokenType.LIMIT, TokenType.OFFSET}
    | {TokenType.FROM, TokenType.FOR, TokenType.ALL}
    | {TokenType.RETURNING, TokenType.COLON, TokenType.DARROW, TokenType.ARROW}
)
_NO_SIGNS = frozenset(
    {TokenType.STRING, TokenType.IDENTIFIER, TokenType.BYTE_STRING, TokenType.UNICODE_STRING}
    | {TokenType.HEREDOC_STRING, TokenType.NATIONAL_STRING, TokenType.BIT_STRING}
    | {TokenType.HEX_STRING, TokenType.PARAMETER}
)
# Where the parser accepts no OPERATOR(…): there it drops a unary plus itself.
_PLAIN = (TokenType.LIMIT, TokenType.OFFSET, TokenType.BETWEEN, TokenType.AND)
_NAMES = frozenset({TokenType.VAR, TokenType.IDENTIFIER})


def with_operators(tokens: list[Token], sql: str) -> list[Token]:
    """The tokens, with each operator that the parser doesn't know rewritten."""
    result: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.token_type == TokenType.OPERATOR and not _is_call(tokens, index):
            token = like(token, TokenType.VAR, token.text)  # a column of this name
        if token.token_type == TokenType.OPERATOR:
            index = _written_operator(tokens, index, result)
            continue
        if not _is_sign(token, sql):
            if token.token_type == TokenType.SOME and result and _ends_in_sign(result[-1]):
                token = like(token, TokenType.ANY, "ANY")
            result.append(token)
            index += 1
            continue
        run = [token]
        while (
            index + len(run) < len(tokens)
            and tokens[index + len(run)].start == run[-1].end + 1
            and _is_sign(tokens[index + len(run)], sql)
        ):
            run.append(tokens[index + len(run)])
        index += len(run)
        if run[-1].text[-1] == "@" and index < len(tokens):
            # The tokenizer takes any word after this sign for a parameter's name.
            word = tokens[index]
            if word.token_type == TokenType.VAR:
                (known,) = Dialect.get_or_raise("postgres").tokenize(word.text)
                word.token_type = known.token_type
        _split_run(run, result)
    return result


def _is_call(tokens: list[Token], index: int) -> bool:
    return index + 1 < len(tokens) and tokens[index + 1].token_type == TokenType.L_PAREN


def _is_sign(token: Token, sql: str) -> bool:
    text = token.text
    return (
        (text[:1] in _SIGNS and text == sql[token.start : token.end + 1])
        and all(sign in _SIGNS for sign in text)
        and (token.token_type not in _NO_SIGNS or text == "@")
    )


def _split_run(run: list[Token], result: list[Token]) -> None:
    """Splits a run of signs as PostgreSQL does, and rewrites what the parser doesn't know."""
    while run:
        text = "".join(token.text for token in run)
        sign = text
        while len(sign) > 1 and sign[-1] in "+-" and not _SPECIAL & set(sign[:-1]):
            sign = sign[:-1]
        taken: list[Token] = []
        while run and len("".join(it.text for it in taken)) < len(sign):
            taken.append(run.pop(0))
        before = not result or result[-1].token_type in _BEFORE_OPERAND or _ends_in_sign(result[-1])
        known = sign in (_PREFIX if before else _INFIX)
        if (before and sign == "*") or (
            before and sign == "+" and result and result[-1].token_type in _PLAIN
        ):  # SELECT *, count(*)
            known = True
        if known or sign not in (PREFIXES if before else OPERATORS | EXTENSION_OPERATORS):
            result += taken
        else:
            result += operator(taken[0], sign, prefix=before)


def _ends_in_sign(token: Token) -> bool:
    """True if an operator ends here, so that an operand has to follow."""
    return (
        token.text[:1] in _SIGNS
        and token.token_type not in _NO_SIGNS
        and token.token_type != TokenType.DCOLON
    ) or bool(token.text == ")" and token.col == -1)


def _written_operator(tokens: list[Token], index: int, result: list[Token]) -> int:
    """Reads ``OPERATOR(pg_catalog.+)``, and returns the index after it."""
    end = index + 1
    while end < len(tokens) and tokens[end].token_type != TokenType.R_PAREN and end < index + 12:
        end += 1
    inside = tokens[index + 1 : end]
    opened = bool(inside) and inside[0].token_type == TokenType.L_PAREN
    names = [it.text for it in inside if it.token_type in _NAMES]
    signs = "".join(it.text for it in inside[1:] if it.token_type not in (*_NAMES, TokenType.DOT))
    schema = names[0].lower() if names else ""
    if not opened or not signs or not set(signs) <= _SIGNS or len(names) > 1:
        raise InvalidInput(
            "OPERATOR is written as OPERATOR(pg_catalog.+).", code="syntax_error", near="OPERATOR"
        )
    if schema not in ("", "pg_catalog"):
        raise Forbidden(
            f"The operator {schema}.{signs} isn't a built-in operator of PostgreSQL.",
            code="operator_not_allowed",
            operator=signs,
        )
    before = not result or result[-1].token_type in _BEFORE_OPERAND or _ends_in_sign(result[-1])
    result += operator(tokens[index], f"{schema}.{signs}" if schema else signs, prefix=before)
    return end + 1


def operator_text(node: exp.Expr, sql: Callable[[exp.Expr], str]) -> str:
    """The text of an operator as it was written."""
    sign = str(node.args["operator"])
    left, right = sql(node.this), sql(node.expression)
    if set(sign) <= _SIGNS:
        own = sign in OPERATORS | EXTENSION_OPERATORS and sign not in _INFIX
        prefix = left.endswith(NOTHING) and sign in PREFIXES - _PREFIX
        middle = sign if own or prefix else f"OPERATOR({sign})"
    elif sign.startswith("pg_catalog."):
        middle = f"OPERATOR({sign})"
    elif sign == "OF QUERY" and isinstance(node.this, exp.Subquery):
        return sql(node.this.this)
    else:
        middle = sign
        if sign in ("TYPE", "AS TYPE", "RETURNING") and isinstance(node.expression, exp.Cast):
            right = sql(node.expression.to)
            middle = "" if sign == "TYPE" else sign.removesuffix(" TYPE")
    return " ".join(piece for piece in (left, middle, right) if piece not in ("", NOTHING))
