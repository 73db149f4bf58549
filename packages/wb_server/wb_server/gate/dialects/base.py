"""The structure of a dialect's allow-lists, and the syntax that dialects share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.parser import Parser


def words(text: str) -> frozenset[str]:
    """A set from a block of words, so that the lists stay readable."""
    return frozenset(text.split())


@dataclass(frozen=True, order=True)
class RoutineName:
    """A function or procedure of the database's own, as the database compares its name.

    Attributes:
        arguments: in a list, the types of one of several variants, as in ``(text, date)``; empty for
            the only routine of the name.
    """

    schema: str
    name: str
    arguments: str = ""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}{self.arguments}"


@dataclass(frozen=True, eq=False)
class DialectRules:
    """Everything that ``statement.py`` needs to know about one dialect.

    All names are lower case. What is on no list is refused.
    """

    name: str
    title: str
    functions: frozenset[str]  # scalar, aggregate and window functions
    table_functions: frozenset[str]  # allowed in FROM
    write_functions: frozenset[str]  # allowed in write statements only
    niladic: frozenset[str]  # keywords that call a function without parentheses
    types: frozenset[exp.DType]  # targets of casts, types of columns
    nodes: frozenset[type[exp.Expr]]  # syntax that a read may use
    system_tables: Mapping[str, frozenset[str]]  # schema -> its tables that may be read
    hidden_schemas: tuple[str, ...]  # prefixes of schemas that nobody reads
    unqualified_system_prefixes: tuple[str, ...]  # system names that resolve without a schema
    writes: bool
    file_tables: bool  # the database may take a table's name for a file
    decimal_digits: int
    masked: frozenset[TokenType]  # tokens that call a function when "(" follows
    type_tokens: frozenset[TokenType]  # types that take either sizes or nothing in parentheses
    kept: frozenset[str]  # names before "(" that are syntax, so never masked
    # The schema of the database's built-in functions, if the rendered text has to qualify them:
    # otherwise a function of another schema with better matching arguments would be called instead.
    function_schema: str | None = None
    system_prefixes: tuple[str, ...] = ()  # prefixes of system names, in every schema
    selectable: frozenset[str] = frozenset()  # those of ``niladic`` that may be selected
    syntax_functions: frozenset[str] = frozenset()  # unquoted, these are grammar, not names
    # Names that only the lexer produces, and their spelling in SQL.
    sealed_functions: Mapping[str, str] = field(default_factory=dict)
    ordered_set_functions: frozenset[str] = frozenset()  # grammar before WITHIN GROUP only
    # Their schema can't be known in advance, or not every version has them.
    extension_functions: frozenset[str] = frozenset()
    # Functions that return records, and their fields. Set for databases where value.name may call a
    # function, so that no other field can be accessed with a dot.
    record_fields: Mapping[str, frozenset[str]] | None = None
    write_nodes: frozenset[type[exp.Expr]] = frozenset()  # syntax of this dialect's writes only
    engines: frozenset[str] = frozenset()  # storage engines that a statement may name
    named_types: frozenset[str] = frozenset()  # built-in types that the parser doesn't know
    extension_types: frozenset[str] = frozenset()  # types whose schema can't be known in advance
    operators: frozenset[str] = frozenset()  # signs of operators that the parser doesn't know
    select_modifiers: frozenset[str] = frozenset()  # words after SELECT that change no rows
    # The database's own routines that the owner of the connection has allowed.
    routines: frozenset[RoutineName] = frozenset()
    overloads: bool = False  # whether several of them may share a name
    check_tree: Callable[[exp.Expr], None] | None = None  # checks that need the whole tree

    # How text is parsed and rendered, where sqlglot differs from the database.
    grammar: type[Dialect] | None = None  # sqlglot's dialect, if it isn't the one of the name
    lexer: Callable[[str], list[Token]] | None = None
    unseal: Callable[[exp.Expr], None] | None = None  # fixes the tree straight after parsing
    prepare: Callable[[exp.Expr], exp.Expr] | None = None  # the whole tree, before ``one_spelling``
    one_spelling: Callable[[exp.Expr], exp.Expr | None] | None = None
    verbatim: Callable[[exp.Expr, Callable[[exp.Expr], str]], str | None] | None = None
    verbatim_nodes: tuple[type[exp.Expr], ...] = ()
    quoted: re.Pattern[str] = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
    not_outside_quotes: tuple[str, ...] = (
        *("'", '"', "--", "/*", "*/", "$", "\\", ";", "`", "\x00"),
    )

    def allowed(self, called: RoutineName) -> frozenset[RoutineName]:
        """The entries of the list for a routine that is called: one, or one for each variant."""
        return frozenset(
            each
            for each in self.routines
            if (each.schema, each.name) == (called.schema, called.name)
        )


# Tokens that are a function's name when a parenthesis follows. This excludes types that take
# parameters (varchar(10)) and operators (LIKE (...)).
MASKED = frozenset(
    {
        TokenType.VAR,
        TokenType.IDENTIFIER,
        TokenType.CURRENT_DATE,
        TokenType.CURRENT_TIME,
        TokenType.CURRENT_TIMESTAMP,
        TokenType.CURRENT_USER,
        TokenType.CURRENT_SCHEMA,
        TokenType.CURRENT_CATALOG,
        TokenType.SESSION_USER,
        TokenType.LOCALTIME,
        TokenType.LOCALTIMESTAMP,
        TokenType.DATE,
        TokenType.FIRST,
        TokenType.FORMAT,
        TokenType.LEFT,
        TokenType.RIGHT,
        TokenType.RANGE,
        TokenType.REPLACE,
        TokenType.TRUNCATE,
        TokenType.UNNEST,
        TokenType.YEAR,
        TokenType.JSON,
        TokenType.LIST,
        TokenType.INET,
        TokenType.UUID,
        TokenType.XML,
    }
)

# Types that take other types, or a special syntax, in parentheses.
_NESTED = frozenset(
    {TokenType.ARRAY, TokenType.MAP, TokenType.STRUCT, TokenType.LIST, TokenType.UNION}
    | {TokenType.ENUM, TokenType.INTERVAL}
)
TYPE_TOKENS = frozenset(Parser.TYPE_TOKENS) - _NESTED

# Words that the parser matches by their text, and the few calls with a special syntax.
KEPT = words(
    """
    cast try_cast extract trim substring overlay position
    over filter within group sets rollup cube materialized include exclude except rename
    repeatable system bernoulli reservoir key check unique references conflict identity always
    columns set values using on as and or not in any some all exists array sample pivot unpivot
    ordinality lambda by
    """
)

# Syntax that reads use. Each class here renders to what the user wrote; classes that stand for
# functions are here only if the call has a special syntax (EXTRACT(x FROM y)).
READ_NODES: frozenset[type[exp.Expr]] = frozenset(
    {
        # queries
        exp.Select,
        exp.Union,
        exp.Intersect,
        exp.Except,
        exp.Subquery,
        exp.Values,
        exp.With,
        exp.CTE,
        exp.From,
        exp.Join,
        exp.Lateral,
        exp.Table,
        exp.TableAlias,
        exp.TableSample,
        exp.TableFromRows,
        exp.Unnest,
        exp.Where,
        exp.Group,
        exp.Cube,
        exp.Rollup,
        exp.GroupingSets,
        exp.Having,
        exp.Order,
        exp.Ordered,
        exp.Limit,
        exp.LimitOptions,
        exp.Offset,
        exp.Fetch,
        exp.Distinct,
        # names and literals
        exp.Column,
        exp.Identifier,
        exp.Star,
        exp.Alias,
        exp.Dot,
        exp.Literal,
        exp.Null,
        exp.Boolean,
        exp.Var,
        exp.Placeholder,
        exp.Paren,
        exp.Tuple,
        # functions by name, and those with a special syntax
        exp.Anonymous,
        exp.Kwarg,
        exp.Cast,
        exp.Extract,
        exp.Trim,
        exp.Substring,
        exp.Overlay,
        exp.StrPosition,
        exp.Case,
        exp.If,
        exp.Exists,
        exp.Any,
        exp.All,
        exp.Filter,
        exp.WithinGroup,
        exp.Window,
        exp.WindowSpec,
        exp.IgnoreNulls,
        exp.RespectNulls,
        exp.CurrentDate,
        exp.CurrentTime,
        exp.CurrentTimestamp,
        exp.Localtime,
        exp.Localtimestamp,
        # types, time
        exp.DataType,
        exp.DataTypeParam,
        exp.Interval,
        exp.IntervalSpan,
        exp.AtTimeZone,
        # operators
        exp.And,
        exp.Or,
        exp.Not,
        exp.Neg,
        exp.Add,
        exp.Sub,
        exp.Mul,
        exp.Div,
        exp.Mod,
        exp.Pow,
        exp.BitwiseAnd,
        exp.BitwiseOr,
        exp.BitwiseXor,
        exp.BitwiseNot,
        exp.BitwiseLeftShift,
        exp.BitwiseRightShift,
        exp.EQ,
        exp.NEQ,
        exp.GT,
        exp.GTE,
        exp.LT,
        exp.LTE,
        exp.NullSafeEQ,
        exp.NullSafeNEQ,
        exp.Is,
        exp.In,
        exp.Between,
        exp.Like,
        exp.ILike,
        exp.SimilarTo,
        exp.Escape,
        exp.RegexpLike,
        exp.RegexpILike,
        exp.DPipe,
        exp.Collate,
        exp.StartsWith,
        # arrays and JSON
        exp.Array,
        exp.Bracket,
        exp.Slice,
        exp.ArrayContainsAll,
        exp.ArrayContainedBy,
        exp.ArrayOverlaps,
        exp.JSONExtract,
        exp.JSONExtractScalar,
    }
)

# Additional syntax that writes use.
WRITE_NODES: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.Insert,
        exp.Update,
        exp.Delete,
        exp.Merge,
        exp.Whens,
        exp.When,
        exp.OnConflict,
        exp.Returning,
        exp.Schema,
        exp.Create,
        exp.Drop,
        exp.Alter,
        exp.AlterColumn,
        exp.AlterRename,
        exp.RenameColumn,
        exp.AddConstraint,
        exp.TruncateTable,
        exp.ColumnDef,
        exp.ColumnConstraint,
        exp.NotNullColumnConstraint,
        exp.DefaultColumnConstraint,
        exp.PrimaryKeyColumnConstraint,
        exp.UniqueColumnConstraint,
        exp.CheckColumnConstraint,
        exp.GeneratedAsIdentityColumnConstraint,
        exp.ComputedColumnConstraint,
        exp.Reference,
        exp.Constraint,
        exp.Check,
        exp.PrimaryKey,
        exp.ForeignKey,
        exp.Index,
        exp.IndexParameters,
        exp.Properties,
        exp.WithDataProperty,
    }
)

# Data types that PostgreSQL and DuckDB share.
TYPES: frozenset[exp.DType] = frozenset(
    {
        exp.DType.BOOLEAN,
        exp.DType.SMALLINT,
        exp.DType.INT,
        exp.DType.BIGINT,
        exp.DType.FLOAT,
        exp.DType.DOUBLE,
        exp.DType.DECIMAL,
        exp.DType.CHAR,
        exp.DType.VARCHAR,
        exp.DType.TEXT,
        exp.DType.DATE,
        exp.DType.TIME,
        exp.DType.TIMETZ,
        exp.DType.TIMESTAMP,
        exp.DType.TIMESTAMPTZ,
        exp.DType.TIMESTAMPNTZ,
        exp.DType.INTERVAL,
        exp.DType.UUID,
        exp.DType.JSON,
        exp.DType.BIT,
        exp.DType.VARBINARY,
        exp.DType.ARRAY,
    }
)
