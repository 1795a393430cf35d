"""/allocation_candidates: which nodes could take what is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import ComputeNode
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from devstack_lite.wsgi.versions import ApiVersion
from services.placement.access import require_admin
from services.placement.query import Group, Known, check_traits, groups_of, only
from services.placement.reading import Reading, reply
from services.placement.resources import capacity_of, has_room, inventories_of, usages_of

Json = dict[str, Any]

_BY_PROVIDER = ApiVersion(1, 12)
_LIMIT = ApiVersion(1, 16)
_TRAITS = ApiVersion(1, 17)
_MEMBER_OF = ApiVersion(1, 21)
_GROUPS = ApiVersion(1, 25)
_ALL_CLASSES = ApiVersion(1, 27)
_TREES = ApiVersion(1, 29)
_MAPPINGS = ApiVersion(1, 34)
_ROOT_REQUIRED = ApiVersion(1, 35)
_SAME_SUBTREE = ApiVersion(1, 36)

_PLAIN = {
    "resources": ApiVersion(1, 10), "limit": _LIMIT, "required": _TRAITS, "member_of": _MEMBER_OF,
    "group_policy": _GROUPS, "in_tree": ApiVersion(1, 31), "root_required": _ROOT_REQUIRED,
    "same_subtree": _SAME_SUBTREE,
}  # fmt: skip
_PREFIXES = ("resources", "required", "member_of", "in_tree")


class CandidatesController:
    """Each node is a tree of its own, and shares nothing: a request is one node's, or nobody's."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    @api(since="1.10")
    def index(self, req: Request) -> Reply:
        """List what could be claimed, and what is left on the nodes named."""
        require_admin(req, "allocation_candidates:list")
        version = req.api_version
        plain = (key for key in req.GET if key in _PLAIN or not key.startswith(_PREFIXES))
        only(plain, _PLAIN, version)
        nodes, aggregates = self._reading.nodes(), self._reading.aggregates()
        known = Known.of(nodes)
        groups = groups_of(req.GET.items(), version, known)
        total = _total(groups, version)
        root = _root_group(req, known.traits)
        if self._is_impossible(req, groups):
            nodes = []
        found = [
            node
            for node in nodes
            if has_room(node, total)
            and all(one.fits(node, aggregates[node.host]) for one in (root, *groups.values()))
        ][: _limit(req)]
        return reply(
            req,
            {
                "allocation_requests": [_request(one, total, groups, version) for one in found],
                "provider_summaries": {one.id: _summary(one, total, version) for one in found},
            },
        )

    @staticmethod
    def _is_impossible(req: Request, groups: Mapping[str, Group]) -> bool:
        """Say whether two groups must be of two providers of one tree, where trees have one."""
        policy = req.GET.get("group_policy")
        numbered = [suffix for suffix, one in groups.items() if suffix and one.resources]
        if policy not in {None, "none", "isolate"}:
            raise Invalid(
                f"Invalid query string parameters: '{policy}' is not one of ['none', 'isolate']"
            )
        if len(numbered) > 1 and policy is None:
            raise Invalid(
                'The "group_policy" parameter is required when specifying more than one'
                ' "resources{N}" parameter.'
            )  # fmt: skip
        return len(numbered) > 1 and policy == "isolate"


def _total(groups: Mapping[str, Group], version: ApiVersion) -> dict[str, int]:
    """Return all that is asked for. Raises Invalid for nothing, and for a group of nothing."""
    total: Counter[str] = Counter()
    for suffix, one in groups.items():
        if not one.resources and version < _SAME_SUBTREE:
            raise Invalid(f"All request groups must specify resources. Group '{suffix}' does not.")
        total.update(one.resources)
    if not total:
        raise Invalid("There must be at least one resources or resources[$S] parameter.")
    return dict(total)


def _root_group(req: Request, known: frozenset[str]) -> Group:
    text = req.GET.get("root_required")
    if text is None:
        return Group()
    parts = text.split(",")
    unwanted = {one[1:] for one in parts if one.startswith("!")}
    wanted = {one for one in parts if not one.startswith("!")}
    check_traits(wanted | unwanted, known)
    return Group(required=[frozenset({one}) for one in wanted], forbidden=unwanted)


def _limit(req: Request) -> int | None:
    text = req.GET.get("limit")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
        raise Invalid(f"Invalid query string parameters: '{text}' does not match '^[1-9][0-9]*$'")
    return int(text)


def _request(
    node: ComputeNode, total: Mapping[str, int], groups: Mapping[str, Group], version: ApiVersion
) -> Json:
    if version < _BY_PROVIDER:
        provider = {"resource_provider": {"uuid": node.id}, "resources": dict(total)}
        return {"allocations": [provider]}
    shown: Json = {"allocations": {node.id: {"resources": dict(total)}}}
    if version >= _MAPPINGS:
        shown["mappings"] = {suffix: [node.id] for suffix in groups}
    return shown


def _summary(node: ComputeNode, total: Mapping[str, int], version: ApiVersion) -> Json:
    inventories, used = inventories_of(node), usages_of(node)
    shown: Json = {
        "resources": {
            name: {"capacity": capacity_of(inventory), "used": used[name]}
            for name, inventory in inventories.items()
            if version >= _ALL_CLASSES or name in total
        }
    }
    if version >= _TRAITS:
        shown["traits"] = list(node.traits)
    if version >= _TREES:
        shown |= {"root_provider_uuid": node.id, "parent_provider_uuid": None}
    return shown
