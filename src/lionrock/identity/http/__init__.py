"""The route table of identity: discovery, PAR, sign-in pages, token, userinfo, devices."""

from __future__ import annotations

import dataclasses

from lionrock.identity.forms import filling_http as fillings
from lionrock.identity.forms import http as forms
from lionrock.identity.http import (
    authorize,
    ciba,
    company_choice,
    devices,
    discovery,
    grants,
    introspection,
    logout,
    mandates,
    operations,
    par,
    qr,
    registration,
    registry,
    resources,
    revocation,
    service_roles,
    token,
)
from lionrock.identity.http.refusals import show_refusal
from lionrock.identity.passkeys import http as passkeys
from lionrock.identity.recovery import http as recovery
from lionrock.identity.service.identity import Identity
from lionrock.kernel.http import Route, RouteTable


def table(room: Identity) -> RouteTable:
    """Return all rows of the pillar (identity/signing has none of its own)."""
    return RouteTable(
        pillar="identity",
        room=room,
        routes=tuple(map(_told, (
            *discovery.ROUTES, *par.ROUTES, *authorize.ROUTES, *token.ROUTES, *resources.ROUTES,
            *devices.ROUTES, *passkeys.ROUTES, *recovery.ROUTES,
            *mandates.ROUTES, *service_roles.ROUTES, *registry.ROUTES, *operations.ROUTES,
            *company_choice.ROUTES,
            *ciba.ROUTES, *qr.ROUTES,
            *introspection.ROUTES, *revocation.ROUTES, *grants.ROUTES, *registration.ROUTES,
            *logout.ROUTES,
            *forms.ROUTES, *fillings.ROUTES,
        ))),
    )  # fmt: skip


def _told(route: Route) -> Route:
    """A page's refusals are told in the reader's language."""
    if route.family != "html" or route.render_refusal is not None:
        return route
    return dataclasses.replace(route, render_refusal=show_refusal)
