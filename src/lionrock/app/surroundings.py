"""What a sandbox has around and beside the platform, and a served city has not.

What the portal's start page says: phones and people, or nothing. The routes below /sandbox. Who
carries messages to persons.
"""

from __future__ import annotations

from lionrock.app.world import cast_of
from lionrock.identity.api import Carrier, Identity, MailCarrier, NoCarrier
from lionrock.kernel.config import Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.http import RouteTable
from lionrock.kernel.mail import SmtpRelay
from lionrock.portal import Introduction, Surroundings
from lionrock.sandbox.hooks import Hooks, SimulatedMailbox, hooks_table


def surroundings(settings: Settings) -> Surroundings:
    """Return what surrounds the portal in a composition; a served city introduces nobody."""
    if settings.composition != "sandbox":
        return Surroundings()
    phones_url, cast = f"{settings.world_url.rstrip('/')}/phone/", cast_of(settings)
    return Surroundings(
        is_simulated=True, phones_url=phones_url,
        people=tuple(
            Introduction(
                handle=each.handle, names=each.name, story=each.story,
                phone_url=f"{phones_url}{each.handle}",
            )
            for each in cast.people
        ),
        payment_proxies={each.business_registration: each.phone for each in cast.companies},
    )  # fmt: skip


def hook_tables(kernel: Kernel, identity: Identity) -> tuple[RouteTable, ...]:
    """Return the rows below /sandbox (docs/sandbox-hooks.md); a served city has none."""
    if kernel.settings.composition != "sandbox":
        return ()
    return (hooks_table(Hooks(kernel, identity, cast_of(kernel.settings))),)


def message_carrier(kernel: Kernel) -> Carrier:
    """Return who carries messages: simulated mailboxes, the relay of the settings, or nobody."""
    if kernel.settings.composition == "sandbox":
        return SimulatedMailbox()
    if kernel.settings.mail_relay:
        return MailCarrier(SmtpRelay(kernel.settings, kernel.wire_clock))
    return NoCarrier()
