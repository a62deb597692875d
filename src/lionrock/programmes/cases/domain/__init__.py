"""Cases as pure values and rules."""
