"""Our own route table over Starlette and msgspec.

One row per endpoint holds method, path, body type, replies, ordered steps, error family, scope and
clause; the row makes the router, the OpenAPI 3.1 operation, the reference page and the fuzz target.
"""

from lionrock.kernel.http.application import Application, build_application
from lionrock.kernel.http.openapi import openapi_document
from lionrock.kernel.http.replies import html, redirect, reply
from lionrock.kernel.http.standard import StandardRoom, standard_table
from lionrock.kernel.http.table import Call, Route, RouteTable, Step

__all__ = [
    "Application",
    "Call",
    "Route",
    "RouteTable",
    "StandardRoom",
    "Step",
    "build_application",
    "html",
    "openapi_document",
    "redirect",
    "reply",
    "standard_table",
]
