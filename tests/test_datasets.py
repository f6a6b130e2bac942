"""IDX files: what a test writes is what is read, and what is broken is one clear line."""

import gzip
import struct

import pytest
import torch

import optiscope as osc

IMAGES = torch.arange(5 * 4 * 3, dtype=torch.uint8).reshape(5, 4, 3)
LABELS = torch.tensor([3, 0, 2, 1, 3], dtype=torch.uint8)


def idx(tensor, kind=0x08, code="B"):
    """The bytes of a file, from the format's description."""
    sizes = b"".join(struct.pack(">I", size) for size in tensor.shape)
    return (
        bytes([0, 0, kind, tensor.dim()])
        + sizes
        + b"".join(struct.pack(f">{code}", v) for v in tensor.flatten().tolist())
    )


def write(folder, part="train", images=IMAGES, labels=LABELS, zipped=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensor in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
        data = idx(tensor)
        (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(data) if zipped else data)
    return folder


KINDS = [
    (0x08, "B", torch.uint8, [0, 255]), (0x09, "b", torch.int8, [-128, 127]), (0x0B, "h", torch.int16, [-300, 300]),
    (0x0C, "i", torch.int32, [-70_000, 70_000]), (0x0D, "f", torch.float32, [0.5, -1.25]),
    (0x0E, "d", torch.float64, [1e-300, 3.0]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "code", "dtype", "values"), KINDS)
@pytest.mark.parametrize("zipped", [False, True])
def test_every_kind_of_number(tmp_path, kind, code, dtype, values, zipped):
    data = idx(torch.tensor([values, values[::-1]], dtype=torch.float64 if code in "fd" else torch.int64), kind, code)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(data) if zipped else data)
    found = osc.read_idx(path)
    assert found.dtype == dtype
    assert found.tolist() == [values, values[::-1]]


@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw", "FashionMNIST/raw"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_as_torchvision_lays_it_out(tmp_path, place, zipped):
    write(tmp_path / place, zipped=zipped)
    write(tmp_path / place, "t10k", IMAGES[:2], LABELS[:2], zipped)
    train, test = osc.IdxFolder(tmp_path), osc.IdxFolder(tmp_path, train=False)
    assert (len(train), len(test)) == (5, 2)
    image, label = train[1]
    assert (image.shape, image.dtype, label.dtype) == ((1, 4, 3), torch.float32, torch.int64)
    torch.testing.assert_close(image[0] * 255, IMAGES[1].float())
    assert [int(label) for _, label in train] == LABELS.tolist()


WHOLE = idx(IMAGES)
BROKEN = [
    (b"", "is no IDX file: it must begin with 00 00 and a kind, got "),
    (b"\x89PNG\r\n", "got 89 50 4e 47"),
    (bytes([0, 0, 7, 1, 0, 0, 0, 0]), "is no IDX file"),
    (WHOLE[:9], "is cut off: it has 3 dimensions, but ends before their sizes"),
    (WHOLE[:-1], "is cut off: shape (5, 4, 3) takes 60 bytes, got 59"),
    (WHOLE + b"\0", "is too long: shape (5, 4, 3) takes 60 bytes, got 61"),
    (gzip.compress(WHOLE)[:-9], "its compression is broken"),
    (gzip.compress(WHOLE)[:20] + b"????" + gzip.compress(WHOLE)[24:], ""),
    (b"\x1f\x8b and no more", ""),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_is_one_clear_line(tmp_path, data, message):
    path = write(tmp_path) / "train-images-idx3-ubyte"
    path.write_bytes(data)
    for read in (lambda: osc.read_idx(path), lambda: osc.IdxFolder(tmp_path)):
        with pytest.raises(osc.InputError) as error:
            read()
        assert message in str(error.value)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_what_is_missing_or_does_not_belong_together(tmp_path):
    with pytest.raises(osc.InputError, match="there is no folder"):
        osc.IdxFolder(tmp_path / "nowhere")
    with pytest.raises(osc.InputError, match=r"cannot read .*No such file"):
        osc.read_idx(tmp_path / "nothing")
    write(tmp_path / "a" / "raw")
    with pytest.raises(osc.InputError, match="has no t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte"):
        osc.IdxFolder(tmp_path / "a", train=False)
    write(tmp_path / "b" / "raw", labels=LABELS[:4])
    with pytest.raises(osc.InputError, match="has 5 images in train, but 4 labels"):
        osc.IdxFolder(tmp_path / "b")
    with pytest.raises(osc.InputError, match="holds several data sets: name one of"):
        osc.IdxFolder(tmp_path)
    write(tmp_path / "c", images=IMAGES[0])
    with pytest.raises(osc.InputError, match="must have 3 dimensions of bytes, got 2"):
        osc.IdxFolder(tmp_path / "c")


def test_such_a_folder_is_trained_on(tmp_path):
    images = torch.randint(0, 256, (60, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    write(tmp_path / "MNIST" / "raw", images=images, labels=(images.float().mean((1, 2)) > 127).byte())
    write(tmp_path / "MNIST" / "raw", "t10k", images[:20], (images[:20].float().mean((1, 2)) > 127).byte())
    data = (osc.IdxFolder(tmp_path), osc.IdxFolder(tmp_path, train=False))

    def network():
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))

    problem = osc.Problem.from_module(network, data, "CrossEntropyLoss", batch_size=20)
    assert (problem.steps_per_epoch, problem.metrics) == (3, ("val_loss", "accuracy"))
    [row] = osc.run(osc.grid(problem, "Adam", lr=1e-2, steps=60)).runs.to_dict("records")
    assert row["loss_final"] < row["loss_start"]
