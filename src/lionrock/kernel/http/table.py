"""The rows: what an endpoint is, and the call that its steps work on."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from lionrock.kernel.errors import ErrorTable, Refused

if TYPE_CHECKING:
    from lionrock.kernel.context import Kernel
    from lionrock.kernel.db import Connection

RoomT = TypeVar("RoomT")
BodyT = TypeVar("BodyT")
BODY_BYTES_MAX = 64 * 1024
LANGUAGES = ("en", "zh-Hant", "zh-Hans")

Mode = Literal["transaction", "beats", "none"]
BodyKind = Literal["json", "form", "raw"]
Family = Literal["problem", "oauth", "html", "iso20022"]


class Call(Generic[RoomT, BodyT]):
    """One request on its way through the steps of its row.

    Subclass it per endpoint to declare what the steps load. `db` exists only in mode "transaction".
    """

    def __init__(
        self,
        *,
        kernel: Kernel,
        room: RoomT,
        request: Request,
        route: Route,
        body: BodyT,
        raw_body: bytes,
        query: Mapping[str, str],
        request_id: str,
    ) -> None:
        self.kernel = kernel
        self.room = room
        self.request = request
        self.route = route
        self.body = body
        self.raw_body = raw_body
        self.query = query
        self.request_id = request_id
        self.path_params: Mapping[str, str] = request.path_params
        # Fields that go with whatever answer the steps come to, refusals too (DPoP-Nonce).
        self.reply_headers: dict[str, str] = {}
        self._db: Connection | None = None

    @property
    def db(self) -> Connection:
        """The transaction's connection; only rows of mode "transaction" have one."""
        assert self._db is not None, f"{self.route.name} is not of mode transaction"
        return self._db

    @property
    def lang(self) -> str:
        """The language to answer a person in: `?lang=`, then the cookie, then Accept-Language."""
        asked = self.query.get("lang") or self.request.cookies.get("lang") or ""
        if asked in LANGUAGES:
            return asked
        return preferred_language(self.request.headers.get("accept-language", ""))


Step = Callable[[Any], Awaitable[Refused | Response | None]]
RenderRefusal = Callable[[Any, Refused, str], Response | None]
Mend = Callable[[Any, Refused], Awaitable[bool]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Route:
    """One endpoint. `steps` run in order; the first answer that is not None ends the request.

    `query` lists the parameters taken (None = any). `render_refusal` may dress a refusal in the
    pillar's own message (ISO 20022); returning None falls back to the family's shape. `mend` is
    asked after a refusal, when no transaction is open, whether it has mended the cause (by a call
    to another party); then the steps run once more, from the first. `is_even`: whatever the answer
    is, it comes after `answer_least_ms`, so that how long it took tells nothing about a person.
    """

    method: str
    path: str
    name: str
    summary: str
    steps: tuple[Step, ...]
    call: type[Call[Any, Any]] = Call
    body: type | None = None
    body_kind: BodyKind = "json"
    body_bytes_max: int = BODY_BYTES_MAX
    body_media_types: tuple[str, ...] = ()
    query: tuple[str, ...] | None = ("lang",)
    replies: Mapping[int, type | None] = dataclasses.field(default_factory=dict)
    reply_media_type: str = "application/json"
    errors: ErrorTable = dataclasses.field(default_factory=dict)
    scope: str = "public"
    clause: str = ""
    mode: Mode = "transaction"
    family: Family = "problem"
    render_refusal: RenderRefusal | None = None
    mend: Mend | None = None
    is_even: bool = False

    def __post_init__(self) -> None:
        assert self.method in {"GET", "POST", "PUT", "PATCH", "DELETE"}, self.method
        assert self.path.startswith("/"), self.path
        assert self.steps, f"{self.name} has no steps"
        assert self.body is None or self.method != "GET", f"{self.name}: a GET has no body"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RouteTable:
    """All rows of one pillar, with the service object its steps use as `call.room`."""

    pillar: str
    room: Any
    routes: tuple[Route, ...]


def preferred_language(accept_language: str) -> str:
    """Choose en, zh-Hant or zh-Hans from an Accept-Language header (RFC 9110 s12.5.4)."""
    ranked: list[tuple[float, int, str]] = []
    for order, part in enumerate(accept_language[:500].split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        language = _language_of(tag.strip().lower())
        if language:
            ranked.append((-weight, order, language))
    return min(ranked)[2] if ranked else "en"


def _language_of(tag: str) -> str | None:
    if tag.startswith(("zh-hans", "zh-cn", "zh-sg")):
        return "zh-Hans"
    if tag.startswith("zh"):
        return "zh-Hant"
    return "en" if tag.startswith("en") else None
