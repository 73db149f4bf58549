"""MySQL (8.0 and newer) and MariaDB (10.6 and newer): what a query may call and read.

A function is on the list if it computes from its arguments alone (or reads the clock). One that only
one of the servers has, or only some versions, would elsewhere call a stored function of that name, so
for ``_NOT_EVERYWHERE`` the connector first asks whether the database has such a stored function.
Left off: everything that reads files, settings, other tables or other sessions, sleeps, locks,
writes, keeps state, or reveals the server and its login.
"""

from __future__ import annotations

from sqlglot import TokenType, exp

from ..base import KEPT, MASKED, READ_NODES, TYPE_TOKENS, DialectRules, words
from . import checks as mysql_checks
from . import text as mysql_text
from . import trees as mysql_trees

_MATH = words(
    """
    abs acos asin atan atan2 bit_count ceil ceiling conv cos cot crc32 degrees exp floor format
    greatest least ln log log10 log2 mod oct bin hex pi pow power radians rand round sign sin sqrt
    tan truncate
    """
)

_TEXT = words(
    """
    ascii bit_length char char_length character_length concat concat_ws elt export_set field
    find_in_set insert instr lcase left length locate lower lpad ltrim make_set mid octet_length ord
    position quote regexp_instr regexp_replace regexp_substr repeat replace reverse right rpad rtrim
    soundex space strcmp substr substring substring_index to_base64 from_base64 trim ucase unhex
    upper weight_string sha2 compress uncompress uncompressed_length inet_aton
    inet_ntoa inet6_aton inet6_ntoa is_ipv4 is_ipv6 is_ipv4_compat is_ipv4_mapped
    """
)

_TIME = words(
    """
    adddate addtime convert_tz curdate current_date current_time current_timestamp curtime date
    date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear extract
    from_days from_unixtime hour last_day localtime localtimestamp makedate maketime microsecond
    minute month monthname now period_add period_diff quarter sec_to_time second str_to_date subdate
    subtime sysdate time time_format time_to_sec timediff timestamp timestampadd timestampdiff
    to_days to_seconds unix_timestamp utc_date utc_time utc_timestamp week weekday weekofyear year
    yearweek
    """
)

# A query may read the login's name and the server's version, but not where the login connects from
# (user()), the session's number or the server's variables.
_GENERAL = words(
    """
    coalesce if ifnull isnull nullif row uuid charset collation coercibility current_user database
    schema version
    """
)

_JSON = words(
    """
    json_array json_array_append json_array_insert json_contains json_contains_path json_depth
    json_extract json_insert json_keys json_length json_merge_patch json_merge_preserve json_object
    json_quote json_remove json_replace json_search json_set json_type json_unquote json_valid
    json_value
    """
)

_GEOMETRY = words(
    """
    st_area st_asbinary st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains st_crosses
    st_difference st_dimension st_disjoint st_distance st_endpoint st_envelope st_equals
    st_exteriorring st_geometryn st_geometrytype st_geomfromtext st_geomfromwkb st_interiorringn
    st_intersection st_intersects st_isclosed st_isempty st_issimple st_length st_numgeometries
    st_numinteriorrings st_numpoints st_overlaps st_pointn st_srid st_startpoint st_touches st_union
    st_within st_x st_y point
    """
)

_AGGREGATES = words(
    """
    avg bit_and bit_or bit_xor count group_concat json_arrayagg json_objectagg max min std stddev
    stddev_pop stddev_samp sum var_pop var_samp variance
    """
)

_WINDOW = words(
    """
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value
    nth_value
    """
)

_NOT_EVERYWHERE = words(
    """
    any_value bin_to_uuid format_bytes grouping is_uuid json_overlaps json_pretty json_schema_valid
    json_storage_size regexp_like st_asgeojson st_collect st_distance_sphere st_geohash
    st_geomfromgeojson st_hausdorffdistance st_isvalid st_latitude st_longitude st_simplify
    uuid_to_bin
    add_months chr crc32c json_compact json_detailed json_equals json_exists json_loose
    json_normalize json_query lengthb median natural_sort_key nvl nvl2 percentile_cont
    percentile_disc sformat to_char
    md5 sha sha1
    """
)

# Tables that describe the structure of the data. Left out: views, routines, triggers, events and the
# privileges (definitions, definers, grantees), variables, statistics and status (settings),
# processlist, profiling, innodb_* and optimizer_trace (other sessions, what was run), files,
# tablespaces and partitions (where rows are stored), user_*, plugins. The server shows only what the
# login has rights on. checks.CLOSED lists the closed columns of these.
_SYSTEM_TABLES = {
    "information_schema": words(
        """
        tables columns schemata table_constraints key_column_usage referential_constraints
        check_constraints statistics character_sets collations
        """
    ),
    "mysql": frozenset[str](),
    "performance_schema": frozenset[str](),
    "sys": frozenset[str](),
}

# Syntax of the other dialects. The generator would render some of it as something else.
_NOT_HERE = {
    exp.Array,
    exp.ArrayContainedBy,
    exp.ArrayContainsAll,
    exp.ArrayOverlaps,
    exp.AtTimeZone,
    exp.Bracket,
    exp.Cube,
    exp.DPipe,
    exp.Fetch,
    exp.Filter,
    exp.GroupingSets,
    exp.ILike,
    exp.IgnoreNulls,
    exp.IntervalSpan,
    exp.Kwarg,
    exp.LimitOptions,
    exp.NullSafeNEQ,
    exp.Overlay,
    exp.Pow,
    exp.RegexpILike,
    exp.RespectNulls,
    exp.SimilarTo,
    exp.Slice,
    exp.StartsWith,
    exp.TableFromRows,
    exp.TableSample,
    exp.Unnest,
}

RULES = DialectRules(
    name="mysql",
    title="MySQL and MariaDB",
    functions=_MATH
    | _TEXT
    | _TIME
    | _GENERAL
    | mysql_text.LITERAL_NAMES
    | _JSON
    | _GEOMETRY
    | _AGGREGATES
    | _WINDOW
    | _NOT_EVERYWHERE,
    extension_functions=_NOT_EVERYWHERE,
    table_functions=words("json_table"),
    # The new row's value after ON DUPLICATE KEY UPDATE.
    write_functions=words("values"),
    niladic=frozenset(),  # each name is sent in backticks, so none is a keyword
    types=frozenset(
        {
            exp.DType.BOOLEAN,
            exp.DType.TINYINT,
            exp.DType.SMALLINT,
            exp.DType.MEDIUMINT,
            exp.DType.INT,
            exp.DType.BIGINT,
            exp.DType.UTINYINT,
            exp.DType.USMALLINT,
            exp.DType.UMEDIUMINT,
            exp.DType.UINT,
            exp.DType.UBIGINT,
            exp.DType.UDECIMAL,
            exp.DType.FLOAT,
            exp.DType.DOUBLE,
            exp.DType.DECIMAL,
            exp.DType.BIT,
            exp.DType.CHAR,
            exp.DType.NCHAR,
            exp.DType.VARCHAR,
            exp.DType.TEXT,
            exp.DType.TINYTEXT,
            exp.DType.MEDIUMTEXT,
            exp.DType.LONGTEXT,
            exp.DType.BINARY,
            exp.DType.VARBINARY,
            exp.DType.BLOB,
            exp.DType.TINYBLOB,
            exp.DType.MEDIUMBLOB,
            exp.DType.LONGBLOB,
            exp.DType.ENUM,
            exp.DType.SET,
            exp.DType.JSON,
            exp.DType.DATE,
            exp.DType.TIME,
            exp.DType.DATETIME,
            exp.DType.TIMESTAMP,
            exp.DType.TIMESTAMPTZ,  # what the parser reads TIMESTAMP as
            exp.DType.YEAR,
            exp.DType.CHARACTER_SET,  # CAST(x AS CHAR CHARACTER SET utf8mb4)
        }
    ),
    nodes=(READ_NODES - _NOT_HERE)
    | {
        exp.BitString,
        exp.CharacterSet,
        exp.Chr,
        exp.HexString,
        exp.IndexTableHint,
        exp.IntDiv,
        exp.JSONArrayContains,
        exp.MatchAgainst,
        exp.Parameter,
        exp.Partition,
        exp.PropertyEQ,
        exp.Xor,
    },
    system_tables=_SYSTEM_TABLES,
    hidden_schemas=("\0",),  # no schema is hidden by a prefix
    unqualified_system_prefixes=("\0",),
    writes=True,
    file_tables=False,
    decimal_digits=65,
    masked=MASKED
    | {
        TokenType.ROW,
        TokenType.INSERT,
        TokenType.MOD,
        TokenType.CHARACTER_SET,
        TokenType.DATABASE,
        TokenType.SCHEMA,
        TokenType.SET,
        TokenType.LOCALTIME,
        TokenType.LOCALTIMESTAMP,
    },
    type_tokens=TYPE_TOKENS,
    kept=(KEPT - words("substring")) | words("convert match against"),
    select_modifiers=words(
        """
        high_priority straight_join sql_small_result sql_big_result sql_buffer_result sql_no_cache
        """
    ),
    check_tree=mysql_checks.check,
    # A function qualified by a schema is user-defined, and a dot has no other use after a value.
    record_fields={},
    lexer=mysql_text.tokenize,
    prepare=mysql_trees.prepare,
    one_spelling=mysql_trees.one_spelling,
    verbatim=mysql_trees.verbatim,
    verbatim_nodes=mysql_trees.VERBATIM,
    quoted=mysql_trees.QUOTED,
    not_outside_quotes=mysql_trees.NOT_OUTSIDE_QUOTES,
    write_nodes=frozenset(
        {
            exp.AutoIncrementColumnConstraint,
            exp.AutoIncrementProperty,
            exp.CharacterSetColumnConstraint,
            exp.CharacterSetProperty,
            exp.CollateColumnConstraint,
            exp.CollateProperty,
            exp.CommentColumnConstraint,
            exp.EngineProperty,
            exp.IndexColumnConstraint,
            exp.ModifyColumn,
            exp.OnUpdateColumnConstraint,
            exp.SchemaCommentProperty,
        }
    ),
    # Others read files of the server or other servers: CONNECT, CSV, FEDERATED, SPIDER, S3.
    engines=words("innodb aria myisam memory"),
)
