"""Settlement: participants' liquidity, alerts, end-of-day statements, reconciliation."""
