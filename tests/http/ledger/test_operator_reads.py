"""Operators read accounts and transfers over HTTP; nobody else does."""

from __future__ import annotations

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.ledger.api import (
    AccountDraft,
    LedgerClient,
    LedgerReader,
    Projection,
    TransferDraft,
    TransferFlags,
)
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient
from tests.stateful.ledger.conftest import copied, running_writer

SCOPE = "openid staff"


def path_of(number: int, kind: str = "accounts") -> str:
    return f"/ledger/v1/{kind}/{number:032x}"


@pytest.fixture
async def paid(city: City, ledger: LedgerClient) -> int:
    """Two accounts, 104 transfers and a hold; returns the journal row they are all in."""
    await ledger.create_accounts([AccountDraft(id=i, ledger=344, code=1) for i in (1, 2)])
    transfers = [
        TransferDraft(id=i, debit_account_id=1, credit_account_id=2, amount=10, ledger=344, code=1)
        for i in range(10, 114)
    ]
    hold = TransferDraft(
        id=9, debit_account_id=1, credit_account_id=2, amount=2**63 - 1 - 1_040, ledger=344,
        code=1, flags=int(TransferFlags.PENDING), timeout=60)
    outcomes = await ledger.create_transfers([*transfers, hold])
    assert {o.result for o in outcomes} == {"ok"}
    await copied(LedgerReader(city.kernel.database), outcomes[0].ledger_sequence)
    return outcomes[0].ledger_sequence


async def test_an_operator_reads_an_account_with_exact_amounts(
    client: TestClient, paid: int
) -> None:
    answer = await client.get(await client.token(scope=SCOPE), path_of(2))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["credits_posted"] == "1040"
    assert body["credits_pending"] == str(2**63 - 1 - 1_040)
    assert (body["id"], body["sequence"]) == (f"{2:032x}", paid)


async def test_an_operator_reads_a_transfer_and_what_became_of_it(
    client: TestClient, paid: int
) -> None:
    token = await client.token(scope=SCOPE)
    settled = (await client.get(token, path_of(10, "transfers"))).json()
    assert (settled["amount"], settled["hold"], settled["sequence"]) == ("10", None, paid)
    hold = (await client.get(token, path_of(9, "transfers"))).json()
    assert (hold["hold"], hold["timeout"]) == ("open", 60)


async def test_an_accounts_transfers_come_in_pages_without_gap_or_repeat(
    client: TestClient, paid: int
) -> None:
    token = await client.token(scope=SCOPE)
    path = path_of(1) + "/transfers"
    first = (await client.get(token, path)).json()
    rest = (await client.get(token, f"{path}?before={first['before']}")).json()
    ids = [int(t["id"], 16) for t in first["transfers"] + rest["transfers"]]
    assert (len(first["transfers"]), len(rest["transfers"])) == (100, 5)
    assert ids == [9, *reversed(range(10, 114))]
    last = (await client.get(token, f"{path}?before={rest['before']}")).json()
    assert last == {"transfers": [], "before": None}


async def test_nobody_else_reads_the_ledger(
    city: City, client: TestClient, paid: int
) -> None:
    unscoped = await client.token(scope="openid profile")
    without_role = await client.token("ben", scope=SCOPE)
    for path in (path_of(1), path_of(1) + "/transfers", path_of(9, "transfers")):
        async with city.http() as http:
            assert (await http.get(path)).status_code == 401
        no_scope = await client.get(unscoped, path)
        assert (no_scope.status_code, no_scope.json()["code"]) == (403, "identity.scope_missing")
        no_role = await client.get(without_role, path)
        assert (no_role.status_code, no_role.json()["code"]) == (403, "ledger.operator_only")


async def test_what_cannot_be_answered_is_said_plainly(client: TestClient, paid: int) -> None:
    token = await client.token(scope=SCOPE)
    for path, status, code in (
        (path_of(99), 404, "ledger.account_not_found"),
        (path_of(99) + "/transfers", 404, "ledger.account_not_found"),
        (path_of(999, "transfers"), 404, "ledger.transfer_not_found"),
        ("/ledger/v1/accounts/1", 400, "ledger.id_malformed"),
        (f"/ledger/v1/accounts/{0xAB:032X}", 400, "ledger.id_malformed"),
        (f"/ledger/v1/accounts/{'0' * 33}", 400, "ledger.id_malformed"),
        (path_of(1) + "/transfers?before=x", 400, "ledger.page_malformed"),
        (path_of(1) + "/transfers?before=-1", 400, "ledger.page_malformed"),
        (path_of(1) + f"/transfers?before={2**63}", 400, "ledger.page_malformed"),
        (path_of(1) + "/transfers?after=1", 400, "kernel.query_malformed"),
    ):
        answer = await client.get(token, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


async def test_an_operator_sees_how_far_the_copies_are_behind(
    city: City, client: TestClient, business_clock: FrozenClock
) -> None:
    path, token = "/ledger/v1/projection", await client.token(scope=SCOPE)
    nothing = (await client.get(token, path)).json()
    assert nothing == {"sequence_written": 0, "sequence_copied": 0, "lag_rows": 0,
                       "lag_events": 0, "lag_ms": 0, "state": "level"}  # fmt: skip
    database = city.kernel.database
    async with running_writer(database, business_clock) as (_, ledger):
        await ledger.create_accounts([AccountDraft(id=i, ledger=344, code=1) for i in (1, 2)])
        business_clock.advance(seconds=3)
        await ledger.create_transfers([
            TransferDraft(id=i, debit_account_id=1, credit_account_id=2, amount=10, ledger=344,
                          code=1)
            for i in range(10, 14)
        ])
    behind = (await client.get(token, path)).json()
    assert behind == {"sequence_written": 2, "sequence_copied": 0, "lag_rows": 2,
                      "lag_events": 6, "lag_ms": 3_000, "state": "copying"}  # fmt: skip
    business_clock.advance(seconds=2, microseconds=1_000)
    assert (await client.get(token, path)).json()["state"] == "stalled"
    await Projection(database).catch_up()
    level = (await client.get(token, path)).json()
    assert level == {"sequence_written": 2, "sequence_copied": 2, "lag_rows": 0,
                     "lag_events": 0, "lag_ms": 0, "state": "level"}  # fmt: skip


async def test_only_an_operator_sees_how_far_the_copies_are_behind(
    city: City, client: TestClient
) -> None:
    path = "/ledger/v1/projection"
    async with city.http() as http:
        assert (await http.get(path)).status_code == 401
    no_scope = await client.get(await client.token(scope="openid profile"), path)
    assert no_scope.json()["code"] == "identity.scope_missing"
    no_role = await client.get(await client.token("ben", scope=SCOPE), path)
    assert no_role.json()["code"] == "ledger.operator_only"
