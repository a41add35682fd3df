"""The form of `topics.yaml`, and what makes it sound in every environment that it describes.

All problems are reported at once, each by its path. Nothing here knows a broker.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from hitl_stream.errors import HitlError

# What a dead letter carries beyond the original: our own headers with a reason that is cut to a line.
DEAD_LETTER_HEADROOM_BYTES = 65_536

# Every key that a Kafka 4 topic knows; a typo here would otherwise only be found by the broker, on the day of the roll-out.
CONFIG_KEYS = frozenset(
    # fmt: off
    {
        "cleanup.policy",
        "compression.gzip.level",
        "compression.lz4.level",
        "compression.type",
        "compression.zstd.level",
        "delete.retention.ms",
        "errors.deadletterqueue.group.enable",
        "file.delete.delay.ms",
        "flush.messages",
        "flush.ms",
        "follower.replication.throttled.replicas",
        "index.interval.bytes",
        "leader.replication.throttled.replicas",
        "local.retention.bytes",
        "local.retention.ms",
        "max.compaction.lag.ms",
        "max.message.bytes",
        "message.timestamp.after.max.ms",
        "message.timestamp.before.max.ms",
        "message.timestamp.type",
        "min.cleanable.dirty.ratio",
        "min.compaction.lag.ms",
        "min.insync.replicas",
        "preallocate",
        "remote.copy.disable",
        "remote.log.delete.on.disable",
        "remote.storage.enable",
        "retention.bytes",
        "retention.ms",
        "segment.bytes",
        "segment.index.bytes",
        "segment.jitter.ms",
        "segment.ms",
        "unclean.leader.election.enable",
    }
    # fmt: on
)
NUMBERS = ("max.message.bytes", "min.insync.replicas", "retention.bytes", "retention.ms", "segment.ms")


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
    """What holds for one topic in one environment."""

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
        content = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise TopicsInvalid([f"is not YAML: {error}"]) from error
    try:
        document = TopicDocument.model_validate(content)
    except ValidationError as error:
        raise TopicsInvalid([_describe(dict(problem)) for problem in error.errors()]) from error
    problems = [*_name_problems(document), *_environment_problems(document)]
    if problems:
        raise TopicsInvalid(problems)
    return document


def merged(document: TopicDocument, environment: str, logical: str) -> Merged:
    """Merge the four levels; the most particular wins."""
    levels = _levels(document, environment, logical)
    return Merged(
        partitions=next(level.partitions for level in levels if level.partitions),
        replicas=next(level.replicas for level in levels if level.replicas),
        config={key: _spell(value) for level in reversed(levels) for key, value in level.config.items()},
    )


def _levels(document: TopicDocument, environment: str, logical: str) -> list[Layout]:
    """The levels of one topic, the most particular first."""
    chosen = document.environments[environment]
    return [chosen.topics.get(logical, Layout()), document.topics[logical], chosen, document.defaults]


def _spell(value: bool | int | str) -> str:
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


def _name_problems(document: TopicDocument) -> Iterator[str]:
    seen: dict[str, str] = {}
    for logical, entry in document.topics.items():
        # Kafka's metric names cannot tell '.' from '_', and it refuses two topics that differ in nothing else.
        plain = entry.name.replace(".", "_")
        if plain in seen:
            yield f"topics.{logical}.name: {entry.name} collides with topics.{seen[plain]}.name"
        seen.setdefault(plain, logical)
        if entry.dead_letter is not None and entry.dead_letter not in document.topics:
            yield f"topics.{logical}.deadLetter: there is no topic {entry.dead_letter!r}"
        if entry.dead_letter == logical:
            yield f"topics.{logical}.deadLetter: points to itself"
    for name, environment in document.environments.items():
        for logical in environment.topics.keys() - document.topics.keys():
            yield f"environments.{name}.topics.{logical}: there is no such topic"


def _environment_problems(document: TopicDocument) -> Iterator[str]:
    for place, layout in _layouts(document):
        for key, value in layout.config.items():
            if key not in CONFIG_KEYS:
                yield f"{place}config.{key}: Kafka knows no such topic setting"
            elif key in NUMBERS and not re.fullmatch(r"-1|\d+", _spell(value)):
                yield f"{place}config.{key}: must be a whole number (got {value!r})"
    found: dict[str, list[str]] = {}
    for environment in document.environments:
        for logical in document.topics:
            for problem in _topic_problems(document, environment, logical):
                found.setdefault(problem, []).append(environment)
    for problem, environments in found.items():
        everywhere = len(environments) == len(document.environments)
        yield problem if everywhere else f"{problem} [in {', '.join(environments)}]"


def _layouts(document: TopicDocument) -> Iterator[tuple[str, Layout]]:
    yield "defaults.", document.defaults
    for name, environment in document.environments.items():
        yield f"environments.{name}.", environment
        for logical, layout in environment.topics.items():
            yield f"environments.{name}.topics.{logical}.", layout
    for logical, entry in document.topics.items():
        yield f"topics.{logical}.", entry


def _topic_problems(document: TopicDocument, environment: str, logical: str) -> Iterator[str]:
    place = f"topics.{logical}"
    levels = _levels(document, environment, logical)
    missing = [name for name in ("partitions", "replicas") if not any(getattr(level, name) for level in levels)]
    yield from (f"{place}.{name}: is missing, here and in defaults" for name in missing)
    if missing:
        return
    topic = merged(document, environment, logical)
    insync = _number(topic, "min.insync.replicas")
    if insync is not None and insync >= topic.replicas and (insync, topic.replicas) != (1, 1):
        yield (
            f"{place}.config.min.insync.replicas: {insync} of {topic.replicas} replicas"
            " stops all writes when one broker is down"
        )
    yield from _dead_letter_problems(document, environment, logical, topic)


def _dead_letter_problems(document: TopicDocument, environment: str, logical: str, topic: Merged) -> Iterator[str]:
    target = document.topics[logical].dead_letter
    if target is None or target not in document.topics or target == logical:
        return
    largest = _number(topic, "max.message.bytes")
    if largest is None:
        yield f"topics.{logical}.config.max.message.bytes: must be declared, its dead letters have to fit"
        return
    room = _number(merged(document, environment, target), "max.message.bytes")
    if room is None or room < largest + DEAD_LETTER_HEADROOM_BYTES:
        yield (
            f"topics.{target}.config.max.message.bytes: {room} does not hold the largest record of {logical}"
            f" ({largest}) and {DEAD_LETTER_HEADROOM_BYTES} bytes of headers"
        )


def _number(topic: Merged, key: str) -> int | None:
    value = topic.config.get(key, "")
    return int(value) if re.fullmatch(r"-1|\d+", value) else None
