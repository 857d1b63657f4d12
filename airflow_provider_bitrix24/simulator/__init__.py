"""A Bitrix24 portal in one process, for demos and tests.

Public are the command (``python -m airflow_provider_bitrix24.simulator``), :mod:`.testing` (a pytest fixture),
:mod:`.threaded` (a server in a thread) and :mod:`.clock`; all other modules are private.

The simulator stands alone: it imports neither Airflow nor the client of this package, so that the client's
assumptions about a portal are never tested against themselves. Each layer imports only those below it:

===============================================  ===========================================================
``__main__``, ``testing``                        the command and the pytest fixture
``threaded``                                     a server in a thread
``server``, ``browsers``, ``tls``                HTTP and https; what browsers may send
``board``, ``control``, ``oauth``, ``rest``      what is served: a page, the control API, OAuth, the REST methods
``portal``                                       what a portal holds and does
``clock``, ``errors``, ``php``, ``validation``   time, the portal's errors, PHP's rules, checks of JSON
``connections``                                  connections that end before an answer does
===============================================  ===========================================================
"""
