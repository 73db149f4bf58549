"""How the lexer recognizes parameters, ends of statements and templates."""

from __future__ import annotations

import pytest

from wb_kernels.magics.statement import Lexer

MYSQL = Lexer(backslash_escapes=True, hash_comments=True, nested_comments=False)


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select :a, :b, :a", ["a", "b"]),
        ("select x::text, :a::date", ["a"]),
        ("select ':a', \":b\", `:c`", []),
        ("select 'it''s :a', :b", ["b"]),
        ("select E'\\':a', :b", ["b"]),
        ("select '\\', :b, ''", ["b"]),
        ("-- :a\nselect :b -- :c", ["b"]),
        ("/* :a /* :b */ :c */ select :d", ["d"]),
        ("select $$ :a $$, $f$ :b $$ $f$, :c", ["c"]),
        ("select arr[1:n], arr[i:j]", []),
        ("select col:field, {'k':v}, {\"k\":v}", []),
        ("select doc #> :path", ["path"]),
        ("select x = any(:ids), y in (:more)", ["ids", "more"]),
        ("select :a'", ["a"]),
        ("select 'open :a", []),
        ("set @x := 1", []),
    ],
)
def test_parameters(sql: str, names: list[str]) -> None:
    assert Lexer().parameters(sql) == names


def test_strings_and_comments_of_mysql() -> None:
    assert MYSQL.parameters("select 'it\\'s :a', :b # :c") == ["b"]
    assert MYSQL.parameters("/* /* :a */ :b") == ["b"]


@pytest.mark.parametrize(
    ("sql", "statements"),
    [
        ("select 1", ["select 1"]),
        ("select 1;", ["select 1"]),
        ("select ';'; -- a; b\nselect 2 /* ; */;\n;-- end", ["select ';'", "-- a; b\nselect 2 /* ; */"]),
        ("", []),
        ("-- nothing", []),
    ],
)  # fmt: skip
def test_split(sql: str, statements: list[str]) -> None:
    assert Lexer().split(sql) == statements


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select {{ a }}", "{{ a }}"),
        ("select '{{a}}'", None),
        ("select '{{a}}', {{b}}", "{{b}}"),
        ('select "{{a}}" -- {{b}}\n/* {{c}} */', None),
        ("select $$ {{a}} $$, $f$ {{b}} $f$, E'\\'{{c}}'", None),
        ("select {{ f('a') }}", "{{ f('a') }}"),
        ("select 'it''s {{a}}' || {% b %}", "{% b %}"),
        ("{% if x %} select 1", "{% if x %}"),
        ("select '{{1,2},{3,4}}'::int[]", None),
        ("select '{% like %}' -- {{a}}", None),
    ],
)
def test_templates(sql: str, found: str | None) -> None:
    assert Lexer().template(sql) == found
