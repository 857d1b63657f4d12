"""One REST request from its path and body to its response, without any HTTP library.

A request passes these modules in this order:

================  ==========================================================================
``service``       records the request and always returns a response
``front_server``  what answers before the portal does: redirects, the request limit, faults
``dispatch``      the portal's own checks in the portal's order, then the method
``auth``          finds out who calls
``batch``         parses and links the commands of a batch, and runs them one by one
``execution``     runs one method and lets its working time pass
``methods``       what each method does, one module per subject
``envelope``      writes the result as the portal's JSON or XML
================  ==========================================================================

``request`` holds what comes in, ``response`` what goes out.
"""

from airflow_provider_bitrix24.simulator.rest.request import RestRequest
from airflow_provider_bitrix24.simulator.rest.response import RestResponse
from airflow_provider_bitrix24.simulator.rest.service import RestService

__all__ = ["RestRequest", "RestResponse", "RestService"]
