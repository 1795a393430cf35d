"""A project with one of everything that the compute API shows, and who asks for it by route."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db import (
    builds,
    flavors,
    hosts,
    images,
    keypairs,
    networks,
    security_groups,
    server_groups,
)
from devstack_lite.db.quotas import Limits
from devstack_lite.db.schema import instances, metadata, migrations
from devstack_lite.names import default_group_id
from devstack_lite.objects.compute import Flavor, GroupPolicy, Keypair, ServerGroup
from devstack_lite.objects.image import Image
from devstack_lite.objects.network import Network
from devstack_lite.states import PowerState, VmState
from devstack_lite.wsgi.router import Route
from tests.api.conftest import (
    ADMIN,
    ADMIN_PROJECT,
    DEMO_PROJECT,
    OTHER_PROJECT,
    Answer,
    Api,
    Cloud,
)
from tests.api.every_route import NOTHING
from tests.unit.conftest import make_boot, make_node

NETWORK = "11111111-2222-4333-8444-888888888888"
IMAGE = "11111111-2222-4333-8444-777777777777"
GROUP = "11111111-2222-4333-8444-666666666666"


class Asker:
    """Asks by route; knows the ids of what is there."""

    def __init__(self, api: Api, cloud: Cloud) -> None:
        self._api = api
        self._cloud = cloud
        self.uuid = make_server(cloud)
        self.group_id = GROUP
        self.migration_id = ""
        self.service_id = ""

    def path(self, route: Route) -> str:
        """Return the path of what is there."""
        ids = {
            "servers": self.uuid, "server_metadata": "color", "tags": "blue",
            "flavors": "p1", "flavor_extra_specs": "a", "keypairs": "key1",
            "migrations": self.migration_id, "services": self.service_id, "hosts": "nowhere",
            "hypervisors": "nowhere", "aggregates": "1", "server_groups": self.group_id,
            "tenant_usage": DEMO_PROJECT, "quotas": DEMO_PROJECT, "extensions": "os-volumes",
            "instance_actions": "req-1", "images": IMAGE, "image_metadata": "color",
            "security_groups": default_group_id(DEMO_PROJECT), "networks": NETWORK,
        }  # fmt: skip
        own = "default" if route.action.endswith("class") else ids.get(route.resource, NOTHING)
        return route.path.format(
            id=own, server_id=self.uuid, flavor_id="p1", image_id=IMAGE, domain_id="x"
        )

    def ask(
        self, method: str, path: str, body: Any, token: str | None, version: str = "2.104"
    ) -> Answer:
        headers = {"OpenStack-API-Version": f"compute {version}"}
        if "external-events" in path:
            headers["Content-Type"] = "application/json"
        return self._api(method, f"/v2.1{path}", body, token=token, headers=headers)

    def contents(self) -> dict[str, Any]:
        """Return what the database holds."""
        with self._cloud.db.read() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(sa.select(table))]
                for table in metadata.sorted_tables
            }


def make_server(cloud: Cloud, host: str | None = "nowhere") -> str:
    """Return a running server of the demo project on a host that nobody answers for."""
    context = RequestContext(user_id="demo", project_id=DEMO_PROJECT, roles=["member"])
    boot = make_boot(tags=("blue",), metadata={"color": "blue"})
    builds.create_instances(cloud.db, context, boot, Limits(instances=-1, cores=-1, ram=-1))
    (uuid,) = boot.instance_uuids
    with cloud.db.write() as connection:
        connection.execute(
            instances.update().where(instances.c.uuid == uuid).values(
                vm_state=VmState.ACTIVE, task_state=None, power_state=PowerState.RUNNING,
                host=host, node=host, launched_at=utcnow(), operation=None,
            )
        )  # fmt: skip
    return uuid


def make_asker(cloud: Cloud) -> Asker:
    """Return who asks a cloud in which one of everything is there that costs little."""
    cloud.conf.set_override("call_monitor_s", 1, group="rpc")
    hosts.report_nodes(cloud.db, [make_node("nowhere")])
    hosts.report_service(
        cloud.db, binary="nova-compute", host="nowhere", topic="compute", availability_zone="nova"
    )
    for sibling in ("image", "network"):
        cloud.conf.set_override(sibling, cloud.serve(sibling), group="endpoints")
    cloud.conf.set_override("volume", f"{cloud.serve('volume')}/v3", group="endpoints")
    for project_id in (DEMO_PROJECT, OTHER_PROJECT, ADMIN_PROJECT):
        security_groups.ensure_default(cloud.db, project_id)
    network = Network(id=NETWORK, name="theirs", project_id=DEMO_PROJECT)
    networks.create_networks(cloud.db, [network])
    made = Asker(cloud.api("osapi_compute"), cloud)
    image = Image(id=IMAGE, name="picture", owner=DEMO_PROJECT, visibility="private",
                  status="active", size=1, properties={"color": "blue"})  # fmt: skip
    images.create_image(cloud.db, image=image)
    flavors.create_flavor(
        cloud.db, flavor=Flavor(id="p1", name="private", vcpus=1, memory_mb=64, root_gb=1,
        is_public=False, extra_specs={"a": "1"}),
    )  # fmt: skip
    flavors.add_access(cloud.db, flavor_id="p1", project_id=DEMO_PROJECT)
    group = ServerGroup(
        id=GROUP, name="group", project_id=DEMO_PROJECT, user_id="demo",
        policy=GroupPolicy.AFFINITY, max_server_per_host=1,
    )  # fmt: skip
    server_groups.create_group(cloud.db, group=group, limit=-1)
    keypair = Keypair(user_id="demo", name="key1", public_key="k", fingerprint="f", type="ssh")
    keypairs.create_keypair(cloud.db, keypair=keypair, limit=-1)
    with cloud.db.write() as connection:
        added = connection.execute(
            migrations.insert().values(
                uuid=NOTHING, instance_uuid=made.uuid, migration_type="live-migration",
                status="running", source_compute="nowhere", source_node="nowhere",
                dest_compute="b", dest_node="b", old_flavor={"id": "1"}, new_flavor={"id": "1"},
                old_vm_state="active", user_id="demo", project_id=DEMO_PROJECT,
                created_at=utcnow(),
            )
        )  # fmt: skip
    made.migration_id = str(added.inserted_primary_key[0])
    (service,) = made.ask("GET", "/os-services", None, ADMIN).json["services"]
    made.service_id = service["id"]
    wanted = {"aggregate": {"name": "some"}}
    assert made.ask("POST", "/os-aggregates", wanted, ADMIN).status == 200
    return made
