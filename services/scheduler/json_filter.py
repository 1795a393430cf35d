"""JsonFilter: a small language of the hint `query`, asked of whole columns at once."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import ScheduleRequest
from services.scheduler.figures import figure
from services.scheduler.hosts import HostTable, Mask
from services.scheduler.labels import Labels

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


class JsonFilter:
    """Passes nodes for which the hint `query`, an expression in JSON, is true.

    `["and", [">=", "$free_ram_mb", 1024], ["in", "$host", "host1", "host2"]]`, with =, <, >, <=,
    >=, in, not, or, and; a string that begins with $ is a figure of the node. As in Nova a `not` is
    a list, which inside another operator is true when there is anything in it.
    """

    def mask(self, table: HostTable, request: ScheduleRequest) -> Mask:
        """Return where it is true; everywhere without a query. Raises Invalid for a bad one."""
        query = _parsed(request.boot.scheduler_hints.get("query"))
        everywhere: Mask = np.ones(len(table), dtype=bool)
        if not query:
            return everywhere
        try:
            result = _evaluate(query, table)
        except (TypeError, IndexError) as error:
            raise Invalid(f"The hint query cannot be evaluated: {error}") from None
        if isinstance(result, list):
            true: Mask = ~everywhere
            for one in result:
                true |= _truth(one, table)
            return true
        return _truth(result, table)

    def explain(self, table: HostTable, request: ScheduleRequest, rejected: Mask) -> str:
        """Return the query."""
        return f"wants {json.dumps(_parsed(request.boot.scheduler_hints.get('query')))}"


def _parsed(hint: Any) -> Any:
    """Return the expression of a hint: JSON, its text, or a list of that one text."""
    text = hint[0] if isinstance(hint, list) and len(hint) == 1 else hint
    if not isinstance(text, str):
        return hint
    try:
        query = json.loads(text)
    except ValueError as error:
        raise Invalid(f"The hint query is no JSON: {error}") from None
    if not isinstance(query, list):
        raise Invalid("The hint query must be a list: an operator and what it is about.")
    return query


def _evaluate(query: Any, table: HostTable) -> Any:
    """Return a column, one value for all rows, or the list of them that a `not` is."""
    if not query:
        return True
    values = [_value(one, table) for one in query[1:]]
    values = [value for value in values if value is not None]
    match query[0]:
        case "not":
            return [~_truth(value, table) for value in values]
        case "or":
            return _all_of(np.logical_or, values, table, empty=False)
        case "and":
            return _all_of(np.logical_and, values, table, empty=True)
        case "in" if len(values) > 1:
            return np.logical_or.reduce(
                [_compared(operator.eq, values[0], one, table) for one in values[1:]]
            )
        case str(name) if name in _COMPARE and len(values) > 1:
            return np.logical_and.reduce(
                [_compared(_COMPARE[name], values[0], one, table) for one in values[1:]]
            )
        case str(name) if name in _COMPARE or name == "in":
            return False
    raise Invalid(f"The hint query has no operator {query[0]!r}.")


def _value(part: Any, table: HostTable) -> Any:
    if isinstance(part, list):
        return _evaluate(part, table)
    if not isinstance(part, str):
        return part
    if not part.startswith("$"):
        return part or None
    values = figure(table, part[1:])
    if isinstance(values, Labels):
        return np.array(values.kinds, dtype=object)[values.codes]
    return values


def _truth(value: Any, table: HostTable) -> Mask:
    if isinstance(value, np.ndarray):
        return np.asarray(value.astype(bool))
    return np.full(len(table), bool(value))


def _all_of(join: np.ufunc, values: list[Any], table: HostTable, *, empty: bool) -> Any:
    if not values:
        return empty
    return join.reduce([_truth(value, table) for value in values])


def _compared(compare: Callable[[Any, Any], Any], one: Any, other: Any, table: HostTable) -> Mask:
    return _truth(compare(one, other), table)
