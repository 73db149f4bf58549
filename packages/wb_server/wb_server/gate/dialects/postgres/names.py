"""Names of PostgreSQL's built-in operators and types, and of operators of common extensions.

Each operator computes from its operands alone; a test compares the lists with a server's catalog.
Left out of the types: those that show roles (regrole, aclitem), name functions (regproc and
the like), or can't be a column's value (pseudo-types, internal ones).
"""

from __future__ import annotations

from ..base import words

OPERATORS = words(
    """
    !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= *<> *= *> *>= + - -> ->> -|- / < <-> <<
    <<= <<| <= <> <@ <^ = > >= >> >>= >^ ? ?# ?& ?- ?-| ?| ?|| @> @? @@ @@@ ^ ^@ | |&> |>> || ~ ~*
    ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~* != !! @ @-@ |/ ||/
    """
)

# Prefix operators.
PREFIXES = words("!! # + - ?- ?| @ @-@ @@ |/ ||/ ~")

# pg_trgm, hstore, ltree, cube, pgvector, PostGIS.
EXTENSION_OPERATORS = words(
    """
    <% %> <<% %>> <<-> <->> <<<-> <->>> <#> <+> <~> <%> ~> ^<@ ^@> ^~ ^? ^@ ?@ ?~ ?@> ?<@ #= %% %#
    &&& ~== |=| <<#>>
    """
)

# By their catalog names; rendered as pg_catalog.name, since a database may have its own of this name.
NAMED_TYPES = words(
    """
    bit bool bpchar bytea char cidr circle float4 float8 inet int2 int4 int8 box date
    datemultirange daterange int4multirange int4range int8multirange int8range interval json jsonb
    jsonpath line lseg macaddr macaddr8 money name numeric nummultirange numrange oid path pg_lsn
    pg_snapshot point polygon text tid time timestamp timestamptz timetz tsmultirange tsquery
    tsrange tstzmultirange tstzrange tsvector uuid varbit varchar xid xid8 xml regclass regtype
    regconfig regdictionary regnamespace regcollation txid_snapshot int2vector oidvector
    _bool _bytea _char _date _float4 _float8 _int2 _int4 _int8 _interval _json _jsonb _name
    _numeric _oid _text _time _timestamp _timestamptz _timetz _uuid _varchar _bpchar _xml _inet
    """
)

# Types of extensions, whose schema can't be known in advance. The connector checks that the types of
# these names belong to an extension.
EXTENSION_TYPES = words(
    """
    citext hstore ltree lquery ltxtquery cube seg isbn isbn13 ean13 issn geometry geography box2d
    box3d vector halfvec sparsevec
    """
)
