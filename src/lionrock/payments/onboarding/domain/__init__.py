"""Pure rules of participant onboarding."""
