"""The gate's analysis of one SQL statement: pure, and without I/O.

``analyse`` parses a statement, refuses what isn't on the allow-lists of its dialect, puts the
parameters in as literal nodes, renders the tree, parses what was rendered and checks that again.
Only the rendered text may be sent to a database. What can't be parsed, proved or reproduced is
refused.

Functions are kept under the name that was written: before parsing, each name that calls a
function is masked, so that the parser can't turn it into a node which it renders in its own way.
So the name that is checked is the name that is sent.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError

from wb_server.connections.dialects import duckdb, postgres
from wb_server.connections.dialects.base import WRITE_NODES, DialectRules, words
from wb_server.connections.dialects.parameters import bind
from wb_server.kit.errors import Forbidden, InvalidInput, TooLarge, WorkbenchError

DialectName = Literal["postgres", "duckdb"]

MAX_SQL_BYTES = 1_000_000
MAX_TOKENS = 50_000  # about a second of work
MAX_BRACKETS = 60  # brackets or CASE inside each other
MAX_RUN = 300  # NOT NOT NOT …, - - - …, a[1][1][1] …
MAX_TRIED_TWICE = 8  # [ and nested types: the parser's time doubles with each level
MAX_JOINS = 200
MAX_DEPTH = 400  # levels of the tree; 400 conditions joined by OR are 400 levels
MAX_POSTGRES_NAME = 63  # bytes; PostgreSQL cuts longer names, so they would name another table

RULES: Mapping[str, DialectRules] = {"postgres": postgres.RULES, "duckdb": duckdb.RULES}

# A file's name, an address or a pattern: DuckDB opens such a "table" as a file.
_FILE_CHARACTERS = re.compile(r"[/\\.*?:\[\]{}~%]")
_FILE_ENDINGS = re.compile(
    r"(^|\.)(csv|tsv|txt|parquet|pq|json|jsonl|ndjson|geojson|gz|zst|bz2|xlsx?|avro|arrow|arrows|"
    r"ipc|feather|orc|db|ddb|duckdb|sqlite3?|shp|gpkg|fgb|vortex|lance)$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*")
_MASK = "\x00"  # refused in the input, so no name can hold it

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_RUNS = frozenset(
    {TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE, TokenType.RLIKE}
    | {TokenType.INTERVAL, TokenType.DCOLON, TokenType.DOT, TokenType.R_BRACKET}
)

_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
_WRITES = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.TruncateTable,
)
_CREATE_KINDS = ("TABLE", "VIEW", "SCHEMA", "INDEX")
_DROP_KINDS = ("TABLE", "VIEW")

# sqlglot warns about syntax that it doesn't know, with the SQL text; we answer with an error.
logging.getLogger("sqlglot").addFilter(lambda record: record.levelno >= logging.ERROR)


@dataclass(frozen=True)
class TableRef:
    """A base table, view or file by name. ``name`` is empty where a schema itself is meant."""

    catalog: str | None
    schema: str | None
    name: str


@dataclass(frozen=True)
class Statement:
    """What a statement is, what it touches, and the only text of it that may be sent.

    Attributes:
        kind: ``read`` changes nothing; ``write`` changes data or structure.
        sql: rendered from the checked tree, with the parameters in it.
        tables: every base table that is read or written, sorted, each once. No CTE names.
        written: the targets of a write.
        returns_rows: a read, or a write with RETURNING.
    """

    kind: Literal["read", "write"]
    sql: str
    tables: tuple[TableRef, ...]
    written: tuple[TableRef, ...]
    returns_rows: bool


def analyse(
    sql: str,
    dialect: DialectName,
    params: Mapping[str, Any] | None = None,
    *,
    limit: int | None = None,
) -> Statement:
    """Check one statement and render the text that may be sent.

    Args:
        sql: one statement; parameters are written ``:name``.
        dialect: of the database that will run it.
        params: a value for each parameter: None, bool, int, float, str, Decimal, date, datetime,
            time, bytes, a wire object ``{"type", "value"}``, or a list of these for IN.
        limit: the largest number of rows a read may ask for. A smaller LIMIT stays.

    Raises:
        InvalidInput: the text or a parameter can't be understood, or isn't one statement.
        Forbidden: understood, but not on an allow-list.
        TooLarge: the text is larger than ``MAX_SQL_BYTES``.
    """
    rules = RULES[dialect]
    try:
        if params or limit is not None:
            return _analyse(sql, rules, dict(params or {}), limit)
        return _analyse_plain(sql, rules.name)
    except RecursionError:
        raise _too_complex() from None


@lru_cache(maxsize=512)
def _analyse_plain(sql: str, dialect: str) -> Statement:
    return _analyse(sql, RULES[dialect], {}, None)


@lru_cache(maxsize=512)
def _parse_cached(sql: str, dialect: str) -> exp.Expr:
    return _canonical(_parse(sql, RULES[dialect]), RULES[dialect])


def _analyse(sql: str, rules: DialectRules, params: dict[str, Any], limit: int | None) -> Statement:
    tree = _parse_cached(sql, rules.name)
    _check(tree, rules, bound=False)
    tree = bind(tree.copy(), params, rules)
    if limit is not None and isinstance(tree, _QUERIES):
        _apply_limit(tree, limit)
    text = _render(tree, rules)
    try:
        again: exp.Expr | None = _canonical(_parse(text, rules), rules)
    except InvalidInput:
        again = None
    if again is None or again != tree:
        raise InvalidInput(
            "The Workbench can't reproduce this statement exactly, so it isn't run. "
            "Write it in another way, or tell your administrator.",
            code="not_reproducible",
        )
    written = _check(again, rules, bound=True)
    tables = {*written, *_tables(again, frozenset(), rules)}
    for table in tables:
        _check_table(table, rules, write=table in written)
    kind: Literal["read", "write"] = "write" if isinstance(again, _WRITES) else "read"
    return Statement(
        kind=kind,
        sql=text,
        tables=_sorted(tables),
        written=_sorted(written),
        returns_rows=kind == "read" or again.args.get("returning") is not None,
    )


# Parsing ------------------------------------------------------------------------------------------


def _parse(sql: str, rules: DialectRules) -> exp.Expr:
    """Tokens, limits, mask, tree; every error in our words."""
    if len(sql.encode("utf-8", "surrogatepass")) > MAX_SQL_BYTES:
        raise TooLarge(f"The SQL text is larger than {MAX_SQL_BYTES:,} bytes.")
    if _MASK in sql:
        raise InvalidInput("The SQL text holds a NUL byte.", code="syntax_error")
    dialect = Dialect.get_or_raise(rules.name)
    try:
        tokens = dialect.tokenize(sql)
    except TokenError:
        raise InvalidInput(
            "The SQL can't be read: a quote or a comment isn't closed, or a character is wrong.",
            code="syntax_error",
            line=None,
            column=None,
            near=None,
        ) from None
    tokens = _one_statement(tokens)
    if len(tokens) > MAX_TOKENS:
        raise InvalidInput(
            f"The statement has more than {MAX_TOKENS:,} words and signs; put long lists into a "
            "table.",
            code="too_complex",
        )
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
        raise _statement_error(word)
    return tokens


# Said by name, since the parser knows only some of them. Whatever else isn't a query or a plain
# write is refused after parsing.
_REFUSED_STATEMENTS = words(
    """
    abort analyze attach begin call checkpoint close cluster comment commit copy deallocate declare
    describe detach discard do end execute explain export fetch force grant import install kill
    listen load lock move notify pivot pragma prepare reassign refresh reindex release reset revoke
    rollback savepoint security set show start summarize unlisten unpivot use vacuum
    """
)


def _check_complexity(tokens: list[Token]) -> None:
    """Refuse what takes the parser too deep or too long: it is compiled, and can't be stopped."""
    open_: list[bool] = []  # for each open bracket: is it one that the parser tries twice?
    run = joins = 0
    before: TokenType | None = None
    for token in tokens:
        kind = token.token_type
        if kind in _OPENING:
            open_.append(kind == TokenType.L_BRACKET or before in _TRIED_TWICE)
        elif kind in _CLOSING and open_:
            open_.pop()
        elif kind == TokenType.JOIN:
            joins += 1
        run = run + 1 if kind in _RUNS else (run if kind not in _NEUTRAL else 0)
        if len(open_) > MAX_BRACKETS or run > MAX_RUN or joins > MAX_JOINS:
            raise _too_complex()
        if kind in _OPENING and sum(open_) > MAX_TRIED_TWICE:
            raise _too_complex()
        before = kind


_TRIED_TWICE = frozenset(
    {TokenType.ARRAY, TokenType.STRUCT, TokenType.MAP, TokenType.LIST, TokenType.UNION}
    | {TokenType.INTERVAL, TokenType.ENUM, TokenType.NULLABLE, TokenType.NESTED, TokenType.DCOLON}
)

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
    raise _too_complex()


def _too_complex() -> InvalidInput:
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
        if index + 1 == len(tokens) or tokens[index + 1].token_type != TokenType.L_PAREN:
            continue
        kind = token.token_type
        before = tokens[index - 1] if index else None
        if kind == TokenType.IDENTIFIER:
            token.text = _MASK + token.text
        elif (
            (kind in rules.masked or (kind in rules.type_tokens and not _has_sizes(tokens, index)))
            and token.text.lower() not in rules.kept
            and not _is_star_replace(before, token)
        ):
            token.text = _MASK + token.text
            if kind != TokenType.UNNEST:
                token.token_type = TokenType.VAR


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
            unit = tokens[index + 1].text.lower() if index < last else ""
            if unit not in _UNITS:
                interval = result.pop()
                result += [token, _like(token, TokenType.DCOLON, "::"), interval]
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
            if isinstance(value, str) and _MASK in value:
                node.set(key, value.replace(_MASK, ""))


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


def _canonical(tree: exp.Expr, rules: DialectRules) -> exp.Expr:
    """Write what has several spellings in one, which every lexer reads alike."""
    for node in list(tree.walk()):
        new = _one_spelling(node, rules)
        if new is not None and node is tree:
            return new
        if new is not None:
            node.replace(new)
    return tree


def _one_spelling(node: exp.Expr, rules: DialectRules) -> exp.Expr | None:
    """A node to put in this one's place, or None; small changes are made in place."""
    if isinstance(node, exp.RawString | exp.ByteString):  # $$x$$, E'x'
        return exp.Literal.string(node.this)
    if isinstance(node, exp.Identifier) and not node.args.get("quoted"):
        if not node.this.isascii():
            node.set("this", _fold(node, rules) if rules.name == "postgres" else node.this)
            node.set("quoted", True)
        elif node.this.lower() in _reserved(rules.name) - rules.niladic:
            node.set("quoted", True)  # the generator will quote it
    elif isinstance(node, exp.WindowSpec):
        if node.args.get("start") and not node.args.get("end"):  # ROWS 2 PRECEDING
            node.set("end", "CURRENT ROW")
    elif isinstance(node, exp.Extract) and isinstance(node.this, exp.Literal):
        node.set("this", exp.Var(this=node.this.this.upper()))  # extract('year' FROM x)
    elif rules.name == "duckdb":
        return _one_spelling_duckdb(node)
    return None


def _one_spelling_duckdb(node: exp.Expr) -> exp.Expr | None:
    """Calls with a syntax of their own become plain calls, as the generator writes them."""
    if isinstance(node, exp.Fetch) and node.args.get("count") is not None:
        options = node.args.get("limit_options")
        if options is None or not (options.args.get("with_ties") or options.args.get("percent")):
            return exp.Limit(expression=node.args["count"])
    if isinstance(node, exp.Substring):
        return _call("substring", node.this, node.args.get("start"), node.args.get("length"))
    if isinstance(node, exp.StrPosition) and not node.args.get("position"):
        return _call("strpos", node.this, node.args.get("substr"))
    if isinstance(node, exp.Trim) and not node.args.get("collation"):
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position")), "trim")
        return _call(name, node.this, node.expression or None)
    return None


def _call(name: str, *args: exp.Expr | None) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[arg for arg in args if arg is not None])


@lru_cache(maxsize=8)
def _reserved(dialect: str) -> frozenset[str]:
    return frozenset(Dialect.get_or_raise(dialect).generator_class.RESERVED_KEYWORDS)


def _verbatim(node: exp.Expr, rules: DialectRules) -> str | None:
    """The text of a node that the generator would write as something else, or even drop."""

    def sql(key: str) -> str:
        return _generate(node.args[key], rules)

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
        return "DISTINCT " + ", ".join(_generate(item, rules) for item in node.expressions)
    if kind is exp.Interval and rules.name == "postgres" and node.args.get("unit"):
        return f"INTERVAL {sql('this')} {sql('unit')}"
    if kind is exp.RegexpLike and rules.name == "duckdb":
        return f"{sql('this')} ~ {sql('expression')}"
    if kind is exp.WithinGroup and rules.name == "duckdb":
        return f"{sql('this')} WITHIN GROUP ({sql('expression').strip()})"
    if kind is exp.Unnest and rules.name == "duckdb":
        return _generate(node, rules)  # FROM a, unnest(…) stays a comma
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
    exp.RegexpLike,
    exp.WithinGroup,
    exp.Unnest,
)


def _generate(tree: exp.Expr, rules: DialectRules) -> str:
    text: str = Dialect.get_or_raise(rules.name).generate(
        tree, comments=False, normalize_functions=False, copy=True
    )
    return text


def _render(tree: exp.Expr, rules: DialectRules) -> str:
    try:
        special = [node for node in tree.walk() if isinstance(node, _VERBATIM)]
        if special:
            tree = tree.copy()
            special = [node for node in tree.walk() if isinstance(node, _VERBATIM)]
        for node in reversed(special):  # the inner ones first
            text = _verbatim(node, rules)
            if text is not None:
                node.replace(exp.Var(this=text))
        text = _generate(tree, rules)
    except RecursionError:
        raise
    except Exception:  # e.g. "unsupported" for this dialect
        raise InvalidInput(
            f"This statement uses syntax that the Workbench doesn't support for {rules.title}.",
            code="syntax_not_allowed",
        ) from None
    # Outside of quotes only plain characters are left, so no lexer can see a comment, another
    # kind of string or a second statement where we see none.
    rest = _QUOTED.sub(" ", text)
    if not rest.isascii() or any(bad in rest for bad in _NOT_OUTSIDE_QUOTES):
        raise InvalidInput(
            "The statement uses a way to write strings or names that isn't supported.",
            code="syntax_not_allowed",
        )
    return text


_NOT_OUTSIDE_QUOTES = ("'", '"', "--", "/*", "*/", "$", "\\", ";", "`", "\x00")


def _apply_limit(tree: exp.Expr, limit: int) -> None:
    """LIMIT on the root, or the smaller of both; a LIMIT that isn't a number stays."""
    if "limit" not in tree.arg_types:
        return
    current = tree.args.get("limit")
    if current is None:
        tree.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
        return
    if current.args.get("limit_options") is not None and isinstance(current, exp.Limit):
        return
    key = "count" if isinstance(current, exp.Fetch) else "expression"
    if isinstance(current, exp.Fetch):
        options = current.args.get("limit_options")
        if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
            return
    value = current.args.get(key)
    if isinstance(value, exp.Cast):
        value = value.this
    if isinstance(value, exp.Null) or (isinstance(value, exp.Var | exp.Column) and _is_all(value)):
        current.set(key, exp.Literal.number(limit))
    elif isinstance(value, exp.Literal) and not value.is_string and value.this.isdecimal():
        if int(value.this) > limit:
            current.set(key, exp.Literal.number(limit))


def _is_all(node: exp.Expr) -> bool:
    return node.name.upper() == "ALL"


# Rules --------------------------------------------------------------------------------------------


def _check(tree: exp.Expr, rules: DialectRules, *, bound: bool) -> tuple[TableRef, ...]:
    """Check the root and every node; returns the targets of a write."""
    write = isinstance(tree, _WRITES)
    if not write and not isinstance(tree, _QUERIES):
        raise Forbidden(
            "Only queries and plain writes run here (SELECT, INSERT, UPDATE, DELETE, MERGE, "
            "CREATE, ALTER, DROP or TRUNCATE of tables and views).",
            code="statement_not_allowed",
        )
    if write and not rules.writes:
        raise Forbidden("This connection is read-only.", code="read_only_connection")
    for node in tree.walk():
        _check_node(node, tree, rules, write=write, bound=bound)
    return _targets(tree, rules) if write else ()


def _check_node(
    node: exp.Expr, root: exp.Expr, rules: DialectRules, *, write: bool, bound: bool
) -> None:
    kind = type(node)
    if kind in (exp.Into, exp.Lock) or (
        kind in _WRITES and node is not root and not _is_part_of_write(node)
    ):
        raise Forbidden(_NOT_A_READ.get(kind, _NESTED), code="not_a_read")
    if kind not in rules.nodes and not (write and kind in WRITE_NODES):
        _refuse_node(node)
    check = _NODE_CHECKS.get(kind)
    if check is not None:
        check(node, rules, write)
    if bound and kind is exp.Placeholder:
        raise InvalidInput("A parameter wasn't put in.", code="parameter_missing")


_NESTED = "A statement that changes data can't be part of another one."
_NOT_A_READ: Mapping[type[exp.Expr], str] = {
    exp.Into: "SELECT … INTO makes a table; use CREATE TABLE … AS.",
    exp.Lock: "A query can't lock rows (FOR UPDATE, FOR SHARE).",
}


def _is_part_of_write(node: exp.Expr) -> bool:
    """WHEN MATCHED THEN UPDATE … and ALTER TABLE … DROP COLUMN."""
    parent = node.parent
    if isinstance(parent, exp.When):
        return isinstance(node, exp.Insert | exp.Update | exp.Delete)
    if isinstance(parent, exp.Alter):
        return isinstance(node, exp.Drop) and node.args.get("kind") in ("COLUMN", "CONSTRAINT")
    return False


def _refuse_node(node: exp.Expr) -> None:
    if isinstance(node, exp.PseudoType | exp.ObjectIdentifier):
        raise _type_error(str(node.this))
    if isinstance(node, exp.Command):
        raise Forbidden(
            f"{str(node.this).upper()} isn't allowed here.", code="statement_not_allowed"
        )
    if isinstance(node, exp.Parameter | exp.SessionParameter):
        raise InvalidInput(
            "Parameters are written :name, for example :since.", code="parameter_syntax"
        )
    if isinstance(node, exp.Func):
        raise _function_error(node.sql_name().lower(), frozenset())
    raise Forbidden(
        f"This syntax isn't supported: {_readable(type(node).__name__)}.",
        code="syntax_not_allowed",
    )


def _readable(class_name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", class_name).lower()


def _function_error(name: str, known: frozenset[str]) -> Forbidden:
    near = difflib.get_close_matches(name, known, n=3)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    return Forbidden(
        f"The function {name} isn't on the list of allowed functions.{hint}",
        code="function_not_allowed",
        function=name,
        near=near,
    )


def _type_error(name: str) -> Forbidden:
    return Forbidden(
        f"The type {name.lower()} isn't on the list of allowed types. Types that a database adds "
        "itself (enums, domains, extensions) can run code of their own; cast to text instead.",
        code="type_not_allowed",
        type=name.lower(),
    )


def _check_function(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    name = _function_name(node, rules)
    in_from = _stands_in_from(node)
    known = rules.table_functions if in_from else rules.functions
    if write:
        known = known | rules.write_functions
    if name not in known:
        raise _function_error(name, known)
    parent = node.parent
    if isinstance(parent, exp.Dot) and node is parent.expression:
        if rules.name == "postgres" and not _is_pg_catalog(parent.this):
            raise _function_error(f"{parent.this.sql()}.{name}", frozenset())
    if isinstance(parent, exp.Table) and (parent.args.get("db") or parent.args.get("catalog")):
        if rules.name != "postgres" or parent.db != "pg_catalog" or parent.args.get("catalog"):
            raise _function_error(f"{parent.db}.{name}", frozenset())


def _function_name(node: exp.Expr, rules: DialectRules) -> str:
    name = node.this
    if isinstance(name, exp.Identifier):
        # ALL and SOME are syntax; as a quoted name they would be somebody's function.
        return '"' + name.this + '"' if name.this in ("all", "some") else _fold(name, rules)
    return str(name).lower()


def _stands_in_from(node: exp.Expr) -> bool:
    parent = node.parent
    if isinstance(parent, exp.Dot):
        parent = parent.parent
    return isinstance(parent, exp.Table | exp.Lateral | exp.TableFromRows | exp.From | exp.Join)


def _is_pg_catalog(node: Any) -> bool:
    return isinstance(node, exp.Identifier) and node.this == "pg_catalog"


def _check_type(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if node.this not in rules.types:
        kind = node.args.get("kind")
        name = kind.sql() if isinstance(kind, exp.Expr) else getattr(node.this, "value", node.this)
        raise _type_error(str(name))


def _check_column(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    name = node.this
    if (
        isinstance(name, exp.Identifier)
        and not name.quoted
        and not node.args.get("table")
        and name.this.lower() in rules.niladic
    ):
        raise _function_error(name.this.lower(), frozenset())


def _check_name(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if rules.name == "postgres" and len(str(node.this).encode()) > MAX_POSTGRES_NAME:
        raise InvalidInput(
            f"A name is longer than {MAX_POSTGRES_NAME} bytes: {str(node.this)[:40]}…",
            code="name_too_long",
        )


def _check_word(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if not _WORD.fullmatch(str(node.this)):
        raise Forbidden("This syntax isn't supported.", code="syntax_not_allowed")


def _check_create(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind not in _CREATE_KINDS:
        raise _statement_error(f"CREATE {kind}")


def _check_drop(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind not in _DROP_KINDS and not _is_part_of_write(node):
        raise _statement_error(f"DROP {kind}")


def _check_alter(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind != "TABLE":
        raise _statement_error(f"ALTER {kind}")


def _statement_error(what: str) -> Forbidden:
    return Forbidden(f"{what.strip()} isn't allowed here.", code="statement_not_allowed")


_NODE_CHECKS: Mapping[type[exp.Expr], Any] = {
    exp.Anonymous: _check_function,
    exp.DataType: _check_type,
    exp.Column: _check_column,
    exp.Identifier: _check_name,
    exp.Var: _check_word,
    exp.Create: _check_create,
    exp.Drop: _check_drop,
    exp.Alter: _check_alter,
}


# Tables -------------------------------------------------------------------------------------------


def _fold(identifier: exp.Expr, rules: DialectRules) -> str:
    """A name as the database sees it. PostgreSQL folds plain ASCII letters only."""
    name = str(identifier.this)
    if rules.name == "duckdb":
        return name.lower()
    if identifier.args.get("quoted"):
        return name
    return "".join(c.lower() if c.isascii() else c for c in name)


def _reference(table: exp.Expr, rules: DialectRules) -> TableRef | None:
    """The table's name, or None for a function or subquery in its place."""

    def part(key: str) -> str | None:
        value = table.args.get(key)
        return _fold(value, rules) if isinstance(value, exp.Identifier) else None

    if isinstance(table.this, exp.Identifier):
        return TableRef(part("catalog"), part("db"), part("this") or "")
    if isinstance(table.this, exp.Anonymous) or table.args.get("rows_from"):
        return None
    if table.this is None and table.args.get("db"):  # CREATE SCHEMA name
        return TableRef(part("catalog"), part("db"), "")
    raise Forbidden("A table's name can't be read.", code="syntax_not_allowed")


def _tables(node: exp.Expr, known: frozenset[str], rules: DialectRules) -> Iterator[TableRef]:
    """The base tables under a node, where ``known`` CTE names are in scope.

    A CTE sees those before it, and itself only under RECURSIVE. When in doubt a name is reported
    as a table: that can refuse too much, but hides nothing.
    """
    with_ = node.args.get("with_")
    if isinstance(with_, exp.With):
        recursive = bool(with_.args.get("recursive"))
        names = [_fold(cte.args["alias"].this, rules) for cte in with_.expressions]
        # PostgreSQL sees all names of a recursive WITH in all of its parts.
        inner = known | frozenset(names) if recursive and rules.name == "postgres" else known
        for cte, name in zip(with_.expressions, names, strict=True):
            if recursive and rules.name == "duckdb" and isinstance(cte.this, exp.SetOperation):
                # Only what follows UNION may refer to the CTE itself.
                body = cte.this
                for key, child in _children(body):
                    scope = inner | {name} if key == "expression" else inner
                    yield from _tables(child, scope, rules)
            else:
                yield from _tables(cte.this, inner, rules)
            inner = inner | {name}
        known = inner
    if isinstance(node, exp.Drop) and _is_part_of_write(node):
        return  # ALTER TABLE … DROP COLUMN names no table
    if isinstance(node, exp.Table):
        table = _reference(node, rules)
        is_cte = (
            table is not None
            and table.schema is None
            and table.name in known
            and not _is_target(node)
        )
        if table is not None and not is_cte:
            yield table
    for key, child in _children(node):
        if key != "with_":
            yield from _tables(child, known, rules)


def _is_target(node: exp.Expr) -> bool:
    """The target of a write is always a real table, whatever a CTE is called."""
    parent = node.parent
    if isinstance(parent, exp.Schema):
        node, parent = parent, parent.parent
    return isinstance(parent, _WRITES) and node is parent.this


def _children(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    for key, value in node.args.items():
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, exp.Expr):
                yield key, child


def _targets(tree: exp.Expr, rules: DialectRules) -> tuple[TableRef, ...]:
    targets: list[Any] = [tree.args.get("this"), *(tree.args.get("tables") or [])]
    if isinstance(tree, exp.TruncateTable | exp.Drop):
        targets += tree.expressions
    if isinstance(tree, exp.Alter):
        targets += [new.this for new in tree.find_all(exp.AlterRename)]
    found = []
    for target in targets:
        if target is None:
            continue
        if isinstance(target, exp.Schema):
            target = target.this
        if isinstance(target, exp.Index):
            target = target.args.get("table")
        reference = _reference(target, rules) if isinstance(target, exp.Table) else None
        if reference is None:
            raise Forbidden("The target of this write can't be read.", code="syntax_not_allowed")
        found.append(reference)
    if not found:
        raise Forbidden("The target of this write can't be read.", code="syntax_not_allowed")
    return tuple(found)


def _check_table(table: TableRef, rules: DialectRules, *, write: bool) -> None:
    if table.catalog is not None:
        raise Forbidden(
            "Name tables as schema.table: another database can't be reached from here.",
            code="system_table_not_allowed",
        )
    if rules.file_tables:
        full = f"{table.schema}.{table.name}" if table.schema else table.name
        parts = (table.schema or "", table.name)
        if any(_FILE_CHARACTERS.search(part) for part in parts) or _FILE_ENDINGS.search(full):
            raise Forbidden(
                f"{full!r} looks like a file. Files are read through the tables of the "
                "connection, by name.",
                code="file_not_allowed",
            )
    schema, name = table.schema, table.name
    if schema is None:
        if not name.startswith(rules.unqualified_system_prefixes):
            return
        schema = "pg_catalog"
    readable = rules.system_tables.get(schema)
    hidden = schema.startswith(rules.hidden_schemas) or readable is not None
    if hidden and (write or name not in (readable or frozenset())):
        raise Forbidden(
            f"The system table {schema}.{name} can't be used here.",
            code="system_table_not_allowed",
            table=f"{schema}.{name}",
        )


def _sorted(tables: Any) -> tuple[TableRef, ...]:
    return tuple(sorted(set(tables), key=lambda t: (t.catalog or "", t.schema or "", t.name)))
