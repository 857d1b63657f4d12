"""In which order targets are read and fired, whatever is given back."""

from __future__ import annotations

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.firing.job import Target
from airflow_provider_bitrix24.client.firing.queue import FireQueue
from tests.support.firing import NEW, deals, numbers

LEAD = EntityRef(1, 9)


def queue_of(*refs, ready=False):
    targets = [Target(ref, before=NEW) for ref in refs]
    queue = FireQueue([] if ready else targets)
    for target in targets if ready else ():
        queue.add(target)
    return queue


def test_what_is_given_back_comes_first_again():
    queue = queue_of(*deals(1, 2, 3, 4))
    window = queue.take_unread(3)
    assert numbers(queue.unread) == [4]
    queue.return_unread(window[1:])
    assert numbers(queue.unread) == [2, 3, 4]
    queue.add(window[0])
    taken = queue.take_ready(50, read_back=False)
    assert (numbers(taken), queue.ready) == ([1], 0)
    queue.return_ready(taken)
    assert numbers(queue) == [1, 2, 3, 4], "what is ready comes before what is unread"


def test_what_has_waited_too_long_is_read_again_before_all_others():
    queue = queue_of(*deals(1, 2, 3))
    for target in queue.take_unread(2):
        queue.add(target)
    queue.expire()
    assert (queue.ready, numbers(queue.unread)) == (0, [1, 2, 3])
    queue.clear()
    assert list(queue) == []


def test_reading_back_costs_a_command_for_each_type():
    queue = queue_of(*deals(1, 2), LEAD, ready=True)
    assert numbers(queue.take_ready(3, read_back=True)) == [1, 2], "two deals and their reading"
    assert numbers(queue.take_ready(1, read_back=True)) == [9], "one target goes in any case"
    queue = queue_of(*deals(1, 2), LEAD, ready=True)
    assert numbers(queue.take_ready(3, read_back=False)) == [1, 2, 9]
    assert numbers(queue_of(*deals(1, 2), ready=True).take_ready(50, read_back=False, most=1)) == [1]


def test_after_an_earlier_try_only_what_it_did_not_touch_is_left():
    queue = queue_of(*deals(1, 2, 3))
    sent, settled, _ = queue.unread
    sent.fires = 1
    settled.settle("moved")
    queue.keep_untouched()
    assert numbers(queue.unread) == [3]
