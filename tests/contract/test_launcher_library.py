"""What the launcher leans on in oslo.service and cotyledon.

When one of these fails, the library moved: read devstack_lite/launcher.py's docstring, then adapt
its hooks, and see tests/integration/test_launcher.py pass.
"""

from __future__ import annotations

import inspect

import cotyledon
from oslo_service.backend._threading import service as threading_service


def test_process_launcher_keeps_its_manager_where_we_look() -> None:
    """ProcessLauncher._manager is a cotyledon.ServiceManager, made by launch_service."""
    source = inspect.getsource(threading_service.ProcessLauncher.launch_service)
    assert "self._manager_context, self._manager = _get_service_manager(" in source
    assert "self._manager.add(ServiceWrapper, workers, args=(service,))" in source


def test_manager_keeps_its_services_in_order() -> None:
    """ServiceManager._services maps service ids to services in the order of add()."""
    source = inspect.getsource(cotyledon.ServiceManager)
    assert "= collections.OrderedDict()" in source
    assert "self._services[service_id] = _service_worker.ServiceConfig(" in source


def test_reconfigure_empties_the_fork_times() -> None:
    """ServiceManager.reconfigure resets the list that the library's own throttle looks at."""
    source = inspect.getsource(cotyledon.ServiceManager.reconfigure)
    assert "self._forktimes = []" in source
    throttle = inspect.getsource(cotyledon.ServiceManager._slowdown_respawn_if_needed)
    assert "if len(self._forktimes) > expected_children:" in throttle


def test_dead_worker_hook_runs_before_the_next_fork() -> None:
    """The hook gets service id, worker id and exit code, in the thread that forks afterwards."""
    source = inspect.getsource(cotyledon.ServiceManager._get_last_worker_died)
    assert source.index('"dead_worker"') < source.index("return service_id")
    assert "register_hooks" in vars(cotyledon.ServiceManager)


def test_workers_reload_through_the_service_object() -> None:
    """A worker calls self.service.reload() on SIGHUP, so that our hook may replace it."""
    from cotyledon import _service_worker

    source = inspect.getsource(_service_worker.ServiceWorker._service_reload)
    assert "self.service.reload()" in source
