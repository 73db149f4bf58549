"""DuckDB 1.x over files: what a query may call and read.

The connector exposes the files as views; a query names those views. Left off: everything that
opens a file or a URL, runs SQL from a string, or reveals settings, secrets and the process.
"""

from __future__ import annotations

from sqlglot import exp

from ..base import KEPT, MASKED, READ_NODES, TYPE_TOKENS, TYPES, DialectRules, words
from . import text as duckdb_text
from . import tokens as duckdb_tokens
from .grammar import WorkbenchDuckDB

_MATH = words(
    """
    abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees
    divide even exp factorial fdiv floor fmod gamma gcd greatest greatest_common_divisor isfinite
    isinf isnan lcm least least_common_multiple lgamma ln log log10 log2 mod multiply nextafter pi
    pow power radians random round round_even roundbankers sign signbit sin sinh sqrt
    subtract tan tanh trunc xor
    """
)

_TEXT = words(
    """
    ascii array_extract bar base64 bin bit_length char_length character_length chr
    concat concat_ws contains damerau_levenshtein decode editdist3 encode ends_with format
    format_bytes formatreadabledecimalsize formatreadablesize from_base64 from_binary from_hex
    greatest hamming hash hex ilike_escape instr jaccard jaro_similarity jaro_winkler_similarity
    lcase least left left_grapheme len length length_grapheme levenshtein like_escape lower lpad
    ltrim md5 md5_number mismatches nfc_normalize not_ilike_escape not_like_escape octet_length
    ord parse_dirname parse_dirpath parse_filename parse_path position prefix
    printf regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches
    regexp_replace regexp_split_to_array repeat replace reverse right right_grapheme rpad rtrim
    sha1 sha256 split split_part starts_with str_split str_split_regex string_split
    string_split_regex string_to_array strip_accents strlen strpos substr substring
    substring_grapheme suffix to_base to_base64 to_binary to_hex translate trim ucase unbin
    bit_position bitstring get_bit md5_number_lower md5_number_upper parse_formatted_bytes
    regexp_split_to_table set_bit uuid_extract_timestamp uuid_extract_version
    unhex unicode upper url_decode url_encode uuid gen_random_uuid uuidv4 uuidv7
    """
)

_TIME = words(
    """
    age ago century days_in_month normalized_interval current_date current_localtime current_localtimestamp date date_add date_diff date_part date_sub date_trunc datediff datepart
    datesub datetrunc day dayname dayofmonth dayofweek dayofyear decade epoch epoch_ms epoch_ns
    epoch_us era extract get_current_time get_current_timestamp hour isodow isoyear julian
    last_day make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns
    make_timestamptz microsecond millennium millisecond minute month monthname
    nanosecond now quarter second strftime strptime time_bucket timezone timezone_hour
    timezone_minute to_centuries to_days to_decades to_hours to_microseconds to_millennia
    to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years
    today transaction_timestamp try_strptime week weekday weekofyear year yearweek
    """
)

_GENERAL = words(
    """
    cast_to_type coalesce columns constant_or_null create_sort_key enum_code enum_first enum_last
    enum_range enum_range_boundary equi_width_bins is_histogram_other_bin variant_extract
    variant_normalize variant_typeof if ifnull nullif row typeof alias grouping grouping_id
    can_cast_implicitly all some try
    current_catalog current_database current_role current_schema current_schemas current_user
    session_user user version
    """
)

_LISTS = words(
    """
    aggregate apply array_aggr array_aggregate array_append array_apply array_cat array_concat
    array_contains array_distinct array_filter array_grade_up array_has array_has_all array_has_any
    array_indexof array_intersect array_length array_pop_back array_pop_front array_position
    array_prepend array_push_back array_push_front array_reduce array_resize array_reverse
    array_reverse_sort array_select array_slice array_sort array_to_string array_transform
    array_unique array_value array_where array_zip array_cosine_distance
    array_dot_product array_negative_dot_product array_negative_inner_product
    array_to_string_comma_default generate_subscripts list_kurtosis_pop
    list_negative_dot_product list_negative_inner_product remap_struct struct_keys
    array_cosine_similarity array_cross_product array_distance array_inner_product
    cardinality element_at filter flatten generate_series grade_up list_aggr list_aggregate
    list_any_value list_append list_apply list_approx_count_distinct list_avg list_bit_and
    list_bit_or list_bit_xor list_bool_and list_bool_or list_cat list_concat list_contains
    list_cosine_distance list_cosine_similarity list_count list_distance list_distinct
    list_dot_product list_element list_entropy list_extract list_filter list_first list_grade_up
    list_has list_has_all list_has_any list_histogram list_indexof list_inner_product
    list_intersect list_kurtosis list_last list_mad list_max list_median list_min list_mode
    list_pack list_position list_prepend list_product list_reduce list_resize list_reverse
    list_reverse_sort list_select list_sem list_skewness list_slice list_sort list_stddev_pop
    list_stddev_samp list_string_agg list_sum list_transform list_unique list_value list_var_pop
    list_var_samp list_where list_zip map map_concat map_contains map_contains_entry
    map_contains_value map_entries map_extract map_extract_value map_from_entries map_keys
    map_values range reduce repeat row struct_concat struct_contains struct_extract
    struct_extract_at struct_has struct_indexof struct_insert struct_pack struct_position
    struct_update struct_values union_extract union_tag union_value unnest unpivot_list
    """
)

# A test compares the lists with DuckDB's built-in functions: any other name could be a macro of a
# database file.

# JSON values; read_json and other functions that open files are left off. So are
# json_execute_serialized_sql and json_serialize_plan, which run or plan SQL from a string.
_JSON = words(
    """
    array_to_json from_json from_json_strict json json_array json_array_length json_contains
    json_exists json_extract json_extract_path json_extract_path_text json_extract_string
    json_group_array json_group_object json_group_structure json_keys json_merge_patch
    json_object json_pretty json_quote json_structure json_transform json_transform_strict
    json_type json_valid json_value row_to_json to_json
    """
)

_AGGREGATES = words(
    """
    any_value approx_count_distinct arg_max_nulls_last arg_min_nulls_last sum_no_overflow approx_quantile approx_top_k arbitrary arg_max arg_max_null
    arg_min arg_min_null argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg bool_and
    bool_or corr count count_if count_star countif covar_pop covar_samp entropy favg first fsum
    geomean geometric_mean group_concat histogram histogram_exact kahan_sum kurtosis kurtosis_pop
    last list listagg mad max max_by mean median min min_by mode product quantile quantile_cont
    quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
    regr_sxy regr_syy reservoir_quantile sem skewness stddev stddev_pop stddev_samp string_agg sum
    sumkahan var_pop var_samp variance percentile_cont percentile_disc weighted_avg wavg
    """
)

_WINDOW = words(
    """
    row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value
    last_value nth_value fill
    """
)

# Prefixes of DuckDB's system views, in any schema: these show the definitions of views and macros,
# the paths of files, settings and secrets. A test compares them with DuckDB's views.
_OWN = ("pg_", "sqlite_", "duckdb_", "pragma_")

_TABLE_FUNCTIONS = words(
    """
    generate_series icu_calendar_names json_each json_tree pg_timezone_names range repeat
    unnest
    """
)

RULES = DialectRules(
    name="duckdb",
    title="DuckDB",
    functions=_MATH
    | _TEXT
    | _TIME
    | _GENERAL
    | _LISTS
    | _JSON
    | _AGGREGATES
    | _WINDOW
    | _TABLE_FUNCTIONS,
    table_functions=_TABLE_FUNCTIONS,
    write_functions=frozenset(),
    niladic=frozenset(),  # current_user and the like are constants
    types=TYPES
    | {
        exp.DType.TINYINT,
        exp.DType.UTINYINT,
        exp.DType.USMALLINT,
        exp.DType.UINT,
        exp.DType.UBIGINT,
        exp.DType.INT128,
        exp.DType.UINT128,
        exp.DType.TIMESTAMP_S,
        exp.DType.TIMESTAMP_MS,
        exp.DType.TIMESTAMP_NS,
        exp.DType.STRUCT,
        exp.DType.MAP,
        exp.DType.LIST,
        exp.DType.UNION,
        exp.DType.ENUM,
        exp.DType.VARIANT,
        exp.DType.BIGNUM,
        exp.DType.TIME_NS,
        exp.DType.USERDEFINED,  # an enum or an alias of a type: a cast runs no code
    },
    nodes=READ_NODES - {exp.Overlay}  # DuckDB has no function overlay
    | {
        exp.Qualify,
        exp.Lambda,
        exp.Struct,
        exp.PropertyEQ,
        exp.Columns,
        exp.Pivot,
        exp.PivotAlias,
        exp.TryCast,
        exp.ToMap,
        exp.Map,
        exp.Comprehension,
        exp.IntDiv,
        exp.Glob,
        exp.RegexpFullMatch,
        exp.ColumnDef,
        exp.PositionalColumn,
        exp.Describe,
        exp.Summarize,
        exp.UnpivotColumns,
        exp.Sqrt,
    },
    system_tables={
        "information_schema": words("tables columns schemata"),
        "temp": frozenset(),
        "system": frozenset(),
    },
    hidden_schemas=("pg_catalog",),
    unqualified_system_prefixes=_OWN,
    system_prefixes=_OWN,
    writes=False,
    file_tables=True,
    decimal_digits=38,
    masked=MASKED,
    type_tokens=TYPE_TOKENS,
    kept=KEPT | words("name nulls"),
    syntax_functions=duckdb_text.SYNTAX,
    ordered_set_functions=duckdb_text.ORDERED_SETS,
    grammar=WorkbenchDuckDB,
    lexer=duckdb_tokens.tokenize,
    prepare=duckdb_text.prepare,
    one_spelling=duckdb_text.one_spelling,
    verbatim=duckdb_text.verbatim,
    verbatim_nodes=duckdb_text.VERBATIM,
)
