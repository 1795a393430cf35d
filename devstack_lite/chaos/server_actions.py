"""What may be asked of a server, in one table: how, where its work is done, and how it ends.

The matrix walks it cell by cell; `chaos life` asks for all of it at once. An action is added here,
and both show it.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from typing import Any

from devstack_lite.chaos.asked import Point, ServerAction, Settings
from devstack_lite.chaos.errands import ERRANDS
from devstack_lite.cloud import Cloud
from devstack_lite.steps import point_of

TRAVELS_SLOWLY = {"travels": "slowly"}
"""Metadata by which a profile may have a server's live migration last."""


def settings_of(cloud: Cloud) -> Settings:
    """Return a cloud's, as its api reads them."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read(cloud.etc_dir / "api.conf")
    own = parser["DEFAULT"]
    return Settings(
        reclaim_s=int(own.get("reclaim_instance_interval", "0")),
        offload_s=int(own.get("shelved_offload_time", "0")),
        is_instant=cloud.profile == "instant",
        hosts=len(cloud.hosts),
    )


def _on_host(name: str, finish: str = "finish_action") -> tuple[Point, ...]:
    return ("compute", f"op.{name}"), ("conductor", f"rpc.conductor.{finish}")


def _built(point: str) -> tuple[Point, ...]:
    return ("compute", point), ("conductor", "rpc.conductor.finish_builds")


_PLACING: tuple[Point, ...] = (
    ("scheduler", "rpc.scheduler.reschedule_builds"),
    ("conductor", "rpc.conductor.claim_nodes"),
    ("conductor", "rpc.conductor.start_builds"),
)
_IMAGES = "SELECT count(*) FROM images WHERE name = :name AND status = 'active'"
_HALF_IMAGES = "SELECT count(*) FROM images WHERE name = :name AND status <> 'active'"
_PORTS = "SELECT count(*) FROM ports WHERE device_id = :uuid"
_VOLUMES = (
    "SELECT count(*) FROM volume_attachments WHERE instance_uuid = :uuid AND status = 'attached'"
)
_VOLUME = "SELECT status FROM volumes WHERE id = :volume"
_VOLUME_LEFT = "SELECT count(*) FROM volumes WHERE id = :volume"
_MOVED = "SELECT status FROM migrations WHERE instance_uuid = :uuid"
_IN_GROUPS = (
    "SELECT count(*) FROM port_security_groups WHERE port_id IN"
    " (SELECT id FROM ports WHERE device_id = :uuid)"
)
LIVE = {"os-migrateLive": {"host": None, "block_migration": True, "disk_over_commit": False}}
_WISH = (
    ("compute", "rpc.compute.end_live_migration"),
    ("conductor", "rpc.conductor.note_live_end"),
)


def _power(name: str, body: Any, vm_state: str, *before: str) -> ServerAction:
    return ServerAction(
        body=body, vm_state=vm_state, before=before, recorded=name,
        event=f"compute_{name}_instance", points=_on_host(name),
    )  # fmt: skip


def _at_once(method: str, path: str, body: Any, rpc: str, **more: Any) -> ServerAction:
    return ServerAction(
        method=method, path=path, body=body, is_synchronous=True,
        points=(("conductor", f"rpc.conductor.{rpc}"),), **more,
    )  # fmt: skip


def _boot(version: str, more: Mapping[str, Any], **ends: Any) -> ServerAction:
    return ServerAction(
        method="POST", version=version, boot=more, recorded="create",
        event="compute__do_build_and_run_instance",
        points=(("conductor", "rpc.conductor.create_instances"),
                ("scheduler", "rpc.scheduler.schedule_builds"),
                ("compute", point_of(16)), ("compute", point_of(18))), **ends,
    )  # fmt: skip


_BOOTS = {
    "boot in full": _boot(
        "2.90",
        {"config_drive": True, "user_data": "aGVsbG8=", "hostname": "its-own", "tags": ["a"],
         "metadata": {"k": "v"}, "description": "of a boot"},
        shows={"config_drive": "True", "OS-EXT-SRV-ATTR:hostname": "its-own", "tags": ["a"],
               "metadata": {"k": "v"}, "description": "of a boot"},
    ),
    "boot with files": _boot(
        "2.1", {"config_drive": True, "personality": [{"path": "/a", "contents": "YQ=="}]},
    ),
    "boot from volume": _boot(
        "2.1",
        {"imageRef": None, "block_device_mapping_v2": [
            {"uuid": "{image}", "source_type": "image", "destination_type": "volume",
             "volume_size": 1, "boot_index": 0, "delete_on_termination": True}]},
        holds={_VOLUMES: 1},
    ),
}  # fmt: skip


def table_of(settings: Settings) -> dict[str, ServerAction]:
    """Return the actions that there are under these settings, by name."""
    is_kept = settings.offload_s != 0
    there = "shelved" if is_kept else "shelved_offloaded"
    offloaded = ("shelve", "shelveOffload") if is_kept else ("shelve",)
    found = {
        "stop": _power("stop", {"os-stop": None}, "stopped"),
        "start": _power("start", {"os-start": None}, "active", "stop"),
        "reboot": _power("reboot", {"reboot": {"type": "HARD"}}, "active"),
        "reboot soft": _power("reboot", {"reboot": {"type": "SOFT"}}, "active"),
        "pause": _power("pause", {"pause": None}, "paused"),
        "unpause": _power("unpause", {"unpause": None}, "active", "pause"),
        "suspend": _power("suspend", {"suspend": None}, "suspended"),
        "resume": _power("resume", {"resume": None}, "active", "suspend"),
        "rescue": _power("rescue", {"rescue": None}, "rescued"),
        "unrescue": _power("unrescue", {"unrescue": None}, "active", "rescue"),
        "rebuild": _power("rebuild", {"rebuild": {"imageRef": "{image}"}}, "active"),
        "trigger_crash_dump": ServerAction(
            body={"trigger_crash_dump": None}, version="2.17", recorded="trigger_crash_dump",
            event="compute_trigger_crash_dump", points=_on_host("trigger_crash_dump"),
        ),
        "createImage": ServerAction(
            body={"createImage": {"name": "{name}"}}, holds={_IMAGES: 1, _HALF_IMAGES: 0},
            recorded="createImage", event="compute_snapshot_instance",
            points=_on_host("createImage"), helpers=(("compute", "op.createImage.upload"),),
        ),
        "createBackup": ServerAction(
            body={"createBackup": {"name": "{name}", "backup_type": "daily", "rotation": 0}},
            holds={_IMAGES: 0, _HALF_IMAGES: 0}, recorded="createBackup",
            event="compute_backup_instance", points=_on_host("createBackup"),
        ),
        "shelve": ServerAction(
            body={"shelve": None}, vm_state=there, recorded="shelve",
            event="compute_shelve_instance", points=_on_host("shelve"),
        ),
        "shelveOffload": ServerAction(
            body={"shelveOffload": None}, before=("shelve",), vm_state="shelved_offloaded",
            recorded="shelveOffload", event="compute_shelve_offload_instance",
            points=_on_host("shelveOffload"), needs=lambda own: own.offload_s != 0,
        ),
        "unshelve": ServerAction(
            body={"unshelve": None}, before=offloaded, recorded="unshelve",
            event="conductor_unshelve_instance", points=_built(point_of(18)), helpers=_PLACING,
        ),
        "unshelve on host": ServerAction(
            body={"unshelve": None}, before=("shelve",), recorded="unshelve",
            event="compute_unshelve_instance", points=_on_host("unshelve"),
            needs=lambda own: own.offload_s != 0,
        ),
        "resize": ServerAction(
            body={"resize": {"flavorRef": "2"}}, vm_state="resized", recorded="resize",
            event="conductor_migrate_server", points=_built("op.resize"),
            helpers=(("compute", "rpc.compute.power_off_guest"), *_PLACING),
            holds={_MOVED: "finished"},
        ),
        "migrate": ServerAction(
            body={"migrate": None}, vm_state="resized", recorded="migrate",
            event="conductor_migrate_server", points=_built("op.migrate"),
            holds={_MOVED: "finished"},
        ),
        "confirmResize": ServerAction(
            body={"confirmResize": None}, before=("resize",), recorded="confirmResize",
            event="compute_confirm_resize", points=_on_host("confirmResize"),
            holds={_MOVED: "confirmed"},
        ),
        "revertResize": ServerAction(
            body={"revertResize": None}, before=("resize",), recorded="revertResize",
            event="compute_revert_resize", points=_on_host("revertResize"),
            helpers=(("compute", "rpc.compute.remove_guest"),), holds={_MOVED: "reverted"},
        ),
        "live-migration": ServerAction(
            body=LIVE, recorded="live-migration", event="conductor_live_migrate_instance",
            points=(("compute", "op.live-migration"), *_on_host("run_live_migration")[1:]),
            helpers=_PLACING, holds={_MOVED: "completed"},
        ),
        "live_migration_cancel": ServerAction(
            method="DELETE", path="/migrations/{migration}", version="2.24",
            during="live-migration", recorded="live_migration_cancel",
            event="compute_live_migration_abort", points=_WISH, holds={_MOVED: "cancelled"},
            is_synchronous=True, needs=lambda own: not own.is_instant,
        ),
        "live_migration_force_complete": ServerAction(
            path="/migrations/{migration}/action", body={"force_complete": None}, version="2.22",
            during="live-migration", recorded="live_migration_force_complete",
            event="compute_live_migration_force_complete", points=_WISH,
            holds={_MOVED: "completed"}, is_synchronous=True,
            needs=lambda own: not own.is_instant,
        ),
        "evacuate": ServerAction(
            body={"evacuate": {"onSharedStorage": False}}, recorded="evacuate",
            event="rebuild_server", points=_built(point_of(18)), helpers=_PLACING,
            holds={_MOVED: "done"}, is_on_dead_host=True, needs=lambda own: own.hosts > 2,
        ),
        "attach_volume": ServerAction(
            path="/os-volume_attachments", body={"volumeAttachment": {"volumeId": "{volume}"}},
            has_volume=True, recorded="attach_volume", event="compute_attach_volume",
            points=_on_host("attach_volume", "finish_change"),
            holds={_VOLUMES: 1, _VOLUME: "in-use"},
        ),
        "detach_volume": ServerAction(
            method="DELETE", path="/os-volume_attachments/{volume}", has_volume=True,
            before=("attach_volume",), recorded="detach_volume", event="compute_detach_volume",
            points=_on_host("detach_volume", "finish_change"),
            holds={_VOLUMES: 0, _VOLUME: "available"},
        ),
        "attach_interface": ServerAction(
            path="/os-interface", body={"interfaceAttachment": {"net_id": "{network}"}},
            recorded="attach_interface", event="compute_attach_interface",
            points=_on_host("attach_interface", "finish_change"), holds={_PORTS: 2},
        ),
        "detach_interface": ServerAction(
            method="DELETE", path="/os-interface/{port}", before=("attach_interface",),
            recorded="detach_interface", event="compute_detach_interface",
            points=_on_host("detach_interface", "finish_change"), holds={_PORTS: 1},
        ),
        "soft_delete": ServerAction(
            method="DELETE", path="", vm_state="soft-delete", recorded="delete",
            event="compute_soft_delete_instance", points=_on_host("soft_delete"),
            needs=lambda own: own.reclaim_s > 0,
        ),
        "restore": ServerAction(
            body={"restore": None}, before=("soft_delete",), recorded="restore",
            event="compute_restore_instance", points=_on_host("restore"),
            needs=lambda own: own.reclaim_s > 0,
        ),
        "delete": ServerAction(
            method="DELETE", path="", vm_state="deleted", recorded="delete",
            event="compute_terminate_instance", points=_on_host("delete", "finish_delete"),
            holds={_PORTS: 0}, needs=lambda own: own.reclaim_s == 0,
        ),
        "forceDelete": ServerAction(
            body={"forceDelete": None}, vm_state="deleted", recorded="delete",
            event="compute_terminate_instance", points=_on_host("delete", "finish_delete"),
            holds={_PORTS: 0},
        ),
        "delete_on_termination": ServerAction(
            body={"forceDelete": None}, before=("attach its own",), has_volume=True,
            vm_state="deleted", recorded="delete", event="compute_terminate_instance",
            points=_on_host("delete", "finish_delete"), holds={_PORTS: 0, _VOLUME_LEFT: 0},
        ),
        "changePassword": ServerAction(
            body={"changePassword": {"adminPass": "s3cret"}}, recorded="changePassword",
            event="compute_set_admin_password", is_synchronous=True,
            points=(("compute", "rpc.compute.set_admin_password"),
                    ("conductor", "rpc.conductor.record_done")),
        ),
        "lock": _at_once(
            "POST", "/action", {"lock": {"locked_reason": "why"}}, "set_lock", version="2.73",
            recorded="lock", event="api_lock", shows={"locked": True, "locked_reason": "why"},
        ),
        "unlock": _at_once(
            "POST", "/action", {"unlock": None}, "set_lock", before=("lock",), recorded="unlock",
            event="api_unlock", shows={"locked": False},
        ),
        "resetState": _at_once(
            "POST", "/action", {"os-resetState": {"state": "error"}}, "reset_state",
            vm_state="error",
        ),
        "metadata": _at_once(
            "POST", "/metadata", {"metadata": {"k": "v"}}, "update_metadata",
            shows={"metadata": {"k": "v"}},
        ),
        "tags": _at_once(
            "PUT", "/tags", {"tags": ["a"]}, "set_tags", version="2.26", shows={"tags": ["a"]},
        ),
        "rename": _at_once(
            "PUT", "", {"server": {"description": "other"}}, "update_instance", version="2.19",
            shows={"description": "other"},
        ),
        "removeSecurityGroup": _at_once(
            "POST", "/action", {"removeSecurityGroup": {"name": "default"}},
            "remove_from_server", holds={_IN_GROUPS: 0},
        ),
        "addSecurityGroup": _at_once(
            "POST", "/action", {"addSecurityGroup": {"name": "default"}}, "add_to_server",
            before=("removeSecurityGroup",), holds={_IN_GROUPS: 1},
        ),
        "keep volume": _at_once(
            "PUT", "/os-volume_attachments/{volume}",
            {"volumeAttachment": {"volumeId": "{volume}", "delete_on_termination": True}},
            "keep_volume", version="2.85", before=("attach_volume",), has_volume=True,
            holds={f"{_VOLUMES} AND delete_on_termination": 1},
        ),
        "console output": ServerAction(
            body={"os-getConsoleOutput": {"length": 3}}, is_synchronous=True,
            points=(("compute", "rpc.compute.get_console_output"),),
        ),
        "diagnostics": ServerAction(
            method="GET", path="/diagnostics", is_synchronous=True,
            points=(("compute", "rpc.compute.get_diagnostics"),),
        ),
        "remote console": _at_once(
            "POST", "/remote-consoles", {"remote_console": {"protocol": "vnc", "type": "novnc"}},
            "record_console", version="2.6",
        ),
        "topology": ServerAction(
            method="GET", path="/topology", version="2.78", is_synchronous=True,
        ),
        "injectNetworkInfo": ServerAction(
            body={"injectNetworkInfo": None}, is_synchronous=True,
        ),
        **_BOOTS,
    }  # fmt: skip
    return {name: one for name, one in found.items() if one.needs(settings)} | ERRANDS


def every_action() -> dict[str, ServerAction]:
    """Return the actions that there are under some settings."""
    return table_of(Settings()) | table_of(Settings(reclaim_s=1, offload_s=1, is_instant=False))


PREPARING = {
    "attach its own": ServerAction(
        path="/os-volume_attachments", version="2.79", has_volume=True,
        body={"volumeAttachment": {"volumeId": "{volume}", "delete_on_termination": True}},
        holds={_VOLUMES: 1},
    ),
}  # fmt: skip
"""What is asked to bring a server somewhere, and never broken itself."""
