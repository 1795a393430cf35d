"""The time: aware UTC for what is stored and shown, epoch seconds for what crosses processes."""

from __future__ import annotations

import datetime


def utcnow() -> datetime.datetime:
    """Return now, aware, in UTC, to the microsecond."""
    return datetime.datetime.now(datetime.UTC)


def from_epoch(seconds: float) -> datetime.datetime:
    """Return the aware UTC time of epoch seconds."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def to_zulu(moment: datetime.datetime | None) -> str | None:
    """Return the API's form, to the second: 2026-01-31T12:00:00Z."""
    return None if moment is None else f"{_plain(moment, 'seconds')}Z"


def to_micro(moment: datetime.datetime | None) -> str | None:
    """Return the form of events and services, to the microsecond, without a zone as Nova does."""
    return None if moment is None else _plain(moment, "microseconds")


def _plain(moment: datetime.datetime, unit: str) -> str:
    """Return a time without its zone, as strftime would, which takes longer."""
    return moment.replace(tzinfo=None).isoformat(timespec=unit)
