"""The portal's own record of causes: which fire of which try moved which entity, and who read what of it."""

from __future__ import annotations

from dataclasses import dataclass, field

Key = tuple[int, int]
"""Type and id of an entity."""


@dataclass(slots=True)
class Fire:
    """One trigger command that left for one entity."""

    number: int
    key: Key
    epoch: int
    """Which run of the task sent it: a Clear that Airflow has evidence of begins another one."""
    stay: int
    """Which stay of the task in a worker sent it."""
    request: int
    sent_at: float
    stood_at: str | None
    """Where the entity stood when it was sent."""
    executed_at: float | None = None
    """When the portal ran the command, whatever came of it; ``None`` where it refused or never saw it."""
    moved_at: float | None = None
    refusal: str = ""
    """Why the portal did not run it."""
    harmless: bool = False
    """Whether it is an update that moves nothing, which may be sent again."""
    heard: bool = False
    """Whether the sender has read the answer."""

    @property
    def may_have_run(self) -> bool:
        """Whether it was executed, or may have been for all that its sender knows."""
        return not (self.refusal and self.heard)

    @property
    def moved(self) -> bool:
        """Whether it moved the entity."""
        return self.moved_at is not None


@dataclass(frozen=True, slots=True)
class Stood:
    """An entity came to a stage. ``fire`` is the number of the fire that caused it, if one did."""

    at: float
    stage: str
    fire: int | None
    why: str


@dataclass(slots=True)
class Look:
    """Somebody asked where an entity stands. ``shown`` is what the portal answered, and whether that arrived."""

    at: float
    stay: int
    shown: str | None
    arrived: bool = False


@dataclass(slots=True)
class Record:
    """Everything that the checker knows of the portal."""

    fires: list[Fire] = field(default_factory=list)
    stood: dict[Key, list[Stood]] = field(default_factory=dict)
    looks: dict[Key, list[Look]] = field(default_factory=dict)

    def fires_of(self, key: Key, epoch: int | None = None) -> list[Fire]:
        """Return the fires for an entity, in the order in which they were sent."""
        return [each for each in self.fires if each.key == key and epoch in (None, each.epoch)]

    def stage_by(self, fire: Fire) -> str | None:
        """Return the stage to which a fire moved its entity, before any robot."""
        return next((each.stage for each in self.stood.get(fire.key, ()) if each.fire == fire.number), None)

    def stage_at(self, key: Key, moment: float) -> str | None:
        """Return where an entity stood at a moment."""
        stage = None
        for each in self.stood.get(key, ()):
            if each.at > moment:
                break
            stage = each.stage
        return stage
