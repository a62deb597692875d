"""Rows of participant onboarding."""
