"""The outside parties of the sandbox in one process, each with its own keys and state.

They speak to the platform over real HTTP only. Magic values are understood here and nowhere else.
"""
