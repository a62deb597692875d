"""Lion Rock: the digital infrastructure of an innovation economy in one package."""

__version__ = "0.1.0"
