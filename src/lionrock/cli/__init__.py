"""The commands. Thin: parse, call, print; what they print has --json where it is facts."""

from lionrock.cli.main import main

__all__ = ["main"]
