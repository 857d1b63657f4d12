"""The operator for triggers that an OAuth application has registered. Users import it from :mod:`.automation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.arguments import PlainArguments, check_literals
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.compat import AirflowFailException, BaseOperator
from airflow_provider_bitrix24.links import ENTITY_URL_KEY, EntityLink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.compat import Context


class ExecuteTriggerOperator(PlainArguments, BaseOperator):
    """Fires a trigger that an application has registered (``crm.automation.trigger.execute``) for one entity.

    The portal accepts this call only from an administrator's application and refuses it from a webhook, the only
    credential that a connection can hold in this release. It answers ``true`` whether or not anything moved.

    :param target: the entity, such as ``"DEAL_57"``. (templated)
    :param code: the code under which the application registered the trigger. (templated)
    :param bitrix24_conn_id: id of the connection. (templated)
    :return: what the portal answered.
    """

    template_fields: Sequence[str] = ("target", "code", "bitrix24_conn_id")
    operator_extra_links = (EntityLink(),)
    ui_color = "#bbedfc"

    def __init__(self, *, target: str, code: str, bitrix24_conn_id: str = "bitrix24_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.code = code
        self.bitrix24_conn_id = bitrix24_conn_id
        check_literals(self, target=target, code=code)

    def execute(self, context: Context) -> bool:
        """Fire once.

        :raises AirflowFailException: a retry cannot help, or the trigger may have been fired.
        :raises Bitrix24Error: nothing was fired, and a retry may help.
        """
        from airflow_provider_bitrix24._tasks.verdict import permanent_errors_fail_at_once
        from airflow_provider_bitrix24.client.targets import EntityRef
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        with permanent_errors_fail_at_once(), Bitrix24Hook(self.bitrix24_conn_id) as hook:
            ref = EntityRef.parse(self.target)
            url = hook.get_conn().portal.page_url(ref.page)
            context["ti"].xcom_push(key=ENTITY_URL_KEY, value=url)
            try:
                fired = hook.execute_trigger(str(ref), self.code)
            except BaseException as error:
                # Also the execution time-out and signals: it is not known whether the trigger was fired.
                if isinstance(error, Bitrix24Error) and error.executed == "no":
                    raise
                what = str(error) or type(error).__name__
                raise AirflowFailException(
                    f"{what} No retry follows: the trigger may have been fired; repeating could move {ref} twice."
                ) from error
        if not fired:
            raise AirflowFailException(f"The portal answered that it did not fire {self.code!r} for {ref}.")
        return fired
