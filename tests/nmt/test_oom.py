"""Batches that do not fit are divided: every sentence is passed over once, and what fitted is remembered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ink.nmt.oom import FittingBatches, is_out_of_memory
from ink.runtime.errors import InkError


def fitting(lengths: Sequence[int]) -> FittingBatches:
    return FittingBatches(lengths, task="datastore", setting="datastore.batch_tokens")


class Device:
    """Takes batches of `memory` tokens at most, and remembers all that it was given."""

    def __init__(self, lengths: Sequence[int], memory: int) -> None:
        self.lengths, self.memory = lengths, memory
        self.tried: list[int] = []

    def __call__(self, batch: list[int]) -> list[int]:
        self.tried.append(len(batch) * max(self.lengths[number] for number in batch))
        if self.tried[-1] > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return [10 * number for number in batch]


def test_torch_s_errors_for_lack_of_memory_are_known_and_others_are_not() -> None:
    with pytest.raises(RuntimeError) as of_the_cpu:
        torch.empty(2**60)
    assert is_out_of_memory(of_the_cpu.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert not is_out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_a_batch_is_halved_until_it_fits_and_later_ones_begin_with_that_size(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lengths = [5] * 16
    batches, device = fitting(lengths), Device(lengths, 25)
    found = dict(pair for part, values in batches.run(device, range(8)) for pair in zip(part, values, strict=True))
    assert found == {number: 10 * number for number in range(8)}
    assert device.tried == [40, 20, 20]
    assert batches.most == 20
    printed = capsys.readouterr()
    message = printed.err
    assert printed.out == "", "where translations go"
    assert "datastore: out of memory with 8 sentences of 40 tokens" in message
    assert "20 at most at a time, where datastore.batch_tokens allows more" in message

    device.tried.clear()
    assert [part for part, _ in batches.run(device, range(8, 16))] == [[8, 9, 10, 11], [12, 13, 14, 15]]
    assert device.tried == [20, 20]
    assert capsys.readouterr().err == ""


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    memory=st.integers(30, 200),
    data=st.data(),
)
@settings(max_examples=30, deadline=None)  # each frees memory, with a pass over everything that the process holds
def test_every_sentence_is_passed_over_exactly_once(lengths: list[int], memory: int, data: st.DataObject) -> None:
    batches, device = fitting(lengths), Device(lengths, memory)
    whole = data.draw(st.permutations(range(len(lengths))))
    middle = data.draw(st.integers(0, len(whole)))
    found = []
    for batch in (whole[:middle], whole[middle:]):
        for part, values in batches.run(device, batch) if batch else []:
            assert batches.tokens(part) <= memory
            assert values == [10 * number for number in part]
            found += part
    assert sorted(found) == sorted(whole)


def test_what_fits_is_not_divided_and_keeps_its_order() -> None:
    lengths = [3, 1, 2]
    assert list(fitting(lengths).run(Device(lengths, 9), [2, 0, 1])) == [([2, 0, 1], [20, 0, 10])]


def test_a_sentence_that_does_not_fit_alone_is_named() -> None:
    lengths = [4, 4, 50, 4]
    batches, device = fitting(lengths), Device(lengths, 20)
    with pytest.raises(InkError, match=r"sentence 2 \(counted from 0\), of 50 tokens.*lower text\.max_length"):
        list(batches.run(device, range(4)))


def test_another_error_is_not_taken_for_a_lack_of_memory() -> None:
    def broken(_: list[int]) -> None:
        raise RuntimeError("device-side assert triggered")

    with pytest.raises(RuntimeError, match="assert"):
        list(fitting([1, 1]).run(broken, [0, 1]))
