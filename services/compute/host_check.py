"""Keeps a host's hypervisor and the database of one mind: at the start, and every so often.

Nova's sync_power_states and its clean-up of running deleted instances, in one comparison.
"""

from __future__ import annotations

import datetime
import logging
import math
import time
from collections.abc import Collection
from typing import Any

from devstack_lite.clock import utcnow
from devstack_lite.context import service_context
from devstack_lite.exceptions import DevstackError
from devstack_lite.objects.compute import FoundDomain
from services.compute.driver import LibvirtDriver
from services.conductor.rpcapi.hosts import HostsAPI

LOG = logging.getLogger(__name__)

DRIVE_S = 30.0
"""A config drive that is older and has no guest gets none any more; one is defined in no time."""


class HostCheck:
    """Each worker of a host runs it between its heartbeats: at its start, and then every_s.

    At its start because its predecessor may have died over a domain that is built elsewhere now.
    """

    def __init__(
        self, conf: Any, driver: LibvirtDriver, hosts: HostsAPI, *, every_s: float
    ) -> None:
        self._conf = conf
        self._driver = driver
        self._hosts = hosts
        self._every_s = every_s
        self._due = 0.0

    def hasten(self) -> None:
        """Have the next look be a comparison: this host may have been taken for dead."""
        self._due = 0.0

    def run_if_due(self) -> None:
        """Compare if the last comparison is every_s seconds ago; the first time at once."""
        if time.monotonic() >= self._due:
            again_s = self.run()
            self._due = time.monotonic() + min(self._every_s, again_s)

    def run(self) -> float:
        """Compare, and put right what the hypervisor has and should not.

        Returns the seconds after which what may still be changing is worth another look.
        """
        seen_at = utcnow()
        domains = [
            FoundDomain(uuid=info.uuid, node=node, power_state=int(info.power_state))
            for node in self._driver.get_available_nodes()
            for info in self._driver.list_domains(node)
        ]
        found = self._hosts.compare_host(
            service_context(), host=self._conf.host, domains=domains, seen_at=seen_at
        )
        for domain in found.ownerless:
            LOG.warning("nobody owns this domain: destroyed", extra={"instance_uuid": domain.uuid})
            self._try(self._driver.destroy, domain)
        for domain in found.should_be_off:
            LOG.warning("runs, but is stopped: shut down", extra={"instance_uuid": domain.uuid})
            self._try(self._driver.power_off, domain)
        for uuid in found.missing:
            LOG.error("its domain is gone", extra={"instance_uuid": uuid})
        is_fresh = self._remove_drives(domains, seen_at)
        again_s = math.inf if found.look_again_s is None else found.look_again_s
        return min(again_s, DRIVE_S) if is_fresh else again_s

    def _remove_drives(self, domains: Collection[FoundDomain], seen_at: datetime.datetime) -> bool:
        """Remove config drives without a guest; say whether some were too young when we looked."""
        before = seen_at.timestamp() - DRIVE_S
        drives = self._driver.drives
        if drives is None:
            return False
        is_any_fresh = False
        for node in self._driver.get_available_nodes():
            here = {domain.uuid for domain in domains if domain.node == node}
            removed, is_fresh = drives.remove_left(node, here, written_before=before)
            is_any_fresh = is_any_fresh or is_fresh
            for uuid in removed:
                LOG.warning("a config drive without a guest: removed",
                            extra={"instance_uuid": uuid})  # fmt: skip
        return is_any_fresh

    @staticmethod
    def _try(act: Any, domain: FoundDomain) -> None:
        try:
            act(domain.node, domain.uuid)
        except DevstackError as error:
            LOG.warning("%s", error, extra={"instance_uuid": domain.uuid})
