"""How objects and contexts cross RPC: JSON with a tag where JSON has no word for it."""

from __future__ import annotations

import contextvars
import dataclasses
import datetime
import time
from typing import Any

import oslo_messaging

from devstack_lite.context import RequestContext
from devstack_lite.objects import (
    compute,
    facts,
    identity,
    image,
    network,
    routing,
    security,
    volume,
)
from devstack_lite.objects.registry import REGISTRY
from devstack_lite.states import PowerState, TaskState, VmState

MESSAGE_MODULES = (compute, facts, identity, image, network, routing, security, volume)
"""Importing them registers what they declare."""

_TAG = "_t"
_ENUMS: dict[str, Any] = {
    "vm_state": VmState,
    "task_state": TaskState,
    "power_state": PowerState,
}


def _field_names(cls: type[Any]) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(cls))


_FIELDS: dict[str, frozenset[str]] = {}


def encode(value: Any) -> Any:
    """Return value as JSON types. Raises TypeError for a dataclass that is not registered."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, dict):
        encoded = {key: encode(item) for key, item in value.items()}
        # A user's own dictionary (metadata, say) may hold the tag as a key.
        return {_TAG: "dict", "v": encoded} if _TAG in encoded else encoded
    if isinstance(value, (list, tuple, set, frozenset)):
        return [encode(item) for item in value]
    if isinstance(value, datetime.datetime):
        return {_TAG: "datetime", "v": value.isoformat()}
    name = type(value).__name__
    if name not in REGISTRY:
        raise TypeError(f"{name} is not a message: register it with @message")
    return {_TAG: name, **{key: encode(getattr(value, key)) for key in _fields_of(name)}}


def _fields_of(name: str) -> frozenset[str]:
    fields = _FIELDS.get(name)
    if fields is None:
        fields = _FIELDS[name] = _field_names(REGISTRY[name])
    return fields


def decode(value: Any) -> Any:
    """Return what encode() was given, lists as tuples inside objects and as lists elsewhere."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    name = value.get(_TAG)
    if name is None:
        return {key: decode(item) for key, item in value.items()}
    if name == "dict":
        return {key: decode(item) for key, item in value["v"].items()}
    if name == "datetime":
        return datetime.datetime.fromisoformat(value["v"])
    known = _fields_of(name)
    fields: dict[str, Any] = {}
    for key, item in value.items():
        if key in known:
            fields[key] = _decode_field(key, item)
    return REGISTRY[name](**fields)


def _decode_field(key: str, item: Any) -> Any:
    decoded = decode(item)
    if isinstance(decoded, list):
        return tuple(decoded)
    if key in _ENUMS and decoded is not None:
        return _ENUMS[key](decoded)
    return decoded


EXPIRES_AT: contextvars.ContextVar[float] = contextvars.ContextVar("expires_at", default=0.0)
"""When the call that this thread makes is given up, in epoch seconds; 0 is never."""


class MessageSerializer(oslo_messaging.NoOpSerializer):  # type: ignore[misc]
    """What oslo.messaging asks to put contexts and arguments on the wire and to take them off."""

    def serialize_entity(self, ctxt: Any, entity: Any) -> Any:
        """Return entity as JSON types."""
        return encode(entity)

    def deserialize_entity(self, ctxt: Any, entity: Any) -> Any:
        """Return the objects in entity."""
        return decode(entity)

    def serialize_context(self, context: RequestContext) -> dict[str, Any]:
        """Return the context for the wire, with the times at which it is sent and expires."""
        return {**context.to_message(), "sent_at": time.time(), "expires_at": EXPIRES_AT.get()}

    def deserialize_context(self, context: dict[str, Any]) -> RequestContext:
        """Return the sender's context."""
        return RequestContext.from_message(context)
