"""Yes and no, in the words that OpenStack's options and tags take."""

from __future__ import annotations

_YES = ("1", "on", "t", "true", "y", "yes")
_NO = ("0", "f", "false", "n", "no", "off")


def is_true(value: object) -> bool:
    """Say whether a tag means yes; what means nothing does not."""
    return str(value).strip().lower() in _YES


def flag_of(value: object) -> str:
    """Return `true` or `false`. Raises ValueError for what means neither."""
    text = str(value).strip().lower()
    if text not in (*_YES, *_NO):
        known = ", ".join(f"'{word}'" for word in sorted((*_YES, *_NO)))
        raise ValueError(f"Unrecognized value '{value}', acceptable values are: {known}")
    return str(text in _YES).lower()
