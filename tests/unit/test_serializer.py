"""What crosses RPC comes back as it was; old and new senders understand each other."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import sys
import types
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oslo_messaging._drivers.common import deserialize_remote_exception, serialize_remote_exception

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import BY_NAME, Conflict, DevstackError
from devstack_lite.objects.compute import Flavor, Instance, Progress
from devstack_lite.objects.registry import REGISTRY
from devstack_lite.rpc.serializer import MessageSerializer, decode, encode
from devstack_lite.rpc.transport import REMOTE_EXCEPTION_MODULES
from devstack_lite.states import PowerState, TaskState, VmState

TINY = Flavor(id="1", name="m1.tiny", vcpus=1, memory_mb=512, root_gb=1)
INSTANCE = Instance(
    uuid="u", name="n", project_id="p", user_id="q", flavor=TINY, image_ref="i",
    vm_state=VmState.BUILDING, task_state=TaskState.SPAWNING, power_state=PowerState.NOSTATE,
    network_info=({"mac": "x", "ips": [{"address": "10.0.0.2"}]},),
    created_at=datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=datetime.UTC),
)  # fmt: skip


def test_round_trip_through_json() -> None:
    """Objects, enums, times and what they hold are equal after JSON."""
    assert decode(json.loads(json.dumps(encode([INSTANCE, {"a": TINY}])))) == [
        INSTANCE,
        {"a": TINY},
    ]


ATOMS = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
KEYS = st.text(max_size=4) | st.just("_t")
JSON = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    Any: JSON,
    type(None): st.none(),
    datetime.datetime: st.datetimes(timezones=st.just(datetime.UTC)),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return what a field of this type may hold."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if origin in {types.UnionType, typing.Union}:
        return st.one_of(*map(values_of, arguments))
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(KEYS, values_of(arguments[1]), max_size=3)
    if issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    return messages_of(hint)


def messages_of(cls: Any) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(cls)
    hints |= dict.fromkeys(hints.keys() & {"power_state"}, PowerState)
    return st.builds(
        cls, **{field.name: values_of(hints[field.name]) for field in dataclasses.fields(cls)}
    )


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_each_message_comes_back_as_it_was(name: str) -> None:
    """Whatever its fields hold, dictionaries with the serializer's own tag among them."""

    @given(messages_of(REGISTRY[name]))
    def comes_back(sent: Any) -> None:
        assert sent == decode(json.loads(json.dumps(encode(sent))))

    comes_back()


def sent_back(error: DevstackError) -> Any:
    """Return the error as the caller gets it from the server."""
    try:
        raise error
    except DevstackError:
        sent = serialize_remote_exception(sys.exc_info())
    return deserialize_remote_exception(sent, REMOTE_EXCEPTION_MODULES)


@pytest.mark.parametrize("cls", BY_NAME.values(), ids=lambda cls: cls.__name__)
def test_errors_keep_their_class_text_and_kind(cls: type[DevstackError]) -> None:
    """The caller can tell what the other side refused, and about which resource."""
    got = sent_back(cls("no such thing", kind="network"))
    assert isinstance(got, cls)
    assert (got.message, got.kind, got.definite) == ("no such thing", "network", cls.definite)


def test_an_error_without_a_kind_has_none() -> None:
    """Nothing is made up on the way."""
    assert sent_back(Conflict("taken")).kind == ""


def test_unknown_fields_are_ignored_and_missing_ones_default() -> None:
    """A newer sender's field is dropped; an older sender's lack of one is filled."""
    message = encode(Progress(instance_uuid="u", attempt=1, owner="me"))
    message["colour"] = "red"
    del message["task_state"]
    assert decode(message) == Progress(instance_uuid="u", attempt=1, owner="me")


def test_unregistered_class_is_refused() -> None:
    """What no receiver knows is an error at the sender."""
    with pytest.raises(TypeError, match="is not a message"):
        encode(object())


def test_context_carries_its_ids_and_the_time_of_sending() -> None:
    """The receiver has the sender's request id, token and roles, and knows when it was sent."""
    serializer = MessageSerializer()
    sent = RequestContext(user_id="u", project_id="p", roles=["member"], auth_token="t")
    got = serializer.deserialize_context(serializer.serialize_context(sent.for_instance("i")))
    assert (sent.request_id, "u", "p", ["member"], "t", "i") == (
        got.request_id, got.user_id, got.project_id, got.roles, got.auth_token, got.resource_uuid
    )  # fmt: skip
    assert got.sent_at > 0
