"""What a request says of a user, a project and so on: columns of its own, and anything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]


def values_of(wanted: Json, columns: Iterable[str], schema: Json) -> Json:
    """Return the columns that a body's thing names, and as `extra` what its schema does not know.

    Keystone keeps and shows such attributes; clients send a `project_id` with a user, say.
    """
    (thing,) = schema["properties"].values()
    values = {name: wanted[name] for name in columns if name in wanted}
    extra = {name: value for name, value in wanted.items() if name not in thing["properties"]}
    return {**values, "extra": extra} if extra else values
