"""`nova backup-instance`: novaclient takes every do_… function of this module as a command."""

from __future__ import annotations

from typing import Any

from novaclient import utils


@utils.arg("server", metavar="<server>", help="Name or ID of server.")
@utils.arg("name", metavar="<name>", help="Name of the backup.")
@utils.arg(
    "description", metavar="<description>", nargs="?", default=None, help="What the backup is for."
)
def do_backup_instance(cs: Any, args: Any) -> None:
    """Make a quick backup of a server."""
    server = utils.find_resource(cs.servers, args.server)
    _response, body = cs.client.post(
        f"/servers/{server.id}/backup_instance",
        body={"name": args.name, "description": args.description},
    )
    print(body["id"])
