"""JSON patch, as Glance takes it: one level of paths, attributes and properties."""

from __future__ import annotations

from typing import Any

import jsonschema

from devstack_lite.exceptions import Conflict, Forbidden, Invalid
from devstack_lite.objects.image import Image, ImageChange
from services.image import schemas
from services.image.limits import check_count

_OLD_TYPE = "application/openstack-images-v2.0-json-patch"
CONTENT_TYPES = (_OLD_TYPE, "application/openstack-images-v2.1-json-patch")
"""Of the older one an operation is `{"replace": "/name", "value": …}`."""

_VERBS = ("add", "remove", "replace")
_SHAPE = jsonschema.Draft202012Validator(schemas.PATCH)
_ATTRIBUTES = jsonschema.Draft202012Validator(schemas.CREATE)


def operations_of(content_type: str, operations: Any) -> Any:
    """Return the operations of a patch in the newer type's form. Raises Invalid."""
    if content_type != _OLD_TYPE or not isinstance(operations, list):
        return operations
    return [_renewed(operation) for operation in operations]


def _renewed(operation: Any) -> dict[str, Any]:
    if not isinstance(operation, dict):
        raise Invalid("Operations must be JSON objects.")
    verbs = [verb for verb in _VERBS if verb in operation]
    if len(verbs) != 1:
        raise Invalid(
            'Operation objects must contain exactly one member named "add", "remove", or "replace".'
        )
    others = {key: value for key, value in operation.items() if key != verbs[0]}
    return {**others, "op": verbs[0], "path": operation[verbs[0]]}


def check_writable(names: Any) -> None:
    """Raise Forbidden for the first of names that no user may set."""
    for name in names:
        if name in schemas.READ_ONLY:
            raise Forbidden(f"Attribute '{name}' is read-only.", kind="image")
        if name in schemas.RESERVED:
            raise Forbidden(f"Attribute '{name}' is reserved.", kind="image")


def check_values(values: dict[str, Any]) -> None:
    """Raise Invalid when attributes or properties have values that they cannot have."""
    error = next(iter(_ATTRIBUTES.iter_errors(values)), None)
    if error is not None:
        name = error.path[0] if error.path else "image"
        raise Invalid(f"Provided object does not match schema 'image': {name}: {error.message}")


def change_of(image: Image, operations: Any) -> ImageChange:
    """Return what the operations change of image.

    Raises Invalid for a malformed patch, Forbidden for what may not be changed, Conflict for a
    property that is not there, or that is there already.
    """
    error = next(iter(_SHAPE.iter_errors(operations)), None)
    if error is not None:
        raise Invalid(f"Invalid JSON patch: {error.message}")
    values: dict[str, Any] = {}
    properties: dict[str, Any] = dict(image.properties)
    for operation in operations:
        name = operation["path"][1:].replace("~1", "/").replace("~0", "~")
        _check_operation(operation, name)
        if name in schemas.SETTABLE:
            values[name] = operation["value"]
        elif operation["op"] == "remove":
            _check_present(properties, name)
            del properties[name]
        else:
            if operation["op"] == "replace":
                _check_present(properties, name)
            elif name in properties:
                raise Conflict(f"Property {name} already present.", kind="image")
            properties[name] = operation["value"]
    check_count("properties", len(properties))
    if isinstance(values.get("tags"), list):
        check_count("tags", len(values["tags"]))
    changed = {key: value for key, value in properties.items()
               if image.properties.get(key) != value}  # fmt: skip
    check_values({**values, **changed})
    if "tags" in values:
        values["tags"] = list(dict.fromkeys(values["tags"]))
    removed = tuple(name for name in image.properties if name not in properties)
    return ImageChange(values=values, properties=changed, removed=removed)


def _check_operation(operation: dict[str, Any], name: str) -> None:
    if name == "id":
        raise Forbidden("Attribute 'id' is read-only.", kind="image")
    check_writable([name])
    if operation["op"] == "remove":
        if name in schemas.SETTABLE:
            raise Forbidden(f"Property {name} may not be removed.", kind="image")
    elif "value" not in operation:
        raise Invalid(f'Operation "{operation["op"]}" requires a member named "value".')


def _check_present(properties: dict[str, Any], name: str) -> None:
    if name not in properties:
        raise Conflict(f"Property {name} does not exist.", kind="image")
