"""What can go wrong, in the domain's words; HTTP codes are in devstack_lite.wsgi.faults alone.

DevstackError
├── Invalid                 the request makes no sense
├── NotFound                what it names is not there (or not yours)
├── Conflict                it collides with what is there
│   ├── InstanceInvalidState
│   └── InstanceIsLocked
├── Forbidden               you may not
│   └── QuotaExceeded       you may not have more
├── Unauthorized            who are you?
├── NoValidHost             no host passes the filters
├── StaleAttempt            somebody else has taken this build over
└── Unavailable             a peer did not answer: whether it acted is unknown
    └── Deadlock            the database had a transaction give way to another: it may be repeated

`definite` says whether the failed operation certainly did not happen. Only Unavailable is
indefinite: read the state, then decide.
"""

from __future__ import annotations


class DevstackError(Exception):
    """Root of the tree; its text is fit for the user of the API."""

    definite = True

    def __init__(self, message: str, *, kind: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        """The resource the error is about (`instance`, `flavor`, …), for fault names."""
        self.kwargs = {"kind": kind}
        """What oslo.messaging makes the error of again, at the caller."""


class Invalid(DevstackError):
    """The request makes no sense."""


class NotFound(DevstackError):
    """What the request names is not there, or belongs to somebody else."""


class Conflict(DevstackError):
    """The request collides with what is there."""


class InstanceInvalidState(Conflict):
    """The instance is not in a state that allows the action."""

    def __init__(self, message: str, *, kind: str = "instance") -> None:
        super().__init__(message, kind=kind)

    @classmethod
    def of(cls, uuid: str, *, action: str, attribute: str, state: str) -> InstanceInvalidState:
        """Return the error in Nova's words."""
        return cls(f"Cannot '{action}' instance {uuid} while it is in {attribute} {state}")


class InstanceIsLocked(Conflict):
    """The instance is locked, and only an administrator may do this to it."""

    def __init__(self, message: str, *, kind: str = "instance") -> None:
        super().__init__(message, kind=kind)

    @classmethod
    def of(cls, uuid: str) -> InstanceIsLocked:
        """Return the error in Nova's words."""
        return cls(f"Instance {uuid} is locked")


class Forbidden(DevstackError):
    """The caller may not do this."""


class QuotaExceeded(Forbidden):
    """The project may not have more of this."""


class Unauthorized(DevstackError):
    """The caller's token or password is not valid."""


class NoValidHost(DevstackError):
    """No host passes the filters; the text says which filter refused how many."""


class StaleAttempt(DevstackError):
    """A later attempt has taken over: the caller must leave the instance alone."""


class Unavailable(DevstackError):
    """A peer did not answer in time; whether it acted is unknown."""

    definite = False


class Deadlock(Unavailable):
    """The database had a transaction give way to another one; it may be repeated at once.

    Nothing of that transaction happened. Of what came before it this says nothing.
    """


BY_NAME: dict[str, type[DevstackError]] = {
    cls.__name__: cls
    for cls in (
        Invalid, NotFound, Conflict, InstanceInvalidState, InstanceIsLocked, Forbidden,
        QuotaExceeded, Unauthorized, NoValidHost, StaleAttempt, Unavailable,
        Deadlock,
    )
}  # fmt: skip
