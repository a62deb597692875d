"""What the tests of this directory ask of the fixture ``facade``.

The fixture is new for every test: its service has just been registered, holds no content key
and has received nothing.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

Decision = Literal["approve", "reject"]


class Service(Protocol):
    """A service as its owner registered it; allowed every scope the tests name."""

    @property
    def client_id(self) -> str:
        """The clientID."""

    @property
    def client_secret(self) -> str:
        """The shared secret; its UTF-8 bytes are the key of the request signature."""

    @property
    def kek(self) -> RSAPrivateKey:
        """The private half of the key encryption key; its certificate is registered."""

    @property
    def redirect_uri(self) -> str:
        """The registered address the browser returns to."""

    @property
    def callback_url(self) -> str:
        """The registered address that results are pushed to."""

    @property
    def received(self) -> Sequence[bytes]:
        """Bodies posted to the callback URL so far, oldest first; read again, it has grown."""


class Page(Protocol):
    """A page in a browser session of its own."""

    @property
    def number(self) -> str | None:
        """The number that ties the page to the phone, or None where the page shows none."""

    async def redirected(self) -> str:
        """Wait until the browser is sent to the service and return that whole address.

        Raises TimeoutError if that does not happen within a few seconds. The address is not
        fetched: nobody needs to listen there.
        """


class Facade(Protocol):
    """A running server, one registered service, and people with phones and browsers."""

    @property
    def base_url(self) -> str:
        """The address in front of ``/api/...``, without a slash at its end."""

    @property
    def http(self) -> httpx.AsyncClient:
        """Sends the service's requests; follows no redirects and keeps no cookies of people."""

    @property
    def service(self) -> Service:
        """The registered service."""

    @property
    def person(self) -> str:
        """A persona who can log in, fill forms and sign, with a complete profile."""

    @property
    def officer(self) -> str:
        """A persona who can sign and may use the seals of at least two companies.

        Where a page asks for a company during log-in, this person's phone takes the first.
        """

    async def approve(self, persona: str, number: str | None, decision: Decision) -> None:
        """Act as the person on the phone and return when the decision has been taken.

        ``number`` is the one a page shows; None means the request that waits on the phone.
        """

    async def open_in_browser(self, url: str) -> Page:
        """Open an address in a new browser session and return the page as first shown."""
