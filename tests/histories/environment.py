"""An Airflow of one's own for histories; import this before anything of Airflow.

Each process has its own, since Airflow writes its configuration there when it is first imported.
"""

from __future__ import annotations

import os
import tempfile

_OURS = "HISTORIES_AIRFLOW_HOME"

if os.environ.get("AIRFLOW_HOME") == os.environ.get(_OURS):
    _HOME = tempfile.TemporaryDirectory(prefix="airflow-home-")
    os.environ["AIRFLOW_HOME"] = os.environ[_OURS] = _HOME.name
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "False")
