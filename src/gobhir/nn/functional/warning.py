"""Warnings that point at the user's own line."""

from gobhir.lang import warn

__all__ = ["warn"]
