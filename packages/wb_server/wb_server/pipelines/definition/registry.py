"""The model of a pipeline file whose tasks are those of a registry of task types."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, create_model
from pydantic_core import core_schema

from .fields import TaskId
from .models import PipelineFile, Registry, TaskSpec


def model_for(registry: Registry) -> type[PipelineFile]:
    """:class:`PipelineFile` with the task types of a registry."""
    return _model_of(tuple(registry.items()))


@dataclass(frozen=True)
class _ByType:
    """Makes a field of type :class:`TaskSpec` take the spec that its ``type`` names."""

    choices: tuple[tuple[str, type[TaskSpec]], ...]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.tagged_union_schema(
            {name: handler.generate_schema(spec) for name, spec in self.choices},
            discriminator="type",
        )


@lru_cache(maxsize=32)
def _model_of(choices: tuple[tuple[str, type[TaskSpec]], ...]) -> type[PipelineFile]:
    tasks = PipelineFile.model_fields["tasks"]
    return create_model(
        "PipelineFile",
        __base__=PipelineFile,
        tasks=(dict[TaskId, Annotated[TaskSpec, _ByType(choices)]], tasks),
    )
