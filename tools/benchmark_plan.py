"""What `tools/benchmarks.py` runs, and the project's targets: musts, and stretches if any.

A run is one `lionrock bench`; a target is read from one case of one run.
Not for: running (benchmarks.py) or showing (benchmark_page.py).
Invariant: every target names a run of the plan; a figure that must hold for ten minutes counts
as reached only in a run that lasted so long.
"""

from __future__ import annotations

from typing import NamedTuple

PER_S, P99_MS, P50_MS, ERRORS, SHARE = "per_s", "p99_ms", "p50_ms", "errors", "share of uniform"


class Run(NamedTuple):
    """One call of `lionrock bench`; `briefly` are the arguments of a try, `takes_s` an estimate."""

    name: str
    arguments: tuple[str, ...]
    briefly: tuple[str, ...]
    takes_s: int
    timeout_s: int


class Bound(NamedTuple):
    """A figure of a case and what it must be: at least, or at most."""

    figure: str
    is_least: bool
    must: float
    stretch: float | None = None
    unit: str = ""


class Target(NamedTuple):
    """One target; all bounds of its case must hold."""

    pillar: str
    what: str
    run: str
    case: str
    bounds: tuple[Bound, ...]
    # The case that `share of uniform` is measured against, in the same run.
    against: str = ""
    remark: str = ""


def _rate(must: float, stretch: float | None = None) -> Bound:
    return Bound(PER_S, True, must, stretch, "/s")


def _p99(must: float) -> Bound:
    return Bound(P99_MS, False, must, None, " ms")


_NO_ERRORS = Bound(ERRORS, False, 0)
_BUNDLED = (
    "messages travel in signed bundles of what waits; payees are asked about many in a call"
)

RUNS = (
    Run("ledger", ("ledger", "--seconds", "5"), ("ledger", "--seconds", "1"), 60, 300),
    Run("ledger-sustained", ("ledger", "--case", "sustained", "--seconds", "300"),
        ("ledger", "--case", "sustained", "--seconds", "1"), 420, 1_200),
    Run("ledger-restart", ("ledger", "--case", "restart", "--transfers", "10000000"),
        ("ledger", "--case", "restart", "--transfers", "20000"), 420, 1_800),
    Run("token", ("token", "--seconds", "20"), ("token", "--seconds", "1"), 40, 180),
    Run("login", ("login", "--seconds", "20"), ("login", "--seconds", "1"), 60, 300),
    Run("expiry", ("expiry-1m",), ("expiry-1m",), 600, 1_800),
    Run("addressing", ("addressing", "--seconds", "60"),
        ("addressing", "--seconds", "1", "--entries", "20000"), 220, 900),
    Run("switch", ("switch", "--seconds", "600"), ("switch", "--seconds", "1"), 1_260, 1_800),
    Run("files", ("files", "--entries", "100000", "--within", "2000"),
        ("files", "--entries", "200"), 2_100, 2_600),
)  # fmt: skip

TARGETS = (
    Target("identity", "DPoP client-credentials tokens", "token", "client-credentials",
           (_rate(1_500, 2_500), _NO_ERRORS)),
    Target("identity", "full log-ins: PAR, authorize, approve, token, userinfo", "login",
           "login-8", (_rate(80, 300), _p99(300), _NO_ERRORS)),
    Target("identity", "tables after 1 million expired artefacts", "expiry", "expiry-1m",
           (Bound(ERRORS, False, 0, None, " tables that grew"),)),
    Target("ledger", "batches of 1", "ledger", "batch-1", (_rate(2_000, 2_700), _NO_ERRORS)),
    Target("ledger", "batches of 10", "ledger", "batch-10", (_rate(15_000, 21_400), _NO_ERRORS)),
    Target("ledger", "batches of 100", "ledger", "batch-100",
           (_rate(50_000, 71_000), _NO_ERRORS)),
    Target("ledger", "batches of 1,000", "ledger", "batch-1000",
           (_rate(150_000, 267_000), _NO_ERRORS)),
    Target("ledger", "sustained 5 min with the query tables kept up", "ledger-sustained",
           "sustained", (_rate(40_000, 80_000), _NO_ERRORS)),
    Target("ledger", "hot account: one account in every transfer", "ledger", "hot-account",
           (Bound(SHARE, True, 90, 100, " % of uniform"), _NO_ERRORS), "batch-1000"),
    Target("ledger", "256 clients, one transfer a call", "ledger", "callers-256",
           (_rate(6_000, 15_000), _p99(50), _NO_ERRORS)),
    Target("ledger", "linked chains of four", "ledger", "chains-4",
           (_rate(15_000, 40_000), _NO_ERRORS)),
    Target("ledger", "restart with 10 million transfers", "ledger-restart", "restart",
           (Bound(P50_MS, False, 30_000, 5_000, " ms"), _NO_ERRORS)),
    Target("payments", "full signed payment, most of a closed loop, 10 min", "switch",
           "switch-most", (_rate(400, 800), _p99(250), _NO_ERRORS), remark=_BUNDLED),
    Target("payments", "full signed payment, due at 400/s, 10 min", "switch", "switch-400",
           (Bound(PER_S, True, 396, None, "/s"), _p99(250), _NO_ERRORS),
           remark=f"99 % of what was due counts as the rate; {_BUNDLED}"),
    Target("payments", "proxy look-up due at 2,000/s, 1 million entries", "addressing",
           "lookup-2000", (Bound(PER_S, True, 1_980, None, "/s"), _p99(5), _NO_ERRORS),
           remark="99 % of what was due counts as the rate; a directory of 19.25 million "
                  "(stretch) is not run"),
    Target("payments", "batch file of 100,000 entries, end to end", "files", "carried-out",
           (_NO_ERRORS,), remark="no rate was asked for"),
)  # fmt: skip
