"""The simulated world for developers: parties, personas, the journey. Never part of serve."""
