"""The endpoints of settlement: positions, thresholds, repos, statements, reconciliation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lionrock.directory.api import SIGNED_CALL_ERRORS, check_signed_call
from lionrock.kernel.http import Route
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.http.errors import ERRORS as PAYMENT_ERRORS
from lionrock.payments.http.messages import load_participant
from lionrock.payments.settlement.errors import ERRORS
from lionrock.payments.settlement.http import liquidity, statements
from lionrock.payments.settlement.service.exports import StatementReply

_SHARED = (
    PaymentRefusal.NOT_A_PARTICIPANT, PaymentRefusal.AMOUNT_OUT_OF_RANGE,
    PaymentRefusal.PAYMENT_NOT_FOUND,
)
_MEMBER: Mapping[str, Any] = {
    "errors": {
        **SIGNED_CALL_ERRORS, **ERRORS, **{name: PAYMENT_ERRORS[name] for name in _SHARED},
    },
    "scope": "member",
    "clause": "RFC 9421",
}


def routes() -> tuple[Route, ...]:
    """The rows of settlement."""
    return (
        Route(
            method="GET", path="/payments/v1/settlement/positions", name="settlement_positions",
            summary="Read one's balance, reserved and available money, as the ledger says now.",
            steps=(check_signed_call, liquidity.load_member, liquidity.reply_positions),
            call=liquidity.PositionsCall, replies={200: liquidity.PositionsReply}, mode="beats",
            **_MEMBER,
        ),
        Route(
            method="PUT", path="/payments/v1/settlement/thresholds", name="settlement_threshold",
            summary="Set below which amount one is warned, and until which amount.",
            steps=(check_signed_call, load_participant, liquidity.save_threshold),
            call=liquidity.ThresholdCall, body=liquidity.ThresholdBody,
            replies={200: liquidity.ThresholdBody}, **_MEMBER,
        ),
        Route(
            method="POST", path="/payments/v1/settlement/repos", name="settlement_repo",
            summary="Borrow after hours until the central institution opens (simulated).",
            steps=(check_signed_call, load_participant, liquidity.save_repo),
            call=liquidity.RepoCall, body=liquidity.RepoBody,
            replies={202: liquidity.LiquidityReply}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/settlement/liquidity/{transaction_id}",
            name="settlement_liquidity",
            summary="Read how a liquidity transfer or repo of one's own stands, by its TxId.",
            steps=(check_signed_call, load_participant, liquidity.reply_liquidity),
            call=liquidity.LiquidityCall, replies={200: liquidity.LiquidityReply}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/settlement/statements", name="settlement_statements",
            summary="List one's end-of-day statements in a currency, newest first.",
            steps=(check_signed_call, load_participant, statements.reply_statements),
            call=statements.StatementsCall, query=("currency",),
            replies={200: statements.StatementsReply}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/settlement/statements/{statement_id}",
            name="settlement_statement",
            summary="Export a page of a statement as camt.053, csv or json.",
            steps=(check_signed_call, load_participant, statements.reply_statement),
            call=statements.StatementsCall, query=("format", "page"),
            replies={200: StatementReply}, **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/settlement/notifications/{payment_id}",
            name="settlement_notification",
            summary="Export the booking of a settled payment of one's own as camt.054.",
            steps=(check_signed_call, liquidity.load_member, statements.reply_notification),
            call=liquidity.PositionsCall, replies={200: None}, mode="beats",
            reply_media_type="application/xml", **_MEMBER,
        ),
        Route(
            method="GET", path="/payments/v1/settlement/reconciliations/{business_date}",
            name="settlement_reconciliation",
            summary="List what did not agree at the cut of a date; for the operator.",
            steps=(
                check_signed_call, statements.check_operator, statements.reply_reconciliation,
            ),
            call=statements.ReconciliationCall, replies={200: statements.ReconciliationReply},
            **_MEMBER,
        ),
    )
