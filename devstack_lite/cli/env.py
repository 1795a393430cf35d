"""`devstack-lite env`: the variables with which OpenStack clients find the cloud."""

from __future__ import annotations

import shlex

import click

from devstack_lite import cloud as clouds
from devstack_lite import cloud_files
from devstack_lite.cli.terminal import name_option


@click.command()
@name_option
@click.option("--demo", is_flag=True, help="The demo user instead of admin.")
def env(name: str, demo: bool) -> None:
    r"""Print OS_* variables for a shell to evaluate.

    \b
      eval "$(devstack-lite env)"
      openstack server list

    clouds.yaml is used instead with OS_CLIENT_CONFIG_FILE as printed, and --os-cloud devstack-lite
    (or devstack-demo; for another cloud its name, or NAME-demo).
    """
    cloud = clouds.find(name)
    click.echo("unset OS_CLOUD")
    for key, value in cloud_files.credentials(cloud, demo=demo).items():
        click.echo(f"export {key}={shlex.quote(value)}")
    path = str(cloud.state_dir / "clouds.yaml")
    click.echo(f"export OS_CLIENT_CONFIG_FILE={shlex.quote(path)}")
