"""Use cases of payments: orders, the switch, messages in and out, participants.

It names none of its modules: rooms of payments use its parts, and `payments` puts them together.
"""
