"""Returns of settled payments, recalls, and their investigation. See README.md."""
