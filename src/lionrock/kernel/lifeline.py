"""A pipe that ends with its owner: how a child learns that its parent is gone, however it died.

The owner keeps the writing end and never writes; children hold the reading end. When the owner
ends, even by SIGKILL, the system closes the writing end and every reader sees the end of the pipe.
Unlike prctl(PR_SET_PDEATHSIG) this does not depend on which thread of the owner started the child,
and works on every Unix.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

GRACE_S = 4.0


class Lifeline:
    """The pipe of one owner. Not inherited, but by those to whom `reading_end` is passed."""

    def __init__(self) -> None:
        self.reading_end, self._writing_end = os.pipe()
        self._is_open = True

    def close(self) -> None:
        """End it while the owner lives; whoever still watches is told to stop."""
        if self._is_open:
            self._is_open = False
            os.close(self._writing_end)
            os.close(self.reading_end)


def end_with(reading_end: int) -> None:
    """Make this process end when the pipe does: SIGTERM first, hard after GRACE_S."""

    def watch() -> None:
        while os.read(reading_end, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


class Keeper:
    """A tiny process beside a foreign program, which stops it when the owner is gone."""

    def __init__(self, pid: int, stop_signal: signal.Signals) -> None:
        # The shell reads until its pipe ends, which is when this process has ended.
        script = f"read -r _; kill -{int(stop_signal)} {pid} 2>/dev/null"
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """End the keeper without stopping what it keeps."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
