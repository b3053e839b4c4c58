"""Saved and loaded: safetensors out, safetensors and npz in, pickles never."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch

import gobhir
from gobhir import nn, optim


def test_a_state_dict_is_an_ordinary_safetensors_file(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    file = tmp_path / "weights.pt"  # whatever the suffix says
    gobhir.save(model.state_dict(), file)
    stored = safetensors.numpy.load_file(file)
    assert sorted(stored) == ["bias", "weight"]
    assert list(gobhir.load(file)) == list(model.state_dict()) == ["weight", "bias"]
    other = nn.Linear(3, 2)
    other.load_state_dict(gobhir.load(str(file)))
    assert gobhir.equal(model.weight, other.weight)
    assert [p.name for p in tmp_path.iterdir()] == ["weights.pt"]


def test_open_files(tmp_path: Path) -> None:
    model, memory = nn.Linear(3, 2), io.BytesIO()
    gobhir.save({"model": model.state_dict(), "epoch": 3}, memory)
    memory.seek(0)
    loaded = gobhir.load(memory)
    assert loaded["epoch"] == 3 and gobhir.equal(loaded["model"]["weight"], model.weight)
    loaded["model"]["weight"].zero_()  # one may write into what was loaded
    with (tmp_path / "x.pt").open("wb") as file:
        gobhir.save(gobhir.ones(2), file)
    with (tmp_path / "x.pt").open("rb") as file:
        assert gobhir.load(file).tolist() == [1.0, 1.0]
    for content in (b"", b"\x80\x04]", b"PK"):
        with pytest.raises(ValueError, match="BytesIO"):
            gobhir.load(io.BytesIO(content))


def test_pytorch_reads_it_and_writes_it(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    mine, theirs = nn.Linear(3, 2), torch.nn.Linear(3, 2)
    gobhir.save(mine.state_dict(), tmp_path / "mine")
    theirs.load_state_dict(load_file(tmp_path / "mine"))
    np.testing.assert_array_equal(theirs.weight.detach().numpy(), mine.weight.detach().numpy())
    save_file(torch.nn.Linear(3, 2).state_dict(), tmp_path / "theirs")
    mine.load_state_dict(gobhir.load(tmp_path / "theirs"))


def test_a_checkpoint_keeps_its_structure(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    optimizer = optim.Adam(model.parameters(), betas=(0.8, 0.9))
    model(gobhir.ones(1, 2)).sum().backward()
    optimizer.step()
    checkpoint: dict[str, Any] = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "history": [0.5, 0.25, None, True, "slow"],
        "best": np.float64(0.125),
        "empty": {},
        "number": gobhir.tensor(2.0),
        "array": np.arange(6).reshape(2, 3).T,
    }
    gobhir.save(checkpoint, tmp_path / "checkpoint")
    loaded = gobhir.load(tmp_path / "checkpoint", map_location="cpu", weights_only=True)
    assert list(loaded) == list(checkpoint)
    assert loaded["epoch"] == 3 and loaded["history"] == [0.5, 0.25, None, True, "slow"]
    assert loaded["best"] == 0.125 and loaded["empty"] == {}
    assert loaded["number"].shape == () and loaded["number"].item() == 2.0
    np.testing.assert_array_equal(loaded["array"].numpy(), checkpoint["array"])
    assert loaded["optimizer"]["param_groups"][0]["betas"] == (0.8, 0.9)
    optim.Adam(model.parameters()).load_state_dict(loaded["optimizer"])
    model.load_state_dict(loaded["model"])


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_dtypes_and_shapes(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    t = gobhir.ones(shape, dtype=getattr(gobhir, dtype))
    gobhir.save({"t": t}, tmp_path / "t")
    back = gobhir.load(tmp_path / "t")["t"]
    assert back.dtype == t.dtype and back.shape == t.shape and gobhir.equal(back, t)


def test_one_tensor(tmp_path: Path) -> None:
    gobhir.save(gobhir.tensor([1.0, 2.0]), tmp_path / "t")
    assert gobhir.load(tmp_path / "t").tolist() == [1.0, 2.0]


def test_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", weight=np.ones((2, 3)), bias=np.zeros(2))
    assert gobhir.load(tmp_path / "w.npz")["weight"].shape == (2, 3)


class Trap:
    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('a pickle was opened')",))


def test_pickles_stay_closed(tmp_path: Path) -> None:
    import pickle

    torch.save({"w": torch.ones(1)}, tmp_path / "new.pt")
    torch.save({"w": torch.ones(1)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "trap.pt").write_bytes(pickle.dumps(Trap()))
    np.save(tmp_path / "objects.npy", np.array([Trap()], object))
    np.savez(tmp_path / "objects.npz", w=np.array([Trap()], object))
    for file in tmp_path.iterdir():
        with pytest.raises(ValueError) as caught:
            gobhir.load(file)
        if file.suffix == ".pt":
            assert "save_file" in caught.value.args[0].text("en")
            assert "save_file" in caught.value.args[0].text("bn")


def test_damaged_files(tmp_path: Path) -> None:
    gobhir.save({"w": gobhir.ones(100)}, tmp_path / "w")
    whole = (tmp_path / "w").read_bytes()
    for name, content in {
        "half": whole[:200],
        "none": b"",
        "text": b"hello",
        "zip": b"PK..",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=name):
            gobhir.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        gobhir.load(tmp_path / "absent")


@pytest.mark.parametrize(
    "structure",
    ['{"dict": 5}', '{"dict": [["a"]]}', '{"tensor": []}', '{"a": 1, "b": 2}', "[" * 9999],
)
def test_a_structure_that_a_stranger_made_up(structure: str, tmp_path: Path) -> None:
    content = safetensors.numpy.save({"a": np.zeros(2)}, {"gobhir": structure})
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        gobhir.load(tmp_path / "x.safetensors")


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    for wrong in (nn.Linear(1, 1), {"f": print}, {(1, 2): 3}):
        with pytest.raises(TypeError) as caught:
            gobhir.save(wrong, tmp_path / "x")
        assert caught.value.args[0].text("bn") != caught.value.args[0].text("en")
    assert not list(tmp_path.iterdir())


def test_written_through_to_the_disk_before_it_takes_the_old_one_s_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real_sync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), real_sync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("replace"), real_replace(a, b)))
    gobhir.save({"a": 1}, tmp_path / "x")
    assert order[:2] == ["sync", "replace"] and gobhir.load(tmp_path / "x") == {"a": 1}

    def crash(*args: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="full"):
        gobhir.save({"a": 2}, tmp_path / "x")
    assert gobhir.load(tmp_path / "x") == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_full_disk_is_said_to_be_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*told: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    gobhir.save({"w": gobhir.ones(2)}, tmp_path / "w.safetensors")
    before = (tmp_path / "w.safetensors").read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="the disk is full. Make room"):
        gobhir.save({"w": gobhir.zeros(2)}, tmp_path / "w.safetensors")
    assert [file.name for file in tmp_path.iterdir()] == ["w.safetensors"]
    assert (tmp_path / "w.safetensors").read_bytes() == before
