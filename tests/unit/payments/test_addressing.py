"""Addressing's rules and its charging: comparison of registers, gathering, the sums of buckets."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.kernel.db import Database
from lionrock.kernel.keys import KeyStore
from lionrock.payments.addressing.domain.buckets import (
    PARTICIPANT,
    PERSON,
    Bucket,
    charged,
    check_may_ask,
    refilled,
)
from lionrock.payments.addressing.domain.kinds import Address, _normal_mobile
from lionrock.payments.addressing.domain.sets import (
    BUCKETS,
    bucket_of,
    differing,
    digest_of,
    fingerprint,
)
from lionrock.payments.addressing.service.gathering import TOGETHER_MAX, Gathering
from lionrock.payments.addressing.store import buckets
from lionrock.payments.addressing.store.buckets import Question
from lionrock.payments.sealing import LOOKUP_SECRET, Vault
from tests.conftest import SEED

NOW = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
PRINTS = st.sets(st.binary(min_size=32, max_size=32), max_size=40)


@given(PRINTS, PRINTS)
def test_two_registers_differ_exactly_in_the_buckets_of_what_only_one_has(
    first: set[bytes], second: set[bytes]
) -> None:
    one, other = digest_of(first), digest_of(second)
    assert set(differing(one.buckets, other.buckets)) == {bucket_of(p) for p in first ^ second}
    assert (one.root == other.root) == (first == second)
    assert one.count == len(first)


def test_a_register_has_one_digest_whatever_the_order() -> None:
    prints = [hashlib.sha256(bytes([n])).digest() for n in range(50)]
    assert digest_of(prints) == digest_of(reversed(prints))
    assert len(digest_of(prints).buckets) == BUCKETS


@given(st.lists(st.text(max_size=8), min_size=4, max_size=4), st.integers(0, 3))
def test_a_fingerprint_depends_on_every_field_and_on_where_it_ends(
    fields: list[str], changed: int
) -> None:
    def made(parts: Sequence[str]) -> bytes:
        return fingerprint(
            b"key", Address(kind="email", value=parts[0]), currency=parts[1],
            account_number=parts[2], account_name=parts[3],
        )

    other = [*fields]
    other[changed] += "x"
    assert made(fields) != made(other)
    moved = [*fields]
    moved[changed], moved[changed - 1] = "", moved[changed - 1] + moved[changed]
    assert (made(moved) == made(fields)) == (moved == fields)


@given(st.from_regex(r"[2-9][0-9]{7}", fullmatch=True))
def test_the_short_way_for_local_numbers_answers_as_the_long_one(number: str) -> None:
    # Two spaces are not the usual spelling, so the library is asked.
    assert _normal_mobile(number) == _normal_mobile(f"{number[:4]}  {number[4:]}")
    assert _normal_mobile(f"+852-{number}") == _normal_mobile(f"+852  {number}")


def test_a_proxy_is_found_by_the_keyed_hash_of_its_text_alone(key_store: KeyStore) -> None:
    vault = Vault(key_store)
    secret = key_store.secret(LOOKUP_SECRET)
    for text in (b"mobile\n+85251230001", b"", b"x" * 200, b"mobile\n+85251230001"):
        assert vault.lookup_key(text) == hmac.digest(secret, text, "sha256")


async def test_questions_that_wait_together_are_answered_together_and_each_its_own() -> None:
    rounds: list[list[int]] = []

    async def answer(questions: Sequence[int]) -> list[int]:
        rounds.append(list(questions))
        await asyncio.sleep(0)
        return [question * 2 for question in questions]

    gathering = Gathering(answer)
    asked = [gathering.ask(number) for number in range(TOGETHER_MAX + 2)]
    assert await asyncio.gather(*asked) == [number * 2 for number in range(TOGETHER_MAX + 2)]
    assert [len(each) for each in rounds] == [TOGETHER_MAX, 2]


async def test_rounds_keep_their_pace_and_who_waits_meanwhile_shares_one() -> None:
    rounds: list[list[int]] = []
    begun: list[float] = []

    async def answer(questions: Sequence[int]) -> list[int]:
        rounds.append(list(questions))
        begun.append(asyncio.get_running_loop().time())
        return list(questions)

    gathering = Gathering(answer, pace_ms=50)
    await gathering.ask(0)
    await asyncio.gather(gathering.ask(1), gathering.ask(2))
    await gathering.ask(3)
    assert rounds == [[0], [1, 2], [3]]
    # The loop counts in whole milliseconds, from the beginning of its turn.
    assert all(later - before > 0.04 for before, later in pairwise(begun))


async def test_what_must_stand_apart_is_asked_in_rounds_of_its_own() -> None:
    rounds: list[list[str]] = []

    async def answer(questions: Sequence[str]) -> list[str]:
        rounds.append(list(questions))
        return list(questions)

    gathering = Gathering(answer, apart=str.lower)
    await asyncio.gather(*(gathering.ask(each) for each in ("a", "A", "b", "a")))
    assert rounds == [["a", "b"], ["A"], ["a"]]


async def test_a_round_that_fails_fails_for_all_in_it_and_the_next_one_works() -> None:
    failing = True

    async def answer(questions: Sequence[int]) -> list[int]:
        if failing:
            raise ConnectionError("gone")
        return list(questions)

    gathering = Gathering(answer)
    gone = await asyncio.gather(gathering.ask(1), gathering.ask(2), return_exceptions=True)
    assert [type(each) for each in gone] == [ConnectionError, ConnectionError]
    failing = False
    assert await gathering.ask(3) == 3


async def test_a_fault_of_ours_in_one_round_leaves_nobody_of_the_next_one_waiting() -> None:
    async def answer(asked: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        if 0 in asked:
            raise RuntimeError("a fault")
        return list(asked)

    gathering: Gathering[int, int] = Gathering(answer)
    first = asyncio.create_task(gathering.ask(0))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        told = await asyncio.gather(first, gathering.ask(1), return_exceptions=True)
    assert isinstance(told[0], RuntimeError)
    assert told[1] == 1


async def test_a_question_that_nobody_waits_for_any_more_hinders_no_other() -> None:
    started = asyncio.Event()

    async def answer(questions: Sequence[int]) -> list[int]:
        started.set()
        await asyncio.sleep(0.01)
        return list(questions)

    gathering = Gathering(answer)
    leaving = asyncio.create_task(gathering.ask(1))
    staying = asyncio.create_task(gathering.ask(2))
    await started.wait()
    leaving.cancel()
    assert await staying == 2
    with pytest.raises(asyncio.CancelledError):
        await leaving


@pytest.mark.parametrize("run", range(6))
async def test_the_database_charges_groups_as_the_domain_charges_one_after_the_other(
    database: Database, run: int
) -> None:
    chance = random.Random(SEED + run)
    await compare_with_model(database, [
        Asked(
            bank=chance.choice(["bank-a", "bank-b"]), payer=chance.choice([b"x", b"y"]),
            cost=chance.choice([1, 20, 60]), seconds_since=chance.randrange(70),
        )
        for _ in range(60)
    ])  # fmt: skip


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One question of a run."""

    bank: str
    payer: bytes
    cost: int
    seconds_since: int


async def compare_with_model(database: Database, asked: Sequence[Asked]) -> None:
    """Charge in groups of seven; the model charges one question after the other."""
    model: dict[tuple[str, bytes], Bucket] = {}
    now = NOW
    for start in range(0, len(asked), 7):
        group = asked[start : start + 7]
        now += timedelta(seconds=group[0].seconds_since)
        questions = [Question(each.bank, each.payer, each.cost) for each in group]
        told = await database.alone(
            partial(buckets.charge, questions=questions, asked_at=now)
        )
        assert told == [_model_asks(model, question, now) for question in questions]
    for (bank, payer), bucket in model.items():
        stored = await database.run(
            partial(buckets.lock_bucket, organisation_id=bank, payer_key=payer)
        )
        rule = PARTICIPANT if payer == b"" else PERSON
        assert stored is not None
        assert refilled(stored, now, rule) == refilled(bucket, now, rule)


def _model_asks(
    model: dict[tuple[str, bytes], Bucket], question: Question, now: datetime
) -> bool:
    own, payer = (question.organisation_id, b""), (question.organisation_id, question.payer_key)
    model[own] = refilled(model.get(own), now)
    model[payer] = refilled(model.get(payer), now, PERSON)
    if check_may_ask(model[own]) or check_may_ask(model[payer]):
        return False
    model[own] = charged(model[own], question.cost)
    model[payer] = charged(model[payer], question.cost)
    return True
