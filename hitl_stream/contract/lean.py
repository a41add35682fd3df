"""The same models, validated into plain dicts: half the time of building model objects, and by construction the same verdict.

Every validator is taken from the annotations of the model; nothing about an event is said here.
"""

from __future__ import annotations

from types import UnionType
from typing import Any, NotRequired, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic_core import SchemaValidator
from typing_extensions import TypedDict


def validator(kind: type[BaseModel]) -> SchemaValidator:
    """A validator that accepts what the model accepts. Members that are not given are absent from what it returns."""
    found: Any = TypeAdapter(_typed_dict(kind)).validator
    assert isinstance(found, SchemaValidator)  # noqa: S101 - pydantic calls it a union with a plug-in's type
    return found


def _typed_dict(kind: type[BaseModel]) -> Any:
    hints = get_type_hints(kind, include_extras=True)
    members = {
        name: _lean(hints[name]) if field.is_required() else NotRequired[_lean(hints[name])]
        for name, field in kind.model_fields.items()
    }
    make: Any = TypedDict  # mypy wants to see the members spelled out
    lean: Any = make(kind.__name__, members)
    lean.__pydantic_config__ = kind.model_config
    return lean


def _lean(hint: Any) -> Any:
    """The hint with every model in it replaced."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _typed_dict(hint)
    if get_origin(hint) in (Union, UnionType):
        return Union[tuple(_lean(option) for option in get_args(hint))]  # noqa: UP007 - made from a list
    if get_origin(hint) is list:
        many: Any = list  # mypy takes what stands in the brackets for a type it should know
        return many[_lean(get_args(hint)[0])]
    return hint
