"""PostgreSQL (12 and newer): what a query may call and read.

A function is on the list if it computes from its arguments alone (or reads the clock). Left off:
everything that runs SQL from a string, reads files, settings, other tables or other sessions,
sleeps, locks, signals, writes, or reveals the server and its login.
"""

from __future__ import annotations

from sqlglot import TokenType, exp

from ..base import KEPT, MASKED, READ_NODES, TYPE_TOKENS, TYPES, DialectRules, words
from . import text
from .calls import WORDS
from .json import JSON_CALLS, JSON_WORDS
from .names import EXTENSION_OPERATORS, EXTENSION_TYPES, NAMED_TYPES, OPERATORS
from .ranges import RANGES

# Plain computations on numbers.
_MATH = words(
    """
    abs cbrt ceil ceiling degrees div erf erfc exp factorial floor gcd lcm ln log log10 min_scale
    mod pi power pow radians round scale sign sqrt trim_scale trunc width_bucket random
    random_normal acos acosd asin asind atan atand atan2 atan2d cos cosd cot cotd sin sind tan tand
    sinh cosh tanh asinh acosh atanh greatest least numeric_inc bit_count get_bit get_byte set_bit
    set_byte int4 int8 int2 float4 float8 numeric
    """
)

# Text. quote_* only add quotes; format() formats and runs nothing.
_TEXT = words(
    """
    ascii bit_length btrim casefold char_length character_length chr concat concat_ws convert_from
    convert_to decode encode format initcap left length lower lpad ltrim md5 normalize
    octet_length parse_ident quote_ident quote_literal quote_nullable regexp_count regexp_instr
    regexp_like regexp_match regexp_replace regexp_split_to_array regexp_substr repeat replace
    reverse right rpad rtrim sha224 sha256 sha384 sha512 split_part starts_with string_to_array
    strpos substr substring to_ascii to_hex to_bin to_oct translate unistr upper
    text varchar bpchar position overlay crc32 crc32c
    """
)

# Dates and times; the clock is harmless.
_TIME = words(
    """
    age clock_timestamp current_date current_time current_timestamp date date_add date_bin
    date_part date_subtract date_trunc extract isfinite justify_days justify_hours justify_interval
    localtime localtimestamp make_date make_interval make_time make_timestamp make_timestamptz now
    statement_timestamp timeofday timezone to_char to_date to_number to_timestamp
    transaction_timestamp
    """
)

# Conditions, rows, identifiers.
_GENERAL = words(
    """
    coalesce nullif num_nonnulls num_nulls row gen_random_uuid uuid_extract_timestamp
    uuid_extract_version uuidv4 uuidv7 pg_typeof version current_database current_schema grouping all some enum_first enum_last enum_range
    pg_size_pretty pg_size_bytes pg_column_size pg_collation_for format_type
    """
)

# Arrays and ranges.
_ARRAYS = words(
    """
    array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
    array_positions array_prepend array_remove array_replace array_sample array_shuffle
    array_to_string array_upper cardinality trim_array unnest array_reverse array_sort
    isempty lower_inc lower_inf upper_inc upper_inf range_merge multirange int4range int8range
    numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange tsmultirange
    tstzmultirange datemultirange
    """
)

# JSON: these only build and take apart values. row_to_json and to_json see only their argument.
_JSON = words(
    """
    array_to_json row_to_json to_json to_jsonb json_array_length jsonb_array_length
    json_build_array jsonb_build_array json_build_object jsonb_build_object json_extract_path
    jsonb_extract_path json_extract_path_text jsonb_extract_path_text json_object jsonb_object
    json_strip_nulls jsonb_strip_nulls json_typeof jsonb_typeof jsonb_insert jsonb_set
    jsonb_set_lax jsonb_pretty jsonb_path_exists jsonb_path_match jsonb_path_query_array
    jsonb_path_query_first jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz
    jsonb_path_query_first_tz jsonb_contains jsonb_contained jsonb_exists jsonb_exists_any
    jsonb_exists_all jsonb_delete jsonb_delete_path jsonb_concat json_to_tsvector jsonb_to_tsvector
    """
)

# Full-text search on values. ts_stat and ts_rewrite(query, text) run SQL and are left off;
# to_tsvector and similar functions take the name of a configuration, which is harmless.
_SEARCH = words(
    """
    to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd
    ts_headline setweight numnode querytree tsvector_to_array array_to_tsvector
    tsquery_phrase ts_delete ts_filter strip
    """
)

# Network addresses and geometry, on values.
_OTHER = words(
    """
    abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network
    set_masklen macaddr8_set7bit area center diagonal diameter height isclosed isopen npoints
    path pclose popen radius slope width box circle line lseg point polygon
    """
)

# Grammar, not names: qualified or quoted, they would be other functions.
_SYNTAX = words(
    """
    coalesce nullif greatest least row grouping all some normalize current_date current_time
    current_timestamp localtime localtimestamp
    """
)

# fuzzystrmatch, pg_trgm and unaccent are common extensions of pure functions.
_EXTENSIONS = words(
    """
    levenshtein levenshtein_less_equal soundex difference metaphone dmetaphone dmetaphone_alt
    similarity word_similarity strict_word_similarity show_trgm unaccent
    """
)

# XML on values. PostgreSQL loads no external entities. Functions that turn tables and queries into XML
# (query_to_xml, table_to_xml, …) run SQL from a string and are left off.
_XML = words(
    """
    xmlelement xmlattributes xmlforest xmlconcat xmlcomment xmlpi xmlparse xmlserialize xmlroot
    xmlexists xmlagg xpath xpath_exists xml_is_well_formed xml_is_well_formed_document
    xml_is_well_formed_content xmlnamespaces xmltable xmltext
    """
)
_XML_SYNTAX = _XML - words(
    """
    xmlcomment xmlagg xpath xpath_exists xml_is_well_formed xml_is_well_formed_document
    xml_is_well_formed_content xmltext
    """
)

# A type's name as a function is a cast.
_CASTS = frozenset(name for name in NAMED_TYPES if name[0] != "_")

_AGGREGATES = words(
    """
    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or count every json_agg jsonb_agg
    json_object_agg jsonb_object_agg json_agg_strict jsonb_agg_strict json_object_agg_strict
    jsonb_object_agg_strict json_object_agg_unique jsonb_object_agg_unique max min range_agg
    range_intersect_agg string_agg sum corr covar_pop covar_samp regr_avgx regr_avgy regr_count
    regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp
    variance var_pop var_samp mode percentile_cont percentile_disc
    """
)

_WINDOW = words(
    """
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value
    nth_value
    """
)

# Set-returning functions. They may also stand in the select list, as in PostgreSQL.
_TABLE_FUNCTIONS = words(
    """
    generate_series generate_subscripts unnest json_array_elements jsonb_array_elements
    json_array_elements_text jsonb_array_elements_text json_each jsonb_each json_each_text
    jsonb_each_text json_object_keys jsonb_object_keys json_to_record jsonb_to_record
    json_to_recordset jsonb_to_recordset json_populate_record jsonb_populate_record
    json_populate_recordset jsonb_populate_recordset jsonb_path_query jsonb_path_query_tz
    regexp_matches regexp_split_to_table string_to_table
    """
)

_PAIR = words("key value")
_RECORD_FIELDS = {
    "json_each": _PAIR,
    "jsonb_each": _PAIR,
    "json_each_text": _PAIR,
    "jsonb_each_text": _PAIR,
    "unnest": words("lexeme positions weights"),
}

# Casts written as calls, in addition to those on the list. Together they are all of PostgreSQL's
# built-in functions that a name after a dot may call.
_CONVERSIONS = words(
    """
    bool bpchar bytea char cid cidr int2vector interval json jsonb macaddr macaddr8 money multirange
    name oid tid time timestamp timestamptz timetz uuid varbit bit xid xid8 inet tsquery tsvector
    """
)

# Tables that describe the structure of the data; of some only the columns that ``catalogs`` lists.
# Left out on purpose: everything that shows roles and passwords (pg_authid, pg_shadow, pg_roles,
# pg_user), settings and files, other sessions, statistics that hold values of rows (pg_stats,
# pg_statistic), user mappings, large objects, definitions of functions and views (views may hold
# dblink passwords).
_SYSTEM_TABLES = {
    "information_schema": words(
        """
        tables columns schemata table_constraints key_column_usage constraint_column_usage
        constraint_table_usage referential_constraints check_constraints domains
        domain_constraints sequences column_domain_usage element_types
        """
    ),
    "pg_catalog": words(
        """
        pg_class pg_namespace pg_attribute pg_type pg_index pg_constraint pg_description
        pg_tables pg_indexes pg_enum pg_am pg_matviews pg_sequences pg_inherits pg_range
        pg_timezone_names pg_timezone_abbrevs
        """
    ),
}

_FUNCTIONS = (
    _MATH
    | _TEXT
    | _TIME
    | _GENERAL
    | _ARRAYS
    | _JSON
    | _SEARCH
    | _OTHER
    | _EXTENSIONS
    | _AGGREGATES
    | _WINDOW
    | _XML
    | _CASTS
    | _TABLE_FUNCTIONS
    | frozenset(JSON_CALLS)
)

RULES = DialectRules(
    name="postgres",
    overloads=True,
    title="PostgreSQL",
    functions=_FUNCTIONS,
    # Any function may stand in FROM: it yields one row.
    table_functions=_FUNCTIONS,
    # A write may draw from a sequence, but not set one.
    write_functions=words("nextval"),
    # The current user, role, database and schema may be read, as in other databases; the login behind
    # a role and how it signed in may not.
    selectable=words("user current_user current_role current_catalog current_schema"),
    niladic=words(
        """
        user current_user session_user current_role system_user current_catalog current_schema
        """
    ),
    types=TYPES
    | {
        exp.DType.MONEY,
        exp.DType.JSONB,
        exp.DType.HSTORE,
        exp.DType.INET,
        exp.DType.INT4RANGE,
        exp.DType.INT8RANGE,
        exp.DType.NUMRANGE,
        exp.DType.TSRANGE,
        exp.DType.TSTZRANGE,
        exp.DType.DATERANGE,
        exp.DType.INT4MULTIRANGE,
        exp.DType.INT8MULTIRANGE,
        exp.DType.NUMMULTIRANGE,
        exp.DType.TSMULTIRANGE,
        exp.DType.TSTZMULTIRANGE,
        exp.DType.DATEMULTIRANGE,
        exp.DType.NAME,
        exp.DType.BPCHAR,
        exp.DType.XML,
        exp.DType.POINT,
        exp.DType.POLYGON,
        exp.DType.GEOMETRY,
        exp.DType.GEOGRAPHY,
    },
    nodes=READ_NODES
    | {
        exp.JSONBExtract,
        exp.JSONBExtractScalar,
        exp.JSONBContainsTopKey,
        exp.JSONBContainsAllTopKeys,
        exp.JSONBContainsAnyTopKeys,
        exp.JSONBDeleteAtPath,
        exp.JSONBPathExists,
        exp.MatchAgainst,
        exp.Overlaps,
        exp.Adjacent,
        exp.ExtendsLeft,
        exp.ExtendsRight,
        exp.BitString,
        exp.Variadic,
        exp.PropertyEQ,
        exp.ColumnDef,  # the columns of a record: AS t(a int)
        exp.Lambda,  # how f(body -> 'key') is parsed
        exp.CurrentUser,
        exp.CurrentCatalog,
        exp.CurrentSchema,
        exp.Operator,
        exp.JSON,  # IS JSON
    },
    system_tables=_SYSTEM_TABLES,
    hidden_schemas=("pg_",),
    unqualified_system_prefixes=("pg_",),
    writes=True,
    file_tables=False,
    decimal_digits=1000,
    masked=MASKED | {TokenType.ROW, TokenType.NAME},
    type_tokens=TYPE_TOKENS,
    kept=KEPT,
    function_schema="pg_catalog",
    syntax_functions=_SYNTAX | _XML_SYNTAX | frozenset(JSON_CALLS),
    sealed_functions=JSON_CALLS,
    extension_functions=_EXTENSIONS,
    record_fields=_RECORD_FIELDS,
    named_types=NAMED_TYPES,
    extension_types=EXTENSION_TYPES,
    operators=OPERATORS | EXTENSION_OPERATORS | WORDS | RANGES | JSON_WORDS,
    lexer=text.lex,
    unseal=text.unseal,
    one_spelling=text.one_spelling,
    verbatim=text.verbatim,
    verbatim_nodes=text.VERBATIM,
)

HARMLESS = (RULES.functions - _EXTENSIONS) | _CONVERSIONS
