"""The form of `topics.yaml` and the merging of its four levels.

Whether the file makes sense is said in `topic_rule`. Problems are reported all at once, each by its path.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from hitl_stream.errors import HitlError


class TopicsInvalid(HitlError):
    """topics.yaml is not sound."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("topics.yaml is not sound:\n  " + "\n  ".join(problems))
        self.problems = problems


class Key(StrEnum):
    """What the key of a record is: its patch, that of the record it was made from, or nothing."""

    PATCH_ID = "patch_id"
    ORIGINAL = "original"
    NONE = "none"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Layout(_Closed):
    """What may be said of a topic at each of the four levels."""

    partitions: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None
    replicas: Annotated[StrictInt, Field(ge=1, le=32)] | None = None
    config: dict[StrictStr, StrictBool | StrictInt | StrictStr] = {}


class TopicEntry(Layout):
    """One topic."""

    name: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
    owner: Annotated[StrictStr, Field(min_length=1)]
    key: Key
    schema_name: StrictStr | None = Field(alias="schema")
    producers: Annotated[list[StrictStr], Field(min_length=1)]
    consumers: list[StrictStr]
    dead_letter: StrictStr | None = Field(default=None, alias="deadLetter")


class Environment(Layout):
    """What differs in one environment, for all topics and for single ones."""

    topics: dict[StrictStr, Layout] = {}


class TopicDocument(_Closed):
    """The whole file."""

    defaults: Layout = Layout()
    environments: Annotated[dict[StrictStr, Environment], Field(min_length=1)]
    topics: Annotated[dict[StrictStr, TopicEntry], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Merged:
    """What holds for one topic in one environment; 0 where no level says a number."""

    partitions: int
    replicas: int
    config: dict[str, str]


class _Loader(yaml.SafeLoader):
    """Refuses a member that is written twice; plain YAML keeps the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise TopicsInvalid([f"line {node.start_mark.line + 1}: member {key!r} is written twice"])
        return super().construct_mapping(node, deep)


def read(path: Path | str) -> TopicDocument:
    """Read and check the file. Raises TopicsInvalid with every problem."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TopicsInvalid([f"cannot be read: {error}"]) from error
    return read_text(text)


def read_text(text: str) -> TopicDocument:
    """Check the text of a file. Raises TopicsInvalid with every problem."""
    try:
        content = _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise TopicsInvalid([f"is not YAML: {error}"]) from error
    try:
        return TopicDocument.model_validate(content)
    except ValidationError as error:
        raise TopicsInvalid([_describe(dict(problem)) for problem in error.errors()]) from error


def merged(document: TopicDocument, environment: str, logical: str) -> Merged:
    """Merge the four levels; the most particular wins."""
    found = levels(document, environment, logical)
    return Merged(
        partitions=next((level.partitions for level in found if level.partitions), 0),
        replicas=next((level.replicas for level in found if level.replicas), 0),
        config={key: spell(value) for level in reversed(found) for key, value in level.config.items()},
    )


def levels(document: TopicDocument, environment: str, logical: str) -> list[Layout]:
    """The levels of one topic, the most particular first."""
    chosen = document.environments[environment]
    return [chosen.topics.get(logical, Layout()), document.topics[logical], chosen, document.defaults]


def spell(value: bool | int | str) -> str:
    """A value as Kafka spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _describe(problem: dict[str, Any]) -> str:
    """A validation error in the words of this file."""
    path = ".".join(str(part) for part in problem["loc"] if part not in ("bool", "int", "str"))
    match problem["type"]:
        case "extra_forbidden":
            return f"{path}: unknown member"
        case "missing":
            return f"{path}: is missing"
        case _:
            got = "" if isinstance(problem["input"], dict) else f" (got {problem['input']!r})"
            return f"{path or 'the file'}: {problem['msg'][0].lower()}{problem['msg'][1:]}{got}"
