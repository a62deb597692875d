"""Requests to pay: asked, answered, paid once, withdrawn, expired. See README.md."""
