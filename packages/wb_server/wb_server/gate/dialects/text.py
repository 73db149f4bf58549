"""SQL text to tree and back, so that the tree says what the text says.

sqlglot knows many functions and writes them in its own way, which changes some of them. So names
that call a function are masked before parsing: the parser leaves such calls as they are. What it
takes apart or the generator drops in other places is spelled so that it survives. Nothing here is
trusted: ``statement.py`` parses what was rendered and compares.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.generator import Generator
from sqlglot.parser import Parser

from wb_server.gate.dialects.base import DialectRules, words
from wb_server.gate.dialects.joins import check_joins
from wb_server.gate.dialects.refusals import statement_refused
from wb_server.gate.dialects.sealing import MAX_BRACKETS, NOTHING, SEAL
from wb_server.kit.errors import InvalidInput, TooLarge, WorkbenchError

MAX_SQL_BYTES = 1_000_000
MAX_TOKENS = 50_000  # about a second of work
MAX_RUN = 300  # NOT NOT NOT …, - - - …, a[1][1][1] …
MAX_TRIED_TWICE = 8  # [ and nested types: the parser's time doubles with each level
MAX_JOINS = 200
MAX_DEPTH = 400  # levels of the tree; 400 conditions joined by OR are 400 levels

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*")
_MASK = SEAL

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_RUNS = frozenset(
    {TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE, TokenType.RLIKE}
    | {TokenType.INTERVAL, TokenType.DCOLON, TokenType.DOT, TokenType.R_BRACKET}
)

# sqlglot warns about syntax that it doesn't know, with the SQL text; we answer with an error.
logging.getLogger("sqlglot").addFilter(lambda record: record.levelno >= logging.ERROR)


# Parsing ------------------------------------------------------------------------------------------


def parse(sql: str, rules: DialectRules) -> exp.Expr:
    """Tokens, limits, mask, tree; every error in our words."""
    try:
        size = len(sql.encode())
    except UnicodeEncodeError:
        raise InvalidInput("The SQL text isn't valid Unicode.", code="syntax_error") from None
    if size > MAX_SQL_BYTES:
        raise TooLarge(f"The SQL text is larger than {MAX_SQL_BYTES:,} bytes.")
    if _MASK in sql:
        raise InvalidInput("The SQL text contains a NUL byte.", code="syntax_error")
    dialect = Dialect.get_or_raise(rules.grammar or rules.name)
    try:
        tokens = rules.lexer(sql) if rules.lexer is not None else dialect.tokenize(sql)
    except TokenError:
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
    _check_complexity(tokens)
    _mask_functions(tokens, rules)
    tokens = _keep_literals(tokens, rules)
    try:
        trees = dialect.parser().parse(tokens, sql)
    except ParseError as error:
        raise _syntax_error(error) from None
    except (RecursionError, WorkbenchError):
        raise
    except Exception:  # the parser stumbled over input that it doesn't expect
        raise InvalidInput("The SQL can't be read.", code="syntax_error") from None
    if len(trees) != 1 or trees[0] is None:
        raise InvalidInput("Send one statement at a time.", code="one_statement")
    tree: exp.Expr = trees[0]
    _check_depth(tree)
    if rules.unseal is not None:
        rules.unseal(tree)
    _unmask(tree)
    return tree


def check_length(tokens: list[Token]) -> None:
    """Refuses a statement of too many words.

    Raises:
        InvalidInput: ``too_complex``.
    """
    if len(tokens) > MAX_TOKENS:
        raise InvalidInput(
            f"The statement has more than {MAX_TOKENS:,} words and signs; put long lists into a "
            "table.",
            code="too_complex",
        )


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


# Said by name, since the parser knows only some of them. Whatever else isn't a query or a plain
# write is refused after parsing.
_REFUSED_STATEMENTS = words(
    """
    abort analyze attach begin cache call change check checkpoint checksum close cluster comment commit copy deallocate declare
    describe detach discard do end execute explain export fetch flush force grant handler import
    install kill listen load lock move notify optimize pivot pragma prepare purge reassign refresh reindex release rename repair
    replace reset resignal revoke rollback savepoint security set show shutdown signal start
    summarize uninstall unlisten unlock unpivot use vacuum xa
    """
)


def _check_complexity(tokens: list[Token]) -> None:
    """Refuse what takes the parser too deep or too long: it is compiled, and can't be stopped."""
    open_: list[bool] = []  # for each open bracket: is it one that the parser tries twice?
    limited = [False]  # for each of them, and outside: did LIMIT or OFFSET come there?
    run = joins = 0
    before: TokenType | None = None
    for token in tokens:
        kind = token.token_type
        if kind in _OPENING:
            twice = kind == TokenType.L_BRACKET or before in _TRIED_TWICE or limited[-1]
            open_.append(twice)
            limited.append(False)
        elif kind in _CLOSING and open_:
            open_.pop()
            limited.pop()
        elif kind in _LIMITS:
            limited[-1] = True
        elif kind == TokenType.JOIN:
            joins += 1
        run = run + 1 if kind in _RUNS else (run if kind not in _NEUTRAL else 0)
        if len(open_) > MAX_BRACKETS or run > MAX_RUN or joins > MAX_JOINS:
            raise too_complex()
        if kind in _OPENING and sum(open_) > MAX_TRIED_TWICE:
            raise too_complex()
        before = kind


_TRIED_TWICE = frozenset(
    {TokenType.ARRAY, TokenType.STRUCT, TokenType.MAP, TokenType.LIST, TokenType.UNION}
    | {TokenType.INTERVAL, TokenType.ENUM, TokenType.NULLABLE, TokenType.NESTED, TokenType.DCOLON}
)

# What follows is read as an alias first, then as what it is.
_LIMITS = frozenset({TokenType.LIMIT, TokenType.OFFSET, TokenType.FETCH})

# Tokens that end a run of prefix or postfix operators.
_NEUTRAL = frozenset(
    {TokenType.COMMA, TokenType.SELECT, TokenType.FROM, TokenType.WHERE, TokenType.AND}
    | {TokenType.OR, TokenType.ON, TokenType.R_PAREN, TokenType.ALIAS, TokenType.THEN}
    | {TokenType.ELSE, TokenType.WHEN, TokenType.JOIN, TokenType.UNION, TokenType.EQ}
)


def _check_depth(tree: exp.Expr) -> None:
    level: list[exp.Expr] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in node.iter_expressions()]
        if not level:
            return
    raise too_complex()


def too_complex() -> InvalidInput:
    return InvalidInput(
        "The statement is nested too deeply; split it up with WITH.", code="too_complex"
    )


def _mask_functions(tokens: list[Token], rules: DialectRules) -> None:
    """Mark each name that calls a function, and drop comments (they can steer the parser).

    Names of types are marked too, unless numbers follow (varchar(10)): trying them as a type and
    then as a call takes the parser twice the time at each level.
    """
    for index, token in enumerate(tokens):
        token.comments.clear()
        after = tokens[index + 1].token_type if index + 1 < len(tokens) else None
        kind = token.token_type
        before = tokens[index - 1] if index else None
        if kind == TokenType.IDENTIFIER and rules.name == "postgres" and _MASK not in token.text:
            # The parser takes words for keywords in quotes too. Behind the name: what ``lex`` has
            # put into one begins with it.
            token.text += _MASK
        if after == TokenType.L_BRACKET and _is_column(token, before, rules):
            # Of "array"[1] and t.array[1] the parser would make ARRAY[1].
            token.text = _MASK + token.text
            token.token_type = kind if kind == TokenType.IDENTIFIER else TokenType.VAR
        if after != TokenType.L_PAREN:
            continue
        if kind == TokenType.IDENTIFIER:
            token.text = _MASK + token.text
        elif (
            (kind in rules.masked or (kind in rules.type_tokens and not _has_sizes(tokens, index)))
            and token.text.lower() not in rules.kept
            and token.text != "%"  # which the lexer takes for MOD
            and not _is_star_replace(before, token)
        ):
            token.text = _MASK + token.text
            if kind != TokenType.UNNEST:
                token.token_type = TokenType.VAR


def _is_column(token: Token, before: Token | None, rules: DialectRules) -> bool:
    """Whether a word before ``[`` names a column or a field, though the parser knows it."""
    if token.text.upper() not in Parser.ARRAY_CONSTRUCTORS:
        return False
    return (
        token.token_type == TokenType.IDENTIFIER
        or (before is not None and before.token_type == TokenType.DOT)
        or (token.token_type == TokenType.LIST and rules.name == "postgres")
    )


def _has_sizes(tokens: list[Token], index: int) -> bool:
    """Whether a type's name is followed by (10) or (12, 2)."""
    kinds = [token.token_type for token in tokens[index + 2 : index + 6]]
    number, comma, closing = TokenType.NUMBER, TokenType.COMMA, TokenType.R_PAREN
    return kinds[:2] == [number, closing] or kinds == [number, comma, number, closing]


def _is_star_replace(before: Token | None, token: Token) -> bool:
    """DuckDB's ``* REPLACE (…)``, which isn't the function."""
    return (
        token.token_type == TokenType.REPLACE
        and before is not None
        and before.token_type in (TokenType.STAR, TokenType.R_PAREN)
    )


def _keep_literals(tokens: list[Token], rules: DialectRules) -> list[Token]:
    """Spell two kinds of literals so that the parser doesn't take them apart.

    ``INTERVAL '1.5 days'`` becomes ``'1.5 days'::INTERVAL``: the parser would split it into number
    and unit, which DuckDB reads in another way. ``j -> 'a.b'`` becomes ``j -> ('a.b')``: the parser
    would read a path where the database reads a key.
    """
    result: list[Token] = []
    last = len(tokens) - 1
    for index, token in enumerate(tokens):
        before = result[-1].token_type if result else None
        if token.token_type == TokenType.STRING and before == TokenType.INTERVAL:
            # In quotes a word is an alias, whatever it says.
            named = index < last and tokens[index + 1].token_type != TokenType.IDENTIFIER
            unit = tokens[index + 1].text.lower() if named else ""
            span = index + 1 < last and tokens[index + 2].text.lower() == "to"
            if unit not in _UNITS or span:
                interval = result.pop()
                cast = [token, _like(token, TokenType.DCOLON, "::"), interval]
                if index < last and tokens[index + 1].token_type in _ALIASES and not span:
                    # An alias, or a word such as PRECEDING: the parser would read a unit.
                    opening = _like(token, TokenType.L_PAREN, "(")
                    cast = [opening, *cast, _like(token, TokenType.R_PAREN, ")")]
                result += cast
                continue
        if token.token_type == TokenType.COLON and rules.name == "duckdb" and index < last:
            name = tokens[index + 1]
            if (
                before not in _OPERANDS
                and name.start == token.end + 1
                and _WORD.fullmatch(name.text)
            ):
                # In DuckDB a colon also gives an alias (x: 1); $name is always a parameter.
                result.append(_like(token, TokenType.PARAMETER, "$"))
                continue
        if token.token_type in _LITERALS and before in (TokenType.ARROW, TokenType.DARROW):
            opening = _like(token, TokenType.L_PAREN, "(")
            result += [opening, token, _like(token, TokenType.R_PAREN, ")")]
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


def _like(token: Token, kind: TokenType, text: str) -> Token:
    return Token(kind, text, token.line, token.col, token.start, token.end)


def _unmask(tree: exp.Expr) -> None:
    for node in tree.walk():
        for key, value in node.args.items():
            if isinstance(value, str) and _MASK in value and not is_nothing(node):
                node.set(key, value.replace(_MASK, ""))


def is_nothing(node: exp.Expr) -> bool:
    """Whether a node is the operand that is written as nothing."""
    return type(node) is exp.Var and node.this == NOTHING


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


# From tree to text --------------------------------------------------------------------------------


def canonical(tree: exp.Expr, rules: DialectRules) -> exp.Expr:
    """Write what has several spellings in one, which every lexer reads alike."""
    if rules.prepare is not None:
        tree = rules.prepare(tree)
    for node in list(tree.walk()):
        new = _one_spelling(node, rules)
        if new is not None and node is tree:
            return new
        if new is not None:
            put_in_place(node, new)
    return tree


def put_in_place(node: exp.Expr, new: exp.Expr) -> None:
    """Puts another node where this one stands; in a list of any length it costs the same.

    ``node.replace(new)`` numbers all the items of its list again, so that replacing each of them
    costs the square of their number.
    """
    parent, key, index = node.parent, node.arg_key, node.index
    if parent is None or key is None:
        raise ValueError("the root of a tree stands in no place")
    if index is None:
        parent.set(key, new)
    else:
        parent.args[key][index] = new
        new.parent, new.arg_key, new.index = parent, key, index
        above: exp.Expr | None = parent
        while above is not None and above._hash is not None:  # as ``set`` does
            above._hash = None
            above = above.parent
    node.parent = node.arg_key = node.index = None


def _one_spelling(node: exp.Expr, rules: DialectRules) -> exp.Expr | None:
    """A node to put in this one's place, or None; small changes are made in place."""
    if rules.one_spelling is not None and (new := rules.one_spelling(node)) is not None:
        return new
    if isinstance(node, exp.RawString | exp.ByteString):  # $$x$$, E'x'
        return exp.Literal.string(node.this)
    if isinstance(node, exp.Identifier) and not node.args.get("quoted"):
        if not node.this.isascii():
            node.set("this", fold(node, rules) if rules.name == "postgres" else node.this)
            node.set("quoted", True)
        elif node.this.lower() in _reserved(rules.name) - rules.niladic:
            node.set("quoted", True)  # the generator will quote it
    elif isinstance(node, exp.WindowSpec):
        if node.args.get("start") and not node.args.get("end"):  # ROWS 2 PRECEDING
            node.set("end", "CURRENT ROW")
    elif isinstance(node, exp.Extract) and isinstance(node.this, exp.Literal):
        if rules.name != "duckdb":  # there it is a title
            node.set("this", exp.Var(this=node.this.this.upper()))  # extract('year' FROM x)
    elif rules.function_schema is not None:
        return _one_spelling_with_schema(node, rules)
    return None


def _one_spelling_with_schema(node: exp.Expr, rules: DialectRules) -> exp.Expr | None:
    """The database's own functions lose their schema here; ``render`` writes it before all."""
    if isinstance(node, exp.Dot) and _is_function_schema(node.this, rules):
        return node.expression if called_function(node) is not None else None
    if isinstance(node, exp.Column) and called_function(node) is not None:
        schema_only = _is_function_schema(node.args.get("table"), rules) and not node.args.get("db")
        return node.this if schema_only else None
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous):
        if _is_function_schema(node.args.get("db"), rules) and not node.args.get("catalog"):
            node.set("db", None)
    elif isinstance(node, exp.Unnest):
        return _plain_unnest(node)
    return None


def _is_function_schema(name: Any, rules: DialectRules) -> bool:
    return isinstance(name, exp.Identifier) and fold(name, rules) == rules.function_schema


def _plain_unnest(node: exp.Expr) -> exp.Expr:
    """``unnest`` in FROM as any other function there, which is how it is read with a schema."""
    call = _call("unnest", *node.expressions)
    offset = node.args.get("offset")
    lateral = node.parent if isinstance(node.parent, exp.Lateral) else None
    owner = lateral or exp.Table(this=call, alias=node.args.get("alias"))
    if offset:
        owner.set("ordinality", True)
    alias = owner.args.get("alias")
    if isinstance(offset, exp.Identifier) and alias is not None:
        alias.append("columns", offset)
    return call if lateral is not None else owner


def called_function(node: exp.Expr) -> exp.Expr | None:
    """The call after a dot, under its FILTER, WITHIN GROUP, IGNORE NULLS and the like.

    Args:
        node: a ``Dot``, or a ``Column``: the parser makes one of ``schema.sum(x) FILTER (…)``.
    """
    last = node.this if isinstance(node, exp.Column) else node.expression
    while isinstance(last, _AROUND_CALLS):
        last = last.this
    return last if isinstance(last, exp.Func) else None


_AROUND_CALLS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Window)


def _call(name: str, *args: exp.Expr | None) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[arg for arg in args if arg is not None])


@lru_cache(maxsize=8)
def _reserved(dialect: str) -> frozenset[str]:
    return frozenset(Dialect.get_or_raise(dialect).generator_class.RESERVED_KEYWORDS)


def _verbatim(node: exp.Expr, rules: DialectRules, write: Callable[[exp.Expr], str]) -> str | None:
    """The text of a node that the generator would write as something else, or even drop."""

    def sql(key: str) -> str:
        return write(node.args[key])

    if rules.verbatim is not None:
        text = rules.verbatim(node, write)
        if text is not None:
            return text
    kind = type(node)
    if kind is exp.Extract:
        return f"EXTRACT({sql('this')} FROM {sql('expression')})"
    if kind is exp.Pow:
        return f"{sql('this')} {'^' if rules.name == 'postgres' else '**'} {sql('expression')}"
    if kind is exp.StartsWith:
        return f"{sql('this')} ^@ {sql('expression')}"
    if kind is exp.IgnoreNulls:
        return f"{sql('this')} IGNORE NULLS"
    if kind is exp.RespectNulls:
        return f"{sql('this')} RESPECT NULLS"
    if kind is exp.CurrentTime and not node.this:
        return "CURRENT_TIME"
    if kind is exp.Distinct and len(node.expressions) > 1 and not node.args.get("on"):
        return "DISTINCT " + ", ".join(write(item) for item in node.expressions)
    if kind is exp.Interval and rules.name == "postgres" and node.this and node.args.get("unit"):
        return f"INTERVAL {sql('this')} {sql('unit')}"
    return None


_VERBATIM = (
    exp.Extract,
    exp.Pow,
    exp.StartsWith,
    exp.IgnoreNulls,
    exp.RespectNulls,
    exp.CurrentTime,
    exp.Distinct,
    exp.Interval,
)


def _generate(tree: exp.Expr, rules: DialectRules, *, copy: bool = True) -> str:
    dialect = Dialect.get_or_raise(rules.grammar or rules.name)
    writer: Any = dialect.generator(comments=False, normalize_functions=False)
    known = _WRITERS.get(rules.name)
    if known is None:
        # The generator is compiled, so no class of ours can take from it.
        kinds: tuple[type[exp.Expr], ...] = (*_VERBATIM, *rules.verbatim_nodes)
        ours = {kind: _written(writer._dispatch.get(kind), rules) for kind in kinds}
        known = _WRITERS[rules.name] = {**writer._dispatch, **ours}
    writer._dispatch = known
    text: str = writer.generate(tree, copy=copy)
    return text


_Write = Callable[[Generator, Any], str]
_WRITERS: dict[str, dict[type[exp.Expr], Any]] = {}


def _written(otherwise: Any, rules: DialectRules) -> _Write:
    """How a kind of node is written: verbatim, or else as the generator has it."""

    def write(writer: Generator, node: Any) -> str:
        text = _verbatim(node, rules, writer.sql)
        if text is not None:
            return text
        return str(otherwise(writer, node) if otherwise else writer.function_fallback_sql(node))

    return write


def _name_function_schema(tree: exp.Expr, rules: DialectRules) -> None:
    if rules.function_schema is None:
        return
    for node in tree.find_all(exp.Anonymous):
        quoted = isinstance(node.this, exp.Identifier)
        name = node.name.lower()
        if name in rules.extension_functions or (not quoted and name in rules.syntax_functions):
            if name in rules.sealed_functions:
                node.set("this", rules.sealed_functions[name])
            continue
        if name == "unnest" and _is_unnest_of_several(node):
            continue
        node.set(
            "this", f"{rules.function_schema}.{_generate(node.this, rules) if quoted else name}"
        )


def _is_unnest_of_several(node: exp.Expr) -> bool:
    """Whether PostgreSQL's grammar makes one ``unnest`` for each array of it: in FROM only."""
    parent = node.parent
    if isinstance(parent, exp.TableFromRows):
        parent = parent.parent
    return (
        isinstance(parent, exp.Table | exp.Lateral)
        and len(node.expressions) > 1
        and not any(isinstance(each, exp.Variadic) for each in node.expressions)
    )


def render(tree: exp.Expr, rules: DialectRules) -> str:
    try:
        if rules.function_schema:
            tree = tree.copy()
            _name_function_schema(tree, rules)
        # A sign before its operand keeps its distance from the one before it.
        text = _generate(tree, rules, copy=not rules.function_schema).replace(f"{NOTHING} ", " ")
    except RecursionError:
        raise
    except Exception:  # e.g. "unsupported" for this dialect
        raise InvalidInput(
            f"This statement uses syntax that the Workbench doesn't support for {rules.title}. "
            "Write it differently.",
            code="syntax_not_allowed",
        ) from None
    # Outside of quotes only plain characters are left, so no lexer can see a comment, another
    # kind of string or a second statement where we see none.
    rest = rules.quoted.sub(" ", text)
    bad = next((sign for sign in rules.not_outside_quotes if sign in rest), None)
    if bad is not None or not rest.isascii():
        what = f"the sign {bad}" if bad and bad.isprintable() else "a letter outside ASCII"
        raise InvalidInput(
            f"The statement uses {what} outside of quotes, in a way that isn't supported. Write "
            "texts as '…' and names in quotes.",
            code="syntax_not_allowed",
        )
    return text


def fold(identifier: exp.Expr, rules: DialectRules) -> str:
    """A name as the database sees it. PostgreSQL and DuckDB fold plain ASCII letters only; whether
    MySQL compares names without case is up to its server, so there they stay as they are."""
    name = str(identifier.this)
    if rules.name == "mysql" or (identifier.args.get("quoted") and rules.name != "duckdb"):
        return name
    return "".join(c.lower() if c.isascii() else c for c in name)
