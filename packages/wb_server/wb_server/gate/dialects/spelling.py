"""How each dialect spells names, texts and comments, for programs that read or write SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .base import words


@dataclass(frozen=True)
class Spelling:
    """What a program must know to write SQL of a dialect, or to split it into statements.

    Attributes:
        quote_mark: goes around a name that isn't plain; inside the name it is doubled.
        reserved_words: words that must be quoted when they name a table or a column.
        editor_language: the language's MIME type in CodeMirror.
        sqlalchemy: SQLAlchemy's name for the dialect.
        backslash_escapes: True if a backslash escapes a quote in a plain text.
        hash_comments: True if ``#`` begins a comment.
        nested_comments: True if a block comment may contain another.
    """

    quote_mark: str
    reserved_words: frozenset[str]
    editor_language: str
    sqlalchemy: str
    backslash_escapes: bool = False
    hash_comments: bool = False
    nested_comments: bool = True


# PostgreSQL's reserved words, and most of those that DuckDB adds.
_STANDARD: Final = words(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast
    check collate collation column concurrently constraint create cross current_catalog
    current_date current_role current_schema current_time current_timestamp current_user
    default deferrable desc describe distinct do else end except false fetch for foreign
    freeze from full grant group having ilike in initially inner intersect into is isnull join
    lateral leading left like limit localtime localtimestamp natural not notnull null offset
    on only or order outer overlaps pivot placing primary qualify references returning right
    select session_user show similar some summarize symmetric system_user table tablesample
    then to trailing true union unique unpivot user using variadic verbose when where window
    with
    """
)

_DUCKDB: Final = _STANDARD | words("lambda pivot_longer pivot_wider")

# The reserved words of MySQL 8 and MariaDB, and those that the gate's own parser needs quoted.
_MYSQL: Final = words(
    """
    accessible add all alter analyze and as asc asensitive before between bigint binary blob
    both by call cascade case change char character charset check collate column condition
    constraint continue convert create cross cube cume_dist current_date current_role
    current_time current_timestamp current_user cursor databases day_hour day_microsecond
    day_minute day_second dec decimal declare default delayed delete delete_domain_id
    dense_rank desc describe deterministic distinct distinctrow div do_domain_ids double drop dual
    each else elseif empty enclosed escaped except exists exit explain false fetch first_value
    float float4 float8 for force foreign from fulltext function generated get grant group
    grouping groups having high_priority hour_microsecond hour_minute hour_second if ignore
    ignore_domain_ids in index infile inner inout insensitive insert int int1 int2 int3 int4
    int8 integer intersect interval into io_after_gtids io_before_gtids is iterate join
    json_table key keys kill lag last_value lateral lead leading leave left like limit linear
    lines load localtime localtimestamp lock long longblob longtext loop low_priority manual
    master_bind master_demote_to_replica master_demote_to_slave master_ssl_verify_server_cert
    match maxvalue mediumblob mediumint mediumtext middleint minute_microsecond minute_second
    mod modifies mysql natural no_write_to_binlog not nth_value ntile null numeric of offset
    on optimize optimizer_costs optionally or order out outer outfile over page_checksum
    parallel parse_vcol_expr partition percent_rank portion precision primary procedure purge
    qualify range rank read read_write reads real recursive ref_system_id references regexp
    release rename repeat replace require resignal restrict return returning revoke right
    rlike rollback row row_number rows schemas second_microsecond select sensitive separator
    set show signal smallint spatial specific sql sql_big_result sql_buffer_result sql_cache
    sql_calc_found_rows sql_no_cache sql_small_result sqlexception sqlstate sqlwarning ssl
    starting stats_auto_recalc stats_persistent stats_sample_pages stored straight_join system
    table tablesample terminated then tinyblob tinyint tinytext to trailing trigger true undo
    union unique unlock unsigned update usage use using utc_date utc_time utc_timestamp values
    varbinary varchar varcharacter varying virtual when where while window with write xor
    year_month zerofill
    """
)

SPELLINGS: Final[Mapping[str, Spelling]] = {
    "postgres": Spelling('"', _STANDARD, "text/x-pgsql", "postgresql"),
    "duckdb": Spelling('"', _DUCKDB, "text/x-sql", "duckdb"),
    "mysql": Spelling(
        "`",
        _MYSQL,
        "text/x-mysql",
        "mysql",
        backslash_escapes=True,
        hash_comments=True,
        nested_comments=False,
    ),
}


def table_path(dialect: str, *parts: str) -> str:
    """A table's name in SQL, from its parts, each of them quoted."""
    mark = SPELLINGS[dialect].quote_mark
    return ".".join(mark + part.replace(mark, mark * 2) + mark for part in parts)
