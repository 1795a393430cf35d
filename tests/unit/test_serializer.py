"""What crosses RPC comes back as it was; old and new senders understand each other."""

from __future__ import annotations

import datetime
import json

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.objects.compute import Flavor, Instance, Progress
from devstack_lite.rpc.serializer import MessageSerializer, decode, encode
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
