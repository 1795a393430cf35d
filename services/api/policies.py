"""Every policy rule of the compute API with its default: Nova's names, Nova's personas.

A deployer overrides any of them in a policy file (`[oslo_policy] policy_file`), which is read again
when it changes; docs/policy.yaml.sample holds all of them, commented out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from oslo_policy.policy import DocumentedRuleDefault, RuleDefault

ADMIN = "rule:context_is_admin"
MANAGER = "rule:project_manager_or_admin"
MEMBER = "rule:project_member_or_admin"
READER = "rule:project_reader_or_admin"
SERVICE = "rule:service_or_admin"
USER = "rule:context_is_admin or user_id:%(user_id)s"
ANY = "@"

PERSONAS = [
    RuleDefault("context_is_admin", "role:admin", "Who administers the cloud."),
    RuleDefault(
        "project_manager_api", "role:manager and project_id:%(project_id)s",
        "Who manages a project.",
    ),
    RuleDefault(
        "project_member_api", "role:member and project_id:%(project_id)s",
        "Who may change what a project has.",
    ),
    RuleDefault(
        "project_reader_api", "role:reader and project_id:%(project_id)s",
        "Who may see what a project has.",
    ),
    RuleDefault("service_api", "role:service", "The services among themselves."),
    RuleDefault(
        "project_manager_or_admin", "rule:project_manager_api or rule:context_is_admin",
        "A project's managers, and administrators.",
    ),
    RuleDefault(
        "project_member_or_admin", "rule:project_member_api or rule:context_is_admin",
        "A project's members, and administrators.",
    ),
    RuleDefault(
        "project_reader_or_admin", "rule:project_reader_api or rule:context_is_admin",
        "A project's readers, and administrators.",
    ),
    RuleDefault(
        "service_or_admin", "rule:service_api or rule:context_is_admin",
        "The services, and administrators.",
    ),
]  # fmt: skip

_SERVER = "/servers/{server_id}"
_ACTION = f"POST {_SERVER}/action"

_TABLE = f"""
servers:index                      reader  GET /servers
servers:detail                     reader  GET /servers/detail
servers:show                       reader  GET {_SERVER}
servers:index:get_all_tenants      admin   GET /servers
servers:detail:get_all_tenants     admin   GET /servers/detail
servers:allow_all_filters          admin   GET /servers, GET /servers/detail
servers:show:flavor-extra-specs    reader  GET {_SERVER}, GET /servers/detail
servers:show:host_status           admin   GET {_SERVER}, GET /servers/detail
servers:show:host_status:unknown-only admin GET {_SERVER}, GET /servers/detail
os-extended-server-attributes      admin   GET {_SERVER}, GET /servers/detail
servers:create                     member  POST /servers
servers:create:attach_network      member  POST /servers (networks)
servers:create:attach_volume       member  POST /servers (block_device_mapping_v2)
servers:create:trusted_certs       member  POST /servers (trusted_image_certificates)
servers:create:forced_host         admin   POST /servers (availability_zone)
servers:update                     member  PUT {_SERVER}
servers:delete                     member  DELETE {_SERVER}
servers:start                      member  {_ACTION} (os-start)
servers:stop                       member  {_ACTION} (os-stop)
servers:reboot                     member  {_ACTION} (reboot)
servers:rebuild                    member  {_ACTION} (rebuild)
servers:resize                     member  {_ACTION} (resize)
servers:confirm_resize             member  {_ACTION} (confirmResize)
servers:revert_resize              member  {_ACTION} (revertResize)
servers:create_image               member  {_ACTION} (createImage)
servers:trigger_crash_dump         member  {_ACTION} (trigger_crash_dump)
os-admin-actions:reset_state       admin   {_ACTION} (os-resetState)
os-admin-actions:inject_network_info admin {_ACTION} (injectNetworkInfo)
os-admin-password                  member  {_ACTION} (changePassword)
ips:index                          reader  GET {_SERVER}/ips
ips:show                           reader  GET {_SERVER}/ips/{{network}}
os-aggregates:add_host             admin   POST /os-aggregates/{{id}}/action (add_host)
os-aggregates:create               admin   POST /os-aggregates
os-aggregates:delete               admin   DELETE /os-aggregates/{{id}}
os-aggregates:index                admin   GET /os-aggregates
os-aggregates:remove_host          admin   POST /os-aggregates/{{id}}/action (remove_host)
os-aggregates:set_metadata         admin   POST /os-aggregates/{{id}}/action (set_metadata)
os-aggregates:show                 admin   GET /os-aggregates/{{id}}
os-aggregates:update               admin   PUT /os-aggregates/{{id}}
os-assisted-volume-snapshots:create service POST /os-assisted-volume-snapshots
os-assisted-volume-snapshots:delete service DELETE /os-assisted-volume-snapshots/{{snapshot_id}}
os-attach-interfaces:list          reader  GET {_SERVER}/os-interface
os-attach-interfaces:show          reader  GET {_SERVER}/os-interface/{{port_id}}
os-attach-interfaces:create        member  POST {_SERVER}/os-interface
os-attach-interfaces:delete        member  DELETE {_SERVER}/os-interface/{{port_id}}
os-availability-zone:detail        admin   GET /os-availability-zone/detail
os-availability-zone:list          any     GET /os-availability-zone
os-console-output                  member  {_ACTION} (os-getConsoleOutput)
os-create-backup                   member  {_ACTION} (createBackup)
os-deferred-delete:force           member  {_ACTION} (forceDelete)
os-deferred-delete:restore         member  {_ACTION} (restore)
os-evacuate                        admin   {_ACTION} (evacuate)
os-flavor-access                   admin   GET /flavors/{{id}}/os-flavor-access
os-flavor-access:add_tenant_access admin   POST /flavors/{{id}}/action (addTenantAccess)
os-flavor-access:remove_tenant_access admin POST /flavors/{{id}}/action (removeTenantAccess)
os-flavor-extra-specs:index        reader  GET /flavors/{{id}}/os-extra_specs, GET /flavors/detail
os-flavor-extra-specs:show         reader  GET /flavors/{{id}}/os-extra_specs/{{key}}
os-flavor-extra-specs:create       admin   POST /flavors/{{id}}/os-extra_specs
os-flavor-extra-specs:delete       admin   DELETE /flavors/{{id}}/os-extra_specs/{{key}}
os-flavor-extra-specs:update       admin   PUT /flavors/{{id}}/os-extra_specs/{{key}}
os-flavor-manage:create            admin   POST /flavors
os-flavor-manage:update            admin   PUT /flavors/{{id}}
os-flavor-manage:delete            admin   DELETE /flavors/{{id}}
os-floating-ip-pools               any     GET /os-floating-ip-pools
os-floating-ips:list               reader  GET /os-floating-ips
os-floating-ips:show               reader  GET /os-floating-ips/{{floating_ip_id}}
os-floating-ips:create             member  POST /os-floating-ips
os-floating-ips:delete             member  DELETE /os-floating-ips/{{floating_ip_id}}
os-floating-ips:add                member  {_ACTION} (addFloatingIp)
os-floating-ips:remove             member  {_ACTION} (removeFloatingIp)
os-hosts:list                      admin   GET /os-hosts
os-hosts:show                      admin   GET /os-hosts/{{host_name}}
os-hosts:update                    admin   PUT /os-hosts/{{host_name}}
os-hosts:start                     admin   GET /os-hosts/{{host_name}}/startup
os-hosts:shutdown                  admin   GET /os-hosts/{{host_name}}/shutdown
os-hosts:reboot                    admin   GET /os-hosts/{{host_name}}/reboot
os-hypervisors:list                admin   GET /os-hypervisors
os-hypervisors:list-detail         admin   GET /os-hypervisors/detail
os-hypervisors:search              admin   GET /os-hypervisors/{{hostname}}/search
os-hypervisors:servers             admin   GET /os-hypervisors/{{hostname}}/servers
os-hypervisors:show                admin   GET /os-hypervisors/{{id}}
os-hypervisors:statistics          admin   GET /os-hypervisors/statistics
os-hypervisors:uptime              admin   GET /os-hypervisors/{{id}}/uptime
os-instance-actions:list           reader  GET {_SERVER}/os-instance-actions
os-instance-actions:show           reader  GET {_SERVER}/os-instance-actions/{{request_id}}
os-instance-actions:events         admin   GET {_SERVER}/os-instance-actions/{{request_id}}
os-instance-actions:events:details admin   GET {_SERVER}/os-instance-actions/{{request_id}}
os-instance-usage-audit-log:list   admin   GET /os-instance_usage_audit_log
os-instance-usage-audit-log:show   admin   GET /os-instance_usage_audit_log/{{before_timestamp}}
os-keypairs:index                  user    GET /os-keypairs
os-keypairs:create                 user    POST /os-keypairs
os-keypairs:delete                 user    DELETE /os-keypairs/{{name}}
os-keypairs:show                   user    GET /os-keypairs/{{name}}
limits                             any     GET /limits
limits:other_project               admin   GET /limits (tenant_id)
os-lock-server:lock                member  {_ACTION} (lock)
os-lock-server:unlock              member  {_ACTION} (unlock)
os-lock-server:unlock:unlock_override admin {_ACTION} (unlock)
os-migrate-server:migrate          manager {_ACTION} (migrate)
os-migrate-server:migrate:host     admin   {_ACTION} (migrate to a host)
os-migrate-server:migrate_live     manager {_ACTION} (os-migrateLive)
os-migrate-server:migrate_live:host admin  {_ACTION} (os-migrateLive to a host)
os-migrations:index                manager GET /os-migrations
os-migrations:index:all_projects   admin   GET /os-migrations (of other projects)
os-migrations:index:host           admin   GET /os-migrations (with hosts)
os-multinic:add                    member  {_ACTION} (addFixedIp)
os-multinic:remove                 member  {_ACTION} (removeFixedIp)
os-networks:list                   reader  GET /os-networks
os-networks:show                   reader  GET /os-networks/{{network_id}}
os-pause-server:pause              member  {_ACTION} (pause)
os-pause-server:unpause            member  {_ACTION} (unpause)
os-quota-class-sets:show           admin   GET /os-quota-class-sets/{{quota_class}}
os-quota-class-sets:update         admin   PUT /os-quota-class-sets/{{quota_class}}
os-quota-sets:show                 reader  GET /os-quota-sets/{{project_id}}
os-quota-sets:defaults             any     GET /os-quota-sets/{{project_id}}/defaults
os-quota-sets:detail               reader  GET /os-quota-sets/{{project_id}}/detail
os-quota-sets:update               admin   PUT /os-quota-sets/{{project_id}}
os-quota-sets:delete               admin   DELETE /os-quota-sets/{{project_id}}
extensions                         any     GET /extensions, GET /extensions/{{alias}}
os-baremetal-nodes:list            admin   GET /os-baremetal-nodes
os-baremetal-nodes:show            admin   GET /os-baremetal-nodes/{{node_id}}
os-console-auth-tokens             admin   GET /os-console-auth-tokens/{{console_token}}
os-remote-consoles                 member  {_ACTION} (os-getVNCConsole, os-getSPICEConsole, \
os-getSerialConsole), POST {_SERVER}/remote-consoles
os-rescue                          member  {_ACTION} (rescue)
os-unrescue                        member  {_ACTION} (unrescue)
os-security-groups:list            reader  GET {_SERVER}/os-security-groups
os-security-groups:get             reader  GET /os-security-groups
os-security-groups:show            reader  GET /os-security-groups/{{security_group_id}}
os-security-groups:create          member  POST /os-security-groups
os-security-groups:update          member  PUT /os-security-groups/{{security_group_id}}
os-security-groups:delete          member  DELETE /os-security-groups/{{security_group_id}}
os-security-groups:rule:create     member  POST /os-security-group-rules
os-security-groups:rule:delete     member  DELETE /os-security-group-rules/{{id}}
os-security-groups:add             member  {_ACTION} (addSecurityGroup)
os-security-groups:remove          member  {_ACTION} (removeSecurityGroup)
os-server-diagnostics              admin   GET {_SERVER}/diagnostics
os-server-external-events:create   service POST /os-server-external-events
os-server-groups:create            member  POST /os-server-groups
os-server-groups:delete            member  DELETE /os-server-groups/{{id}}
os-server-groups:index             reader  GET /os-server-groups
os-server-groups:show              reader  GET /os-server-groups/{{id}}
os-server-password:show            reader  GET {_SERVER}/os-server-password
os-server-password:clear           member  DELETE {_SERVER}/os-server-password
os-server-shares:index             reader  GET {_SERVER}/shares
os-server-shares:create            member  POST {_SERVER}/shares
os-server-shares:show              reader  GET {_SERVER}/shares/{{share_id}}
os-server-shares:delete            member  DELETE {_SERVER}/shares/{{share_id}}
os-server-tags:index               reader  GET {_SERVER}/tags
os-server-tags:show                reader  GET {_SERVER}/tags/{{tag}}
os-server-tags:update              member  PUT {_SERVER}/tags/{{tag}}
os-server-tags:update_all          member  PUT {_SERVER}/tags
os-server-tags:delete              member  DELETE {_SERVER}/tags/{{tag}}
os-server-tags:delete_all          member  DELETE {_SERVER}/tags
os-services:list                   admin   GET /os-services
os-services:update                 admin   PUT /os-services/{{id}}, PUT /os-services/enable, \
PUT /os-services/disable, PUT /os-services/disable-log-reason, PUT /os-services/force-down
os-services:delete                 admin   DELETE /os-services/{{id}}
os-shelve:shelve                   member  {_ACTION} (shelve)
os-shelve:shelve_offload           admin   {_ACTION} (shelveOffload)
os-shelve:unshelve                 member  {_ACTION} (unshelve)
os-shelve:unshelve_to_host         admin   {_ACTION} (unshelve)
os-simple-tenant-usage:list        admin   GET /os-simple-tenant-usage
os-simple-tenant-usage:show        reader  GET /os-simple-tenant-usage/{{project_id}}
os-suspend-server:resume           member  {_ACTION} (resume)
os-suspend-server:suspend          member  {_ACTION} (suspend)
os-tenant-networks:list            reader  GET /os-tenant-networks
os-tenant-networks:show            reader  GET /os-tenant-networks/{{network_id}}
os-volumes:list                    reader  GET /os-volumes
os-volumes:detail                  reader  GET /os-volumes/detail
os-volumes:show                    reader  GET /os-volumes/{{volume_id}}
os-volumes:create                  member  POST /os-volumes
os-volumes:delete                  member  DELETE /os-volumes/{{volume_id}}
os-volumes:snapshots:list          reader  GET /os-snapshots
os-volumes:snapshots:detail        reader  GET /os-snapshots/detail
os-volumes:snapshots:show          reader  GET /os-snapshots/{{snapshot_id}}
os-volumes:snapshots:create        member  POST /os-snapshots
os-volumes:snapshots:delete        member  DELETE /os-snapshots/{{snapshot_id}}
os-volumes-attachments:index       reader  GET {_SERVER}/os-volume_attachments
os-volumes-attachments:show        reader  GET {_SERVER}/os-volume_attachments/{{volume_id}}
os-volumes-attachments:create      member  POST {_SERVER}/os-volume_attachments
os-volumes-attachments:update      member  PUT {_SERVER}/os-volume_attachments/{{volume_id}}
os-volumes-attachments:swap        service PUT {_SERVER}/os-volume_attachments/{{volume_id}}
os-volumes-attachments:delete      member  DELETE {_SERVER}/os-volume_attachments/{{volume_id}}
server-metadata:index              reader  GET {_SERVER}/metadata
server-metadata:show               reader  GET {_SERVER}/metadata/{{key}}
server-metadata:create             member  POST {_SERVER}/metadata
server-metadata:update_all         member  PUT {_SERVER}/metadata
server-metadata:update             member  PUT {_SERVER}/metadata/{{key}}
server-metadata:delete             member  DELETE {_SERVER}/metadata/{{key}}
servers:migrations:index           manager GET {_SERVER}/migrations
servers:migrations:index:host      admin   GET {_SERVER}/migrations (with hosts)
servers:migrations:show            admin   GET {_SERVER}/migrations/{{id}}
servers:migrations:force_complete  manager POST {_SERVER}/migrations/{{id}}/action
servers:migrations:delete          manager DELETE {_SERVER}/migrations/{{id}}
devstack-lite:boot-trace           reader  GET {_SERVER}/os-boot-trace
devstack-lite:decisions            admin   GET {_SERVER}/os-decisions, GET /os-decisions, \
POST /os-decisions/what-if
"""
"""Name, who may, and what it is about; one rule a line, os_compute_api: before each name.

user is whose key pair it is.
"""

_CHECKS = {
    "admin": ADMIN, "manager": MANAGER, "member": MEMBER, "reader": READER, "service": SERVICE,
    "user": USER, "any": ANY,
}  # fmt: skip
REQUESTED_DESTINATION = "compute:servers:create:requested_destination"
CACHED_IMAGES = "compute:aggregates:images"
TOPOLOGY = "compute:server:topology:index"
TOPOLOGY_OF_HOST = "compute:server:topology:host:index"


def list_rules() -> list[RuleDefault]:
    """Return all rules; the entry point of oslo.policy's own tools."""
    return [*PERSONAS, *_documented()]


def _documented() -> Iterator[DocumentedRuleDefault]:
    for line in _TABLE.strip().splitlines():
        name, who, operation = line.split(maxsplit=2)
        yield _rule(f"os_compute_api:{name}", _CHECKS[who], operation)
    yield _rule(REQUESTED_DESTINATION, ADMIN, "POST /servers (host, hypervisor_hostname)")
    yield _rule(CACHED_IMAGES, ADMIN, "POST /os-aggregates/{aggregate_id}/images")
    yield _rule(TOPOLOGY, READER, f"GET {_SERVER}/topology")
    yield _rule(TOPOLOGY_OF_HOST, ADMIN, f"GET {_SERVER}/topology")


def _rule(name: str, check: str, where: str) -> DocumentedRuleDefault:
    operations = []
    for operation in re.split(", (?=[A-Z]+ /)", where):
        method, _, path = operation.partition(" ")
        operations.append({"method": method, "path": path})
    return DocumentedRuleDefault(name, check, where, operations)
