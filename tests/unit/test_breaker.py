"""What is away: shown in the metric, said once when it goes and once when it is back; and what the broker's refusals mean."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hitl_stream.broker.admin import AdminRefused
from hitl_stream.errors import Unavailable
from hitl_stream.observe import metrics
from hitl_stream.stream import question
from hitl_stream.stream.breaker import Breaker, Breakers, BrokerAway


def shown(dependency: str) -> float:
    return float(metrics.BREAKER_OPEN.labels(dependency)._value.get())


@pytest.mark.parametrize(("failure", "dependency"), [(Unavailable("x"), "postgres"), (BrokerAway("x"), "kafka")])
def test_a_failure_opens_the_breaker_of_its_dependency_only(failure: Unavailable, dependency: str) -> None:
    both = Breakers(Breaker("postgres"), Breaker("kafka"))
    both.failed(failure)
    assert both.open == [dependency]
    assert shown(dependency) == 1
    getattr(both, dependency).worked()
    assert both.open == []
    assert shown(dependency) == 0


def test_it_is_said_once_when_it_goes_and_once_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    log = SimpleNamespace(
        warning=lambda event, **_: said.append(event),
        info=lambda event, **about: said.append(f"{event} {about['away_s']}"),
    )
    monkeypatch.setattr("hitl_stream.observe.log.get", lambda: log)
    breaker = Breaker("kafka")
    for step in (
        breaker.worked,
        lambda: breaker.failed("x"),
        lambda: breaker.failed("y"),
        breaker.worked,
        breaker.worked,
    ):
        step()
    assert said == ["dependency_lost", "dependency_returned 0.0"]


class _Cause(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(SimpleNamespace(code=lambda: code))


def _refuses(code: int) -> None:
    raise AdminRefused("no") from _Cause(code)


def _is_away(_: str) -> None:
    raise Unavailable("nobody there")


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        (5, True),  # leader not available
        (6, True),  # not the leader
        (74, True),  # fenced leader epoch
        (75, True),  # unknown leader epoch: a broker that has just started again
        (29, False),  # topic authorization failed
        (31, False),  # cluster authorization failed
        (42, False),  # invalid request
    ],
)
async def test_what_the_broker_refuses_for_a_moment_is_waited_for(code: int, passes: bool) -> None:
    with pytest.raises(BrokerAway if passes else AdminRefused):
        await question.ask(_refuses, code)


async def test_a_question_is_answered_or_the_broker_is_away() -> None:
    assert await question.ask(len, "four") == 4
    with pytest.raises(BrokerAway, match="nobody there"):
        await question.ask(_is_away, "x")
    with pytest.raises(AdminRefused, match="without a code"):
        await question.ask(_refuse_plainly)


def _refuse_plainly() -> None:
    raise AdminRefused("without a code")
