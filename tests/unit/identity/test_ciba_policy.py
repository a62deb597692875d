"""What a client's policy may say of the back channel."""

from __future__ import annotations

from typing import Any

import pytest

from lionrock.identity.api import ClientPolicy
from lionrock.identity.domain.clients import AUTHORIZATION_CODE, CIBA
from lionrock.identity.domain.policy import check_policy

GRANTS = frozenset({AUTHORIZATION_CODE, CIBA})


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"ciba_mode": "ping"}, "ciba_notification_uri"),
        ({"ciba_mode": "push", "ciba_notification_uri": "http://other.example/x"},
         "ciba_notification_uri"),
        ({"ciba_mode": "ping", "ciba_notification_uri": "https://u:p@other.example/x"},
         "ciba_notification_uri"),
        ({"ciba_mode": "ping", "ciba_notification_uri": "https://other.example/x#f"},
         "ciba_notification_uri"),
        ({"ciba_mode": "poll", "grant_types": frozenset({AUTHORIZATION_CODE})}, "grant_types"),
        ({"ciba_request_signing_alg": "none"}, "ciba_request_signing_alg"),
    ],
)  # fmt: skip
def test_a_policy_of_the_back_channel_that_cannot_be_kept_is_refused(
    policy: dict[str, Any], field: str
) -> None:
    problem = check_policy(ClientPolicy(**({"grant_types": GRANTS} | policy)), keys=())
    assert problem is not None and problem[0] == field


@pytest.mark.parametrize("uri", ["https://bank.example/x", "http://127.0.0.1:9000/cb?a=b"])
def test_a_policy_with_a_safe_address_is_taken(uri: str) -> None:
    policy = ClientPolicy(grant_types=GRANTS, ciba_mode="ping", ciba_notification_uri=uri)
    assert check_policy(policy, keys=()) is None
