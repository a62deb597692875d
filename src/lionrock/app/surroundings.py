"""What the portal's start page says about a city: phones and people of the sandbox, or nothing."""

from __future__ import annotations

from lionrock.app.world import cast_of
from lionrock.kernel.config import Settings
from lionrock.portal import Introduction, Surroundings


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
