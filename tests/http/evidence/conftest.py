"""The town of the evidence tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from lionrock.kernel.context import Kernel
from tests.http.evidence.town import Town, found


@pytest.fixture
async def town(kernel: Kernel, tmp_path: Path) -> Town:
    """A platform with an empty log, two members and two witnesses."""
    return await found(kernel, tmp_path)
