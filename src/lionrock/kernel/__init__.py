"""The ground floor: clocks, ids, secrets, money, errors, HTTP, database, jobs, keys, signatures.

It knows no pillar. See README.md in this folder.
"""
