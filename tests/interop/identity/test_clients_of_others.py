"""Other people's clients against a running city: openid-client 6 (certified), oauth4webapi, jose.

The city is the one that `lionrock up` starts, in its own processes; the clients come from a clients
file and the phones answer through the sandbox's hooks.
"""

from __future__ import annotations

import pytest

from tests.interop.identity.conftest import Parties

pytestmark = [pytest.mark.interop, pytest.mark.timeout(150)]


@pytest.mark.behaviour("refresh-token")
def test_a_rotated_refresh_token_costs_the_grant_and_log_out_is_told_in_a_token(
    parties: Parties,
) -> None:
    facts = parties.walk("keep.mjs")
    assert facts["pushed"] == ["client_id", "request_uri"]
    assert facts["tokenType"] == "dpop"
    assert facts["refreshed"] == {
        "rotated": 3, "active": True, "tokenType": "DPoP", "name": "Ada Chan",
        "old": "invalid_grant", "family": "invalid_grant", "afterwards": False,
    }  # fmt: skip
    assert facts["revoked"] == {"active": False, "refused": "invalid_grant"}
    assert facts["loggedOut"] == {
        "left": "https://client.example/goodbye?state=bye", "hasEvent": True, "hasNonce": False,
        "isSame": True, "refresh": "invalid_grant",
    }  # fmt: skip


def test_signed_requests_signed_answers_and_encrypted_claims_are_read_by_others(
    parties: Parties,
) -> None:
    assert parties.walk("messages.mjs") == {
        "unsigned": "invalid_request", "answered": ["response"], "name": "Ada Chan",
        "isOne": True, "isEncrypted": True,
    }  # fmt: skip


def test_a_machine_meets_the_nonce_demand_and_calls_the_resource(parties: Parties) -> None:
    facts = parties.walk("machine.mjs")
    assert facts["statuses"][0] == [400, True]
    assert facts["statuses"][1][0] == 200
    assert facts["tokenType"] == facts["again"] == "dpop"
    assert facts["seen"]["client_id"] == "interop-machine"
    assert facts["seen"]["bearer"] == "client"
    assert facts["otherKey"] == 401
    assert facts["beyond"] == "invalid_scope"


def test_a_client_registers_itself_and_asks_for_nothing_weaker(parties: Parties) -> None:
    assert parties.walk("register.mjs") == {
        "hasSecret": False, "page": 200, "isNamed": True, "isSame": True, "gone": 204,
        "afterwards": "invalid_client", "weak": "invalid_client_metadata",
        "elsewhere": "invalid_redirect_uri",
    }  # fmt: skip


def test_a_ping_reaches_the_client_and_a_no_reaches_the_one_that_polls(parties: Parties) -> None:
    facts = parties.walk("ping.mjs")
    assert facts["ping"] == {
        "isQuoted": True, "isOurs": True, "isTold": True, "name": "Ada Chan", "tokenType": "dpop",
    }  # fmt: skip
    assert facts["poll"]["denied"] == "access_denied"


def test_a_second_library_signs_in_and_is_refused_the_code_twice(parties: Parties) -> None:
    assert parties.walk("second.mjs") == {
        "name": "Ada Chan", "expiresIn": 60, "tokenType": "dpop", "twice": "invalid_grant",
    }  # fmt: skip
