"""The topics by logical name, as one environment sees them: the loaded form of `topics.yaml`.

Physical names are known here and in that file only. What makes the file sound is said in `topic_rule`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hitl_stream.contract import topic_document, topic_rule
from hitl_stream.contract.topic_document import Key, TopicDocument, TopicEntry, TopicsInvalid

__all__ = ["Key", "Topic", "Topics", "TopicsInvalid", "default_path", "load", "read", "resolve"]

DEFAULT_ENVIRONMENT = "local"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic in one environment. `config` holds declared keys only, values as Kafka spells them."""

    logical: str
    name: str
    owner: str
    key: Key
    partitions: int
    replicas: int
    config: Mapping[str, str]
    schema: str | None
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    dead_letter: str | None

    @property
    def keyed(self) -> bool:
        """Whether records find their partition by key, so that another partition count breaks their order."""
        return self.key is not Key.NONE

    @property
    def retention(self) -> timedelta | None:
        """How long records are kept; None for ever, or when the broker's default decides."""
        milliseconds = int(self.config.get("retention.ms", "-1"))
        return None if milliseconds < 0 else timedelta(milliseconds=milliseconds)


class Topics:
    """All topics of one environment."""

    def __init__(self, topics: Mapping[str, Topic], environment: str) -> None:
        self.environment = environment
        self._topics = dict(topics)
        self._physical = {logical: topic.name for logical, topic in topics.items()}
        self._logical = {topic.name: logical for logical, topic in topics.items()}

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._topics.values())

    def __getitem__(self, logical: str) -> Topic:
        return self._topics[logical]

    def all(self) -> tuple[Topic, ...]:
        """Every topic, in the order of the file."""
        return tuple(self._topics.values())

    def physical(self, logical: str) -> str:
        """The name on the broker. Raises KeyError for an unknown logical name."""
        return self._physical[logical]

    def logical(self, physical: str) -> str:
        """The logical name of a topic on the broker. Raises KeyError for a topic that is not ours."""
        return self._logical[physical]


def default_path() -> Path:
    """The file that ships with the product: beside the package in a checkout, inside it once installed."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "topics.yaml"
    return installed if installed.exists() else package.parent / "topics.yaml"


def load(path: Path | str | None = None, environment: str = DEFAULT_ENVIRONMENT) -> Topics:
    """Read the file. Raises TopicsInvalid with every problem found in it."""
    return resolve(read(path), environment)


def read(path: Path | str | None = None) -> TopicDocument:
    """Read and check the file, for all environments. Raises TopicsInvalid with every problem found in it."""
    document = topic_document.read(path or default_path())
    problems = topic_rule.problems(document)
    if problems:
        raise TopicsInvalid(problems)
    return document


def resolve(document: TopicDocument, environment: str) -> Topics:
    """The topics of one environment. Raises TopicsInvalid for an unknown environment."""
    if environment not in document.environments:
        known = ", ".join(document.environments)
        raise TopicsInvalid([f"environments: no environment {environment!r} (known: {known})"])
    return Topics(
        {
            logical: _topic(logical, entry, topic_document.merged(document, environment, logical))
            for logical, entry in document.topics.items()
        },
        environment,
    )


def _topic(logical: str, entry: TopicEntry, merged: topic_document.Merged) -> Topic:
    return Topic(
        logical=logical,
        name=entry.name,
        owner=entry.owner,
        key=entry.key,
        partitions=merged.partitions,
        replicas=merged.replicas,
        config=merged.config,
        schema=entry.schema_name,
        producers=tuple(entry.producers),
        consumers=tuple(entry.consumers),
        dead_letter=entry.dead_letter,
    )
