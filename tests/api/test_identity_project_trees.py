"""Projects below projects, and projects' tags, through identity's real pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api import identity_cloud
from tests.api.conftest import Cloud
from tests.api.identity_cloud import PROJECT_ID, ROLE_ID, USER_ID, Keystone

Json = dict[str, Any]


@pytest.fixture(scope="module")
def keystone(cloud: Cloud) -> Keystone:
    identity_cloud.seed(cloud)
    return Keystone(cloud)


@pytest.fixture(scope="module")
def admin(keystone: Keystone) -> str:
    return keystone.token("admin")


def make(keystone: Keystone, admin: str, name: str, **more: Any) -> Json:
    answer = keystone("POST", "/projects", {"project": {"name": name, **more}}, token=admin)
    assert answer.status == 201, answer.data
    return dict(answer.json["project"])


@pytest.fixture
def line(keystone: Keystone, admin: str) -> Iterator[list[Json]]:
    """Three projects, each below the one before; gone afterwards."""
    made: list[Json] = []
    for name in ("top", "middle", "leaf"):
        more = {"parent_id": made[-1]["id"]} if made else {}
        made.append(make(keystone, admin, name, **more))
    yield made
    for one in reversed(made):
        keystone("DELETE", f"/projects/{one['id']}", token=admin)


def names(found: list[Json]) -> list[str]:
    return [one["project"]["name"] for one in found]


def test_a_tree_is_shown(keystone: Keystone, admin: str, line: list[Json]) -> None:
    """Each with its parent, which a list can be asked for; above and below as lists and as ids."""
    top, middle, leaf = (one["id"] for one in line)
    assert [one["parent_id"] for one in line] == ["default", top, middle]
    listed = keystone("GET", f"/projects?parent_id={top}", token=admin).json["projects"]
    assert [one["id"] for one in listed] == [middle]

    def show(project_id: str, query: str) -> Json:
        path = f"/projects/{project_id}?{query}"
        return dict(keystone("GET", path, token=admin).json["project"])

    assert names(show(leaf, "parents_as_list")["parents"]) == ["middle", "top"]
    assert show(leaf, "parents_as_ids")["parents"] == {middle: {top: {"default": None}}}
    assert names(show(top, "subtree_as_list")["subtree"]) == ["middle", "leaf"]
    assert show(top, "subtree_as_ids")["subtree"] == {middle: {leaf: None}}
    assert show(leaf, "subtree_as_ids")["subtree"] is None
    assert show(leaf, "subtree_as_list")["subtree"] == []
    assert {"parents", "subtree"}.isdisjoint(show(middle, ""))


def test_a_member_is_listed_only_where_it_has_a_role(
    keystone: Keystone, admin: str, line: list[Json]
) -> None:
    """Of those above and below; their ids alone are told to anybody who may see the project."""
    top, middle, leaf = (one["id"] for one in line)

    def grant(project_id: str) -> None:
        path = f"/projects/{project_id}/users/{USER_ID['demo']}/roles/{ROLE_ID['member']}"
        assert keystone("PUT", path, token=admin).status == 204

    grant(middle)
    token = keystone.token("demo", scope={"project": {"id": middle}})

    def show(query: str) -> Json:
        answer = keystone("GET", f"/projects/{middle}?{query}", token=token)
        return dict(answer.json["project"])

    assert show("parents_as_list")["parents"] == show("subtree_as_list")["subtree"] == []
    assert show("parents_as_ids")["parents"] == {top: {"default": None}}
    assert show("subtree_as_ids")["subtree"] == {leaf: None}
    grant(leaf)
    assert names(show("subtree_as_list")["subtree"]) == ["leaf"]
    assert show("parents_as_list")["parents"] == []


def test_a_tree_stays_whole(keystone: Keystone, admin: str, line: list[Json]) -> None:
    """Only leaves go; nobody is enabled below one who is not, and nothing is made there."""
    top, middle, leaf = (f"/projects/{one['id']}" for one in line)

    def switch(path: str, enabled: bool) -> int:
        body = {"project": {"enabled": enabled}}
        return keystone("PATCH", path, body, token=admin).status

    assert keystone("DELETE", middle, token=admin).status == 403
    assert switch(top, False) == 403
    assert [switch(path, False) for path in (leaf, middle, top)] == [200, 200, 200]
    assert switch(leaf, True) == 403
    body = {"project": {"name": "more", "parent_id": line[1]["id"]}}
    assert keystone("POST", "/projects", body, token=admin).status == 403
    assert [switch(path, True) for path in (top, middle, leaf)] == [200, 200, 200]
    other = {"project": {"parent_id": line[0]["id"]}}
    assert keystone("PATCH", leaf, other, token=admin).status == 400
    assert [
        keystone("DELETE", path, token=admin).status for path in (leaf, middle, top)
    ] == [204, 204, 204]  # fmt: skip


def test_where_a_project_can_be(keystone: Keystone, admin: str, line: list[Json]) -> None:
    """In its parent's domain, five deep at most; a domain may be named as the parent."""
    body = {"domain": {"name": "elsewhere"}}
    domain = keystone("POST", "/domains", body, token=admin).json["domain"]["id"]
    assert make(keystone, admin, "named", parent_id=domain)["domain_id"] == domain

    def refused(**more: Any) -> int:
        body = {"project": {"name": "refused", **more}}
        return int(keystone("POST", "/projects", body, token=admin).status)

    assert refused(parent_id=line[0]["id"], domain_id=domain) == 400
    assert refused(parent_id=domain, domain_id="default") == 400
    assert refused(parent_id="nothing") == 404
    fourth = make(keystone, admin, "fourth", parent_id=line[2]["id"])
    fifth = make(keystone, admin, "fifth", parent_id=fourth["id"])
    assert refused(parent_id=fifth["id"]) == 403
    for one in (fifth, fourth):
        assert keystone("DELETE", f"/projects/{one['id']}", token=admin).status == 204
    gone = {"domain": {"enabled": False}}
    assert keystone("PATCH", f"/domains/{domain}", gone, token=admin).status == 200
    assert keystone("DELETE", f"/domains/{domain}", token=admin).status == 204


def test_tags(keystone: Keystone, admin: str) -> None:
    """One by one or all at once; kept when a project is changed otherwise."""
    made = make(keystone, admin, "tagged", tags=["a", "b"])
    assert made["tags"] == ["a", "b"]
    path = f"/projects/{made['id']}"
    assert keystone("PUT", f"{path}/tags/c", token=admin).status == 201
    assert keystone("PUT", f"{path}/tags/c", token=admin).status == 201
    assert keystone("PATCH", path, {"project": {"description": "d"}}, token=admin).status == 200
    assert keystone("GET", f"{path}/tags", token=admin).json == {"tags": ["a", "b", "c"]}
    for method in ("GET", "HEAD", "DELETE"):
        assert keystone(method, f"{path}/tags/b", token=admin).status == 204
        assert keystone(method, f"{path}/tags/x", token=admin).status == 404
    assert keystone("GET", path, token=admin).json["project"]["tags"] == ["a", "c"]
    body = {"tags": ["x", "y"]}
    assert keystone("PUT", f"{path}/tags", body, token=admin).json == body
    assert keystone("PUT", f"{path}/tags/x,y", token=admin).status == 400
    for tags in (["a,b"], ["a/b"], [""], ["a", "a"], [str(number) for number in range(81)]):
        assert keystone("PUT", f"{path}/tags", {"tags": tags}, token=admin).status == 400
    many = {"tags": [str(number) for number in range(80)]}
    assert keystone("PUT", f"{path}/tags", many, token=admin).status == 200
    assert keystone("PUT", f"{path}/tags/more", token=admin).status == 400
    assert keystone("DELETE", f"{path}/tags", token=admin).status == 204
    assert keystone("GET", f"{path}/tags", token=admin).json == {"tags": []}
    assert keystone("DELETE", path, token=admin).status == 204
    assert keystone("PUT", f"{path}/tags/a", token=admin).status == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tags=red", {"red", "both"}),
        ("tags=red,blue", {"both"}),
        ("tags-any=red,blue", {"red", "blue", "both"}),
        ("not-tags=red,blue", {"red", "blue", "none"}),
        ("not-tags-any=red,blue", {"none"}),
        ("tags=red&not-tags-any=blue", {"red"}),
    ],
)
def test_lists_by_tags(keystone: Keystone, admin: str, query: str, expected: set[str]) -> None:
    tagged = {"red": ["red"], "blue": ["blue"], "both": ["red", "blue"], "none": []}
    made = [make(keystone, admin, name, tags=tags) for name, tags in tagged.items()]
    found = keystone("GET", f"/projects?{query}", token=admin).json["projects"]
    assert {one["name"] for one in found} & tagged.keys() == expected
    for one in made:
        assert keystone("DELETE", f"/projects/{one['id']}", token=admin).status == 204


def test_who_may_tag(keystone: Keystone, admin: str) -> None:
    """Members see the tags of the project they work on, and change none."""
    token = keystone.token("demo")
    own, other = (f"/projects/{PROJECT_ID[name]}/tags" for name in ("demo", "admin"))
    assert keystone("PUT", f"{own}/seen", token=admin).status == 201
    assert keystone("GET", own, token=token).json == {"tags": ["seen"]}
    assert keystone("GET", f"{own}/seen", token=token).status == 204
    assert keystone("GET", other, token=token).status == 403
    for method, path, body in (
        ("PUT", f"{own}/x", None), ("PUT", own, {"tags": []}), ("DELETE", own, None),
        ("DELETE", f"{own}/seen", None),
    ):  # fmt: skip
        assert keystone(method, path, body, token=token).status == 403
