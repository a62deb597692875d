"""Pure values and rules of the ledger: no I/O, no clock, no chance."""
