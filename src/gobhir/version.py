"""Which version this is, and for which graphics cards it was built: for none."""

from gobhir import __version__

__all__ = ["__version__", "cuda", "hip"]

cuda = hip = None
