"""Running steps one after another, timed, with every check said in words.

A step states what it checks by calling `checked(...)`; a check that fails raises JourneyFailed with
a sentence. An orderly early end (no scheme fits) is Ended, not a failure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.i18n import Text


class JourneyFailed(RuntimeError):
    """A check of the journey did not hold; the text says which and what was seen."""


class Ended(Exception):
    """The journey ends here in good order; the text says why."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = list(reasons)


class Checks:
    """What one step has checked, in words."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def holds(self, is_so: bool, sentence: str, seen: object = "") -> None:
        """State a fact and require it."""
        if not is_so:
            raise JourneyFailed(f"{sentence}: not so" + (f" ({seen})" if seen != "" else ""))
        self.sentences.append(sentence)


Act = Callable[[Checks], Awaitable[None]]


class Step(msgspec.Struct, frozen=True):
    """One step: a stable name, a title for people, the standards it uses, and what it does."""

    name: str
    title: Text
    standard: str
    act: Act


class StepResult(msgspec.Struct, frozen=True):
    """How one step went."""

    name: str
    title: Text
    standard: str
    ok: bool
    ms: float
    checked: tuple[str, ...]
    failure: str = ""
    ended: tuple[str, ...] = ()


Progress = Callable[[Step, StepResult | None], None]


async def run_steps(steps: Sequence[Step], progress: Progress) -> list[StepResult]:
    """Run the steps in order until one fails or ends the journey; `progress` sees start and end."""
    results: list[StepResult] = []
    for step in steps:
        progress(step, None)
        result = await _run(step)
        results.append(result)
        progress(step, result)
        if not result.ok or result.ended:
            break
    return results


async def _run(step: Step) -> StepResult:
    checks = Checks()
    failure = ""
    ended: tuple[str, ...] = ()
    started_ms = monotonic_ms()
    try:
        await step.act(checks)
    except JourneyFailed as error:
        failure = str(error)
    except Ended as error:
        ended = tuple(error.reasons)
    except (OSError, KeyError, LookupError, ValueError, AssertionError) as error:
        failure = f"{type(error).__name__}: {error}"
    return StepResult(
        name=step.name, title=step.title, standard=step.standard, ok=not failure,
        ms=monotonic_ms() - started_ms, checked=tuple(checks.sentences), failure=failure,
        ended=ended,
    )
