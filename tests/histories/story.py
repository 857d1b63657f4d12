"""Tells a history: what was drawn, what happened when, what the portal knows of it, and what does not hold."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from tests.histories.boards import name_of
from tests.histories.runner import live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.histories.plan import History
    from tests.histories.runner import Lived

_LONGEST, _SHOWN = 300, 8


def story(history: History) -> str:
    """Live a history once more and tell it; the seams are in."""
    lines: list[str] = []
    lived = live(history, lambda now, what: lines.append(f"{now:10.2f}  {what[:_LONGEST]}"))
    told = ["Drawn:", *_drawn(history), "", "Lived:", *lines, "", "Portal:", *_portal(lived), ""]
    told += [f"VIOLATED {each}" for each in lived.verdict.violations] or ["All invariants hold."]
    return "\n".join(told)


def _drawn(plan: Any, indent: str = "  ") -> Iterator[str]:
    """Tell a plan, but not what is as it is by default."""
    for field in fields(plan):
        value = getattr(plan, field.name)
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if value == default:
            continue
        if is_dataclass(value):
            yield f"{indent}{field.name}:"
            yield from _drawn(value, indent + "  ")
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            yield f"{indent}{field.name}:"
            for each in value[:_SHOWN]:
                yield f"{indent}  - {', '.join(line.strip() for line in _drawn(each)) or 'plain'}"
            if len(value) > _SHOWN:
                yield f"{indent}  - and {len(value) - _SHOWN} more"
        else:
            yield f"{indent}{field.name} = {value!r}"


def _portal(lived: Lived) -> Iterator[str]:
    record = lived.life.world.portal.record
    fired = {each.key for each in record.fires}
    blamed = {word for each in lived.verdict.violations for word in str(each).split()}
    keys = sorted(fired | set(record.stood), key=lambda key: (name_of(*key) not in blamed, key))
    for key in keys[:_SHOWN]:
        stood = [f"{each.stage} at {each.at:.2f} ({each.why})" for each in record.stood.get(key, ())]
        if key in fired or len(stood) > 1:
            yield f"  {name_of(*key)}: {', '.join(stood) or 'does not exist'}"
        for each in record.fires_of(key):
            ran = "did not run" if each.executed_at is None else f"ran at {each.executed_at:.2f}"
            moved = f", moved it at {each.moved_at:.2f}" if each.moved_at is not None else ""
            refused = f", refused ({each.refusal})" if each.refusal else ""
            yield f"    fire {each.number}: sent at {each.sent_at:.2f} by stay {each.stay}, {ran}{moved}{refused}"
