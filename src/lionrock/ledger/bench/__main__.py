"""A process of the bench: `python -m lionrock.ledger.bench ROLE URL ADDRESS`."""

from __future__ import annotations

import sys

import uvloop

from lionrock.ledger.bench.stage import play

if __name__ == "__main__":
    uvloop.run(play(*sys.argv[1:4]))
