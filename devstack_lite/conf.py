"""Every option of every daemon, in one table.

Each daemon loads one file (`--config-file`) that holds what this daemon may know and nothing more:
a compute host's file has no `[database]` group. The options are registered on oslo.config's own
`cfg.CONF`, because oslo.messaging reads it; the rest of the code gets the object passed.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

from devstack_lite import conf_apis

WSGI_SERVICES = ("api", "identity", "image", "network", "volume", "placement")
STANDARD_PORTS = {
    "identity": 5000, "api": 8774, "volume": 8776, "image": 9292, "network": 9696,
    "placement": 8778, "metadata": conf_apis.STANDARD_METADATA_PORT,
}  # fmt: skip


def _wsgi_options(service: str, workers: int) -> list[Any]:
    return [
        cfg.HostAddressOpt("listen", default="127.0.0.1", help="Address to bind."),
        cfg.PortOpt("port", default=STANDARD_PORTS[service], help="TCP port to bind."),
        cfg.IntOpt("workers", default=workers, min=1, help="Forked worker processes."),
        _threads_option(),
    ]


def _threads_option() -> Any:
    return cfg.IntOpt(
        "threads",
        default=10,
        min=1,
        help="HTTP threads in a worker. Two cores gain nothing from more; they only hold"
        " requests that wait for an RPC answer.",
    )


FORK = cfg.BoolOpt(
    "fork",
    default=True,
    help="Whether workers are forked. Without (--nofork), one worker of each kind is in the"
    " launcher's own process, at the terminal, where a debugger can stop it.",
)

OPTIONS: dict[str, list[Any]] = {
    "DEFAULT": [
        FORK,
        cfg.StrOpt("cloud_name", default="devstack", help="Name of the cloud this belongs to."),
        cfg.StrOpt("state_dir", help="The cloud's state folder."),
        cfg.StrOpt("host", default=socket.gethostname(), help="Name of this service's host."),
        cfg.StrOpt(
            "semantics",
            default="durable",
            choices=["durable", "nova"],
            help="durable: what got lost is asked for again. nova: messages are trusted, and what"
            " dies with a worker stays as it was.",
        ),
        cfg.StrOpt("region", default="RegionOne", help="The only region in the catalog."),
        cfg.MultiOpt(
            "reserved_huge_pages",
            item_type=cfg.types.Dict(),
            help="Memory pages of a host's NUMA cells that no guest gets, a line for each cell and"
            " size: node:0,size:2048,count:64. Nova's option.",
        ),
        cfg.StrOpt("paste_config", help="PasteDeploy file; the one in deploy/ when not given."),
        cfg.StrOpt("combined_log", help="A file that all daemons append their lines to."),
        cfg.IntOpt(
            "heartbeat_s",
            mutable=True,
            default=5,
            min=1,
            help="Seconds between a service's signs of life.",
        ),
        cfg.IntOpt(
            "service_down_time_s",
            default=20,
            min=2,
            help="A service without a sign of life for longer is down. Nova's default is 60; here"
            " a heartbeat costs less.",
        ),
        cfg.IntOpt(
            "osapi_max_limit", default=1000, min=1, help="The most items one page of a list holds."
        ),
        cfg.IntOpt(
            "reclaim_instance_interval",
            mutable=True,
            default=0,
            min=0,
            help="Seconds for which a deleted server can be restored: until then it is"
            " SOFT_DELETED and off. 0 deletes at once. Nova's option and default; the api and the"
            " conductor read it.",
        ),
        cfg.IntOpt(
            "max_request_body_size",
            default=114688,
            help="Bytes of a request body beyond which it is refused (413). oslo.middleware's"
            " default. Image uploads are not counted.",
        ),
        cfg.BoolOpt(
            "allow_resize_to_same_host",
            mutable=True,
            default=False,
            help="Whether a resize or a cold migration may choose another node of the host that"
            " the server is on, as in Nova; never the same node, whose guest is kept.",
        ),
        cfg.IntOpt(
            "resize_confirm_window",
            mutable=True,
            default=0,
            min=0,
            help="Seconds after which the conductor confirms a resize by itself; 0 is never.",
        ),
        cfg.IntOpt(
            "shelved_offload_time",
            mutable=True,
            default=0,
            min=-1,
            help="Seconds after which a shelved server leaves its host; 0 is at once, -1 never. One"
            " that boots from a volume leaves at once.",
        ),
        cfg.FloatOpt(
            "graceful_stop_s", default=10.0, help="Seconds a worker may take to finish its work."
        ),
        *conf_apis.SERVED,
    ],
    "ssl": conf_apis.SSL,
    "neutron": conf_apis.NEUTRON,
    "database": [
        cfg.StrOpt(
            "connection",
            secret=True,
            help="SQLAlchemy URL. The conductor's may write; every other's must not be able to.",
        ),
        cfg.IntOpt("pool_size", default=16, min=1, help="Connections a worker keeps."),
    ],
    "rpc": [
        cfg.IntOpt("threads", default=16, min=1, help="RPC requests a worker handles at once."),
        cfg.IntOpt(
            "call_monitor_s",
            default=3,
            min=1,
            help="A call whose server gives no sign of life for so long is given up.",
        ),
    ],
    "endpoints": [
        cfg.StrOpt("identity", default="http://127.0.0.1:5000/v3", help="Identity's URL."),
        cfg.StrOpt("compute", default="http://127.0.0.1:8774/v2.1", help="The compute API's URL."),
        cfg.StrOpt("image", default="http://127.0.0.1:9292", help="Image's URL."),
        cfg.StrOpt("network", default="http://127.0.0.1:9696", help="Network's URL."),
        cfg.StrOpt("volume", default="http://127.0.0.1:8776/v3", help="Volume's URL."),
        cfg.StrOpt("placement", default="http://127.0.0.1:8778", help="Placement's URL."),
    ],
    "authtoken": [
        cfg.IntOpt(
            "token_cache_s",
            default=0,
            min=0,
            help="Seconds a validated token is remembered. 0 asks identity each time, as the boot"
            " flow says.",
        ),
        cfg.FloatOpt("timeout_s", default=10.0, help="Seconds to wait for identity."),
    ],
    "api": [
        _threads_option(),
        *conf_apis.METADATA,
        cfg.StrOpt(
            "auth_strategy",
            default="keystone",
            choices=["keystone", "noauth2"],
            help="keystone: identity says who asks. noauth2: the request does, for trying the API"
            " on its own; the sibling services still want identity's tokens.",
        ),
        cfg.ListOpt(
            "rate_limits",
            default=[],
            help="How often each user may send which requests, per worker: METHOD PATH NUMBER/UNIT,"
            " such as POST ^/servers 10/minute. The path is a regular expression without commas,"
            " the unit second, minute, hour or day. Off when empty.",
        ),
        cfg.ListOpt(
            "extensions_allowed",
            default=[],
            help="Aliases of the extensions that the compute API consists of; all when empty. The"
            " core (servers, flavors, limits, extensions) is always allowed.",
        ),
        cfg.ListOpt(
            "extensions_denied",
            default=[],
            help="Aliases of extensions, installed or its own, that the compute API does without."
            " Denying a part of the core stops the start.",
        ),
    ],
    "identity": [
        *_wsgi_options("identity", 1),
        cfg.IntOpt("token_expiration_s", default=3600, min=1, help="Lifetime of a token."),
        cfg.IntOpt(
            "password_hash_rounds",
            default=6,
            min=4,
            max=31,
            help="bcrypt's cost: 6 is 4 ms here. Passwords are random per cloud and long, so the"
            " cost guards nothing but a user's own weak choice.",
        ),
    ],
    "image": [
        *_wsgi_options("image", 1),
        cfg.IntOpt(
            "max_upload_bytes", default=10 * 2**30, help="Largest image that may be uploaded."
        ),
    ],
    "network": [*_wsgi_options("network", 1)],
    "volume": [*_wsgi_options("volume", 1)],
    "placement": [*_wsgi_options("placement", 1)],
    "conductor": [
        cfg.IntOpt("workers", default=2, min=1, help="Forked worker processes."),
        cfg.FloatOpt(
            "sweep_s", mutable=True, default=1.0, help="Seconds between the reconciler's sweeps."
        ),
        cfg.FloatOpt(
            "unowned_bound_s",
            mutable=True,
            default=10.0,
            help="An operation that no worker has taken in hand for so long is asked for again:"
            " its message died with whoever had received it.",
        ),
        cfg.FloatOpt(
            "owned_bound_s",
            mutable=True,
            default=15.0,
            help="An operation whose worker has not been heard of for so long is handed to"
            " another. Workers say every 2 s what they have in hand.",
        ),
        cfg.FloatOpt(
            "leftovers_s",
            mutable=True,
            default=60.0,
            help="Ports and attachments of instances that have been gone for so long are removed,"
            " and so are images that a snapshot began and nobody has brought data to.",
        ),
        cfg.IntOpt(
            "deleted_kept",
            mutable=True,
            default=2000,
            min=-1,
            help="How many deleted instances are kept, with their actions and boot steps, for"
            " whoever lists them or sums up usage: the last ones. -1 keeps all, as Nova does.",
        ),
    ],
    "scheduler": [
        cfg.IntOpt("workers", default=1, min=1, help="Forked worker processes."),
        cfg.IntOpt("max_attempts", default=3, min=1, help="Hosts a build may be handed to."),
    ],
    "filter_scheduler": [
        cfg.ListOpt(
            "enabled_filters",
            default=[
                "ComputeFilter",
                "AvailabilityZoneFilter",
                "ComputeCapabilitiesFilter",
                "ImagePropertiesFilter",
                "TraitsFilter",
                "ServerGroupAntiAffinityFilter",
                "ServerGroupAffinityFilter",
                "DifferentHostFilter",
                "SameHostFilter",
                "PciPassthroughFilter",
                "VCPUFilter",
                "RamFilter",
                "DiskFilter",
                "ResourceClassFilter",
                "NUMATopologyFilter",
            ],
            help="Filters by name, in order; entry points of devstack_lite.scheduler.filters.",
        ),
        cfg.ListOpt(
            "weight_classes",
            default=[
                "CPUWeigher",
                "RAMWeigher",
                "DiskWeigher",
                "MetricsWeigher",
                "IoOpsWeigher",
                "NumInstancesWeigher",
                "ServerGroupSoftAffinityWeigher",
                "ServerGroupSoftAntiAffinityWeigher",
                "BuildFailureWeigher",
                "CrossCellWeigher",
                "HypervisorVersionWeigher",
                "ImagePropertiesWeigher",
                "PCIWeigher",
            ],
            help="Weighers by name, Nova's all; entry points of devstack_lite.scheduler.weighers.",
        ),
        cfg.FloatOpt("cpu_weight_multiplier", default=1.0, help="Nova's option and default."),
        cfg.FloatOpt("ram_weight_multiplier", default=1.0, help="Nova's option and default."),
        cfg.FloatOpt("disk_weight_multiplier", default=1.0, help="Nova's option and default."),
        cfg.FloatOpt("io_ops_weight_multiplier", default=-1.0, help="Nova's option and default."),
        cfg.FloatOpt("num_instances_weight_multiplier", default=0.0, help="Nova's."),
        cfg.FloatOpt(
            "hypervisor_version_weight_multiplier", default=1.0, help="Nova's option and default."
        ),
        cfg.FloatOpt(
            "cross_cell_move_weight_multiplier", default=1000000.0, help="Nova's option, default."
        ),
        cfg.FloatOpt(
            "build_failure_weight_multiplier", default=1000000.0, help="Nova's option, default."
        ),
        cfg.FloatOpt("image_props_weight_multiplier", default=0.0, help="Nova's option, default."),
        cfg.ListOpt(
            "image_props_weight_setting",
            default=[],
            help="What each image property counts: name=number, …; all alike when empty.",
        ),
        cfg.FloatOpt("pci_weight_multiplier", default=1.0, min=0, help="Nova's option, default."),
        cfg.FloatOpt("soft_affinity_weight_multiplier", default=1.0, min=0, help="Nova's."),
        cfg.FloatOpt("soft_anti_affinity_weight_multiplier", default=1.0, min=0, help="Nova's."),
        cfg.IntOpt(
            "max_instances_per_host", default=50, min=1, help="What NumInstancesFilter allows."
        ),
        cfg.IntOpt("max_io_ops_per_host", default=8, min=0, help="What IoOpsFilter allows."),
        cfg.ListOpt("isolated_hosts", default=[], help="Hosts of IsolatedHostsFilter."),
        cfg.ListOpt("isolated_images", default=[], help="Image ids of IsolatedHostsFilter."),
        cfg.BoolOpt(
            "restrict_isolated_hosts_to_isolated_images",
            default=True,
            help="Whether isolated hosts take isolated images alone.",
        ),
        cfg.StrOpt(
            "image_properties_default_architecture",
            help="What an image needs that does not say so; any when unset.",
        ),
        cfg.StrOpt(
            "aggregate_image_properties_isolation_namespace",
            default="",
            help="Only metadata that begins with it counts in AggregateImagePropertiesIsolation.",
        ),
        cfg.StrOpt(
            "aggregate_image_properties_isolation_separator",
            default=".",
            help="Between the namespace and the rest.",
        ),
        cfg.IntOpt("host_subset_size", default=1, min=1, help="Pick at random among the best n."),
        cfg.BoolOpt(
            "shuffle_best_same_weighed_hosts",
            default=False,
            help="Pick at random among those of the best that weigh the same.",
        ),
    ],
    "metrics": [
        cfg.FloatOpt("weight_multiplier", default=1.0, help="Of MetricsWeigher."),
        cfg.ListOpt("weight_setting", default=[], help="What each metric counts: name=ratio, …"),
        cfg.BoolOpt(
            "required",
            default=True,
            help="Whether a node without a metric is an error; it is only last when not.",
        ),
        cfg.FloatOpt("weight_of_unavailable", default=-10000.0, help="Of a node without a metric."),
    ],
    "compute": [
        cfg.IntOpt("workers", default=1, min=1, help="Forked worker processes per host."),
        cfg.IntOpt("nodes", default=1, min=1, help="Hypervisor nodes this host simulates."),
        cfg.StrOpt("availability_zone", default="nova", help="The zone this host is in."),
        cfg.HostAddressOpt(
            "my_ip", default="127.0.0.1", help="This host's address, as the scheduler knows it."
        ),
        cfg.ListOpt(
            "traits",
            default=["COMPUTE_NODE", "HW_CPU_X86_VMX", "COMPUTE_VOLUME_ATTACH"],
            help="What flavors and images may require or forbid of this host's nodes"
            " (trait:NAME=required).",
        ),
        cfg.StrOpt(
            "provider_config_location",
            help="Nova's option: a folder of *.yaml that say what resource classes (CUSTOM_*) and"
            " traits this host's nodes have besides. `up` makes it one in the cloud's"
            " folder, etc/provider_config/, for all its hosts.",
        ),
        cfg.DictOpt(
            "metrics",
            default={},
            help="What this host's nodes report to the metrics weigher: name:number, …",
        ),
        cfg.StrOpt(
            "libvirt_module",
            default="fake_hypervisor",
            help="The module that speaks libvirt's API: fake_hypervisor, or libvirt itself.",
        ),
        cfg.StrOpt(
            "connection_uri",
            help="The hypervisor's URI; {node} is replaced. The fake one's store when not given.",
        ),
        cfg.StrOpt(
            "live_migration_uri",
            default="qemu+tcp://%s/system",
            help="Where a real libvirt sends a guest that migrates while it runs; %s is the host."
            " Nova's option. The fake one finds the other host's store by itself.",
        ),
        cfg.StrOpt("profile", default="instant", help="Stage profile: a name or a YAML file."),
        cfg.IntOpt("node_vcpus", default=256, min=1, help="Physical CPUs of a simulated node."),
        cfg.IntOpt("node_memory_mb", default=1048576, min=1, help="Memory of a simulated node."),
        cfg.IntOpt("node_disk_gb", default=16384, min=1, help="Disk of a simulated node."),
        cfg.IntOpt(
            "node_numa_cells",
            default=1,
            min=1,
            help="NUMA cells of a simulated node, which share its CPUs and memory evenly.",
        ),
        cfg.IntOpt(
            "node_threads_per_core", default=1, min=1, help="Threads of a simulated node's cores."
        ),
        cfg.DictOpt(
            "node_huge_pages",
            default={},
            help="Memory pages of each NUMA cell of a simulated node that are not of 4 KiB, by"
            " their size in KiB: 2048:1024, 1048576:2. The rest of its memory is in small ones.",
        ),
        cfg.StrOpt(
            "cpu_shared_set",
            help="Physical CPUs that guests with a NUMA topology share, as 0-3,^2,8; all unless"
            " set. Nova's option.",
        ),
        cfg.StrOpt(
            "cpu_dedicated_set",
            help="Physical CPUs that guests may have for themselves; all, unless this or"
            " cpu_shared_set is set. Nova's option.",
        ),
        cfg.BoolOpt(
            "packing_host_numa_cells_allocation_strategy",
            default=False,
            help="Whether a guest gets the NUMA cells with least room, instead of those with most."
            " Nova's option and default; scheduler and conductor read it.",
        ),
        cfg.FloatOpt("cpu_allocation_ratio", default=4.0, help="Virtual CPUs per physical one."),
        cfg.FloatOpt("ram_allocation_ratio", default=1.0, help="Nova's initial default."),
        cfg.FloatOpt("disk_allocation_ratio", default=1.0, help="Nova's initial default."),
        cfg.IntOpt(
            "reserved_vcpus",
            default=0,
            min=0,
            help="Physical CPUs that no instance gets; Nova's reserved_host_cpus.",
        ),
        cfg.IntOpt("reserved_memory_mb", default=512, min=0, help="Nova's default."),
        cfg.IntOpt(
            "reserved_disk_gb",
            default=0,
            min=0,
            help="Disk that no instance gets; Nova's reserved_host_disk_mb, in GiB.",
        ),
        cfg.IntOpt(
            "build_threads",
            default=16,
            min=1,
            help="Builds a worker has under way at once; Nova's max_concurrent_builds is 10.",
        ),
        cfg.FloatOpt(
            "check_s",
            mutable=True,
            default=60.0,
            help="Seconds between comparisons of the host's domains with its instances. Nova's"
            " sync_power_state_interval is 600.",
        ),
        cfg.FloatOpt(
            "progress_s",
            default=0.2,
            help="A task_state that lasts longer is written, so that a person sees it; a shorter"
            " one would cost a call and be seen by nobody.",
        ),
    ],
    "pci": [
        cfg.MultiStrOpt(
            "device_spec",
            default=[],
            help="Which of a compute host's PCI devices guests may have: JSON in Nova's form, an"
            ' entry {"vendor_id": …, "product_id": …, "address": …} with tags, or a list of them.',
        ),
        cfg.MultiStrOpt(
            "alias",
            default=[],
            help="What pci_passthrough:alias=NAME:COUNT of a flavor asks for: JSON in Nova's form,"
            ' {"name": …, "vendor_id": …, "product_id": …, "device_type": …}. Read by the api and'
            " the scheduler: change both files.",
        ),
        cfg.MultiStrOpt(
            "simulated_devices",
            default=[],
            help="PCI devices that a compute host's simulated nodes have: JSON,"
            ' {"address": "0000:3b:00.0", "vendor_id": …, "product_id": …}, and if need be'
            " numa_node, dev_type (type-PCI, type-PF, type-VF), parent, vfs with vf_product_id,"
            " and node, a pattern of names; or a list of them.",
        ),
    ],
    "vnc": [
        cfg.StrOpt(
            "novncproxy_base_url",
            default="http://127.0.0.1:6080/vnc_auto.html",
            help="Nova's option and default: what the URL of a VNC console begins with.",
        ),
    ],
    "consoleauth": [
        cfg.IntOpt(
            "token_ttl",
            default=600,
            min=0,
            help="Nova's option and default: seconds for which a console's token is known.",
        ),
    ],
    "spice": [
        cfg.StrOpt(
            "html5proxy_base_url",
            default="http://127.0.0.1:6082/spice_auto.html",
            help="Nova's option and default: what the URL of a SPICE console begins with.",
        ),
        cfg.StrOpt(
            "spice_direct_proxy_base_url",
            default="http://127.0.0.1:13002/nova",
            help="Nova's option and default: what the URL of a spice-direct console begins with.",
        ),
    ],
    "quota": [
        cfg.IntOpt(
            "instances",
            mutable=True,
            default=10000,
            min=-1,
            help="Instances a project may have."
            " Quotas are enforced by the conductor and shown by the api: change both files.",
        ),
        cfg.IntOpt(
            "cores", mutable=True, default=40000, min=-1, help="Virtual CPUs a project may use."
        ),
        cfg.IntOpt(
            "ram",
            mutable=True,
            default=40000 * 2048,
            min=-1,
            help="MiB of memory a project may use.",
        ),
        cfg.IntOpt(
            "key_pairs", mutable=True, default=100, min=-1, help="Key pairs a user may have."
        ),
        cfg.IntOpt(
            "server_groups", mutable=True, default=100, min=-1, help="Groups a project may have."
        ),
        cfg.IntOpt(
            "server_group_members", mutable=True, default=100, min=-1, help="Servers of a group."
        ),
        cfg.IntOpt(
            "metadata_items", mutable=True, default=128, min=0, help="Metadata items of a server."
        ),
    ],
}


def register(conf: cfg.ConfigOpts) -> cfg.ConfigOpts:
    """Register every option on conf; may be called again."""
    for group, options in OPTIONS.items():
        conf.register_opts(options, group=None if group == "DEFAULT" else group)
    return conf


def load(program: str, arguments: Sequence[str]) -> cfg.ConfigOpts:
    """Return the configuration of one daemon.

    Raises oslo_config.cfg.Error (definite: nothing was started) for a missing file or a value
    that an option does not take.
    """
    from oslo_log import log

    cfg.CONF.register_cli_opt(FORK)
    conf = register(cfg.CONF)
    log.register_options(conf)
    conf(list(arguments), project="devstack-lite", prog=program, default_config_files=[])
    if not conf.config_file:
        raise cfg.ConfigFilesNotFoundError(["--config-file FILE, as `devstack-lite up` writes it"])
    return conf
