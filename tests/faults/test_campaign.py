"""Nothing is lost, doubled or made up while workers, scheduler, Eureka, broker and database are killed -9 under load."""

from __future__ import annotations

from pathlib import Path

from hitl_stream.errors import Fatal
from tests.faults import campaign, report
from tests.faults.campaign import KILLS_PER_WORKER
from tests.harness.availability import missing, scaled

FATES = ("results applied", "outcomes applied", "duplicates", "conflicts", "bad records", "aborted and never seen")
ANSWERS = ("approved", "pending", "collecting", "revoked", "expired")


def test_every_input_has_one_fate_whatever_is_killed(tmp_path: Path) -> None:
    try:
        summary = campaign.run(scaled(8_000, 50_000), 1, tmp_path, freezes=scaled(0, 1))
    except Fatal as error:
        missing("Apache Kafka or PostgreSQL 15", error)
    said = report.text(summary)
    print(said)
    assert summary.violations == [], said
    assert min(summary.kills["worker-1"], summary.kills["worker-2"]) >= KILLS_PER_WORKER
    assert min(summary.kills.values()) >= 1
    assert sum(summary.deaths.values()) == 0, said
    assert set(summary.codes.values()) == {0}, said
    # The kills hit something: work was left undone, transactions were cut, messages had to be sent again.
    assert summary.bites >= KILLS_PER_WORKER, said
    assert summary.cut > 0, said
    assert summary.figures["output repeats"] > 0, said
    assert [name for name in (*FATES, *ANSWERS) if summary.figures[name] == 0] == []
