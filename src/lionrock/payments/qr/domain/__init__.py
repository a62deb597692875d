"""The codec: pure functions from text to content and back."""
