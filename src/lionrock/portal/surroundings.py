"""What surrounds the portal in a city: set by app/ from the city's composition, shown as it is.

A served city has no simulated phones and nobody to introduce; the sandbox has both.
"""

from __future__ import annotations

import msgspec

from lionrock.kernel.i18n import Text


class Introduction(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom a visitor may sign in as, with the address of that person's phone."""

    handle: str
    names: Text
    story: Text
    phone_url: str


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the start page says about this city.

    `payment_proxies`: business registration number to the proxy of the company's account.
    """

    is_simulated: bool = False
    phones_url: str = ""
    people: tuple[Introduction, ...] = ()
    payment_proxies: dict[str, str] = {}
