"""Where numbers lie: rows behind a pointer, and the rows of a head in an array of (batch, heads, length, dim)."""

from typing import Any, NamedTuple

from numba import njit

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd.registers import pointer


class Rows(NamedTuple):
    """Row i begins at data[at + i · step]; `data` is a pointer, `at` and `step` count its numbers."""

    data: Any
    at: int
    step: int


class Place(NamedTuple):
    """A whole array behind a pointer, with the numbers from one sequence, head and row to the next."""

    data: Any
    batch: int
    head: int
    row: int


@njit(**INLINE)
def place(array, numbers, first):
    """The `Place` of a flat array whose three strides are numbers[first …]."""
    return Place(pointer(array), numbers[first], numbers[first + 1], numbers[first + 2])


@njit(**INLINE)
def rows_at(place, b, h, i):
    """The `Rows` of head h in sequence b of a `Place`, from row i on."""
    return Rows(place.data, b * place.batch + h * place.head + i * place.row, place.row)


@njit(**INLINE)
def rows_from(rows, i):
    """The same rows without the first i."""
    return Rows(rows.data, rows.at + i * rows.step, rows.step)


@njit(**INLINE)
def columns_from(rows, d):
    """The same rows without their first d columns."""
    return Rows(rows.data, rows.at + d, rows.step)
