"""The resource classes that operators give nodes, in columns, and the filter that asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from devstack_lite.objects.resources import capacity_of

Mask = npt.NDArray[np.bool_]
Column = npt.NDArray[np.float64]

_LIMITS = ("capacity", "min_unit", "max_unit", "step_size")


class ResourceClasses:
    """By class what each row may give away, and what is used of it; a row without it has 0."""

    def __init__(self) -> None:
        self.used: dict[str, Column] = {}
        self._limits: dict[str, dict[str, Column]] = {}
        self._rows = 0

    def append(self, more: int) -> None:
        """Add rows that have nothing yet."""
        self._rows += more
        for columns in (self.used, *self._limits.values()):
            for name, column in columns.items():
                columns[name] = np.concatenate([column, np.zeros(more)])

    def put(self, row: int, inventories: Mapping[str, Any], used: Mapping[str, int]) -> None:
        """Change what one row has."""
        for name in (inventories.keys() | used.keys()) - self.used.keys():
            self.used[name] = np.zeros(self._rows)
            self._limits[name] = {limit: np.zeros(self._rows) for limit in _LIMITS}
        for name, column in self.used.items():
            column[row] = used.get(name, 0)
            own = inventories.get(name)
            for limit, values in self._limits[name].items():
                if own is None:
                    values[row] = 0
                else:
                    values[row] = capacity_of(own) if limit == "capacity" else own[limit]

    def take(self, row: int, amounts: Mapping[str, int], sign: int = 1) -> None:
        """Take amounts off a row, or with sign -1 give them back, in this copy."""
        for name, amount in amounts.items():
            if name in self.used:
                self.used[name][row] += sign * amount

    def free(self, name: str) -> Column:
        """Return what is left of a class on each row."""
        if name not in self.used:
            return np.zeros(self._rows)
        return self._limits[name]["capacity"] - self.used[name]

    def there(self, name: str) -> Mask:
        """Return the rows that have an inventory of a class."""
        if name not in self.used:
            return np.zeros(self._rows, dtype=bool)
        return self._limits[name]["max_unit"] > 0

    def units_fit(self, name: str, amount: int) -> Mask:
        """Return the rows that have a class and let amount of it be claimed at once."""
        found = self.there(name)
        if found.any():
            own = self._limits[name]
            found &= (own["min_unit"] <= amount) & (amount <= own["max_unit"])
            found &= np.mod(amount, np.maximum(own["step_size"], 1)) == 0
        return found

    def fits(self, name: str, amount: int) -> Mask:
        """Return the rows that have room for amount of a class."""
        return self.units_fit(name, amount) & (self.free(name) >= amount)
