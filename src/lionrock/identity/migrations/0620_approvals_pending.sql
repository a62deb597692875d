-- What is asked of a company's officers and is undecided: found again when a mandate ends.
CREATE INDEX approvals_pending_by_company ON identity.approvals (company_id)
    WHERE state = 'pending' AND company_id IS NOT NULL;
