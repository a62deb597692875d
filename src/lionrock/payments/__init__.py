"""Payments: an FPS-style switch, its addressing by proxy, and its messages. See README.md."""
