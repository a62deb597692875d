"""The benches that need a whole city: tokens, log-ins, expiry. Not for: figures of one module."""
