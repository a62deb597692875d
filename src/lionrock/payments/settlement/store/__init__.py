"""SQL of settlement: liquidity and alerts; cuts, statements and what they are compared with."""
