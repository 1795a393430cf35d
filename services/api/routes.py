"""Every URL of the compute API, in one table."""

from __future__ import annotations

from devstack_lite.wsgi.router import Route, rows

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
        "GET /servers/{id}/ips ips",
        "GET /servers/{id}/os-boot-trace boot_trace",
        "GET /servers/{id}/os-interface interfaces",
        "GET /servers/{id}/os-security-groups security_groups",
        "GET /servers/{id}/os-volume_attachments volume_attachments",
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
        "flavors",
        "GET /flavors index",
        "POST /flavors create",
        "GET /flavors/detail detail",
        "GET /flavors/{id} show",
        "DELETE /flavors/{id} delete",
        "GET /flavors/{id}/os-extra_specs extra_specs",
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
    ),
    *rows(
        "services",
        "GET /os-services index",
        "PUT /os-services/enable enable",
        "PUT /os-services/disable disable",
        "PUT /os-services/disable-log-reason disable_with_reason",
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
        "limits",
        "GET /limits index",
        "GET /os-quota-sets/{id} quota_set",
        "GET /os-quota-sets/{id}/detail quota_detail",
        "GET /os-quota-sets/{id}/defaults quota_defaults",
    ),
]
