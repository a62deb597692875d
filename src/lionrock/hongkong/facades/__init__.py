"""Wire-style facades: two Hong Kong wires over the identity pillar; off unless settings name them.

"iAM Smart-style" and "CorpID-style": see README.md and docs/facades.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from lionrock.hongkong.facades.corpid import http as corpid_http
from lionrock.hongkong.facades.iam import http as iam_http
from lionrock.hongkong.facades.room import Facades
from lionrock.hongkong.facades.service.gate import FacadeDraft, check_draft
from lionrock.hongkong.facades.store import EXPIRING
from lionrock.hongkong.facades.words import TEMPLATES
from lionrock.kernel.http import Route, RouteTable

__all__ = ["EXPIRING", "TEMPLATES", "FacadeDraft", "Facades", "check_draft", "facades_table"]


def facades_table(facades: Facades, names: Iterable[str]) -> RouteTable:
    """Return the rows of the wires that are on ("iam", "corpid")."""
    wires: dict[str, tuple[Route, ...]] = {"iam": iam_http.ROUTES, "corpid": corpid_http.ROUTES}
    rows = tuple(row for name in wires if name in set(names) for row in wires[name])
    return RouteTable(pillar="hongkong", room=facades, routes=rows)
