"""The exchange's door: the only module of this pillar that others import.

For pillars above: `Exchange` and what it takes and gives. For members' own software (and the
simulated parties): the provider's gateway and the ports that it needs.
"""

from lionrock.exchange.domain.accounts import AccountData
from lionrock.exchange.domain.consent import Artefact, Frequency, Terms
from lionrock.exchange.domain.fetching import FETCHES_PATH, Admission, OwnerAnswer, Use
from lionrock.exchange.domain.particulars import CompanyParticulars
from lionrock.exchange.domain.products import PRODUCTS, Cut, check_payload
from lionrock.exchange.domain.purposes import PURPOSES
from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.errors import EXCHANGE_ERRORS
from lionrock.exchange.gateway.directory import DirectoryKeys
from lionrock.exchange.gateway.ports import Books, Decide, MemberKeys, Records
from lionrock.exchange.gateway.provider import ProviderGateway, ProviderSetup
from lionrock.exchange.http import table
from lionrock.exchange.jobs import handlers, subscriptions
from lionrock.exchange.records import Consent, Fetch, Offer, Owner, Revision
from lionrock.exchange.requests import ConsentRequest, Delivery
from lionrock.exchange.service import Exchange

__all__ = [
    "EXCHANGE_ERRORS", "FETCHES_PATH", "PRODUCTS", "PURPOSES", "AccountData", "Admission",
    "Artefact", "Books", "CompanyParticulars", "Consent", "ConsentRequest",
    "Cut", "Decide", "Delivery", "DirectoryKeys", "Exchange", "ExchangeRefusal", "Fetch",
    "Frequency", "MemberKeys", "Offer", "Owner", "OwnerAnswer", "ProviderGateway",
    "ProviderSetup", "Records", "Revision", "Terms", "Use", "check_payload", "handlers",
    "subscriptions", "table",
]  # fmt: skip
