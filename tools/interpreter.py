"""Name the Python that `make install` builds the environment with: the fastest of those there.

    python3 tools/interpreter.py

An interpreter that was compiled without profile-guided optimisation (as pyenv does unless told)
takes a quarter more time for everything. So the ones that a machine usually has are timed in turns
on a loop of a few milliseconds, and another than the one in PATH is named when it is clearly
faster. Runs under any Python 3; PYTHON=... given to make leaves the choice to whoever gives it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

CANDIDATES = ("python3", "/usr/bin/python3", "/usr/local/bin/python3")
# Less is the noise of a busy machine: whose Python it is should not change from day to day.
CLEARLY_FASTER = 1.1
TIMEOUT_S = 20
ROUNDS = 4
# Prints seconds of the processor, the best of several; fails where there is nothing to build an
# environment with.
_TRIAL = """
import sys, time
import ensurepip, venv
assert sys.version_info >= (3, 11)
def trial():
    begun, total = time.process_time(), 0
    for number in range(20_000):
        found = {"number": number, "name": str(number)}
        total += len(found["name"]) + found["number"] % 7
    assert total > 0
    return time.process_time() - begun
print(min(trial() for _ in range(15)))
"""


def seconds_of(interpreter: str) -> float | None:
    """The time that an interpreter takes for the trial; None when it cannot be used."""
    try:
        done = subprocess.run(  # noqa: S603 - one of the candidates above
            [interpreter, "-I", "-c", _TRIAL], capture_output=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return float(done.stdout)


def main() -> None:
    """Print the path of the interpreter to use; without any that can be used, the one in PATH."""
    there = []
    for name in CANDIDATES:
        path = shutil.which(name)
        if path and path not in there:
            there.append(path)
    usable: dict[str, float] = {}
    for path in there * ROUNDS:
        seconds = seconds_of(path)
        if seconds is not None:
            usable[path] = min(seconds, usable.get(path, seconds))
    if not usable:
        print("python3")
        return
    first, fastest = next(iter(usable)), min(usable, key=usable.__getitem__)
    chosen = fastest if usable[first] > CLEARLY_FASTER * usable[fastest] else first
    if chosen != first:
        print(
            f"{chosen} takes {usable[chosen] * 1000:.1f} ms where {first} takes"
            f" {usable[first] * 1000:.1f} ms: using it (PYTHON=... for another)",
            file=sys.stderr,
        )
    print(chosen)


if __name__ == "__main__":
    main()
