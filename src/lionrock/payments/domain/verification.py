"""The flag of a credit transfer that says whether its payee is verified before it is credited.

    PERFORM   under a proxy the switch compares the name given with the register's; to an account
              the creditor's bank does, to whom the flag is handed on; another name is BE01
    SKIP      nobody compares: for payees whose name need not be asked again (`check_skip`)
    unset     as before the flag: the sender says nothing, and nobody is asked to compare

Pure. Not for: the payer's own question before paying (addressing, payee verifications). FPS-style:
HKICL's rule of who may skip is not public; this one is ours.
Invariant: a name that differs never says which name it should be.
"""

from __future__ import annotations

from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.domain.names import compare_names, mask_name
from lionrock.payments.domain.iso20022.transfers import CreditTransfer
from lionrock.payments.domain.refusals import PaymentRefusal

_PLACE = "/Envelope/Document/FIToFICstmrCdtTrf/CdtTrfTxInf/PmtTpInf/LclInstrm/Prtry"


def check_skip(transfer: CreditTransfer) -> Refused | None:
    """Verification may be skipped where the payee is known otherwise; VERIFICATION_SKIPPED.

    Known are: the holder of a registered proxy, whoever asked to be paid (a request to pay), and
    the payees of near-real-time transfers, which a payer has on file. Whoever types an account
    number and pays at once is the one whom a false payee tricks.
    """
    if transfer.payee_verification != "SKIP":
        return None
    if transfer.proxy is not None or transfer.request_id or transfer.service_class == "C2":
        return None
    return Refused(PaymentRefusal.VERIFICATION_SKIPPED, field=_PLACE)


def is_payee(transfer: CreditTransfer, registered: str) -> bool:
    """Say whether a transfer may go to an account in this name.

    True unless it asks for verification and the names do not match at all. The masked name, which
    is what a look-up shows, is the registered one.
    """
    if transfer.payee_verification != "PERFORM":
        return True
    given = transfer.creditor.name
    return given == mask_name(registered) or compare_names(given, registered) != "no_match"
