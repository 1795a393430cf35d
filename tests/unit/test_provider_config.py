"""What an operator's files say that nodes have besides."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.compute.provider_config import MAX_INTEGER, Provider, load_provider_config

WHOLE = """
meta: {schema_version: '1.0'}
providers:
  - identification: {uuid: $COMPUTE_NODE}
    inventories:
      additional:
        - CUSTOM_CARD: {total: 4}
    traits:
      additional: [CUSTOM_WITH_CARDS]
  - identification: {name: host1-node2}
    inventories:
      additional:
        - CUSTOM_CARD: {total: 8, reserved: 1, min_unit: 2, max_unit: 6, step_size: 2,
                        allocation_ratio: 1.5}
          CUSTOM_KEY: {total: 1}
"""
PLAIN = {
    "reserved": 0, "min_unit": 1, "max_unit": MAX_INTEGER, "step_size": 1, "allocation_ratio": 1.0
}  # fmt: skip


def write(folder: Path, text: str, name: str = "provider.yaml") -> str:
    (folder / name).write_text(text)
    return str(folder)


def test_a_node_has_what_is_said_of_it_or_of_each(tmp_path: Path) -> None:
    """The one that is named has its own alone; what is left out has placement's defaults."""
    found = load_provider_config(write(tmp_path, WHOLE))
    assert found.of(name="host1", uuid="u1") == Provider(
        inventories={"CUSTOM_CARD": {**PLAIN, "total": 4}}, traits=frozenset({"CUSTOM_WITH_CARDS"})
    )
    assert found.of(name="host1-node2", uuid="u2") == Provider(
        inventories={
            "CUSTOM_CARD": {
                "total": 8, "reserved": 1, "min_unit": 2, "max_unit": 6, "step_size": 2,
                "allocation_ratio": 1.5,
            },
            "CUSTOM_KEY": {**PLAIN, "total": 1},
        }
    )  # fmt: skip


@pytest.mark.parametrize("folder", [None, "nowhere"])
def test_without_files_there_is_nothing(tmp_path: Path, folder: str | None) -> None:
    """No option and no folder are no error."""
    found = load_provider_config(None if folder is None else str(tmp_path / folder))
    assert found.of(name="host1", uuid="u1") == Provider()


def one(body: str, identification: str = "{name: n}") -> str:
    return (
        f"meta: {{schema_version: '1.0'}}\n"
        f"providers:\n  - identification: {identification}\n    {body}\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "Unable to read provider config"),
        ("providers: []", "'meta' is a required property"),
        ("meta: {schema_version: '2.0'}", "does not match"),
        (one("inventories: {additional: [{VGPU: {total: 1}}]}"),
         "Invalid resource class, only custom resource classes are allowed: VGPU"),
        (one("inventories: {additional: [{CUSTOM_A: {reserved: 1}}]}"), "'total' is a required"),
        (one("inventories: {additional: [{CUSTOM_A: {total: 1, reserved: 2}}]}"),
         "Invalid inventory for 'CUSTOM_A'"),
        (one("inventories: {additional: [{CUSTOM_A: {total: -1}}]}"), "less than the minimum"),
        (one("traits: {additional: [HW_CPU_X86_AVX]}"),
         "Invalid traits, only custom traits are allowed: HW_CPU_X86_AVX"),
        (one("traits: {}", "{name: n, uuid: u}"), "too many properties"),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_refused_with_its_file(
    tmp_path: Path, text: str, message: str
) -> None:
    """One sentence, in Nova's words where it has some."""
    with pytest.raises(ValueError, match=r"provider\.yaml") as caught:
        load_provider_config(write(tmp_path, text))
    assert message in str(caught.value)


def test_a_provider_is_defined_once(tmp_path: Path) -> None:
    """Neither twice by one name, nor by its name and its uuid."""
    write(tmp_path, one("traits: {additional: [CUSTOM_A]}"), "a.yaml")
    folder = write(tmp_path, one("traits: {additional: [CUSTOM_B]}"), "b.yaml")
    with pytest.raises(ValueError, match=r"Provider n has multiple definitions in a.yaml, b.yaml"):
        load_provider_config(folder)
    write(tmp_path, one("traits: {additional: [CUSTOM_B]}", "{uuid: u}"), "b.yaml")
    with pytest.raises(ValueError, match="both name 'n' and uuid 'u'"):
        load_provider_config(folder).of(name="n", uuid="u")
