"""Kubernetes quantities: "100m", "1.5Gi", "2e3" (apimachinery resource.Quantity)."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal("1e3"),
    **{name: Decimal(10) ** (3 * power) for power, name in enumerate("MGTPE", 2)},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", 1)},
}
_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)")


def parse_quantity(text: str | float) -> Decimal:
    """The amount in base units (cores, bytes, pieces). ValueError when it is no quantity.

    JSON may have a bare number where the API takes a quantity.
    """
    match = _FORM.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"not a quantity: {text!r}")
    number, exponent, suffix = match.groups()
    try:
        return Decimal(number + (exponent or "")) * _SUFFIXES[suffix or ""]
    except InvalidOperation as error:
        raise ValueError(f"not a quantity: {text!r}") from error


def amount(text: str | float) -> Decimal:
    """The quantity, or 0 for what is none: such a value is not compared."""
    try:
        return parse_quantity(text)
    except ValueError:
        return Decimal(0)
