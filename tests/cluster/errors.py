"""The bed's own errors."""

from __future__ import annotations


class BedError(Exception):
    """The bed cannot do what was asked; the text says why."""


class Unavailable(BedError):
    """This machine cannot have a bed; one line says why."""
