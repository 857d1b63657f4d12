"""The operators that users import: their arguments. What they do is in :mod:`._firing_task`.

DAG files import this module at every parse, so what is costly is imported in ``execute``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.arguments import ArgumentsOf, check_literals, check_options, plain_seconds
from airflow_provider_bitrix24.compat import conf
from airflow_provider_bitrix24.links import EntityLink
from airflow_provider_bitrix24.operators._firing_task import FiringTask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow_provider_bitrix24._tasks.arguments import OnUnmoved
    from airflow_provider_bitrix24.client.targets import Rows

__all__ = ["ExecuteTriggerOperator", "TriggerAutomationOperator"]


class TriggerAutomationOperator(FiringTask):
    """Fires an automation trigger for one entity or for thousands, and reports each entity's stage before and after.

    The portal answers ``true`` to every well-formed, permitted call, whether or not anything moved. The operator
    therefore reads every entity before and after, unless ``verify`` is off. The report shows where an entity stands,
    not who moved it: a colleague may move it at the same moment.

    .. seealso::
        :ref:`howto/operator:TriggerAutomationOperator`

    >>> TriggerAutomationOperator(
    ...     task_id="to_production",
    ...     target=["DEAL_57", "DEAL_58"],
    ...     code="c5u4m",
    ...     expected_stage="PREPARATION",
    ... )  # doctest: +SKIP

    :param target: one entity such as ``"DEAL_57"``, or a list of them; also ``LEAD_4``, ``QUOTE_3``,
        ``SMART_INVOICE_12``, ``DYNAMIC_177_5``. The output of a mapped task or of a sensor can be passed as it is. With
        an empty list the task succeeds at once. (templated)
    :param entity_type: type of the targets that are bare ids, such as ``"DEAL"``. With it, ``target`` may be what a
        query returns: rows with one column, ids, dicts with an ``id``, or a column of a data frame. (templated)
    :param code: code of the "Track incoming webhook" trigger; by default, the code in the connection. (templated)
    :param bitrix24_conn_id: id of the connection. (templated)
    :param expected_stage: id of the stage that the entities should move to, such as ``"PREPARATION"`` or
        ``"C5:WON"``, or a list of ids, any of which is accepted. An entity that already stands there is not fired, so
        retries of the task are safe. (templated)
    :param or_later: accept every later stage of the same pipeline, too, unless it is a failure stage. Robots may have
        moved an entity on before it is read.
    :param fail_on: stage ids where a single entity fails the task at once, such as ``"LOSE"``, after the fire and while
        waiting. (templated)
    :param on_unmoved: what to do about entities that did not move: ``"ignore"``, ``"warn"``, ``"skip"`` (skip the
        task if no entity moved, was already there or is unverified; otherwise warn) or ``"fail"``. The default is
        ``"fail"`` with ``expected_stage``, otherwise ``"warn"``. An entity that was refused or does not exist always
        fails the task.
    :param verify: read the entities before and after. If off, every accepted entity is ``unverified``.
    :param verify_conn_id: id of a second connection to the same portal. It reads the entities if the first webhook
        is not allowed to. (templated)
    :param wait_timeout: seconds (or a ``timedelta``) to wait until all entities stand at ``expected_stage``, for
        triggers whose robots take a while. ``None`` does not wait.
    :param poke_interval: seconds (or a ``timedelta``) between two checks while waiting.
    :param deferrable: free the worker slot while waiting for robots (``wait_timeout``) and, on Airflow 3.3, for the
        portal's operating limit.
    :param durable: resume where a killed worker stopped, if Airflow can store a checkpoint (3.3 and later).
    :param preview: read, log a table of what would be fired, and send nothing that changes anything. Takes a bool, and
        the texts true, false, 1, 0, yes, no and the empty one, so that it can be a run's parameter. (templated)
    :returns: the report: ``code``, ``portal``, the counts ``moved``, ``already``, ``elsewhere``, ``unmoved``,
        ``unverified`` and ``failed``, and ``results``. If the task fails or is skipped, the report is in XCom under
        ``report``.
    """

    template_fields: Sequence[str] = (
        "target",
        "entity_type",
        "preview",
        "code",
        "expected_stage",
        "fail_on",
        "bitrix24_conn_id",
        "verify_conn_id",
    )
    operator_extra_links = (EntityLink(),)
    ui_color = "#bbedfc"

    def __init__(
        self,
        *,
        target: Rows,
        entity_type: str | None = None,
        code: str | None = None,
        bitrix24_conn_id: str = "bitrix24_default",
        expected_stage: str | Sequence[str] | None = None,
        or_later: bool = False,
        fail_on: str | Sequence[str] = (),
        on_unmoved: OnUnmoved | None = None,
        verify: bool = True,
        verify_conn_id: str | None = None,
        wait_timeout: float | timedelta | None = None,
        poke_interval: float | timedelta = 60,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        durable: bool = True,
        preview: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.entity_type = entity_type
        self._given = {
            "code": code is not None,
            "expected_stage": expected_stage is not None,
            "entity_type": entity_type is not None,
            "fail_on": bool(fail_on),
        }
        self.code = code
        self.bitrix24_conn_id = bitrix24_conn_id
        self.expected_stage = expected_stage
        self.or_later = or_later
        self.fail_on = fail_on
        self.on_unmoved = on_unmoved
        self.verify = verify
        self.verify_conn_id = verify_conn_id
        self.wait_timeout = plain_seconds(wait_timeout)
        self.poke_interval = plain_seconds(poke_interval)
        self.deferrable = deferrable
        self.durable = durable
        self.preview = preview
        with ArgumentsOf(f"Task {self.task_id!r}"):
            check_literals(self, target=target, code=code)
            check_options(
                expects=expected_stage is not None,
                or_later=or_later,
                fails_on=bool(fail_on),
                on_unmoved=on_unmoved,
                verify=verify,
                wait_timeout=wait_timeout,
                poke_interval=poke_interval,
                deferrable=deferrable,
                durable=durable,
            )


class ExecuteTriggerOperator(TriggerAutomationOperator):
    """Fires a trigger that an OAuth application has registered (``crm.automation.trigger.execute``).

    It does for application triggers what :class:`TriggerAutomationOperator` does for webhook triggers: one entity or
    thousands, read before and after, waited for, resumed after a kill; with the same arguments and the same report. Its
    connection must hold an application (``auth_method`` is ``oauth``) that an administrator has authorized.

    .. seealso::
        :ref:`howto/operator:ExecuteTriggerOperator`

    >>> ExecuteTriggerOperator(
    ...     task_id="invoice_paid",
    ...     target=["DEAL_57", "DEAL_58"],
    ...     code="invoice_paid",
    ...     expected_stage="EXECUTING",
    ...     bitrix24_conn_id="bitrix24_app",
    ... )  # doctest: +SKIP

    :param code: the code under which the application has registered the trigger. (templated)

    The other parameters are those of :class:`TriggerAutomationOperator`.
    """

    _fires_with = "execute_trigger"

    def __init__(
        self,
        *,
        target: Rows,
        code: str,
        entity_type: str | None = None,
        bitrix24_conn_id: str = "bitrix24_default",
        expected_stage: str | Sequence[str] | None = None,
        or_later: bool = False,
        fail_on: str | Sequence[str] = (),
        on_unmoved: OnUnmoved | None = None,
        verify: bool = True,
        verify_conn_id: str | None = None,
        wait_timeout: float | timedelta | None = None,
        poke_interval: float | timedelta = 60,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        durable: bool = True,
        preview: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            target=target,
            entity_type=entity_type,
            code=code,
            bitrix24_conn_id=bitrix24_conn_id,
            expected_stage=expected_stage,
            or_later=or_later,
            fail_on=fail_on,
            on_unmoved=on_unmoved,
            verify=verify,
            verify_conn_id=verify_conn_id,
            wait_timeout=wait_timeout,
            poke_interval=poke_interval,
            deferrable=deferrable,
            durable=durable,
            preview=preview,
            **kwargs,
        )
