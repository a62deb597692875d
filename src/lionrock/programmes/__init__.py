"""Public programmes: schemes with dated rules, decisions on facts, and (in cases/) cases."""
