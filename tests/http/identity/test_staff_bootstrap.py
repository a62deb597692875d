"""The first two operators of a served city, from the command line, once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lionrock.app.supervisor import CityRefused
from lionrock.cli.identity import commands
from tests.databases import Databases
from tests.http.identity.city import identity_number


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A fresh database."""
    with asyncio.Runner() as runner:
        context = databases.fresh()
        yield runner.run(context.__aenter__())
        runner.run(context.__aexit__(None, None, None))


def _operator(number: int) -> dict[str, Any]:
    return {
        "names": {"en": f"Operator {number}", "zh-Hant": "操作員", "zh-Hans": "操作员"},
        "identity_number": identity_number(f"Z40000{number}"), "phone": f"+8525900004{number}",
        "email": f"operator{number}@city.example", "handle": f"operator{number}",
    }  # fmt: skip


def _run(folder: Path, url: str, content: object) -> Any:
    file, config = folder / "operators.json", folder / "lionrock.toml"
    file.write_text(json.dumps(content))
    config.write_text(
        f'data_directory = "{folder / "data"}"\npublic_url = "https://city.example"\n'
        'key_passphrase = "a passphrase for the test"\n'
    )
    words = ["bootstrap", "--operators", str(file), "--config", str(config), "--database", url]
    return CliRunner().invoke(commands, [*words, "--json"])


def test_first_two_operators_get_codes_and_a_second_run_is_refused(
    tmp_path: Path, database_url: str
) -> None:
    made = _run(tmp_path, database_url, {"operators": [_operator(1), _operator(2)]})
    assert made.exit_code == 0, made.output + repr(made.exception)
    told = json.loads(made.stdout)
    assert [each["name"] for each in told] == ["Operator 1", "Operator 2"]
    assert all(len(each["enrolment_code"]) >= 20 for each in told)
    again = _run(tmp_path, database_url, {"operators": [_operator(3), _operator(4)]})
    assert isinstance(again.exception, CityRefused)
    assert "bootstrap_done" in str(again.exception)


@pytest.mark.parametrize(
    "content",
    [
        {"operators": [_operator(1)]}, {"operators": [_operator(1), _operator(1)]},
        {"operators": []}, {"people": []}, [], {"operators": [{}, {}]},
    ],
)  # fmt: skip
def test_file_that_does_not_name_two_persons_is_refused(
    tmp_path: Path, database_url: str, content: object
) -> None:
    refused = _run(tmp_path, database_url, content)
    assert isinstance(refused.exception, CityRefused), refused.output
