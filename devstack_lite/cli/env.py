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
    """Print OS_* variables for a shell to evaluate.

    \b
      eval "$(devstack-lite env)"
      openstack server list

    The file that OS_CLIENT_CONFIG_FILE names is a clouds.yaml with both users, devstack-lite and
    devstack-demo (of another cloud: its name, and NAME-demo). In a shell without the other
    variables --os-cloud chooses between them.
    """  # noqa: D301 - click wants the character
    cloud = clouds.find(name)
    click.echo("unset OS_CLOUD")
    for key, value in cloud_files.credentials(cloud, demo=demo).items():
        click.echo(f"export {key}={shlex.quote(value)}")
    path = str(cloud.state_dir / "clouds.yaml")
    click.echo(f"export OS_CLIENT_CONFIG_FILE={shlex.quote(path)}")
