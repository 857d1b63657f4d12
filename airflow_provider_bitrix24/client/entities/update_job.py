"""Updates as jobs of a firing: what is sent for each entity, and what the portal's answer says. Pure.

A firing paces, batches, resumes and settles (:mod:`..firing`). Updates that move entities follow its rules: entities
are read before, looked at where an answer is lost, and never updated again once they have moved. Others are repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.entities.before import Before, shown_name
from airflow_provider_bitrix24.client.entities.updates import METHOD, Update, digest
from airflow_provider_bitrix24.client.firing.job import Job
from airflow_provider_bitrix24.client.protocol.wire import Call

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_bitrix24.client.entities.fields import FieldList
    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.report import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateJob(Job):
    """Updates that are sent alike.

    :param name: of this group, by which its checkpoint is kept.
    :param updates: by entity.
    :param before: what the entities showed.
    :param lists: entityTypeId -> the fields of the type, for the types whose fields are known.
    :param batches: whether batches can carry them.
    """

    name: str
    updates: Mapping[EntityRef, Update]
    before: Before
    lists: Mapping[int, FieldList] = field(default_factory=dict)
    batches: bool = True

    @property
    def batchable(self) -> bool:
        """Whether batches can carry these updates."""
        return self.batches

    @property
    def repeatable(self) -> bool:
        """Whether sending one twice is harmless, as it does not move the entity."""
        return not self.verify

    @property
    def reads_back(self) -> bool:
        """The answer to an update shows the entity."""
        return False

    def call(self, ref: EntityRef) -> Call:
        """The update of one entity."""
        return Call(METHOD, self.updates[ref].params)

    def settled_by(self, ref: EntityRef, answer: Any) -> Outcome:
        """``already`` where the answer shows what the entity showed before, ``moved`` otherwise."""
        item = answer.get("item") if isinstance(answer, Mapping) else None
        shown = self.before.shown.get(ref)
        if shown is None or not isinstance(item, Mapping):
            return "moved"
        names = [shown_name(name, self.lists.get(ref.type_id)) for name in self.updates[ref].fields]
        same = all(name in shown and name in item and shown[name] == item[name] for name in names)
        return "already" if same else "moved"


MOVING = ("moving", "moving_single")
GROUPS = ("plain", "plain_single", *MOVING)
"""Names of the groups, which a checkpoint's parts begin with."""


def jobs_of(updates: Sequence[Update], before: Before, lists: Mapping[int, FieldList]) -> Iterator[UpdateJob]:
    """Group updates by how they are sent: first those that do not move entities."""
    groups: dict[str, list[Update]] = {name: [] for name in GROUPS}
    for each in updates:
        groups[f"{'moving' if each.moves else 'plain'}{'' if each.batchable else '_single'}"].append(each)
    for name, group in groups.items():
        moves, batches = name in MOVING, not name.endswith("_single")
        if group:
            yield UpdateJob(
                # Repeatable updates begin anew where their values have changed since an earlier try.
                code=None if moves else digest(group),
                verify=moves,
                method=METHOD,
                name=name,
                updates={each.ref: each for each in group},
                before=before,
                lists=lists,
                batches=batches,
            )
