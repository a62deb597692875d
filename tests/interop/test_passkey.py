"""Passkeys with an authenticator that nobody here wrote: Chromium's, driven over CDP (passkey.mjs).

The city is one whose address is a host name: a relying party's id is never an IP address.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lionrock.app.platform import open_platform
from lionrock.app.supervisor import City
from lionrock.kernel.config import Settings
from lionrock.kernel.db import Connection
from tests.interop.conftest import _free_ports, run_node

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def named_city() -> Iterator[City]:
    """A city at http://localhost on free ports, stopped at the end."""
    platform_port, world_port = _free_ports(2)
    directory = Path(tempfile.mkdtemp(prefix="lrp-"))
    directory.chmod(0o755)
    settings = Settings(
        data_directory=str(directory),
        public_url=f"http://localhost:{platform_port}", world_url=f"http://localhost:{world_port}",
    )  # fmt: skip
    with City(settings) as city:
        yield city
    shutil.rmtree(directory, ignore_errors=True)


async def enrolment_code(city: City, persona: str) -> str:
    """A code by the city's operator."""
    platform = await open_platform(city.settings)

    async def issue(db: Connection) -> str:
        person = await platform.identity.parties.find_person(db, persona)
        assert person is not None
        code = await platform.identity.issue_enrolment_code(db, person.id)
        assert isinstance(code, str)
        return code

    code = await platform.kernel.database.run(issue)
    await platform.close()
    return code


@pytest.mark.timeout(600)
def test_chromiums_authenticator_enrols_answers_and_is_refused_as_a_copy(
    named_city: City,
) -> None:
    code = asyncio.run(enrolment_code(named_city, "ada"))
    done = run_node("passkey.mjs", named_city, 540, LIONROCK_CODES=json.dumps([code]))
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["problems"] == []
    assert report["copied"] == "identity.passkey_counter"
    assert report["axe"] == report["pages"] >= 6
