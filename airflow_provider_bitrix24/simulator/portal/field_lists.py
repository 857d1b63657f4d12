"""The fields of each type, from the documentation's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator.portal.entity_types import (
    COMPANY,
    CONTACT,
    DEAL,
    LEAD,
    QUOTE,
    SMART_INVOICE,
)
from airflow_provider_bitrix24.simulator.portal.field_types import Field

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal.field_types import FieldType


def _all(kind: FieldType, names: str, **flags: Any) -> tuple[Field, ...]:
    return tuple(Field(name=name, type=kind, **flags) for name in names.split())


_UTM: Final = _all("string", "utmSource utmMedium utmCampaign utmContent utmTerm")
HEAD: Final = (
    *_all("integer", "id", is_read_only=True),
    *_all("datetime", "createdTime updatedTime", is_read_only=True),
    *_all("user", "createdBy updatedBy", is_read_only=True),
    *_all("user", "assignedById"),
    *_all("boolean", "opened", is_required=True, default="Y"),
)
TAIL: Final = (
    *_all("integer", "webformId", default=0),
    *_all("user", "lastActivityBy", is_read_only=True),
    *_all("datetime", "lastActivityTime", is_read_only=True),
    *_UTM,
)
_CLIENT: Final = (
    *_all("crm_company", "companyId"),
    *_all("crm_contact", "contactId", is_deprecated=True),
    *_all("crm_contact", "contactIds", is_multiple=True),
)
_MONEY: Final = (
    *_all("double", "opportunity"),
    *_all("boolean", "isManualOpportunity", default="N"),
    *_all("crm_currency", "currencyId", default="USD"),
)
_TAX: Final = _all("double", "taxValue", default=0.0)
_SOURCE: Final = (*_all("crm_status", "sourceId", status_type="SOURCE"), *_all("text", "sourceDescription"))
_ORIGIN: Final = _all("string", "originatorId originId")
_MOVED: Final = (*_all("user", "movedBy", is_read_only=True), *_all("datetime", "movedTime", is_read_only=True))
_STAGE: Final = _all("crm_status", "stageId")
_OBSERVERS: Final = _all("user", "observers", is_multiple=True)
_DATES: Final = _all("date", "begindate closedate")
_PERSON: Final = (
    *_all("string", "name lastName secondName post"),
    *_all("crm_status", "honorific", status_type="HONORIFIC"),
    *_all("date", "birthdate"),
    *_all("text", "address"),
)
_ADDRESS_PARTS: Final = (
    "address2 addressCity addressPostalCode addressRegion addressProvince addressCountry addressCountryCode"
)
_ADDRESS: Final = (
    *_all("string", _ADDRESS_PARTS, is_modern=False),
    *_all("integer", "addressLocAddrId", is_modern=False),
)
_REGISTERED: Final = "regAddress " + " ".join(f"regA{each[1:]}" for each in _ADDRESS_PARTS.split())
_MULTIFIELDS: Final = (
    *_all("boolean", "hasPhone hasEmail hasImol", is_read_only=True, default="N"),
    *_all("crm_multifield", "fm", is_multiple=True),
)
_ADDRESSEES: Final = _all(
    "string", "phoneMobile phoneWork phoneMailing emailHome emailWork emailMailing imol email phone", is_disabled=True
)
_LINK_TO_LEAD: Final = _all("crm_lead", "leadId", is_read_only=True)

_LEAD: Final = (
    *_all("datetime", "dateCreateShort dateModifyShort", is_disabled=True),
    *_CLIENT,
    *_STAGE,
    *_all("string", "stageSemanticId", is_read_only=True),
    *_all("string", "isConvert productId shortName login searchContent skype icq", is_disabled=True),
    *_all("text", "statusDescription comments"),
    *_MONEY,
    *_SOURCE,
    *_all("string", "title companyTitle"),
    *_PERSON,
    *_ADDRESS,
    *_ORIGIN,
    *_all("datetime", "dateClosed", is_read_only=True),
    *_all("boolean", "isReturnCustomer", is_read_only=True, default="N"),
    *_MULTIFIELDS,
    *_ADDRESSEES,
    *_MOVED,
    *_OBSERVERS,
)
_DEAL: Final = (
    *_all("datetime", "dateCreateShort dateModifyShort begindateShort closedateShort eventDate", is_disabled=True),
    *_LINK_TO_LEAD,
    *_CLIENT,
    *_all("crm_quote", "quoteId", is_read_only=True),
    *_all("string", "title"),
    *_all("crm_category", "categoryId", is_immutable=True),
    *_STAGE,
    *_all("string", "stageSemanticId", is_read_only=True),
    *_all("boolean", "isNew", is_read_only=True, default="N"),
    *_all("boolean", "isRecurring isReturnCustomer isRepeatedApproach", default="N"),
    *_all("boolean", "closed"),
    *_all("crm_status", "typeId", status_type="DEAL_TYPE", default="SALE"),
    *_MONEY,
    *_TAX,
    *_all("integer", "probability"),
    *_all("text", "comments"),
    *_DATES,
    *_all("location", "locationId"),
    *_SOURCE,
    *_ORIGIN,
    *_all("string", "additionalInfo"),
    *_all(
        "string",
        "productId eventDateShort eventId eventDescription searchContent orderStage isWork isWon isLose receivedAmount"
        " lostAmount hasProducts",
        is_disabled=True,
    ),
    *_MOVED,
    *_OBSERVERS,
)
_CLIENT_RECORD: Final = (
    *_LINK_TO_LEAD,
    *_all("text", "comments"),
    *_ORIGIN,
    *_all("string", "originVersion"),
    *_all("crm_category", "categoryId", is_immutable=True),
    *_ADDRESS,
    *_MULTIFIELDS,
    *_ADDRESSEES,
    *_all("string", "searchContent", is_disabled=True),
    *_OBSERVERS,
)
_CONTACT: Final = (
    *_PERSON,
    *_all("file", "photo"),
    *_all("crm_status", "typeId", status_type="CONTACT_TYPE", default="CLIENT"),
    *_SOURCE,
    *_all("boolean", "export", default="Y"),
    *_all("crm_company", "companyId", is_deprecated=True),
    *_all("crm_company", "companyIds", is_multiple=True),
    *_all("string", "shortName login", is_disabled=True),
    *_CLIENT_RECORD,
)
_COMPANY: Final = (
    *_all("string", "title", is_required=True),
    *_all("file", "logo"),
    *_all("text", "address addressLegal bankingDetails"),
    *_all("string", _REGISTERED, is_modern=False),
    *_all("integer", "regAddressLocAddrId", is_modern=False),
    *_all("crm_status", "typeId", status_type="COMPANY_TYPE", default="CUSTOMER"),
    *_all("crm_status", "industry", status_type="INDUSTRY"),
    *_all("crm_status", "employees", status_type="EMPLOYEES"),
    *_all("double", "revenue", default=0.0),
    *_all("crm_currency", "currencyId", default="USD"),
    *_all("boolean", "isMyCompany", default="N"),
    *_all("crm_contact", "contactIds", is_multiple=True),
    *_CLIENT_RECORD,
)
_QUOTE: Final = (
    *_LINK_TO_LEAD,
    *_all("crm_deal", "dealId"),
    *_CLIENT,
    *_all("integer", "personTypeId"),
    *_all("crm_company", "mycompanyId"),
    *_all("string", "title quoteNumber"),
    *_STAGE,
    *_all("boolean", "closed", is_read_only=True),
    *_MONEY,
    *_TAX,
    *_all("text", "comments content terms"),
    *_DATES,
    *_all("date", "actualDate"),
    *_all("location", "locationId"),
    *_all("string", "clientTitle clientAddr clientContact clientEmail clientPhone clientTpId clientTpaId"),
)
_SMART: Final = (
    *_all("string", "xmlId title"),
    *_MOVED,
    *_all("crm_category", "categoryId"),
    *_STAGE,
    *_all("crm_status", "previousStageId", is_read_only=True, default=""),
    *_DATES,
    *_CLIENT,
    *_MONEY,
    *_TAX,
    *_all("crm_company", "mycompanyId"),
    *_SOURCE,
    *_OBSERVERS,
)
_INVOICE: Final = (*_SMART, *_all("text", "comments"), *_all("string", "accountNumber locationId"))
SMART_PROCESS: Final = _SMART
OF_TYPE: Final = {
    LEAD: _LEAD,
    DEAL: _DEAL,
    CONTACT: _CONTACT,
    COMPANY: _COMPANY,
    QUOTE: _QUOTE,
    SMART_INVOICE: _INVOICE,
}
