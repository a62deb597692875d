"""Everything that addressing refuses, as one closed enum. Invariant: each value fits Max35Text."""

from __future__ import annotations

from lionrock.kernel.errors import Refusal


class AddressingRefusal(Refusal):
    """Why addressing did not do it."""

    PROXY_MALFORMED = "payments.proxy_malformed"
    PROXY_NOT_FOUND = "payments.proxy_not_found"
    PAYER_MALFORMED = "payments.payer_malformed"
    LOOKUPS_EXHAUSTED = "payments.lookups_exhausted"
    IDENTITY_NOT_LOOKED_UP = "payments.identity_not_looked_up"
    INSTITUTION_MALFORMED = "payments.institution_malformed"
    # Registering.
    PROXY_HELD = "payments.proxy_held"
    PROXY_OF_ANOTHER_OWNER = "payments.proxy_of_another_owner"
    PROXY_CLAIMED = "payments.proxy_claimed"
    PROXY_NOT_PORTABLE = "payments.proxy_not_portable"
    PROXY_IDS_EXHAUSTED = "payments.proxy_ids_exhausted"
    BATCH_MALFORMED = "payments.proxy_batch_malformed"
    BATCH_REPEATS = "payments.proxy_batch_repeats"
    # Claims.
    CLAIM_NOT_FOUND = "payments.claim_not_found"
    CLAIM_NEEDLESS = "payments.claim_needless"
    CLAIM_KIND_WRONG = "payments.claim_kind_wrong"
    CLAIM_PENDING = "payments.claim_pending"
    CLAIM_SEVERAL_HOLDERS = "payments.claim_several_holders"
    CLAIM_NOT_YOURS = "payments.claim_not_yours"
    CLAIM_STATE_WRONG = "payments.claim_state_wrong"
    CLAIM_PROOF_MISSING = "payments.claim_proof_missing"
    # The register of high-risk proxies, comparison of registers, checks of payees.
    NOT_AN_OPERATOR = "payments.not_an_operator"
    WARNING_MALFORMED = "payments.warning_malformed"
    COMPARISON_MALFORMED = "payments.comparison_malformed"
    PAYEE_MALFORMED = "payments.payee_malformed"
