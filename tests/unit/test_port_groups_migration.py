"""What becomes of ports that were there before security groups were kept."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import sqlalchemy as sa
from alembic import command

from devstack_lite.db import migrate
from devstack_lite.db.engine import Database
from devstack_lite.db.ports import get_port
from devstack_lite.db.security_groups import ensure_default, list_groups
from devstack_lite.names import default_group_id

NOW = datetime.datetime(2026, 1, 1)  # noqa: DTZ001 - as the database keeps it
PORTS = {
    "plain": "{}",
    "named": json.dumps({"security_groups": [default_group_id("demo")]}),
    "empty": '{"security_groups": []}',
    "loose": '{"port_security_enabled": false}',
}


def test_ports_keep_the_groups_that_they_showed(tmp_path: Path) -> None:
    """The default group, where they were in it; it is made with its rules, once."""
    db = Database(f"sqlite:///{tmp_path}/old.sqlite")
    with db.engine.begin() as connection:
        command.upgrade(migrate.alembic_config(connection), "0005")
        connection.execute(
            sa.text(
                "INSERT INTO networks (id, name, project_id, description, admin_state_up, shared,"
                " external, port_security_enabled, mtu, created_at, updated_at)"
                " VALUES ('n', 'n', 'demo', '', 1, 0, 0, 1, 1450, :now, :now)"
            ),
            {"now": NOW},
        )
        for number, (name, extra) in enumerate(PORTS.items()):
            connection.execute(
                sa.text(
                    "INSERT INTO ports (id, network_id, project_id, name, description,"
                    " mac_address, admin_state_up, status, device_id, device_owner, host_id,"
                    " extra, created_at, updated_at) VALUES (:id, 'n', 'demo', '', '', :mac, 1,"
                    " 'DOWN', '', '', '', :extra, :now, :now)"
                ),
                {"id": name, "mac": f"m{number}", "extra": extra, "now": NOW},
            )
    assert migrate.migrate(db.engine)
    default = default_group_id("demo")
    groups = {name: get_port(db, name).security_groups for name in PORTS}
    assert groups == {"plain": (default,), "named": (default,), "empty": (), "loose": ()}
    [group] = list_groups(db)
    assert (group.id, group.name, len(group.rules)) == (default, "default", 4)
    ensure_default(db, "demo")
    assert list_groups(db) == [group]
    db.engine.dispose()
