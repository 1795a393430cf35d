"""The address of a simulated node: `fake:///<store dir>?node=<name>[&profile=<p>][&seed=<n>]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from fake_hypervisor import constants as c
from fake_hypervisor.errors import error

_KEYS = {"node", "profile", "seed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAddress:
    """Where a node's domains live and how its operations behave."""

    store_dir: Path
    node: str
    profile: str = "instant"
    seed: int | None = None


def make_uri(
    store_dir: Path | str, node: str, *, profile: str | None = None, seed: int | None = None
) -> str:
    """Return the URI of node in store_dir, which must be an absolute path."""
    query = {"node": node}
    if profile is not None:
        query["profile"] = profile
    if seed is not None:
        query["seed"] = str(seed)
    return f"fake://{quote(str(store_dir))}?{urlencode(query)}"


def parse_uri(uri: str | None) -> NodeAddress:
    """Return what uri says.

    Raises libvirtError: VIR_ERR_NO_CONNECT for another scheme, VIR_ERR_INVALID_ARG for the rest.
    """
    parts = urlsplit(uri or "")
    if parts.scheme != "fake":
        raise error(c.VIR_ERR_NO_CONNECT, f"No connection driver available for {uri or '(null)'}")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    if unknown := sorted(set(query) - _KEYS):
        raise error(c.VIR_ERR_INVALID_ARG, f"unknown parameter '{unknown[0]}' in {uri}")
    if parts.netloc or parts.path in {"", "/"}:
        raise error(c.VIR_ERR_INVALID_ARG, f"no absolute store directory after fake:// in {uri}")
    if not query.get("node"):
        raise error(c.VIR_ERR_INVALID_ARG, f"no node= in {uri}")
    seed = query.get("seed")
    if seed is not None and not seed.lstrip("-").isdecimal():
        raise error(c.VIR_ERR_INVALID_ARG, f"seed= is not a whole number in {uri}")
    return NodeAddress(
        store_dir=Path(unquote(parts.path)),
        node=query["node"],
        profile=query.get("profile", "instant"),
        seed=None if seed is None else int(seed),
    )
