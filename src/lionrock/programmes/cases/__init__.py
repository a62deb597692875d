"""Cases: applications judged by rules and people, awards, agreements, payouts, the register."""
