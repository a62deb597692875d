"""The simulated world for developers: outside parties, personas, the journey. Never part of serve."""
