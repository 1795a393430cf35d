"""Which networks and security groups a boot gets, as the database has them."""

from __future__ import annotations

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import networks, security_groups
from devstack_lite.db.boot_checks import find_networks, require_secured
from devstack_lite.db.engine import Database
from devstack_lite.db.server_network import find_groups
from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.names import default_group_id
from devstack_lite.objects.compute import NetworkRequest
from devstack_lite.objects.network import Network
from devstack_lite.objects.security import SecurityGroup

DEMO = RequestContext(user_id="u", project_id="demo", roles=["member"])
ADMIN = RequestContext(user_id="a", project_id="admin", roles=["admin"], is_admin=True)


@pytest.fixture
def db(db: Database) -> Database:
    """A cloud's first networks: one that is shared, one that leads out."""
    networks.create_networks(
        db,
        [
            Network(id="private", name="private", project_id="admin", shared=True),
            Network(id="public", name="public", project_id="admin", external=True),
        ],
    )
    return db


def chosen(db: Database, context: RequestContext = DEMO) -> list[str | None]:
    return [one.network_id for one in find_networks(db, context, None)]


def test_the_only_inner_network_is_taken(db: Database) -> None:
    """One that leads out is nobody's default, not even its own project's."""
    assert chosen(db) == chosen(db, ADMIN) == ["private"]
    own = Network(id="out", name="out", project_id="demo", external=True, shared=True)
    networks.create_networks(db, [own])
    assert chosen(db) == ["private"]


def test_of_several_none_is_taken(db: Database) -> None:
    """A project with a second network must say which; others are as before."""
    networks.create_networks(db, [Network(id="own", name="own", project_id="demo")])
    with pytest.raises(Conflict, match="Multiple possible networks found"):
        chosen(db)
    assert chosen(db, ADMIN) == ["private"]


def test_an_external_network_is_not_for_members_to_boot_on(db: Database) -> None:
    """Named, it is refused to whoever does not own it."""
    with pytest.raises(Invalid, match="could not be found"):
        find_networks(db, DEMO, [NetworkRequest(network_id="public")])


def test_groups_are_found_by_name_and_id(db: Database) -> None:
    """A project's own alone, each once; `default` before it was made."""
    assert find_groups(db, "demo", ["default"]) == (default_group_id("demo"),)
    for group_id, project_id, name in (
        ("g1", "demo", "web"), ("g2", "demo", "twice"), ("g3", "demo", "twice"),
        ("g4", "other", "hidden"),
    ):  # fmt: skip
        security_groups.create_group(
            db, SecurityGroup(id=group_id, project_id=project_id, name=name)
        )
    assert find_groups(db, "demo", ["web", "g1", "g3", "default"]) == (
        "g1", "g3", default_group_id("demo"),
    )  # fmt: skip
    with pytest.raises(Conflict, match="Multiple security_group matches"):
        find_groups(db, "demo", ["twice"])
    for name in ("hidden", "g4", ""):
        with pytest.raises(NotFound, match="Unable to find security_group"):
            find_groups(db, "demo", [name])


def test_groups_need_ports_that_are_secured(db: Database) -> None:
    """A network that keeps nothing from its ports takes no groups."""
    require_secured(db, [NetworkRequest(network_id="private")])
    loose = Network(id="loose", name="loose", project_id="demo", port_security_enabled=False)
    networks.create_networks(db, [loose])
    with pytest.raises(Invalid, match="port_security_enabled"):
        require_secured(
            db, [NetworkRequest(network_id="private"), NetworkRequest(network_id="loose")]
        )
    require_secured(db, [NetworkRequest(port_id="p")])
