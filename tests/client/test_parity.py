"""Both clients, blocking and asynchronous, do and say the same against a real portal over real sockets."""

from __future__ import annotations


def test_one_deal_is_moved_and_shown(both):
    def scenario(bench):
        bench.deals(1)
        bench.fire("DEAL_1")

    bench = both(scenario)
    assert bench.outcomes[0].as_dict()["results"] == [
        {"target": "DEAL_1", "outcome": "moved", "stage_before": "NEW", "stage_after": "PREPARATION"}
    ]
    assert bench.portal.fires == {"DEAL_1": 1}
    assert bench.pauses == []


def test_a_hundred_deals_take_four_requests(both):
    def scenario(bench):
        bench.fire(bench.stairs(100))

    bench = both(scenario)
    assert bench.outcomes[0].moved == 100
    assert [request.commands for request in bench.server.requests] == [2, 25, 50, 28]
    assert set(bench.portal.fires.values()) == set(bench.portal.moves.values()) == {1}
    assert bench.pauses == []


def test_a_wrong_code_is_unmoved_after_one_more_look(both):
    def scenario(bench):
        bench.deals(2)
        bench.fire(["DEAL_1", "DEAL_2"], "C")

    bench = both(scenario)
    assert bench.outcomes[0].unmoved == 2
    assert len(bench.server.requests) == 3
