"""Persons, companies, staff roles: provisioning by the operator, and reading for everybody else."""

from __future__ import annotations

from datetime import datetime
from typing import cast, get_args

from lionrock.identity.domain.parties import (
    STAFF_ROLES,
    Company,
    CompanyDraft,
    CompanyStatus,
    Person,
    PersonDraft,
    PersonStatus,
    StaffRole,
    normal_business_number,
    normal_email,
    normal_handle,
    normal_identity_number,
    normal_phone,
    read_identifier,
)
from lionrock.identity.domain.refusals import IdentityRefusal
from lionrock.identity.domain.words import is_safe_line
from lionrock.identity.service.vault import Vault
from lionrock.identity.store import parties as store
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text

NAME_LENGTH_MAX = 120


class Parties:
    """Who exists. Every function works in the caller's transaction."""

    def __init__(self, kernel: Kernel, vault: Vault) -> None:
        self._kernel = kernel
        self._vault = vault

    async def create_person(self, db: Connection, draft: PersonDraft) -> Person | Refused:
        """Add a person; refused: a malformed identifier, or PERSON_EXISTS for one already held."""
        number = normal_identity_number(draft.identity_number)
        phone, email = normal_phone(draft.phone), normal_email(draft.email)
        handle = normal_handle(draft.handle) if draft.handle is not None else None
        for value in (_check_names(draft.names), number, phone, email, handle):
            if isinstance(value, Refused):
                return value
        assert isinstance(number, str) and isinstance(phone, str), "refused above"
        assert isinstance(email, str) and not isinstance(handle, Refused), "refused above"
        person_id = self._kernel.ids.new("per")
        vault = self._vault
        problem = await store.insert_person(
            db,
            store.PersonRow(
                id=person_id, names=draft.names, status="active",
                identity_number_key=vault.look_up_key("identity_number", number),
                identity_number_sealed=vault.seal("identity_number", person_id, number),
                phone_key=vault.look_up_key("phone", phone),
                phone_sealed=vault.seal("phone", person_id, phone),
                email_key=vault.look_up_key("email", email),
                email_sealed=vault.seal("email", person_id, email),
                handle=handle, created_at=self._kernel.business_clock.now(),
            ),
        )  # fmt: skip
        if problem is not None:
            return problem
        return Person(
            id=person_id, names=draft.names, status="active", phone=phone, email=email,
            handle=handle,
        )  # fmt: skip

    async def person(self, db: Connection, person_id: str) -> Person | Refused:
        """Return a person, contact data in the clear; PERSON_UNKNOWN."""
        row = await store.person(db, person_id)
        return self._opened(row) if row else Refused(IdentityRefusal.PERSON_UNKNOWN)

    async def find_person(self, db: Connection, identifier: str) -> Person | None:
        """Return the active person with a phone number, e-mail address or handle."""
        row = await self._find_row(db, identifier)
        return self._opened(row) if row is not None else None

    async def find_person_id(self, db: Connection, identifier: str) -> str | None:
        """Return the id of whom `find_person` finds; contact data stay closed."""
        row = await self._find_row(db, identifier)
        return row.id if row is not None else None

    async def _find_row(self, db: Connection, identifier: str) -> store.PersonRow | None:
        found = read_identifier(identifier)
        if found is None:
            return None
        kind, value = found
        if kind == "email":
            row = await store.person_by_email(db, self._vault.look_up_key("email", value))
        elif kind == "phone":
            row = await store.person_by_phone(db, self._vault.look_up_key("phone", value))
        else:
            row = await store.person_by_handle(db, value)
        return row if row is not None and row.status == "active" else None

    async def set_person_status(
        self, db: Connection, person_id: str, status: PersonStatus
    ) -> Refused | None:
        """Suspend or reactivate a person: devices and tokens of a suspended one stop at once."""
        assert status in get_args(PersonStatus), status
        if not await store.set_person_status(db, person_id, status):
            return Refused(IdentityRefusal.PERSON_UNKNOWN)
        return None

    async def create_company(self, db: Connection, draft: CompanyDraft) -> Company | Refused:
        """Add a company; refused: BUSINESS_NUMBER, a name, or COMPANY_EXISTS."""
        number = normal_business_number(draft.business_number)
        for value in (_check_names(draft.names), number):
            if isinstance(value, Refused):
                return value
        assert isinstance(number, str), "refused above"
        company = Company(
            id=self._kernel.ids.new("com"), business_number=number, names=draft.names,
            status=draft.status,
        )  # fmt: skip
        problem = await store.insert_company(db, company, self._kernel.business_clock.now())
        return problem if problem is not None else company

    async def company(self, db: Connection, company_id: str) -> Company | Refused:
        """Return a company; COMPANY_UNKNOWN."""
        return await store.company(db, company_id) or Refused(IdentityRefusal.COMPANY_UNKNOWN)

    async def company_by_business_number(self, db: Connection, number: str) -> Company | Refused:
        """Return the company with a business registration number; COMPANY_UNKNOWN."""
        digits = normal_business_number(number)
        if isinstance(digits, Refused):
            return digits
        found = await store.company_by_business_number(db, digits)
        return found or Refused(IdentityRefusal.COMPANY_UNKNOWN)

    async def set_company_status(
        self, db: Connection, company_id: str, status: CompanyStatus
    ) -> Refused | None:
        """Note whether a company lives: nobody acts for one that is suspended or has ceased."""
        assert status in get_args(CompanyStatus), status
        if not await store.set_company_status(db, company_id, status):
            return Refused(IdentityRefusal.COMPANY_UNKNOWN)
        return None

    async def staff_roles(
        self, db: Connection, person_id: str, at: datetime | None = None
    ) -> frozenset[StaffRole]:
        """Return the staff roles that a person holds (held at a business instant)."""
        return await store.staff_roles(db, person_id, at or self._kernel.business_clock.now())

    async def grant_staff_role(
        self, db: Connection, person_id: str, role: str
    ) -> Refused | None:
        """Give a role from now on; granting one that is held changes nothing."""
        if role not in STAFF_ROLES:
            return Refused(IdentityRefusal.STAFF_ROLE, f"Known: {', '.join(STAFF_ROLES)}.", "role")
        if not await store.lock_person(db, person_id):
            return Refused(IdentityRefusal.PERSON_UNKNOWN)
        now = self._kernel.business_clock.now()
        if role not in await store.staff_roles(db, person_id, now):
            await store.insert_staff_role(db, person_id, role, now)
        return None

    async def revoke_staff_role(self, db: Connection, person_id: str, role: str) -> Refused | None:
        """End a role now; STAFF_ROLE when it is not held."""
        now = self._kernel.business_clock.now()
        if not await store.end_staff_role(db, person_id, role, now):
            return Refused(IdentityRefusal.STAFF_ROLE, "The person does not hold it.", "role")
        return None

    def _opened(self, row: store.PersonRow) -> Person:
        return Person(
            id=row.id, names=row.names, status=cast(PersonStatus, row.status),
            phone=self._vault.unseal("phone", row.id, row.phone_sealed),
            email=self._vault.unseal("email", row.id, row.email_sealed), handle=row.handle,
        )  # fmt: skip


def _check_names(names: Text) -> Refused | None:
    """Names end up in approval words, so they are safe lines in all three languages."""
    for name in (names.en, names.zh_hant, names.zh_hans):
        if not is_safe_line(name, NAME_LENGTH_MAX):
            detail = f"One line of 1 to {NAME_LENGTH_MAX} characters."
            return Refused(IdentityRefusal.APPROVAL_FIELD_UNSAFE, detail, field="names")
    return None
