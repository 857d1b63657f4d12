"""Users, webhooks and applications of a portal, and the rights of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, LEAD, QUOTE
from airflow_provider_bitrix24.simulator.portal.model import Access, Application, User, Webhook

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal.model import Item

MAIN_SECRET = "s1mulat0rwebh00k"  # noqa: S105 - the simulator's own, printed at its start
SYSTEM_SECRET = "s1mulat0rtr1gger"  # noqa: S105 - likewise


class Accounts:
    """The users of a portal, and their credentials."""

    def __init__(self) -> None:
        self.users: dict[int, User] = {}
        self.applications: dict[str, Application] = {}
        self._webhooks: dict[str, Webhook] = {}
        self.add_user(User(1))
        self.add_webhook(1, MAIN_SECRET)
        self.add_webhook(1, SYSTEM_SECRET, is_system=True)

    def add_user(self, user: User) -> User:
        """Add or replace a user."""
        self.users[user.id] = user
        return user

    def add_webhook(
        self, user_id: int, secret: str, *, scopes: frozenset[str] = frozenset({"crm"}), is_system: bool = False
    ) -> Webhook:
        """Add an inbound webhook of a user."""
        webhook = Webhook(len(self._webhooks) + 1, user_id, secret, scopes, is_system)
        self._webhooks[secret] = webhook
        return webhook

    def remove_webhook(self, secret: str) -> None:
        """Delete a webhook: its URL is refused from now on."""
        self._webhooks.pop(secret, None)

    def find_webhook(self, user: str, secret: str) -> Webhook | None:
        """The webhook of a URL; `user` is the numeric id or the login."""
        webhook = self._webhooks.get(secret)
        if webhook is None:
            return None
        if user == str(webhook.user_id):
            return webhook
        owner = self.users.get(webhook.user_id)
        return webhook if owner is not None and owner.login == user else None

    def add_application(self, application: Application) -> Application:
        """Install a local application."""
        self.applications[application.client_id] = application
        return application


def may_use_crm(user: User) -> bool:
    """Whether a user may read anything in the CRM."""
    return user.is_admin or user.access is not Access.NONE


def may_read(user: User, item: Item) -> bool:
    """Whether a user may read an item."""
    if user.is_admin:
        return True
    if item.type_id in user.denied_types or user.access is Access.NONE:
        return False
    return user.access is not Access.OWN or item.assigned_by == user.id


def may_update(user: User, item: Item) -> bool:
    """Whether a user may change an item by an ordinary method."""
    if user.is_admin:
        return True
    return may_read(user, item) and user.access >= Access.OWN and (item.type_id, item.id) not in user.denied_items


def may_create(user: User, type_id: int) -> bool:
    """Whether a user may create items of a type."""
    return user.is_admin or (user.access >= Access.OWN and type_id not in user.denied_types)


def may_fire(user: User, type_id: int, entity_id: int, item: Item | None) -> bool:
    """Whether a user may fire a webhook trigger for an entity.

    The portal checks the right that is named after the bare type, which is that of pipeline 0. So administrators may
    fire for anything, even for an entity that does not exist; other users may not fire for types without a pipeline 0
    (invoices, smart processes).
    """
    if user.is_admin:
        return True
    if type_id not in (LEAD, DEAL, QUOTE) or type_id in user.denied_types:
        return False
    if (type_id, entity_id) in user.denied_items:
        return False
    if user.access is Access.OWN:
        return item is not None and item.assigned_by == user.id
    return user.access is Access.ALL
