"""The metrics by name, and that no text from outside can become a label."""

from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hitl_stream.observe import metrics

NAMES = {
    "hitl_records_total", "hitl_verdicts_total", "hitl_batch_records", "hitl_batch_seconds", "hitl_end_to_end_seconds",
    "hitl_lag_records", "hitl_lag_seconds", "hitl_position_mismatches_total", "hitl_duplicates_total", "hitl_conflicts_total",
    "hitl_dead_letters_total", "hitl_outbox_oldest_seconds", "hitl_dead_letters_oldest_seconds", "hitl_publish_retries_total",
    "hitl_breaker_open", "hitl_policy_version", "hitl_key_mismatches_total", "hitl_odd_times_total",
    "hitl_unapproved_deployments_total",
    "hitl_duty_last_success_timestamp_seconds", "hitl_messages_published_total",
}  # fmt: skip


def shown() -> str:
    return metrics.exposition().decode()


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_promised_metric_is_exposed_with_a_help_text(name: str) -> None:
    family = re.search(rf"^# HELP {re.escape(name)} (\S.*)$", shown(), re.MULTILINE)
    assert family, name


def test_what_is_exposed_can_be_parsed_and_has_no_creation_times() -> None:
    families = list(text_string_to_metric_families(shown()))
    assert len(families) >= len(NAMES)
    assert not [sample for family in families for sample in family.samples if sample.name.endswith("_created")]


def test_reasons_are_a_closed_set() -> None:
    before = value("hitl_verdicts_total", verdict="review", reason="other")
    for reason in ("confidence", "<img>", "</img>"):
        metrics.count_reason(reason, 2)
    assert value("hitl_verdicts_total", verdict="review", reason="other") == before + 4
    assert "img" not in shown()


def test_an_approval_counts_without_a_reason() -> None:
    before = value("hitl_verdicts_total", verdict="approve", reason="none")
    metrics.count_approvals(3)
    assert value("hitl_verdicts_total", verdict="approve", reason="none") == before + 3


@pytest.mark.parametrize(
    ("fate", "also"),
    [
        ("duplicate", ("hitl_duplicates_total", {})),
        ("conflict", ("hitl_conflicts_total", {})),
        ("conflict", ("hitl_dead_letters_total", {"error": "conflict"})),
        ("bad_record", ("hitl_dead_letters_total", {"error": "bad_record"})),
        ("defect", ("hitl_dead_letters_total", {"error": "defect"})),
    ],
)
def test_a_fate_counts_wherever_it_belongs(fate: str, also: tuple[str, dict[str, str]]) -> None:
    name, labels = also
    records = value("hitl_records_total", topic="wargaming.results", fate=fate)
    other = value(name, **labels)
    metrics.count_records("wargaming.results", fate, 3)
    assert value("hitl_records_total", topic="wargaming.results", fate=fate) == records + 3
    assert value(name, **labels) == other + 3


def test_a_partition_that_went_elsewhere_leaves_no_lag_behind() -> None:
    metrics.LAG_RECORDS.labels("t", "7").set(12)
    metrics.forget_partition("t", 7)
    metrics.forget_partition("t", 8)
    assert 'partition="7"' not in shown()


def test_dead_letters_that_wait_do_not_hide_how_long_decisions_wait() -> None:
    metrics.set_oldest_ages(None, 3_600.0)
    assert (value("hitl_outbox_oldest_seconds"), value("hitl_dead_letters_oldest_seconds")) == (0, 3_600)
    metrics.set_oldest_ages(1.5, None)
    assert (value("hitl_outbox_oldest_seconds"), value("hitl_dead_letters_oldest_seconds")) == (1.5, 0)


def test_both_breakers_are_shown_from_the_start() -> None:
    metrics.set_breaker("postgres", is_open=True)
    assert value("hitl_breaker_open", dependency="postgres") == 1
    metrics.set_breaker("postgres", is_open=False)
    assert 'hitl_breaker_open{dependency="kafka"} 0.0' in shown()
