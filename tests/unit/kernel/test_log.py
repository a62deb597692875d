"""Logs hold no secrets."""

from __future__ import annotations

import contextlib
import io
import json

import structlog

from lionrock.kernel import log


def test_no_secret_reaches_the_log_however_deep() -> None:
    stream = io.StringIO()
    log.configure("info", stream=stream)
    structlog.get_logger("t").info(
        "event", access_token="s3cret", nested={"hkid": "A1234563", "list": [{"cookie": "c00kie"}]},
        text="got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln from them", harmless=7,
    )
    line = stream.getvalue()
    for secret in ("s3cret", "A1234563", "c00kie", "eyJhbGci"):
        assert secret not in line
    assert json.loads(line)["harmless"] == 7


def test_a_log_line_that_cannot_be_written_breaks_nothing() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        log.configure("info", log_format="json", stream=full)
        structlog.get_logger("t").error("disk_full")
        structlog.get_logger("t").error("and again")
        with contextlib.suppress(OSError):
            full.close()
    log.configure("warning", log_format="text")
