"""A column of things that many rows share: each different one is kept, and asked about, once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=Hashable)

KEPT = 100
"""So many kinds that no row has are kept for rows to come, and as many again as there are rows."""


class Labels(Generic[T]):
    """Per row the number of one of `kinds`. One that no row has stays, until it is forgotten."""

    def __init__(self, values: Iterable[T] = ()) -> None:
        self.kinds: list[T] = []
        self.codes: npt.NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._number: dict[T, int] = {}
        self.append(values)

    def append(self, values: Iterable[T]) -> None:
        """Add a row for each value."""
        more = np.array([self.number(value) for value in values], dtype=np.intp)
        self.codes = np.concatenate([self.codes, more])

    def put(self, row: int, value: T) -> None:
        """Change one row."""
        self.codes[row] = self.number(value)

    def forget_unused(self) -> None:
        """Forget the kinds that no row has, once they are many."""
        if len(self.kinds) <= 2 * len(self.codes) + KEPT:
            return
        used, self.codes = np.unique(self.codes, return_inverse=True)
        self.kinds = [self.kinds[number] for number in used]
        self._number = {kind: number for number, kind in enumerate(self.kinds)}

    def number(self, value: T) -> int:
        """Return the number of a kind, a new one where it is new."""
        found = self._number.get(value)
        if found is None:
            found = self._number[value] = len(self.kinds)
            self.kinds.append(value)
        return found

    def where(self, passes: Callable[[T], bool]) -> npt.NDArray[np.bool_]:
        """Return True for the rows whose kind passes, which is asked once per kind."""
        answers = np.fromiter((passes(kind) for kind in self.kinds), bool, len(self.kinds))
        return answers[self.codes]

    def among(self, wanted: Collection[T]) -> npt.NDArray[np.bool_]:
        """Return True for the rows whose kind is one of wanted, which may be of no row."""
        answers = np.zeros(len(self.kinds), dtype=bool)
        numbers = [self._number[kind] for kind in wanted if kind in self._number]
        answers[numbers] = True
        return answers[self.codes]

    def column(self, figure: Callable[[T], float]) -> npt.NDArray[np.float64]:
        """Return a figure of each row's kind."""
        figures = np.fromiter((figure(kind) for kind in self.kinds), float, len(self.kinds))
        return figures[self.codes]

    def filled(self, figures: Mapping[T, float]) -> npt.NDArray[np.float64]:
        """Return the figure of each row's kind, 0 where it has none."""
        of_kind = np.zeros(len(self.kinds))
        for kind, value in figures.items():
            if kind in self._number:
                of_kind[self._number[kind]] = value
        return of_kind[self.codes]

    def found(self, rows: npt.NDArray[np.bool_]) -> Sequence[T]:
        """Return the kinds that some of these rows have."""
        return [self.kinds[code] for code in np.unique(self.codes[rows])]

    def __getitem__(self, row: int | np.intp) -> T:
        return self.kinds[int(self.codes[row])]

    def __len__(self) -> int:
        return len(self.codes)
