"""References from one command of a batch to the result of another, such as ``$result[deal][item][id]``. Pure.

The portal replaces every text of this form, no matter who wrote it, up to the next blank. It knows commands by the keys
that the request has, so the caller's keys are translated, and a text that merely looks like a reference must not be in
a batch at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import unwrapped

_KIND = r"\$(?i:result|next|total|time|error)"
_PORTALS = re.compile(rf"{_KIND}([^\s]*)", re.ASCII)
"""What the portal takes for a reference, if there is an index in it."""
_INDEX = re.compile(r"\[([^\]]+)\]")
_BLANK_HINT = "Put a blank after a reference inside a text."
_SHOWN = 20
LOOKALIKE = "a text that the portal would take for a reference"


def looks_like_reference(text: str) -> bool:
    """Whether a portal would replace this text, or a part of it, inside a batch.

    >>> looks_like_reference("costs $result[a]"), looks_like_reference("costs $5 [net]")
    (True, False)
    """
    return bool(_portals_spans(text))


def holds_lookalike(params: Mapping[str, Any]) -> bool:
    """Whether a portal would replace a text in the parameters of a command inside a batch."""
    return any(looks_like_reference(text) for text in _texts(params))


@dataclass(frozen=True, slots=True)
class Usage:
    """What the texts of one command hold.

    :param keys: the caller's keys to which it refers.
    :param foreign: whether a text looks like a reference, but names no key of the caller.
    """

    keys: frozenset[Any] = frozenset()
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What a command answered that others may refer to."""

    result: Any = field(repr=False)
    total: int | None = None
    next: int | None = None


class References:
    """The references between a caller's commands.

    :param keys: the caller's keys.
    """

    def __init__(self, keys: Iterable[Hashable]) -> None:
        named = {str(unwrapped(key)): key for key in keys}  # an id is a common key, too
        self._keys = {name: key for name, key in named.items() if name and "]" not in name}
        names = "|".join(re.escape(name) for name in sorted(self._keys, key=len, reverse=True))
        self._own = re.compile(rf"({_KIND})\[({names})\]((?:\[[^\]\s]+\])*)", re.ASCII) if names else None

    def usage(self, key: Hashable, params: Mapping[str, Any]) -> Usage:
        """What the parameters of the command ``key`` refer to.

        :raises ConfigurationError: the portal would read a reference otherwise, or a value is nothing but a reference
            to a command that the batch does not have.
        """
        named: set[Any] = set()
        foreign = False
        for text in _texts(params):
            if "$" not in text:
                continue
            as_sent, spans = self._rewritten(text, lambda _: "c0")
            for start, end in _portals_spans(as_sent):
                if (start, end) in spans:
                    continue
                if any(start < other_end and other_start < end for other_start, other_end in spans):
                    raise ConfigurationError(
                        f"In the command {key!r}, the portal would take what stands right beside a reference for a "
                        "part of it.",
                        hint=_BLANK_HINT,
                    )
                if (start, end) == (0, len(text)):
                    raise self._unknown(key, text)
                foreign = True
            named.update(self._keys[match[2]] for match in self._matches(text))
        return Usage(frozenset(named), foreign)

    def translated(self, params: Mapping[str, Any], sent_as: Mapping[Any, str]) -> dict[str, Any]:
        """Parameters whose references name commands as a request sends them.

        :param sent_as: the caller's key -> the key in the request.
        """
        changed: dict[str, Any] = _changed(
            params, lambda text: self._rewritten(text, lambda name: sent_as[self._keys[name]])[0]
        )
        return changed

    def resolved(self, params: Mapping[str, Any], answered: Mapping[Any, Answered]) -> dict[str, Any]:
        """Parameters with the values of commands that an earlier request has run, as the portal would insert them.

        :raises LookupError: a value is not there, or cannot stand inside a text.
        """
        changed: dict[str, Any] = _changed(params, lambda text: self._filled(text, answered))
        return changed

    def _filled(self, text: str, answered: Mapping[Any, Answered]) -> Any:
        parts: list[str] = []
        end = 0
        for match in self._matches(text):
            value = _value(match, answered[self._keys[match[2]]])
            if match[0] == text:
                return value
            if isinstance(value, bool | dict | list):
                raise LookupError(match[0])  # noqa: TRY004 - the portal would not put it into a text
            parts += [text[end : match.start()], str(value)]
            end = match.end()
        return "".join([*parts, text[end:]])

    def _rewritten(self, text: str, sent_as: Callable[[str], str]) -> tuple[str, set[tuple[int, int]]]:
        """The text as it is sent, and where the references are in it."""
        result, end, spans = "", 0, set()
        for match in self._matches(text):
            result += text[end : match.start()]
            reference = f"{match[1]}[{sent_as(match[2])}]{match[3]}"
            spans.add((len(result), len(result) + len(reference)))
            result += reference
            end = match.end()
        return result + text[end:], spans

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        return iter(()) if self._own is None or "$" not in text else self._own.finditer(text)

    def _unknown(self, key: Hashable, text: str) -> ConfigurationError:
        name = next(iter(_INDEX.findall(text)))
        known = ", ".join(sorted(self._keys)[:_SHOWN])
        return ConfigurationError(
            f"The command {key!r} refers to {name!r}, which is not a key of this batch.", hint=f"Its keys are {known}."
        )


def _value(match: re.Match[str], answered: Answered) -> Any:
    kind, path = match[1][1:].lower(), _INDEX.findall(match[3])
    if kind not in ("result", "total", "next"):
        raise LookupError(match[0])
    found = getattr(answered, kind)
    for name in path:
        if isinstance(found, Mapping) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            raise LookupError(match[0])
    if found is None:
        raise LookupError(match[0])
    return found


def _portals_spans(text: str) -> list[tuple[int, int]]:
    if "$" not in text:
        return []
    return [match.span() for match in _PORTALS.finditer(text) if _INDEX.search(match[1])]


def _texts(value: Any) -> Iterator[str]:
    """All texts in plain JSON that a portal looks into: values, not names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _changed(value: Any, change: Callable[[str], Any]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _changed(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [_changed(each, change) for each in value]
    return value
