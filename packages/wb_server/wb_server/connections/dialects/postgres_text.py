"""PostgreSQL's text where the parser's own way isn't PostgreSQL's: before it, and after it.

What the parser has no grammar for is put into a form that it has, and comes back in ``verbatim``:

- operators by PostgreSQL's own rule (the longest run of its signs), as ``a OPERATOR(sign) b``. A
  sign before its operand gets the operand ``_NOTHING`` on its left, which is written as nothing;
- words within calls (``xmlelement(NAME a, b AS c)``) as operators of that name;
- SEARCH and CYCLE of a WITH as one more column of its alias, whose text is checked word by word;
- ``U&'…'`` and ``X'…'`` as plain strings and bits; ``type 'text'`` as ``'text'::type``.

Whoever writes such a form by hand is refused here, so that none comes from outside.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect

from wb_server.kit.errors import Forbidden, InvalidInput

from .base import words
from .postgres_calls import seal_calls
from .postgres_names import EXTENSION_OPERATORS, NAMED_TYPES, OPERATORS, PREFIXES
from .sealing import NOTHING, SEAL, like, operator

_SIGNS = frozenset("+-*/<>=~!@#%^&|`?")
_SPECIAL = frozenset("~!@#%^&|`?")  # with one of them a run may end in + or -
# These the parser knows, between two operands and before one.
_INFIX = frozenset(
    words(
        """
        + - * / % ^ < > = <= >= <> != || & | # << >> ~ ~* !~ !~* ~~ ~~* !~~ !~~* -> ->> #> #>> @> <@
        ? ?| ?& && @@ @? #- -|- &< &> ^@
        """
    )
)
_PREFIX = frozenset({"-", "~"})  # of PREFIXES; a plus would be dropped
# A sign after one of these stands before its operand.
_BEFORE_OPERAND = frozenset(
    {TokenType.SELECT, TokenType.DISTINCT, TokenType.COMMA, TokenType.L_PAREN, TokenType.L_BRACKET}
    | {TokenType.WHERE, TokenType.HAVING, TokenType.ON, TokenType.AND, TokenType.OR, TokenType.NOT}
    | {TokenType.WHEN, TokenType.THEN, TokenType.ELSE, TokenType.CASE, TokenType.BETWEEN}
    | {TokenType.LIKE, TokenType.ILIKE, TokenType.SIMILAR_TO, TokenType.GROUP_BY}
    | {TokenType.ORDER_BY, TokenType.PARTITION_BY, TokenType.LIMIT, TokenType.OFFSET}
    | {TokenType.RETURNING, TokenType.COLON, TokenType.DARROW, TokenType.ARROW}
)
_NO_SIGNS = frozenset(
    {TokenType.STRING, TokenType.IDENTIFIER, TokenType.BYTE_STRING, TokenType.UNICODE_STRING}
    | {TokenType.HEREDOC_STRING, TokenType.NATIONAL_STRING, TokenType.BIT_STRING}
    | {TokenType.HEX_STRING, TokenType.PARAMETER}
)
_LIMITS = (TokenType.LIMIT, TokenType.OFFSET)
_NAMES = frozenset({TokenType.VAR, TokenType.IDENTIFIER})


def lex(sql: str) -> list[Token]:
    """The tokens of a text, each a form that the parser knows."""
    found = Dialect.get_or_raise("postgres").tokenize(sql)
    found = _with_operators(found, sql)
    lower = sql.lower()
    found = _with_strings(seal_calls(found, lower), sql)
    if "using" in lower:
        _order_by_sign(found)
    if "search" in lower or "cycle" in lower:
        found = _with_clauses(found)
    return found


# Operators ----------------------------------------------------------------------------------------


def _with_operators(tokens: list[Token], sql: str) -> list[Token]:
    result: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
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
            # The tokenizer takes any word behind this sign for a parameter's name.
            word = tokens[index]
            if word.token_type == TokenType.VAR:
                (known,) = Dialect.get_or_raise("postgres").tokenize(word.text)
                word.token_type = known.token_type
        _sort_run(run, result)
    return result


def _is_sign(token: Token, sql: str) -> bool:
    text = token.text
    return (
        (text[:1] in _SIGNS and text == sql[token.start : token.end + 1])
        and all(sign in _SIGNS for sign in text)
        and (token.token_type not in _NO_SIGNS or text == "@")
    )


def _sort_run(run: list[Token], result: list[Token]) -> None:
    """Cuts a run of signs as PostgreSQL does, and puts what the parser doesn't know in its form."""
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
            sign == "+" and result and result[-1].token_type in _LIMITS
        ):  # SELECT *, count(*)
            known = True
        if known or sign not in (PREFIXES if before else OPERATORS | EXTENSION_OPERATORS):
            result += taken
        else:
            result += operator(taken[0], sign, prefix=before)


def _ends_in_sign(token: Token) -> bool:
    """Whether an operator ends here, so that an operand has to follow."""
    return (
        token.text[:1] in _SIGNS
        and token.token_type not in _NO_SIGNS
        and token.token_type != TokenType.DCOLON
    ) or bool(token.text == ")" and token.col == -1)


def _written_operator(tokens: list[Token], index: int, result: list[Token]) -> int:
    """``OPERATOR(pg_catalog.+)``; returns where it ends."""
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
            f"The operator {schema}.{signs} isn't one of PostgreSQL's own.",
            code="operator_not_allowed",
            operator=signs,
        )
    before = not result or result[-1].token_type in _BEFORE_OPERAND or _ends_in_sign(result[-1])
    result += operator(tokens[index], f"{schema}.{signs}" if schema else signs, prefix=before)
    return end + 1


# Strings ------------------------------------------------------------------------------------------

_FIELDS = words("year month day hour minute second")
_ESCAPED = r"{0}(?:{0}|([0-9a-fA-F]{{4}})|\+([0-9a-fA-F]{{6}}))"


def _with_strings(tokens: list[Token], sql: str) -> list[Token]:
    result: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        kind = token.token_type
        if kind == TokenType.OBJECT_IDENTIFIER and token.text.lower() in NAMED_TYPES:
            # Of oid the parser makes a type that has no arrays, unless it doesn't know the name.
            token = like(token, TokenType.VAR, SEAL + token.text)
        elif kind == TokenType.UNICODE_STRING:
            text, index = _unicode(tokens, index, token.text)
            result.append(like(token, TokenType.STRING, text))
            continue
        if kind == TokenType.HEX_STRING:
            bits = "".join(f"{int(digit, 16):04b}" for digit in token.text)
            token = like(token, TokenType.BIT_STRING, bits)
        elif (
            kind == TokenType.VAR
            and token.text.lower() == "u"
            and sql[token.end + 1 : token.end + 3] == '&"'
        ):
            text, index = _unicode(tokens, index + 2, tokens[index + 2].text)
            result.append(like(token, TokenType.IDENTIFIER, text))
            continue
        elif kind == TokenType.INTERVAL and result and result[-1].token_type == TokenType.DCOLON:
            after = tokens[index + 1] if index + 1 < len(tokens) else token
            if after.token_type in _NAMES and after.text.lower() not in _FIELDS:
                token = like(token, TokenType.VAR, "interval")  # an alias follows, and no field
        elif kind == TokenType.VAR and token.text.lower() == "varying" and _is_bit(result):
            result[-1] = like(result[-1], TokenType.VAR, "varbit")
            index += 1
            continue
        elif kind == TokenType.STRING and _goes_on(result, token, sql):
            result[-1] = like(result[-1], TokenType.STRING, result[-1].text + token.text)
            index += 1
            continue
        elif kind == TokenType.STRING and result and _is_type(result):
            # Where no string can follow a name otherwise: the name is a type's.
            name = result.pop()
            result += [token, like(name, TokenType.DCOLON, "::"), name]
            index += 1
            continue
        result.append(token)
        index += 1
    return result


def _is_bit(before: list[Token]) -> bool:
    return bool(before) and before[-1].token_type == TokenType.BIT


def _goes_on(before: list[Token], token: Token, sql: str) -> bool:
    """Whether a string is the rest of the one before: only a line break stands between."""
    return (
        bool(before)
        and before[-1].token_type == TokenType.STRING
        and before[-1].text != SEAL
        and "\n" in sql[before[-1].end + 1 : token.start]
    )


def _is_type(before: list[Token]) -> bool:
    name = before[-1]
    return (
        name.token_type in (TokenType.VAR, TokenType.POINT, TokenType.OBJECT_IDENTIFIER)
        or name.token_type in (TokenType.JSON, TokenType.JSONB, TokenType.UUID, TokenType.TEXT)
        or name.token_type in (TokenType.XML, TokenType.INET, TokenType.NAME, TokenType.MONEY)
    ) and name.text.lower().lstrip(SEAL) in NAMED_TYPES


def _unicode(tokens: list[Token], index: int, text: str) -> tuple[str, int]:
    """The text of ``U&'…' UESCAPE 'x'``, and where it ends."""
    escape = "\\"
    if index + 2 < len(tokens) and tokens[index + 1].text.lower() == "uescape":
        escape, index = tokens[index + 2].text, index + 2
    if len(escape) != 1:
        raise InvalidInput("UESCAPE takes one character.", code="syntax_error", near="UESCAPE")

    def one(found: re.Match[str]) -> str:
        digits = found[1] or found[2]
        return chr(int(digits, 16)) if digits else escape

    try:
        text = re.sub(_ESCAPED.format(re.escape(escape)), one, text)
        # Two halves of a pair are one character.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    except (ValueError, UnicodeError):
        text = "\x00"
    if "\x00" in text:
        raise InvalidInput("A U& string holds no valid character.", code="syntax_error", near="U&")
    return text, index + 1


# ORDER BY … USING, SEARCH, CYCLE --------------------------------------------------------------------


def _order_by_sign(tokens: list[Token]) -> None:
    """``ORDER BY a USING <`` is ASC, ``USING >`` is DESC."""
    for token, sign in itertools.pairwise(tokens):
        if token.token_type == TokenType.USING and sign.text in ("<", ">"):
            token.token_type, token.text = (
                (TokenType.ASC, "ASC") if sign.text == "<" else (TokenType.DESC, "DESC")
            )
            sign.token_type = TokenType.COMMENT  # taken out below
    tokens[:] = [token for token in tokens if token.token_type != TokenType.COMMENT]


def _with_clauses(tokens: list[Token]) -> list[Token]:
    """SEARCH and CYCLE behind a part of WITH become the last name in its alias's columns."""
    result: list[Token] = []
    index = 0
    while index < len(tokens):
        after = result and result[-1].token_type == TokenType.R_PAREN
        clause, end = _clause(tokens, index) if after else ("", index)
        if not clause:
            result.append(tokens[index])
            index += 1
            continue
        second, end = _clause(tokens, end)
        place = _alias_end(result)
        if place is None:
            result += tokens[index:end]
        else:
            sealed = like(tokens[index], TokenType.IDENTIFIER, f"{SEAL}{clause} {second}".strip())
            if result[place].token_type == TokenType.R_PAREN:
                result[place:place] = [like(sealed, TokenType.COMMA, ","), sealed]
            else:
                opening = like(sealed, TokenType.L_PAREN, "(")
                result[place + 1 : place + 1] = [
                    opening,
                    sealed,
                    like(sealed, TokenType.R_PAREN, ")"),
                ]
        index = end
    return result


def _alias_end(tokens: list[Token]) -> int | None:
    """Where the alias ends whose body the last token closes: its ``)``, or its name."""
    depth = 0
    for index in range(len(tokens) - 1, -1, -1):
        kind = tokens[index].token_type
        depth += (kind == TokenType.R_PAREN) - (kind == TokenType.L_PAREN)
        if depth == 0:
            index -= 1
            while index > 0 and tokens[index].text.lower() in ("materialized", "not"):
                index -= 1
            return index - 1 if index > 0 and tokens[index].token_type == TokenType.ALIAS else None
    return None


def _clause(tokens: list[Token], index: int) -> tuple[str, int]:
    """The text of SEARCH or CYCLE that begins here, in one spelling, and where it ends."""
    reader = _Reader(tokens, index)
    try:
        if reader.word("search"):
            order = "DEPTH" if reader.word("depth") else reader.must("breadth")
            reader.must("first")
            reader.must("by")
            text = f"SEARCH {order} FIRST BY {reader.names()} {reader.must('set')} {reader.name()}"
        elif reader.word("cycle"):
            text = f"CYCLE {reader.names()} {reader.must('set')} {reader.name()}"
            if reader.word("to"):
                text += f" TO {reader.value()} {reader.must('default')} {reader.value()}"
            text += f" {reader.must('using')} {reader.name()}"
        else:
            return "", index
    except LookupError:
        return "", index
    return text, reader.index


class _Reader:
    """Words one after the other; what isn't there is a ``LookupError``."""

    def __init__(self, tokens: list[Token], index: int) -> None:
        self._tokens = tokens
        self.index = index

    def _next(self) -> Token:
        if self.index >= len(self._tokens):
            raise LookupError
        self.index += 1
        return self._tokens[self.index - 1]

    def word(self, text: str) -> bool:
        here = self._tokens[self.index : self.index + 1]
        found = bool(here) and here[0].text.lower() == text
        found = found and here[0].token_type != TokenType.IDENTIFIER
        self.index += found
        return found

    def must(self, text: str) -> str:
        if not self.word(text):
            # The tokenizer makes one token of ORDER BY, and of others with a space.
            raise LookupError
        return text.upper()

    def name(self) -> str:
        token = self._next()
        text = token.text
        if token.token_type != TokenType.IDENTIFIER:
            if not re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII):
                raise LookupError
            text = text.lower()
        return '"' + text.replace('"', '""') + '"'

    def names(self) -> str:
        found = [self.name()]
        while self.word(","):
            found.append(self.name())
        return ", ".join(found)

    def value(self) -> str:
        token = self._next()
        if token.token_type == TokenType.STRING:
            return "'" + token.text.replace("'", "''") + "'"
        if token.token_type not in (TokenType.NUMBER, TokenType.TRUE, TokenType.FALSE):
            raise LookupError
        return token.text.upper()


# From tree to text ---------------------------------------------------------------------------------

_TRIMS = {"LEADING": "ltrim", "TRAILING": "rtrim"}


def unseal(tree: exp.Expr) -> None:
    """Gives the forms of ``lex`` their places in the tree, straight after parsing."""
    for node in list(tree.walk()):
        if isinstance(node, exp.Literal) and node.this == SEAL:
            node.replace(exp.Var(this=NOTHING))
        elif isinstance(node, exp.TableAlias) and node.args.get("columns"):
            last = node.args["columns"][-1]
            text = str(last.this) if isinstance(last, exp.Identifier) else ""
            if text.startswith(SEAL) and isinstance(node.parent, exp.CTE):
                node.set("columns", node.args["columns"][:-1])
                node.parent.set("clauses", exp.Literal.string(text[len(SEAL) :]))


def one_spelling(node: exp.Expr) -> exp.Expr | None:
    """A plain call for ``trim(both … from …)``; types without their schema, which is written last."""
    if isinstance(node, exp.Trim) and not node.args.get("collation"):
        name = _TRIMS.get(str(node.args.get("position") or "").upper(), "btrim")
        arguments = [node.this, node.expression] if node.expression else [node.this]
        return exp.Anonymous(this=name, expressions=arguments)
    if isinstance(node, exp.ObjectIdentifier):  # "oid"
        return exp.DataType(
            this=exp.DType.USERDEFINED, kind=exp.Identifier(this=str(node.this).lower())
        )
    if isinstance(node, exp.DataType) and isinstance(node.this, exp.Interval):
        if not any(node.this.args.values()):
            return exp.DataType(this=exp.DType.INTERVAL)
    elif isinstance(node, exp.DataType) and isinstance(node.args.get("kind"), exp.Identifier):
        name = node.args["kind"]
        if str(name.this).lower() == "interval" and not node.expressions:
            return exp.DataType(this=exp.DType.INTERVAL)
        if str(name.this) in NAMED_TYPES and name.this != "char":
            name.set("quoted", False)
    if isinstance(node, exp.DataType) and isinstance(node.args.get("kind"), exp.Dot):
        schema, name = node.args["kind"].this, node.args["kind"].expression
        if (
            isinstance(schema, exp.Identifier)
            and schema.this.lower() == "pg_catalog"
            and isinstance(name, exp.Identifier)
            and str(name.this).lower() in NAMED_TYPES
        ):
            node.set("kind", name)
    return None


def verbatim(node: exp.Expr, sql: Callable[[exp.Expr], str]) -> str | None:
    """The text of a node that stands for something else."""
    if isinstance(node, exp.Operator):
        return _operator_text(node, sql)
    if isinstance(node, exp.CTE) and isinstance(node.args.get("clauses"), exp.Literal):
        plain = node.copy()
        plain.set("clauses", None)
        return f"{sql(plain)} {node.args['clauses'].this}"
    if isinstance(node, exp.DataType) and isinstance(node.args.get("kind"), exp.Identifier):
        name = str(node.args["kind"].this)
        if name.lower() in NAMED_TYPES:
            sizes = ", ".join(sql(size) for size in node.expressions)
            quoted = f'"{name}"' if name == "char" else name.lower()
            return f"pg_catalog.{quoted}({sizes})" if sizes else f"pg_catalog.{quoted}"
    return None


VERBATIM: tuple[type[exp.Expr], ...] = (exp.Operator, exp.CTE, exp.DataType)


def _operator_text(node: exp.Expr, sql: Callable[[exp.Expr], str]) -> str:
    sign = str(node.args["operator"])
    left, right = sql(node.this), sql(node.expression)
    if set(sign) <= _SIGNS:
        own = sign in OPERATORS | EXTENSION_OPERATORS and sign not in _INFIX
        prefix = left.endswith(NOTHING) and sign in PREFIXES - _PREFIX
        middle = sign if own or prefix else f"OPERATOR({sign})"
    elif sign.startswith("pg_catalog."):
        middle = f"OPERATOR({sign})"
    else:
        middle = sign
        if sign in ("TYPE", "AS TYPE", "RETURNING") and isinstance(node.expression, exp.Cast):
            right = sql(node.expression.to)
            middle = "" if sign == "TYPE" else sign.removesuffix(" TYPE")
    return " ".join(piece for piece in (left, middle, right) if piece not in ("", NOTHING))
