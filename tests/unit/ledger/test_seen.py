"""What memory remembers of archived ids: never too little, and seldom more than it must."""

from __future__ import annotations

from random import Random

from lionrock.ledger.domain import records
from lionrock.ledger.domain.seen import Seen
from lionrock.ledger.domain.values import TransferDraft

SEED = 344
STRETCH = 1 << 112  # ids of one stretch of time differ below this
TIME = 0x0192 << 112


def keys_of(*ids: int) -> list[bytes]:
    return [records.key_of(i) for i in ids]


def request_of(*ids: int) -> bytes:
    return b"".join(
        records.encode_transfer(TransferDraft(id=i, debit_account_id=1, credit_account_id=2,
                                              amount=1, ledger=344, code=1)) for i in ids)


def test_no_id_that_was_added_is_ever_missed() -> None:
    chance = Random(SEED)
    ids = [chance.randrange(1, 2**128) for _ in range(500)]
    ids += [TIME + chance.randrange(STRETCH) for _ in range(500)]
    chance.shuffle(ids)
    seen = Seen()
    for first in range(0, len(ids), 100):
        seen.add(keys_of(*ids[first:first + 100]))
    again = Seen(seen.bits, seen.count, 0, seen.latest)
    for one in (seen, again):
        assert one.may_have(keys_of(*ids)) == keys_of(*ids)
        assert not any(one.are_later(request_of(i)) for i in ids)


def test_ids_above_all_of_their_stretch_of_time_are_new_without_asking_disk() -> None:
    seen = Seen()
    low, high = TIME + 5, TIME + (7 << 64) + 9
    seen.add(keys_of(high, low))
    assert seen.are_later(request_of(high + 1, high + (1 << 64)))
    assert not seen.are_later(request_of(high + 1, high))
    assert not seen.are_later(request_of(high + 1, low + 1))
    assert seen.are_later(request_of(TIME + STRETCH)), "nothing was added of that stretch"
    assert not seen.are_later(request_of(high + 1, TIME + STRETCH)), "of two stretches: unknown"
    assert seen.may_have(keys_of(high + 1, TIME + STRETCH)) == []
    assert seen.may_have(keys_of(low, high)) == keys_of(low, high)


def test_one_id_from_the_far_end_spoils_the_short_cut_of_its_own_stretch_only() -> None:
    seen = Seen()
    seen.add(keys_of(TIME + 1, 2**128 - 2))
    assert seen.are_later(request_of(TIME + 2))
    assert not seen.are_later(request_of(2**128 - 3))
