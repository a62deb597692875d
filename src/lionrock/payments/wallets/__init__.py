"""e-CNY-style wallets: simulated RMB wallets topped up through the switch at a quoted rate."""
