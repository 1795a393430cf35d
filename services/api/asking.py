"""Asking an instance's host for what the instance's row says."""

from __future__ import annotations

import logging

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Unavailable
from devstack_lite.objects.compute import Instance
from devstack_lite.objects.device import DeviceChange
from services.compute.rpcapi import ComputeAPI

LOG = logging.getLogger(__name__)


def ask_host(compute: ComputeAPI, context: RequestContext, instance: Instance) -> None:
    """Ask the host; when it cannot be asked, the conductor's sweep does."""
    host = instance.operation_host
    if host is None:
        return
    try:
        compute.run_operation(context, host=host, instance=instance)
    except Unavailable as error:
        LOG.warning("accepted, to be asked for again: %s", error)


def ask_host_for_change(
    compute: ComputeAPI, context: RequestContext, instance: Instance, change: DeviceChange
) -> None:
    """Ask the host for a change of devices, likewise; not for one that is over already."""
    if instance.host is None or change.attempt == 0:
        return
    try:
        compute.change_device(context, host=instance.host, instance=instance, change=change)
    except Unavailable as error:
        LOG.warning("accepted, to be asked for again: %s", error)
