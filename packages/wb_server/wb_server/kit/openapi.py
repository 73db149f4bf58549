"""The OpenAPI 3.1 document, generated from the endpoints' declarations.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from .endpoint import Endpoint
from .version import VERSION

_REF = "#/components/schemas/{model}"
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "string", "description": "For programs; stable."},
                "message": {"type": "string", "description": "For people."},
                "details": {"type": "object", "additionalProperties": True},
            },
        }
    },
}
_STATUS_TEXT = {
    400: "The request can't be understood.",
    401: "The token is missing or unknown.",
    403: "You lack the right.",
    404: "It doesn't exist, or you may not see it.",
    409: "Its current state doesn't allow this.",
    413: "A size limit was exceeded.",
    422: "Understood, but it can't be done.",
    429: "Too many requests at once.",
    500: "An error of the Workbench; the message has an id to find in the log.",
    502: "The data source refused the request or failed.",
    503: "A part of the Workbench is down.",
    504: "The data source took too long.",
}


class _Schemas(GenerateJsonSchema):
    """JSON schemas in which every field of an answer is required: defaults are sent, too."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The OpenAPI document of these endpoints."""
    endpoints = list(endpoints)
    models: list[tuple[type[BaseModel], Any]] = []
    for endpoint in endpoints:
        if endpoint.body is not None:
            models.append((endpoint.body, "validation"))
        if not isinstance(endpoint.answer, str):
            models.append((endpoint.answer, "serialization"))
    refs, definitions = models_json_schema(
        sorted(set(models), key=lambda pair: (pair[0].__name__, pair[1])),
        ref_template=_REF,
        schema_generator=_Schemas,
    )
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, refs)
    schemas = {**definitions.get("$defs", {}), "Error": _ERROR}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Workbench API",
            "version": VERSION,
            "description": "Below `/services/workbench/api/v1` at the service, and below "
            "`workbench/api/v1` of a Jupyter server.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A JupyterHub token with access to the service.",
                }
            },
        },
    }


def _operation(endpoint: Endpoint, refs: dict[Any, Any]) -> dict[str, Any]:
    if isinstance(endpoint.answer, str):
        media = {endpoint.answer: {"schema": {"type": "string", "format": "binary"}}}
        if endpoint.answer == "application/json":
            media = {endpoint.answer: {"schema": {"type": "object"}}}
    else:
        media = {"application/json": {"schema": refs[endpoint.answer, "serialization"]}}
    errors = {400, 500, *endpoint.errors}
    if endpoint.action is not None:
        errors |= {401, 403}
    if endpoint.body is not None or endpoint.upload:
        errors.add(413)
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.room],
        "summary": endpoint.summary,
        "description": endpoint.handle.__doc__ or "",
        "x-action": endpoint.action,
        "x-audit": endpoint.audit,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in endpoint.path_names
        ]
        + _query_parameters(endpoint),
        "responses": {
            str(endpoint.status): {"description": endpoint.summary, "content": media},
            **{
                str(status): {
                    "description": _STATUS_TEXT[status],
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Error"}}
                    },
                }
                for status in sorted(errors)
            },
        },
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": refs[endpoint.body, "validation"]}},
        }
    if endpoint.upload:
        sent = {endpoint.upload: {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": True, "content": sent}
    if endpoint.action is None:
        operation["security"] = []
    return operation


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = endpoint.query.model_json_schema(by_alias=True)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": field.get("description", ""),
            "schema": {key: value for key, value in field.items() if key != "description"},
        }
        for name, field in schema["properties"].items()
    ]
