"""A process that dies anywhere while a file is checked, carried out and answered loses nothing.

Every crossing of a transaction, ledger call or HTTP call on the platform's side is a place to die,
before and after; what the dead one knew is gone, and the next one has the database only.
"""

from __future__ import annotations

import hashlib
from functools import partial

from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import CLAIM_MS
from lionrock.payments.files.domain.values import CREDIT_FILE, BatchFile
from lionrock.payments.files.service.checking import Checking
from lionrock.payments.files.service.intake import FileOpening
from tests.crash.payments.test_payout_crashes import run_and_die
from tests.unit.payments.batch import credit_file
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    LANTAU,
    PaymentsCity,
)
from tests.unit.payments.faults import (
    Tripwire,
)

AMOUNTS = [1_00, 2_00, 9_04]
SETTLED_MINOR = 3_00
FUNDED_MINOR = 3_000_00
CROSSINGS_MIN = 40
STRIDE = 3


async def receive(city: PaymentsCity, number: int) -> BatchFile:
    """A file of Lantau's that is complete and not checked yet, in parts of 900 bytes."""
    raw = credit_file(AMOUNTS, message_id=f"FILE-{number}")
    parts = [raw[start:start + 900] for start in range(0, len(raw), 900)]
    sender = await city.kernel.database.read(lambda db: city.payments.participant(db, LANTAU))
    assert sender is not None
    intake = city.payments.files.intake
    opened = await city.kernel.database.run(lambda db: intake.open(db, sender, FileOpening(
        name=f"F-{number}", definition=CREDIT_FILE, byte_count=len(raw), part_count=len(parts),
        sha256=hashlib.sha256(raw).hexdigest(),
    )))
    assert not isinstance(opened, Refused), opened
    file_id = opened.file.id
    for index, part in enumerate(parts, start=1):
        put = partial(
            intake.put_part, sender=sender, file_id=file_id, number=index, content=part
        )
        refused = await city.kernel.database.run(put)
        assert refused is None, refused
    file = await city.kernel.database.run(
        lambda db: intake.complete(db, sender, file_id)
    )
    assert not isinstance(file, Refused), file
    return file


async def stands(city: PaymentsCity, file: BatchFile) -> BatchFile:
    """The file as it stands."""
    sender = await city.kernel.database.read(lambda db: city.payments.participant(db, LANTAU))
    assert sender is not None
    found = await city.kernel.database.read(
        lambda db: city.payments.files.intake.own(db, sender, file.id)
    )
    assert not isinstance(found, Refused), found
    return found


async def live_on(city: PaymentsCity, file: BatchFile) -> BatchFile:
    """Another process takes over, without what the dead one had in memory."""
    city.payments.files.checking = Checking(city.payments._core)
    city.platform_worker._handlers = {
        **city.platform_worker._handlers,
        **city.payments.files.handlers(),
    }
    for _ in range(40):
        found = await stands(city, file)
        if found.state == "answered":
            return found
        await city.pass_seconds(CLAIM_MS / 1000 / 4, step=2.5)
    raise AssertionError(f"not answered: {found}")


async def test_dying_at_any_crossing_of_a_file_pays_every_entry_exactly_once(
    mortal_platform: PaymentsCity, wire: Tripwire
) -> None:
    city, at, files, died = mortal_platform, 0, 0, True
    while died:
        file = await receive(city, files)
        died = await run_and_die(city, wire, at)
        ended = await live_on(city, file)
        files += 1
        counts = (ended.entry_count, ended.settled_count, ended.rejected_count)
        assert counts == (3, 2, 1), (at, ended)
        at += STRIDE
    assert at > CROSSINGS_MIN, "fewer places to die than a file has"
    paid_minor = files * SETTLED_MINOR
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - paid_minor
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR + paid_minor
    statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert len([e for e in statement["entries"] if e["status"] == "confirmed"]) == 2 * files
    twice = await city.kernel.database.read(lambda db: db.fetchval(
        "SELECT count(*) FROM (SELECT payment_id FROM payments.file_entries"
        " GROUP BY payment_id HAVING count(*) > 1) AS twice"
    ))
    assert twice == 0
