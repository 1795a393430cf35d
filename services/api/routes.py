"""Every URL of the compute API, in one table."""

from __future__ import annotations

from devstack_lite.wsgi.router import Route, rows
from services.api.controllers.removed import REMOVED

ROUTES: list[Route] = [
    *rows(
        "servers",
        "GET /servers index",
        "POST /servers create",
        "GET /servers/detail detail",
        "GET /servers/{id} show",
        "PUT /servers/{id} update",
        "DELETE /servers/{id} delete",
        "POST /servers/{id}/action action",
        "POST /servers/{id}/remote-consoles remote_consoles",
        "GET /servers/{id}/os-boot-trace boot_trace",
        "GET /servers/{id}/os-security-groups security_groups",
    ),
    *rows(
        "server_addresses",
        "GET /servers/{server_id}/ips index",
        "GET /servers/{server_id}/ips/{id} show",
    ),
    *rows(
        "server_metadata",
        "GET /servers/{server_id}/metadata index",
        "POST /servers/{server_id}/metadata create",
        "PUT /servers/{server_id}/metadata update_all",
        "GET /servers/{server_id}/metadata/{id} show",
        "PUT /servers/{server_id}/metadata/{id} update",
        "DELETE /servers/{server_id}/metadata/{id} delete",
    ),
    *rows(
        "volume_attachments",
        "GET /servers/{server_id}/os-volume_attachments index",
        "POST /servers/{server_id}/os-volume_attachments create",
        "GET /servers/{server_id}/os-volume_attachments/{id} show",
        "DELETE /servers/{server_id}/os-volume_attachments/{id} delete",
    ),
    *(
        row
        for noun in ("volumes", "snapshots")
        for row in rows(
            noun,
            f"GET /os-{noun} index",
            f"POST /os-{noun} create",
            f"GET /os-{noun}/detail detail",
            f"GET /os-{noun}/{{id}} show",
            f"DELETE /os-{noun}/{{id}} delete",
        )
    ),
    *rows(
        "interfaces",
        "GET /servers/{server_id}/os-interface index",
        "POST /servers/{server_id}/os-interface create",
        "GET /servers/{server_id}/os-interface/{id} show",
        "DELETE /servers/{server_id}/os-interface/{id} delete",
    ),
    *rows(
        "server_inspection",
        "GET /servers/{server_id}/diagnostics diagnostics",
        "GET /servers/{server_id}/topology topology",
        "GET /servers/{server_id}/os-server-password password",
        "DELETE /servers/{server_id}/os-server-password clear_password",
    ),
    *rows(
        "tags",
        "GET /servers/{server_id}/tags index",
        "PUT /servers/{server_id}/tags update_all",
        "DELETE /servers/{server_id}/tags delete_all",
        "GET /servers/{server_id}/tags/{id} show",
        "PUT /servers/{server_id}/tags/{id} update",
        "DELETE /servers/{server_id}/tags/{id} delete",
    ),
    *rows(
        "external_events",
        "POST /os-server-external-events create",
    ),
    *rows(
        "decisions",
        "GET /servers/{server_id}/os-decisions of_server",
        "GET /os-decisions index",
        "POST /os-decisions/what-if what_if",
    ),
    *rows(
        "instance_actions",
        "GET /servers/{server_id}/os-instance-actions index",
        "GET /servers/{server_id}/os-instance-actions/{id} show",
    ),
    *rows(
        "migrations",
        "GET /os-migrations index",
        "GET /servers/{server_id}/migrations of_server",
        "GET /servers/{server_id}/migrations/{id} show",
        "DELETE /servers/{server_id}/migrations/{id} delete",
        "POST /servers/{server_id}/migrations/{id}/action action",
    ),
    *rows(
        "flavors",
        "GET /flavors index",
        "POST /flavors create",
        "GET /flavors/detail detail",
        "GET /flavors/{id} show",
        "PUT /flavors/{id} update",
        "DELETE /flavors/{id} delete",
        "POST /flavors/{id}/action action",
        "GET /flavors/{id}/os-flavor-access access",
    ),
    *rows(
        "flavor_extra_specs",
        "GET /flavors/{flavor_id}/os-extra_specs index",
        "POST /flavors/{flavor_id}/os-extra_specs create",
        "GET /flavors/{flavor_id}/os-extra_specs/{id} show",
        "PUT /flavors/{flavor_id}/os-extra_specs/{id} update",
        "DELETE /flavors/{flavor_id}/os-extra_specs/{id} delete",
    ),
    *rows(
        "keypairs",
        "GET /os-keypairs index",
        "POST /os-keypairs create",
        "GET /os-keypairs/{id} show",
        "DELETE /os-keypairs/{id} delete",
    ),
    *rows(
        "hypervisors",
        "GET /os-hypervisors index",
        "GET /os-hypervisors/detail detail",
        "GET /os-hypervisors/statistics statistics",
        "GET /os-hypervisors/{id} show",
        "GET /os-hypervisors/{id}/uptime uptime",
        "GET /os-hypervisors/{id}/search search",
        "GET /os-hypervisors/{id}/servers servers",
    ),
    *rows(
        "services",
        "GET /os-services index",
        "PUT /os-services/enable enable",
        "PUT /os-services/disable disable",
        "PUT /os-services/disable-log-reason disable_with_reason",
        "PUT /os-services/force-down force_down",
        "PUT /os-services/{id} update",
        "DELETE /os-services/{id} delete",
    ),
    *rows(
        "hosts",
        "GET /os-hosts index",
        "GET /os-hosts/{id} show",
    ),
    *rows(
        "aggregates",
        "GET /os-aggregates index",
        "POST /os-aggregates create",
        "GET /os-aggregates/{id} show",
        "PUT /os-aggregates/{id} update",
        "DELETE /os-aggregates/{id} delete",
        "POST /os-aggregates/{id}/action action",
    ),
    *rows(
        "server_groups",
        "GET /os-server-groups index",
        "POST /os-server-groups create",
        "GET /os-server-groups/{id} show",
        "DELETE /os-server-groups/{id} delete",
    ),
    *rows(
        "availability_zones",
        "GET /os-availability-zone index",
        "GET /os-availability-zone/detail detail",
    ),
    *rows(
        "tenant_usage",
        "GET /os-simple-tenant-usage index",
        "GET /os-simple-tenant-usage/{id} show",
    ),
    *rows("migrations", "GET /os-migrations index"),
    *rows("extensions", "GET /extensions index", "GET /extensions/{id} show"),
    *rows(
        "removed",
        *(
            f"{method} {path} gone"
            for path, methods in REMOVED.items()
            for method in methods.split()
        ),
    ),
    *rows("limits", "GET /limits index"),
    *rows(
        "quotas",
        "GET /os-quota-sets/{id} show",
        "PUT /os-quota-sets/{id} update",
        "DELETE /os-quota-sets/{id} delete",
        "GET /os-quota-sets/{id}/detail detail",
        "GET /os-quota-sets/{id}/defaults defaults",
        "GET /os-quota-class-sets/{id} show_class",
        "PUT /os-quota-class-sets/{id} update_class",
    ),
]
