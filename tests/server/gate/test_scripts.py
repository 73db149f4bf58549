"""Where one statement of a text ends and the next begins."""

from __future__ import annotations

import pytest

from wb_server.gate.models import DialectName
from wb_server.gate.scripts import MAX_STATEMENTS, pieces
from wb_server.kit.errors import InvalidInput


@pytest.mark.parametrize(
    ("dialect", "text", "parts"),
    [
        ("postgres", "select 1", ["select 1"]),
        ("postgres", "select 1;", ["select 1"]),
        ("postgres", ";;\n select 1 ;\n;select 2;;", ["select 1", "select 2"]),
        ("postgres", "select ';' ; select 2", ["select ';'", "select 2"]),
        ("postgres", "select 'it''s; ' ; select 2", ["select 'it''s; '", "select 2"]),
        ("postgres", "select '\\'; select 2", ["select '\\'", "select 2"]),
        ("postgres", "select E'\\'; x'; select 2", ["select E'\\'; x'", "select 2"]),
        ("postgres", "select name'\\'; select 2", ["select name'\\'", "select 2"]),
        ("postgres", 'select "a;""b" ; select 2', ['select "a;""b"', "select 2"]),
        ("postgres", "select $$ ; $$; select $a$ $$ ; $b$ ; $a$", ["select $$ ; $$", "select $a$ $$ ; $b$ ; $a$"]),
        ("postgres", "select a$b$ ; select b$b$", ["select a$b$", "select b$b$"]),
        ("postgres", "-- a; b\nselect 1; -- c;\n", ["select 1"]),
        ("postgres", "/* a; /* b; */ c; */ select 1; select 2", ["select 1", "select 2"]),
        ("postgres", "select 1; # 2; select 3", ["select 1", "# 2", "select 3"]),
        ("mysql", "/* a; /* b; */ select 1; # x;\nselect 2", ["select 1", "select 2"]),
        ("mysql", "select 'a\\'; b'; select `;`", ["select 'a\\'; b'", "select `;`"]),
        ("mysql", 'select "a\\"; b"; select 1--1; select 2 -- ;', ['select "a\\"; b"', "select 1--1", "select 2 -- ;"]),
        ("mysql", "select 1; /*! delete from t */; /*M! x */ select 2", ["select 1", "/*! delete from t */", "/*M! x */ select 2"]),
        ("postgres", "-- only a comment;", ["-- only a comment;"]),
        ("postgres", "select 'open; select 2", ["select 'open", "select 2"]),
    ],
)  # fmt: skip
def test_statements_are_cut_where_the_database_would(
    dialect: DialectName, text: str, parts: list[str]
) -> None:
    assert [piece.sql for piece in pieces(text, dialect)] == parts


def test_a_statement_knows_its_line_and_its_parameters() -> None:
    text = "\n\ninsert into t values (:p1);\n\n-- next\ndelete from t where a = :p2::int;\nselect 1"
    found = pieces(text, "postgres")
    assert [piece.line for piece in found] == [3, 6, 7]
    params = {"p1": 1, "p2": 2, "int": 3}
    assert [piece.parameters(params) for piece in found] == [{"p1": 1}, {"p2": 2}, {}]


def test_there_is_an_end() -> None:
    assert len(pieces("select 1;" * MAX_STATEMENTS, "postgres")) == MAX_STATEMENTS
    with pytest.raises(InvalidInput) as caught:
        pieces("select 1;" * (MAX_STATEMENTS + 1), "postgres")
    assert caught.value.code == "too_many_statements"
