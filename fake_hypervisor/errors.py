"""libvirtError, and the one function by which this package raises it."""

# ruff: noqa: N801 - libvirt's name

from __future__ import annotations

from typing import Any

from fake_hypervisor import constants as c

ErrorTuple = tuple[int, int, str, int, str | None, str | None, str | None, int, int]

# How libvirt begins the text of an error of each code; a code without an entry has no prefix.
# Source: what libvirt 9.0.0 says when it is provoked (`virsh -c test:///default`).
_PREFIX = {
    c.VIR_ERR_INTERNAL_ERROR: "internal error: ",
    c.VIR_ERR_NO_SUPPORT: "this function is not supported by the connection driver: ",
    c.VIR_ERR_INVALID_ARG: "invalid argument: ",
    c.VIR_ERR_OPERATION_FAILED: "operation failed: ",
    c.VIR_ERR_XML_ERROR: "XML error: ",
    c.VIR_ERR_NO_DOMAIN: "Domain not found: ",
    c.VIR_ERR_NO_NODE_DEVICE: "Node device not found: ",
    c.VIR_ERR_NO_STORAGE_POOL: "Storage pool not found: ",
    c.VIR_ERR_OPERATION_INVALID: "Requested operation is not valid: ",
    c.VIR_ERR_CONFIG_UNSUPPORTED: "unsupported configuration: ",
    c.VIR_ERR_OPERATION_TIMEOUT: "Timed out during operation: ",
    c.VIR_ERR_DEVICE_MISSING: "device not found: ",
}

ERROR_CODES: dict[str, int] = {
    name: value
    for name, value in vars(c).items()
    if name.startswith("VIR_ERR_")
    and name not in {"VIR_ERR_NONE", "VIR_ERR_WARNING", "VIR_ERR_ERROR", "VIR_ERR_OK"}
}
"""Code by name, for the profiles."""


class libvirtError(Exception):
    """What every call of the libvirt API raises; `err` is libvirt's nine-tuple, or None."""

    def __init__(self, defmsg: str, *_handles: Any, err: ErrorTuple | None = None) -> None:
        super().__init__(defmsg if err is None else err[2])
        self.err = err

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep `err` when a worker hands the error to another process."""
        return (_rebuild, (self.args[0], self.err))

    def get_error_code(self) -> int | None:
        """Return a VIR_ERR_ code; None when the error came from the binding itself."""
        return None if self.err is None else self.err[0]

    def get_error_domain(self) -> int | None:
        """Return the VIR_FROM_ number of the part of libvirt that speaks."""
        return None if self.err is None else self.err[1]

    def get_error_message(self) -> str | None:
        """Return the full text, prefix included."""
        return None if self.err is None else self.err[2]

    def get_error_level(self) -> int | None:
        """Return VIR_ERR_WARNING or VIR_ERR_ERROR."""
        return None if self.err is None else self.err[3]

    def get_str1(self) -> str | None:
        """Return the first extra string."""
        return None if self.err is None else self.err[4]

    def get_str2(self) -> str | None:
        """Return the second extra string."""
        return None if self.err is None else self.err[5]

    def get_str3(self) -> str | None:
        """Return the third extra string."""
        return None if self.err is None else self.err[6]

    def get_int1(self) -> int | None:
        """Return the first extra number."""
        return None if self.err is None else self.err[7]

    def get_int2(self) -> int | None:
        """Return the second extra number."""
        return None if self.err is None else self.err[8]


def _rebuild(defmsg: str, err: ErrorTuple | None) -> libvirtError:
    return libvirtError(defmsg, err=err)


def error(code: int, text: str, *, domain: int = c.VIR_FROM_QEMU) -> libvirtError:
    """Return the error of this code, its text prefixed as libvirt prefixes it."""
    message = _PREFIX.get(code, "") + text
    return libvirtError(
        message, err=(code, domain, message, c.VIR_ERR_ERROR, message, None, None, -1, -1)
    )


def no_domain(uuid: str, name: str = "") -> libvirtError:
    """Return the error for a domain that is not there."""
    detail = f"no domain with matching uuid '{uuid}'" if uuid else "no domain with matching name"
    return error(c.VIR_ERR_NO_DOMAIN, f"{detail} ({name})" if uuid else f"{detail} '{name}'")


def unsupported_flags(flags: int, function: str) -> libvirtError:
    """Return the error for flags that this hypervisor does not know."""
    return libvirtError(
        "",
        err=(
            c.VIR_ERR_INVALID_ARG,
            c.VIR_FROM_QEMU,
            f"unsupported flags ({flags:#x}) in function {function}",
            c.VIR_ERR_ERROR,
            None,
            None,
            None,
            -1,
            -1,
        ),
    )
