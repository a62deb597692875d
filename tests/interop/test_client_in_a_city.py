"""A certified relying party of other people (openid-client 6) against our authorization server."""

from __future__ import annotations

import base64
import json

import pytest

from lionrock.app.supervisor import City
from lionrock.kernel.jose import Key
from tests.interop.conftest import CLIENT_ID, run_node

pytestmark = pytest.mark.interop


@pytest.mark.timeout(300)
def test_openid_client_signs_in_acts_for_a_company_and_calls_an_api(
    running_city: City, client_key: Key
) -> None:
    key = base64.encodebytes(client_key.pkcs8()).decode()
    pem = f"-----BEGIN PRIVATE KEY-----\n{key}-----END PRIVATE KEY-----\n"
    done = run_node(
        "client.mjs", running_city, 120, LIONROCK_CLIENT=CLIENT_ID,
        LIONROCK_CLIENT_KEY=pem, LIONROCK_CLIENT_KID=client_key.kid,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["issuer"] == running_city.settings.public_url
    assert facts["pushed"] == ["client_id", "request_uri"]
    assert facts["tokenType"] == "dpop"
    assert facts["name"] == "Ada Chan"
    assert not facts["subject"].startswith("per_")
    assert facts["cases"] == {"status": 200, "list": True}
    assert facts["bearer"] == 401
    assert facts["codeTwice"] == "invalid_grant"
