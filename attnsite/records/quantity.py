"""A number that knows its unit, its spread and how to print itself."""

import math
from dataclasses import dataclass

_THIN = "\u202f"  # a narrow space that does not break, between number and unit
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("", "k", "M", "G", "T", "P")
_WORDS = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_CLOSE = ("×", "%")  # signs that stand at their number
_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


@dataclass(frozen=True)
class Quantity:
    """A value in the base unit of its kind.

    `unit` is one of `"×"` (a ratio), `"%"` (a share of one), `"s"`, `"B"`, `"FLOP"`, `"FLOP/s"`, `"B/s"`, `"exp"` and
    `"parameters"` (numbers of them, in words: 2.15 billion), `"1"` (a plain number), `"small"` (a plain number that may
    be tiny: 0.026, 1.3 × 10⁻⁶), `"count"` (printed in full) or any other text, printed behind the number.
    `low` and `high` bound the interquartile range of the samples (or of the seeds), in the same unit; None where the
    value is exact.
    """

    value: float
    unit: str = "1"
    low: float | None = None
    high: float | None = None
    digits: int = 3

    @property
    def exact(self) -> bool:
        return self.low is None and self.high is None

    def __str__(self) -> str:
        return self.text(self.value)

    def text(self, value: float) -> str:
        """Print a value the way this quantity prints: three digits, the unit's prefix chosen for it."""
        if not math.isfinite(value):
            return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
        if value < 0:
            return "−" + self.text(-value)
        unit, digits = self.unit, self.digits
        if unit == "count":
            return f"{round(value):,}".replace(",", _THIN)
        if unit == "%":
            return f"{_round(100 * value, digits)}%"
        if unit == "1":
            return _round(value, digits)
        if unit == "small":
            return _small(value)
        if unit == "s":
            scale, name = next(((s, n) for s, n in _TIMES if value >= 0.9995 * s), _TIMES[-1])  # not 1000 µs
            return f"{_round(value / scale, digits)}{_THIN}{name}"
        if unit == "B":
            return _prefixed(value, 1024, _BINARY, digits, "")
        if unit in ("exp", "parameters"):
            return _prefixed(value, 1000, _WORDS, digits, "")
        if unit in ("FLOP", "FLOP/s", "B/s"):
            return _prefixed(value, 1000, _DECIMAL, digits, unit)
        return f"{_round(value, digits)}{'' if unit in _CLOSE else _THIN}{unit}"

    def spread(self) -> str:
        """The interquartile range, as text; empty when the value is exact."""
        if self.low is None or self.high is None:
            return ""
        return f"{self.text(self.low)} to {self.text(self.high)}"


def _round(value: float, digits: int) -> str:
    """`digits` significant digits, never an exponent below 10¹⁵; a whole number is printed whole."""
    if value >= 1e15:
        return _power(value, digits)
    if value >= 1e7 and not float(value).is_integer():  # a quotient has no nine true digits
        value = float(f"{value:.{digits - 1}e}")
    if float(value).is_integer():
        whole = int(value)
        return f"{whole:,}".replace(",", _THIN) if whole >= 10_000 else str(whole)
    exponent = math.floor(math.log10(abs(value)))
    places = max(0, digits - 1 - exponent)
    text = f"{value:,.{places}f}"
    if places and float(text.replace(",", "")) >= 10.0 ** (exponent + 1):  # 0.9999 is 1.00, with no digit more
        text = f"{value:,.{places - 1}f}"
    return text.replace(",", _THIN)


def _power(value: float, digits: int) -> str:
    """A number beyond all prefixes: 8.00×10²². A double has no more true digits than it prints."""
    number, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{number}×10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def power_of_ten(exponent: int) -> str:
    """A power of ten as people write it: 10⁻⁸; 1 and 10 as they are."""
    if exponent in (0, 1):
        return str(10**exponent)
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _small(value: float) -> str:
    """Two digits, below a thousandth with a power of ten."""
    if value >= 100:
        return _round(value, 2)
    if value == 0 or value >= 1e-3:
        return f"{value:.2g}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}\u00a0×\u00a0{power_of_ten(int(exponent))}"


def _prefixed(value: float, base: int, names: tuple[str, ...], digits: int, unit: str) -> str:
    step = 0
    while value >= base - 0.5 and step < len(names) - 1:  # what would be printed as 1000 of one is 1.00 of the next
        value, step = value / base, step + 1
    suffix = names[step] + unit
    number = _power(value, digits) if value >= 1e6 else _round(value, digits)
    return f"{number}{_THIN}{suffix}" if suffix else number
