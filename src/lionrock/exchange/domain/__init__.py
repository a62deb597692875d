"""Pure values and rules of the exchange: no I/O, no clock, no randomness."""
