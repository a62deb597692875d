"""Use cases of participant onboarding."""
