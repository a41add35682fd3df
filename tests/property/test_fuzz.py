"""Whatever bytes arrive: one fate each, and what is an event can be folded, judged and read again from what is stored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hitl_stream.contract.decode import decode_outcome, decode_result, result_from_payload
from hitl_stream.contract.fact import Outcome, Result
from hitl_stream.contract.fold import fold
from hitl_stream.contract.record import StoredRecord
from hitl_stream.errors import BadRecord
from hitl_stream.policy.evaluate import evaluate
from hitl_stream.policy.verdict import Verdict
from tests.harness.availability import scaled
from tests.property import fuzz_record
from tests.unit.approvable import CONTEXT, DEFAULT, RESULT

FIRST_SEED = 20_261_123
RECORDS = scaled(20_000, 1_000_000)
UNSEEN = {"\u202e", "\u200b", "\ufeff", "\U000e0041"}  # of all that people cannot see, what the records have
TEXTS = ("source", "event_id", "patch_id", "apv_id", "cve_id", "run_id", "wargame_detail", "author", "traceparent")


@contextmanager
def told(seed: int, record: StoredRecord) -> Iterator[None]:
    """Say which record it was; `fuzz_record.record(seed)` makes it again."""
    try:
        yield
    except Exception as error:
        error.add_note(f"seed {seed}: {record!r}")
        raise


def check_refusal(refused: BadRecord) -> None:
    """A reason that a producer can act on and a log can hold."""
    assert type(refused) is BadRecord
    assert refused.reason
    assert refused.reason.isprintable()
    assert len(refused.reason) <= 500


def read_result(record: StoredRecord) -> Result | None:
    try:
        return decode_result(record)
    except BadRecord as refused:
        check_refusal(refused)
        return None


def read_outcome(record: StoredRecord) -> Outcome | None:
    try:
        return decode_outcome(record)
    except BadRecord as refused:
        check_refusal(refused)
        return None


def check_storable(event: Result | Outcome) -> None:
    """Every text fits into a text of Postgres: UTF-8, no U+0000."""
    for name in TEXTS:
        text = getattr(event, name, None)
        assert text is None or "\0" not in text, name
        assert text is None or text.encode().decode() == text, name
    assert len(event.payload_sha256) == 32


def check_read_again(result: Result) -> None:
    """The stored payload says the same; key, trace and the envelope's time are no part of it."""
    again = result_from_payload(result.source, result.event_id, result.payload)
    assert result.odd_time or not again.odd_time
    beside: dict[str, Any] = {
        "key_differs": result.key_differs,
        "traceparent": result.traceparent,
        "odd_time": result.odd_time,
    }
    assert replace(again, **beside) == result


def check_judged(result: Result) -> Verdict:
    """Alone, twice, and beside a good result: judged without raising, and never better for being worse."""
    alone = evaluate(fold([result]), DEFAULT, CONTEXT)
    assert evaluate(fold([result, result]), DEFAULT, CONTEXT) == alone
    beside = evaluate(fold([RESULT, replace(result, source=RESULT.source, event_id="e-2")]), DEFAULT, CONTEXT)
    if alone.approve or beside.approve:
        check_harmless(result)
    return alone


def check_harmless(result: Result) -> None:
    """What the policy approves says so itself, member by member, in the bytes that are stored."""
    said = json.loads(result.payload)
    wargame, ml, patch = said["wargame"], said["ml"], said["patch"]
    assert str(wargame["status"]).lower() in {"passed", "success", "patch_effective", "true"}
    assert wargame["method"].lower() not in {"ml", "wargaming_error_fallback"}
    assert wargame["exploits"]
    for exploit in wargame["exploits"]:
        assert exploit["phase1_exploit_worked"] is True
        assert exploit["phase2_exploit_worked"] is False
        assert exploit.get("error") is None
    assert ml["prediction"] is True
    assert 0.95 <= ml["confidence"] <= 1
    assert patch["flagged"] is False
    assert patch["risk"].lower() in {"low", "medium", "moderate"}
    assert said["vulnerability"]["severity"].lower() in {"none", "low", "medium", "moderate", "high"}
    assert not set(patch.get("diff") or "") & UNSEEN


def test_every_spoiled_record_has_one_fate_and_every_event_is_judged() -> None:
    fates: Counter[str] = Counter()
    for seed in range(FIRST_SEED, FIRST_SEED + RECORDS):
        record = fuzz_record.record(seed)
        with told(seed, record):
            result, outcome = read_result(record), read_outcome(record)
            assert result is None or outcome is None
            if result is not None:
                check_storable(result)
                check_read_again(result)
                fates["approved" if check_judged(result).approve else "sent to a person"] += 1
            elif outcome is not None:
                check_storable(outcome)
                fates["outcome"] += 1
            else:
                fates["refused"] += 1
    assert fates.total() == RECORDS
    # A fuzzer that only makes rubbish, or only events, shows nothing.
    assert min(fates[fate] for fate in ("approved", "sent to a person", "outcome", "refused")) > RECORDS / 50, fates


def test_a_seed_makes_the_same_record_each_time() -> None:
    """Whatever was made before it: a failure must be there again when only its seed is known."""
    seeds = range(FIRST_SEED, FIRST_SEED + 500)
    forwards = [fuzz_record.record(seed) for seed in seeds]
    assert [fuzz_record.record(seed) for seed in reversed(seeds)] == forwards[::-1]
    assert len({record.value for record in forwards}) > 400
