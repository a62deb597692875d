"""Lost-phone recovery: back to one's identity without any of one's devices. See README.md."""
