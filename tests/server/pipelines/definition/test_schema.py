"""The published schema agrees with the models, and the reference page has every key."""

from __future__ import annotations

from typing import Annotated, Any

import jsonschema
import pytest
from pydantic import BaseModel, Field, TypeAdapter
from support.task_specs import REGISTRY, TaskSpec, World

from wb_server.pipelines.definition.check import check
from wb_server.pipelines.definition.models import Defaults, PipelineFile, Retries, Schedule
from wb_server.pipelines.definition.parameter_types import PARAMETER_TYPES
from wb_server.pipelines.definition.reader import read
from wb_server.pipelines.definition.reference import example, flow, page, undocumented
from wb_server.pipelines.definition.schema import json_schema

from .test_check import GOOD, MISTAKES

SCHEMA = json_schema(REGISTRY)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
# What a schema can't express: what things refer to, and what a text means.
BEYOND_CODES = {
    "bad_cron", "bad_zone", "required_parameter", "unknown_need", "cycle", "unknown_name",
    "unknown_filter", "expression_in_quotes", "expression_in_name", "expression", "not_needed",
    "connection", "missing_file", "bad_file", "run_as", "statement", "duplicate_key", "tag", "unquoted", "bad_path",
    "template_tag",
}  # fmt: skip
BEYOND_TEXTS = {"default: asia", "sla: 99d", "delay: 2h", "  timeout: 8d", "  class:", "run.id"}


def test_it_is_a_valid_schema_and_accepts_a_good_file() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert list(VALIDATOR.iter_errors(read(GOOD).data)) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [(old, new, code) for old, new, _, _, code, _ in MISTAKES],
    ids=[f"{code}-{new[:30]}" for _, new, _, _, code, _ in MISTAKES],
)
def test_it_refuses_what_the_models_refuse(old: str, new: str, code: str) -> None:
    data = read(GOOD.replace(old, new, 1)).data
    if data is not None:
        assert VALIDATOR.is_valid(data) == (code in BEYOND_CODES or new in BEYOND_TEXTS)


def test_tasks_are_distinguished_by_their_type() -> None:
    tasks = SCHEMA["properties"]["tasks"]
    (each,) = tasks["patternProperties"].values()
    assert each["discriminator"]["propertyName"] == "type"
    assert set(each["discriminator"]["mapping"]) == set(REGISTRY)
    assert tasks["maxProperties"] == 200


def test_every_key_has_a_description_and_an_example() -> None:
    assert undocumented(REGISTRY) == []

    class Bare(TaskSpec):
        url: str
        other: Annotated[int, Field(description="x")] = 1

    assert undocumented({"bare": Bare}) == ["Bare.url", "Bare.other"]


MODELS: list[type[BaseModel]] = [
    PipelineFile, Defaults, Retries, Schedule, TaskSpec, *PARAMETER_TYPES.values(), *REGISTRY.values(),
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_example_fits_its_key(model: type[BaseModel]) -> None:
    for key, field in model.model_fields.items():
        for given in field.examples or []:
            if key == "tasks":
                checked = check(f"name: p\ntasks: {flow(given)}\n", REGISTRY)
                assert checked.problems == []
                continue
            annotation: Any = Annotated[field.annotation, field]
            TypeAdapter[Any](annotation).validate_python(given)
            # And the page shows it as YAML that reads the same.
            assert read(f"a: {flow(given)}").data == {"a": given}


def test_the_page_has_every_key_and_its_examples_are_good() -> None:
    text = page(REGISTRY)
    for model in MODELS:
        for key, field in model.model_fields.items():
            name = field.alias or key
            assert f".{name}` |" in text or f"| `{name}` |" in text, name
    for name, spec in REGISTRY.items():
        assert f"### {name}\n" in text
        shown = example(name, spec)
        assert shown in text
        lines = "\n".join(f"  {line}" for line in shown.split("\n"))
        assert check(f"name: p\ntasks:\n{lines}\n", REGISTRY, World()).definition is not None
    assert "| `name` | text | **required** |" in text
    assert "| `schedule.timezone` | text | `UTC` |" in text
    assert "| `retries.delay` | duration | `30s` |" in text
    assert "Keys of `from`" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, "b c", None]}, "{a: [1, b c, null]}"),
        ("no", '"no"'),
        ("30s", "30s"),
        ("12", '"12"'),
        ("a: b", '"a: b"'),
        ("", '""'),
        (" x", '" x"'),
        ("x ", '"x "'),
        (True, "true"),
        ("é", '"é"'),
    ],
)
def test_values_are_written_on_one_line(value: Any, text: str) -> None:
    assert flow(value) == text
    assert read(f"a: {text}").data == {"a": value}
