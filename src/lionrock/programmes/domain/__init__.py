"""Pure values and decisions of programmes: dates of rules, facts, expressions, clauses, answers.

Nothing here reads a file, a clock, a database or chance; the same scheme, facts and date give the
same decision for ever. Not for: the Hong Kong data (lionrock.hongkong), cases (programmes.cases).
"""
