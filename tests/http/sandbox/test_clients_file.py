"""Clients from a file: what is taken, and which sentence refuses what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lionrock.kernel.jose import generate_key
from lionrock.sandbox.hooks import ClientsFileRefused, read_clients

ROOT = Path(__file__).resolve().parents[3]
KEYS = {"keys": [generate_key().public_jwk, generate_key().public_jwk]}
GOOD: dict[str, Any] = {
    "id": "checker", "jwks": KEYS, "scopes": "openid profile",
    "redirect_uris": ["https://checker.example/cb?tenant=7"],
}  # fmt: skip


def read(folder: Path, value: Any) -> Any:
    """Write a file and read it."""
    file = folder / "clients.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return read_clients(file)


def test_the_example_is_taken() -> None:
    web, counter, machine = read_clients(ROOT / "examples" / "clients.json")
    assert len(web.keys) == 2
    assert web.policy.require_code_binding
    assert web.redirect_uris[1].endswith("?tenant=7")
    assert counter.policy.ciba_mode == "ping"
    assert counter.policy.ciba_notification_uri == "http://127.0.0.1:9000/ciba"
    assert not machine.policy.may_hint_login
    assert machine.policy.grant_types == {"client_credentials"}


def test_an_array_and_an_object_mean_the_same(tmp_path: Path) -> None:
    assert read(tmp_path, [GOOD]) == read(tmp_path, {"clients": [GOOD]})


def test_names_scopes_and_hint_have_defaults(tmp_path: Path) -> None:
    (client,) = read(tmp_path, [GOOD])
    assert client.names.en == client.sector == client.organisation_id == "checker"
    assert client.scopes == {"openid", "profile"}
    assert client.policy.may_hint_login
    renamed = {"client_id" if n == "id" else n: v for n, v in GOOD.items()}
    assert read(tmp_path, [renamed | {"client_name": "Checker"}])[0].names.zh_hant == "Checker"


def test_controls_take_names_or_values(tmp_path: Path) -> None:
    for controls in (["require_dpop_nonce"], {"require_dpop_nonce": True}):
        (client,) = read(tmp_path, [GOOD | {"controls": controls}])
        assert client.policy.require_dpop_nonce


def test_ciba_brings_its_grant_type(tmp_path: Path) -> None:
    (client,) = read(tmp_path, [GOOD | {"ciba": {"mode": "poll"}}])
    assert "urn:openid:params:grant-type:ciba" in client.policy.grant_types
    assert "authorization_code" in client.policy.grant_types


@pytest.mark.parametrize(("changes", "words"), [
    ({"redirect_uri": []}, "client 1 (checker): unknown field 'redirect_uri'; "
                           "did you mean 'redirect_uris'?"),
    ({"redirect_uris": "https://a.example"}, "redirect_uris: expected `array`, got `str`"),
    ({"redirect_uris": []}, "redirect_uris: 1 to 10 addresses"),
    ({"redirect_uris": ["https://a.example/#x"]}, "redirect_uris: an absolute"),
    ({"jwks": {"keys": []}}, "jwks: 1 to"),
    ({"jwks": {"keys": [{"kty": "oct", "k": "x"}]}}, "jwks: "),
    ({"jwks": {"keys": [KEYS["keys"][0] | {"d": "AAAA"}]}}, "jwks: "),
    ({"scopes": "openid everything"}, "scopes: known: "),
    ({"id": "No Spaces"}, "id: lower-case"),
    ({"id": "harbour-service"}, "id: it is one of the sandbox's own clients"),
    ({"grant_types": ["ciba", "implicit"]}, "grant_types: expected some of"),
    ({"grant_types": ["client_credential"]}, "did you mean 'client_credentials'?"),
    ({"ciba": {"mode": "carrier-pigeon"}}, "controls: ciba_mode: "),
    ({"ciba": {"mode": "poll", "callback": "x"}}, "ciba: "),
    ({"controls": ["require_dpop_nonse"]}, "did you mean 'require_dpop_nonce'?"),
    ({"controls": {"require_dpop_nonce": "yes"}}, "require_dpop_nonce: expected `bool`"),
    ({"client_id": "other"}, "one field is there under two names"),
    ({"names": {"en": "A", "zh-Hant": "B", "zh-Hans": "C"}, "client_name": "D"}, "names: give"),
    ({"client_name": "a\u202eb"}, "names: "),
])  # fmt: skip
def test_a_wrong_entry_is_refused_with_its_field(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientsFileRefused) as refused:
        read(tmp_path, [GOOD | changes])
    assert words in str(refused.value)
    assert "client 1" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("value", "words"), [
    ("{", "not JSON"), ("{}", "expected an array"), ('{"client": []}', "did you mean 'clients'?"),
    ("[1]", "client 1: expected an object"), ("[{}]", "client 1: "),
    (json.dumps([GOOD, GOOD]), "client 2 (checker): id: it is there twice"),
    ("[" * 100_000, "not JSON"),
])  # fmt: skip
def test_a_wrong_file_is_refused(tmp_path: Path, value: str, words: str) -> None:
    with pytest.raises(ClientsFileRefused, match=r"clients\.json") as refused:
        read(tmp_path, value)
    assert words in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClientsFileRefused, match="No such file"):
        read_clients(tmp_path / "absent.json")
