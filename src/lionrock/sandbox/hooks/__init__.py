"""The hooks of the sandbox that automatic checks rely on: phones, clients from a file, a resource.

They stand beside the platform's own routes, in the sandbox's composition only; their page is
docs/sandbox-hooks.md. They go around no check: a phone signs each answer with its own key, and the
platform takes it or not. Invariant: nothing below /sandbox exists in serve.
"""

from lionrock.sandbox.hooks.clients import ClientsFileRefused, read_clients, read_facades
from lionrock.sandbox.hooks.http import hooks_table
from lionrock.sandbox.hooks.mailbox import SimulatedMailbox
from lionrock.sandbox.hooks.room import Hooks

__all__ = [
    "ClientsFileRefused", "Hooks", "SimulatedMailbox", "hooks_table", "read_clients",
    "read_facades",
]  # fmt: skip
