"""A bank joins as `lionrock payments join` does it: the same API, the key in its folder signs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from lionrock.app.supervisor import CityRefused
from lionrock.cli.payments.join import GO_LIVE, GO_TEST, NEXT, next_step
from lionrock.cli.payments.joining import Applicant, Folder, SwitchRefused
from lionrock.kernel.jose import Key, generate_key
from lionrock.payments.api import TEST_CASES, CandidateState
from tests.unit.payments.city import PLATFORM, PaymentsCity
from tests.unit.payments.joining import ANN, BEN, PEAK, PEAK_CODE, PEAK_HOME, Joining


@pytest.fixture
def joining(city: PaymentsCity) -> Joining:
    return Joining(city)


@pytest.fixture
def folder(joining: Joining, tmp_path: Path) -> Folder:
    """A folder with the bank's key and an application such as the bank itself sends."""
    keep_key(tmp_path / "key.pem", joining.bank.key)
    made = Folder(tmp_path)
    made.begin({
        "organisation_id": PEAK, "kind": "bank", "bic": "LRXXHKHH", "clearing_code": PEAK_CODE,
        "names": dict.fromkeys(("en", "zh-Hant", "zh-Hans"), "Bank Peak (simulated)"),
        "currencies": ["HKD"], "endpoint": PEAK_HOME, "simulated": True, "keys": [],
        "takes_bundles": True,
        "contact": {"name": "Test desk", "email": "desk@bank.example", "phone": "+85221230000"},
        "test_accounts": {"open": "TEST-OPEN", "closed": "TEST-CLOSED"}, "limits": {},
    })  # fmt: skip
    return made


@pytest.fixture
def bank(city: PaymentsCity, folder: Folder) -> Applicant:
    """What the command line calls with."""
    return Applicant(folder, city.world.context.network, city.clock)


def keep_key(path: Path, key: Key) -> None:
    """Write a private key as the folder has it."""
    assert key.private is not None
    path.write_bytes(key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ))  # fmt: skip


def change(folder: Folder, **changes: Any) -> None:
    """Change the application in the folder."""
    file = folder.path / "application.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


async def test_a_bank_comes_from_nothing_to_live_by_the_commands(
    joining: Joining, bank: Applicant
) -> None:
    shown = await bank.apply(PLATFORM)
    assert (shown["state"], next_step(shown)) == ("asked", NEXT["asked"])
    await joining.open()  # its own desk asks with the same, which is the same application
    shown = await bank.show()
    assert next_step(shown) == GO_TEST
    with pytest.raises(SwitchRefused, match="lionrock payments join test"):
        await bank.deed("/go-live")
    await joining.desk("/tests", {"cases": [
        name for name, case in TEST_CASES.items() if case.by == "candidate"
    ]})  # fmt: skip
    begun = await bank.deed("/runs", {"cases": [
        name for name, case in TEST_CASES.items() if case.by == "switch"
    ]})  # fmt: skip
    told: list[str] = []

    async def work(seconds: float) -> None:
        await joining.pass_seconds(seconds)

    shown = await bank.follow(
        {run["case"] for run in begun["runs"]}, 30, lambda each: told.append(each["name"]), work
    )
    assert sorted(told) == sorted(run["case"] for run in begun["runs"]), "each is told once"
    assert next_step(shown) == GO_LIVE, shown["tests"]
    assert next_step(await bank.deed("/go-live")) == NEXT["go_live_asked"]
    await joining.both_agree()
    assert next_step(await bank.show()) == NEXT["live"]


async def test_apply_again_mends_what_was_returned_and_leaves_what_was_agreed(
    joining: Joining, bank: Applicant, folder: Folder
) -> None:
    first = await bank.apply(PLATFORM)
    await joining.say(ANN, "return", "Which limits?")
    change(folder, daily_limits={"HKD": "90000.00"})
    mended = await bank.apply(PLATFORM)
    assert (mended["id"], mended["state"]) == (first["id"], "asked")
    assert (await joining.candidate()).application.daily_limits == {"HKD": "90000.00"}
    await joining.both_agree()
    change(folder, daily_limits={})
    assert (await bank.apply(PLATFORM))["state"] == "agreed"
    assert (await joining.candidate()).application.daily_limits == {"HKD": "90000.00"}


async def test_a_refused_application_says_the_field_and_what_to_do(
    bank: Applicant, folder: Folder
) -> None:
    change(folder, clearing_code="307")
    with pytest.raises(SwitchRefused, match=r"candidate_code_taken.*another clearing code"):
        await bank.apply(PLATFORM)
    with pytest.raises(CityRefused, match="has not applied yet"):
        await bank.show()


async def test_keys_are_added_and_retired_with_the_key_that_stays(
    joining: Joining, bank: Applicant, folder: Folder, city: PaymentsCity
) -> None:
    await bank.apply(PLATFORM)
    await joining.open()
    new = generate_key()
    keep_key(folder.path / "new.pem", new)
    with_new = Applicant(
        Folder(folder.path, folder.path / "new.pem"), city.world.context.network, city.clock
    )
    with pytest.raises(SwitchRefused, match="--key FILE"):
        await with_new.show()
    await bank.deed("/keys", {"jwk": new.public_jwk})
    for operator in (ANN, BEN):
        await joining.change(operator)
    assert new.kid in (await with_new.show())["kids"]
    old = joining.bank.key
    with pytest.raises(SwitchRefused, match="sign with the key that stays"):
        await bank.deed("/key-retirements", {"kid": old.kid})
    await with_new.deed("/key-retirements", {"kid": old.kid})
    for operator in (ANN, BEN):
        await joining.change(operator)
    assert (await with_new.show())["kids"] == [new.kid]
    assert (await joining.candidate()).state is CandidateState.TESTING


async def test_an_answer_that_the_switch_did_not_sign_is_not_believed(
    bank: Applicant, city: PaymentsCity
) -> None:
    network = city.world.context.network
    honest = network.applications[PLATFORM]

    async def between(scope: Any, receive: Any, send: Any) -> None:
        async def forward(message: Any) -> None:
            if message["type"] == "http.response.start" and scope["method"] == "POST":
                message = message | {"headers": [
                    (name, value) for name, value in message["headers"]
                    if not name.lower().startswith(b"signature")
                ]}  # fmt: skip
            await send(message)

        await honest(scope, receive, forward)

    network.applications[PLATFORM] = between
    with pytest.raises(CityRefused, match="not signed by its switch"):
        await bank.apply(PLATFORM)
