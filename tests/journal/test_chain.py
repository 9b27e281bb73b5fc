"""What must never happen to a journal: a damage that is not seen, a crash that cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_cli.journal.chain import Broken, read, seal_header, sealed
from stratus_cli.journal.codec import to_entry, to_record
from stratus_cli.journal.replay import transactions
from stratus_cli.model.entry import Entry
from stratus_cli.model.health import TransactionState
from tests.journal.samples import transaction

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@st.composite
def journals(draw: st.DrawFn) -> list[Entry]:
    """Records of some transactions, each cut off at any of them."""
    entries: list[Entry] = []
    for number in range(draw(st.integers(1, 4))):
        state = draw(st.sampled_from([None, *TransactionState]))
        records = transaction(f"tx-{number}", state=state, rolled_back=draw(st.booleans()))
        entries += records
    return entries[: draw(st.integers(1, len(entries)))]


def bytes_of(entries: list[Entry]) -> bytes:
    return sealed({"cluster": "u-1"}, [to_record(entry) for entry in entries])[0]


@given(journals(), st.data())
@settings(max_examples=60)
def test_every_prefix_reads(entries: list[Entry], data: st.DataObject) -> None:
    """A journal cut anywhere reads, gives the whole records before the cut, and each of its
    transactions is open or closed by its own last record."""
    whole = bytes_of(entries)
    cut = data.draw(st.integers(0, len(whole)))
    room = data.draw(st.integers(0, 50))
    chain = read(whole[:cut] + b"\0" * room)
    kept = max(0, whole[:cut].count(b"\n") - 1)
    found = [to_entry(record) for record in chain.records]
    assert found == entries[:kept]
    assert chain.end + chain.torn == cut
    for tx in transactions(found):
        ended = [item for item in found if item.tx == tx.id and hasattr(item, "state")]
        assert (tx.state is None) == (not ended)
        assert {item.step for item in tx.applied} <= {item.step for item in tx.dones}


@given(journals(), st.data())
@settings(max_examples=150)
def test_every_flipped_bit_is_found(entries: list[Entry], data: st.DataObject) -> None:
    """A changed byte anywhere before the last record breaks the chain."""
    whole = bytearray(bytes_of(entries))
    last = whole[:-1].rfind(b"\n") + 1
    where = data.draw(st.integers(0, last - 1))
    whole[where] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[where]))
    with pytest.raises(Broken):
        read(bytes(whole))


@given(journals(), st.data())
@settings(max_examples=60)
def test_a_last_line_written_in_any_order_reads(entries: list[Entry], data: st.DataObject) -> None:
    """Blocks of the last record that never reached the disk read as NUL; so it is torn."""
    whole = bytearray(bytes_of(entries))
    start = whole[:-1].rfind(b"\n") + 1
    first = data.draw(st.integers(start, len(whole) - 1))
    until = data.draw(st.integers(first + 1, len(whole)))
    whole[first:until] = bytes(until - first)
    chain = read(bytes(whole))
    assert len(chain.records) == len(entries) - 1


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5))
def test_no_content_can_break_out_of_its_line(fields: dict[str, object]) -> None:
    """Whatever an object holds, such as a forged seal, its record reads back as it was."""
    fields = {key: value for key, value in fields.items() if key not in ("seq", "prev", "hash")}
    forged = {**fields, "text": '","hash":"' + "0" * 64 + '"}\n'}
    chain = read(sealed({}, [{"object": forged}])[0])
    assert chain.records[0]["object"] == forged


def test_the_header_is_sealed_too() -> None:
    """Which cluster it is of cannot be changed unseen."""
    line, _ = seal_header({"cluster": "u-1"})
    with pytest.raises(Broken, match="line 1"):
        read(line.replace(b"u-1", b"u-2"))
