"""What may be asked of the query tables: TigerBeetle's AccountFilter and QueryFilter.

Zero means "whatever" in every field but the account and the limit. Timestamps are inclusive
nanoseconds of the business clock. A filter that could match nothing sensible is a ValueError, a
caller's bug, where TigerBeetle answers an empty list.

Source: TigerBeetle reference, AccountFilter, QueryFilter.
"""

from __future__ import annotations

import msgspec

from lionrock.ledger.domain.values import ID_MAX, TIMESTAMP_NS_MAX

QUERY_LIMIT_MAX = 1_000


class QueryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which accounts or transfers (query_accounts, query_transfers), oldest first unless reversed.

    A ValueError for a limit outside 1..1000 and for times outside the ledger's or upside down.
    """

    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    ledger: int = 0
    code: int = 0
    timestamp_min: int = 0
    timestamp_max: int = 0
    limit: int = QUERY_LIMIT_MAX
    is_reversed: bool = False

    def __post_init__(self) -> None:
        _check_page(self.timestamp_min, self.timestamp_max, self.limit)


class AccountFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which transfers of one account (get_account_transfers), oldest first unless reversed.

    A ValueError for a reserved account id, for neither debits nor credits, and as QueryFilter.
    """

    account_id: int
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    code: int = 0
    timestamp_min: int = 0
    timestamp_max: int = 0
    limit: int = QUERY_LIMIT_MAX
    has_debits: bool = True
    has_credits: bool = True
    is_reversed: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.account_id < ID_MAX:
            raise ValueError("account_id is zero, the reserved maximum, or no 128-bit integer")
        if not self.has_debits and not self.has_credits:
            raise ValueError("neither debits nor credits are asked for")
        _check_page(self.timestamp_min, self.timestamp_max, self.limit)


def _check_page(timestamp_min: int, timestamp_max: int, limit: int) -> None:
    if not 1 <= limit <= QUERY_LIMIT_MAX:
        raise ValueError(f"limit {limit} is outside 1..{QUERY_LIMIT_MAX}")
    for timestamp in (timestamp_min, timestamp_max):
        if not 0 <= timestamp <= TIMESTAMP_NS_MAX:
            raise ValueError(f"timestamp {timestamp} is outside 0..{TIMESTAMP_NS_MAX}")
    if timestamp_max and timestamp_min > timestamp_max:
        raise ValueError("timestamp_min is later than timestamp_max")
