"""A child and a foreign program end when their owner does, however it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from lionrock.kernel.http.server import run_beside

_OWNER = """
import subprocess, sys, time
from signal import SIGTERM
from lionrock.kernel.lifeline import Keeper, Lifeline
line = Lifeline()
child = subprocess.Popen(
    [sys.executable, "-c", "import sys, time; from lionrock.kernel.lifeline import end_with;"
     "end_with(int(sys.argv[1])); print(flush=True); time.sleep(60)", str(line.reading_end)],
    pass_fds=(line.reading_end,), stdout=subprocess.PIPE)
child.stdout.readline()
foreign = subprocess.Popen(["sleep", "60"])
keeper = Keeper(foreign.pid, SIGTERM)  # a shell that runs us in the background ignores SIGINT
print(child.pid, foreign.pid, flush=True)
time.sleep(60)
"""
ENDED_S_MAX = 45.0


def runs(pid: int) -> bool:
    """Whether a process runs; one that nobody has buried yet does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


def test_after_kill_9_of_the_owner_child_and_foreign_program_end() -> None:
    owner = subprocess.Popen([sys.executable, "-c", _OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pids = [int(word) for word in owner.stdout.readline().split()]
    assert len(pids) == 2 and all(runs(pid) for pid in pids)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    deadline_s = time.monotonic() + ENDED_S_MAX
    while any(runs(pid) for pid in pids):
        assert time.monotonic() < deadline_s, "they outlive their owner"
        time.sleep(0.05)


async def test_a_background_loop_that_fails_ends_the_process_it_runs_beside() -> None:
    async def main() -> None:
        await asyncio.sleep(60)

    async def loop() -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await asyncio.wait_for(run_beside(main(), loop), 45)


async def test_a_background_loop_that_ends_in_good_order_does_not_end_the_main_task() -> None:
    ended = []

    async def main() -> None:
        await asyncio.sleep(0.05)
        ended.append("main")

    async def loop() -> None:
        ended.append("loop")

    await run_beside(main(), loop)
    assert ended == ["loop", "main"]
