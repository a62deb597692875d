"""What a room of payments (returns, requests, ...) is built with."""

from __future__ import annotations

import dataclasses

from lionrock.payments.service.core import Core
from lionrock.payments.service.orders import Orders
from lionrock.payments.service.post import Post
from lionrock.payments.service.routing import Router
from lionrock.payments.service.switch import Switch


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoomParts:
    """Shared parts, built once per process."""

    core: Core
    post: Post
    router: Router
    orders: Orders
    switch: Switch
