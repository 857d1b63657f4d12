from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind, FaultPlan


def test_random_faults_are_the_same_for_the_same_seed():
    def drawn(seed):
        plan = FaultPlan()
        plan.randomly(0.5, ["cut", "html:502:after", {"kind": "reset", "method": "batch"}], seed=seed)
        return [plan.next_for("scope") for _ in range(200)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    hit = [fault for fault in drawn(1) if fault is not None]
    assert 40 < len(hit) < 160
    assert {fault.kind for fault in hit} == {FaultKind.CUT, FaultKind.HTML}


def test_random_faults_need_a_kind_and_a_probability():
    for probability, kinds in ((2, ["cut"]), (-0.1, ["cut"]), (0.5, [])):
        with pytest.raises(ValueError, match="probability"):
            FaultPlan().randomly(probability, kinds, seed=0)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nonsense", "no fault is called 'nonsense'"),
        ("html:sometimes", "neither a status"),
        ({"status": 500}, "needs a 'kind'"),
        ({"kind": "cut", "colour": "red"}, "unknown key 'colour'"),
        ({"kind": "html", "status": 199}, "'status' cannot be 199; it is a number from 200 to 599"),
        ({"kind": "error", "status": 600}, "'status' cannot be 600"),
        ("empty:100:after", "'status' cannot be 100"),
        ("html:\u0663", "neither a status"),
        ("html:" + "9" * 5000, "neither a status"),
        ({"kind": "redirect", "location": "https://x/\r\nSet-Cookie: a=b"}, "no header can hold it"),
        ({"kind": "redirect", "location": "\ud800"}, "no header can hold it"),
    ],
)
def test_a_malformed_fault_is_named(spec, message):
    with pytest.raises(ValueError, match=message):
        Fault.parse(spec)
