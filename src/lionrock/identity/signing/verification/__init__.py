"""Verification: is it valid, and was the signer entitled to bind the company; see ../README.md."""
