"""Little is written as JSON, much by COPY: the rows must be the same, value by value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest

from hitl_stream.store import writing
from tests.event import binary, data, outcome
from tests.store.world import World

ODD = "é \U0001f512 \\ \" ' \\u0041 {} [] \\x00 \t\r\n, NULL \u2028"


@pytest.fixture
def meant(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[writing.Row]]:
    """Every row that was to be written, by table."""
    rows: dict[str, list[writing.Row]] = defaultdict(list)
    decide = writing._is_little

    def keep(tables: Mapping[str, Sequence[writing.Row]]) -> bool:
        for table, added in tables.items():
            rows[table] += added
        return decide(tables)

    monkeypatch.setattr(writing, "_is_little", keep)
    return rows


def comparable(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(str(value) if isinstance(value, (UUID, StrEnum)) else value for value in row)


@pytest.mark.parametrize("rows_max", [writing.SMALL_ROWS, 0], ids=["little", "much"])
async def test_rows_are_stored_as_they_were_made(
    world: World, meant: dict[str, list[writing.Row]], monkeypatch: pytest.MonkeyPatch, rows_max: int
) -> None:
    monkeypatch.setattr(writing, "SMALL_ROWS", rows_max)
    odd = data(
        patch_id=f"p {ODD}".replace("\t\r\n", ""),
        apv_id="APV-2",
        ml__confidence=1e-17,
        vulnerability__summary=ODD,
        vulnerability__cwe_ids=["CWE-79", ODD, "", "NULL", 'a"b\\c'],
        vulnerability__detected_at="0001-01-01T00:00:00Z",
        patch__author=ODD,
    )
    late = data(patch_id="p-3", apv_id="APV-3", vulnerability__detected_at="9999-12-31T23:59:59.999999Z")
    bad = binary("e-4", b'{"patch_id": \xff\x00')._replace(headers=[("ce_id", None), ("é", b"\xff\x00")])
    await world.feed(binary("e-1", data()), binary("e-2", odd), binary("e-3", late), bad)
    await world.feed(outcome("o-1", "p-1", detail=ODD))
    assert {table for table, rows in meant.items() if rows} == set(writing.COLUMNS)
    for table, rows in meant.items():
        stored = await world.rows(f"SELECT {', '.join(writing.COLUMNS[table])} FROM {table}")
        assert sorted(map(comparable, stored), key=repr) == sorted(map(comparable, rows), key=repr), table


async def test_much_is_not_written_as_json(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[bool] = []
    decide = writing._is_little

    def keep(tables: Mapping[str, Sequence[writing.Row]]) -> bool:
        ways.append(decide(tables))
        return ways[-1]

    monkeypatch.setattr(writing, "_is_little", keep)
    many = [data(patch_id=f"p-{n}", apv_id=f"APV-{n}") for n in range(writing.SMALL_ROWS + 1)]
    await world.feed(*(binary(f"e-{n}", content) for n, content in enumerate(many)))
    await world.feed(binary("big", data(patch_id="big", apv_id="big", patch__diff="-" * writing.SMALL_BYTES)))
    await world.feed(binary("small", data(patch_id="small", apv_id="small")))
    assert ways == [False, False, True]
