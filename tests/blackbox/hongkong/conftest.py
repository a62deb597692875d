"""The server that the black-box client is let loose on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lionrock.kernel.context import Kernel
from tests.http.hongkong.facade_city import FacadeCity, open_facade


@pytest.fixture
async def facade(kernel: Kernel, tmp_path: Path) -> AsyncIterator[FacadeCity]:
    """A running server, one registered service, and people with phones and browsers."""
    async with open_facade(kernel, tmp_path) as opened:
        yield opened
