"""Reading YAML: the values, their positions, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from wb_server.pipelines.definition.reader import (
    MAX_ALIASES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    read,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # YAML 1.2: these are texts.
        ("a: no", "no"),
        ("a: on", "on"),
        ("a: Yes", "Yes"),
        ("a: 2026-01-31", "2026-01-31"),
        ("a: 12:30:45", "12:30:45"),
        ("a: 1_000", "1_000"),
        ("a: 0b11", "0b11"),
        ("a: 1.2.3", "1.2.3"),
        ("a: '1'", "1"),
        ('a: "true"', "true"),
        ("a: |\n  1", "1"),
        ("a: ''", ""),
        ("a: y", "y"),
        # And these are not.
        ("a: true", True),
        ("a: FALSE", False),
        ("a: null", None),
        ("a: ~", None),
        ("a:", None),
        ("a: 12", 12),
        ("a: 012", 12),
        ("a: -3", -3),
        ("a: 0o17", 15),
        ("a: 0x1f", 31),
        ("a: 1.5", 1.5),
        ("a: 1e3", 1000.0),
        ("a: .5", 0.5),
        ("a: [1, b, {c: d}]", [1, "b", {"c": "d"}]),
        ("a:\n- 1\n- - 2\n", [1, [2]]),
        ("a: &x {b: 1}", {"b": 1}),
        ("a: [&x {b: 1}, *x]", [{"b": 1}, {"b": 1}]),
        ("a: [&x t, {*x : 2}]", ["t", {"t": 2}]),
        ("a: >\n  b\n  c\n", "b c\n"),
        ('a: "b\\\n  c\\x41"', "bcA"),
        ("a: ä😀", "ä😀"),
    ],
)
def test_values_are_typed_by_yaml_1_2(text: str, value: Any) -> None:
    document = read(text)
    assert document.problems == []
    assert document.data == {"a": value}
    assert type(document.data["a"]) is type(value)


def test_keys_are_texts() -> None:
    assert read("{1: a, true: b, null: c, 1.5: d}").data == {
        "1": "a",
        "true": "b",
        "null": "c",
        "1.5": "d",
    }


def test_line_ends_and_a_byte_order_mark_do_not_move_positions() -> None:
    for text in ("a: 1\nb:\n  c: 2\n", "a: 1\r\nb:\r\n  c: 2\r\n", "\ufeffa: 1\rb:\r  c: 2\r"):
        document = read(text)
        assert document.data == {"a": 1, "b": {"c": 2}}
        assert document.value_at(("b", "c")) == (3, 6)
        assert read(text.encode()).data == document.data


def test_keys_and_values_have_positions() -> None:
    document = read("a: 1\nlist:\n  - x\n  - {k: 'v', 'k 2': [1, 22]}\n")
    assert document.key_at(("a",)) == (1, 1)
    assert document.value_at(("a",)) == (1, 4)
    assert document.key_at(("list",)) == (2, 1)
    assert document.value_at(("list",)) == (3, 3)
    assert document.value_at(("list", 0)) == (3, 5)
    assert document.key_at(("list", 1, "k")) == (4, 6)
    assert document.value_at(("list", 1, "k 2", 1)) == (4, 25)
    # What is missing has the position of what would contain it.
    assert document.value_at(("list", 1, "none", "x")) == document.value_at(("list", 1))
    assert document.value_at(("none",)) == (1, 1)


def test_expressions_have_positions() -> None:
    document = read(
        "plain: x {{ a }} y {{ b }}\n"
        "'quoted': \"\\x41 {{ c }} é {{ d }}\"\n"
        "block: |\n"
        "  one\n"
        "    {{ e }} two {{ f }}\n"
        "folded: >-\n"
        "  {{ g\n"
        "  }}\n"
        "same: &x '{{ h }}'\n"
        "other: *x\n"
    )
    at = document.expression_at
    assert at(("plain",), 0) == (1, 10)
    assert at(("plain",), 1) == (1, 20)
    assert at(("plain",), 1, 3, 7) == (1, 23)
    assert at(("quoted",), 1) == (2, 27)
    assert at(("block",), 0) == (5, 5)
    assert at(("block",), 1, 3, 7) == (5, 20)
    assert at(("folded",), 0, 3, 9) == (7, 3)
    assert at(("same",), 0, 3, 7) == (9, 14)
    assert at(("other",), 0, 3, 7) == (10, 8)


LONG_LIST = "a: [" + "1, " * MAX_NODES + "1]"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(5)
)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "empty", (1, 1)),
        ("# nothing\n", "empty", (1, 1)),
        ("a: 1\na: 2\n", "duplicate_key", (2, 1)),
        ("a: 1\nb: {x: 1, y: 2, 'x': 3}\n", "duplicate_key", (2, 17)),
        ("a: 1\n---\nb: 2\n", "many_documents", (2, 1)),
        ("%YAML 1.1\n---\na: no\n", "directive", (1, 1)),
        ("a: !!python/object:os.system x\n", "tag", (1, 4)),
        ("a: 1\nb: !x [1]\n", "tag", (2, 4)),
        ("a: !!str 1\n", "tag", (1, 4)),
        ("!!map {a: 1}\n", "tag", (1, 1)),
        ("a: *x\n", "unknown_alias", (1, 4)),
        ("a: &x [*x]\n", "unknown_alias", (1, 8)),
        ("a: &x 1\n" + "b: [" + "*x, " * (MAX_ALIASES + 1) + "]\n", "too_many_aliases", (2, 205)),
        (BOMB, "too_large", None),
        (LONG_LIST, "too_large", None),
        ("a: &x [" + "1, " * (MAX_NODES // 2) + "]\nb: [*x, *x]\n", "too_large", (2, 5)),
        ("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH, "too_deep", (1, 4 + MAX_DEPTH - 1)),
        ("a: " + "[" * 100_000, "too_deep", (1, 4 + MAX_DEPTH - 1)),
        ("[" * (MAX_DEPTH - 2) + "&x [[1]], " + "[*x]" + "]" * (MAX_DEPTH - 2), "too_deep", None),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "merge_key", (2, 5)),
        ("? [a]\n: b\n", "bad_key", (1, 3)),
        ("? {a: 1}\n: b\n", "bad_key", (1, 3)),
        ("a: 99999999999999999999\n", "bad_number", (1, 4)),
        (f"a: {'9' * 10_000}\n", "bad_number", (1, 4)),
        ("a: .inf\n", "bad_number", (1, 4)),
        ("a: .NaN\n", "bad_number", (1, 4)),
        ("a: 1e999\n", "bad_number", (1, 4)),
        ("a: [1\n", "yaml", None),
        ("a: 'x\n", "yaml", None),
        ("a: b: c\n", "yaml", (1, 5)),
        ("a:\n\t- b\n", "yaml", (2, 1)),
        ("a: @x\n", "yaml", (1, 4)),
        ("a: {{ x }}\n", "unquoted", (1, 4)),
        ("a: {{ x }} y\n", "unquoted", (1, 4)),
        ("x\x00y: 1\n", "bad_character", (1, 2)),
        ("a: 1\nb: \x1b[31m\n", "bad_character", (2, 4)),
        ("a: \ud800\n", "bad_character", (1, 4)),
        ("a: " + "x" * MAX_BYTES, "too_large", (1, 1)),
    ],
)
def test_bad_documents_are_refused_with_a_position(
    text: str, code: str, place: tuple[int, int] | None
) -> None:
    document = read(text)
    assert [problem.code for problem in document.problems][:1] == [code]
    first = document.problems[0]
    assert first.message.endswith(".")
    if place is not None:
        assert (first.line, first.column) == place


def test_the_limits_themselves_are_allowed() -> None:
    depth = MAX_DEPTH - 1
    assert read("a: " + "[" * depth + "]" * depth).problems == []
    assert read("a: &x 1\nb: [" + "*x, " * MAX_ALIASES + "]\n").problems == []
    assert read("a: " + "x" * (MAX_BYTES - 3)).problems == []


def test_invalid_utf_8_is_located() -> None:
    document = read(b"a: 1\nb: \xff\n")
    assert [(problem.code, problem.line, problem.column) for problem in document.problems] == [
        ("bad_character", 2, 4)
    ]


def test_reading_continues_after_small_mistakes() -> None:
    document = read("a: 1\na: {b: {c: 2}}\nd: !x 3\ne: .nan\nf: 4\n")
    assert [problem.code for problem in document.problems] == ["duplicate_key", "tag", "bad_number"]
    assert document.data == {"a": 1, "d": 3, "e": 0.0, "f": 4}
    assert document.value_at(("a",)) == (1, 4)
    assert document.value_at(("a", "b")) == (1, 4)


def test_a_mistake_behind_aliases_is_reported_once() -> None:
    document = read("a: &x {b: .nan}\nc: [*x, *x]\n")
    assert [(each.code, each.line, each.column) for each in document.problems] == [
        ("bad_number", 1, 11)
    ]


def test_a_redefined_anchor_holds_the_newer_value() -> None:
    assert read("a: &x [1, &x 2]\nb: *x\n").data == {"a": [1, 2], "b": 2}
