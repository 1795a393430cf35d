"""`openstack server backup instance`, by python-openstackclient's entry point."""

from __future__ import annotations

from typing import Any

from openstack import exceptions
from osc_lib.command import command


class BackupInstance(command.ShowOne):
    """Make a quick backup of a server."""

    def get_parser(self, prog_name: str) -> Any:
        parser = super().get_parser(prog_name)
        parser.add_argument("server", metavar="<server>", help="Server (name or ID)")
        parser.add_argument("name", metavar="<name>", help="Name of the backup")
        parser.add_argument("--description", metavar="<text>", help="What the backup is for")
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
        compute = self.app.client_manager.compute
        server = compute.find_server(parsed_args.server, ignore_missing=False)
        answer = compute.post(
            f"/servers/{server.id}/backup_instance",
            json={"name": parsed_args.name, "description": parsed_args.description},
        )
        exceptions.raise_from_response(answer)
        return ("id",), (answer.json()["id"],)
