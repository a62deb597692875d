"""Participant onboarding: asked, reviewed by two, set up, tested without money, live."""
