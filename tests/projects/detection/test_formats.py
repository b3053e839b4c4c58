"""The layouts: what goes in comes out again, from YOLO, COCO and Pascal VOC alike; and the lint."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from gobhir.lang import use_language
from gobhir.projects.detection.formats import (
    label_rows,
    read_boxed,
    size_of,
    write_yolo,
    yaml_names,
)
from gobhir.projects.detection.lint import lint


def same(one, other) -> bool:
    """Whether two sets say the same of pictures of the same names."""
    pairs = zip(
        sorted(one.samples, key=lambda s: s.path.name),
        sorted(other.samples, key=lambda s: s.path.name),
        strict=True,
    )
    return one.names == other.names and all(
        a.path.name == b.path.name
        and a.size == b.size
        and np.allclose(a.boxes, b.boxes, atol=0.01)
        and a.classes.tolist() == b.classes.tolist()
        for a, b in pairs
    )


def coco(boxed, folder) -> None:
    """The same as COCO's JSON, written here."""
    (folder / "annotations").mkdir(parents=True)
    (folder / "images").mkdir()
    images, marked = [], []
    for k, one in enumerate(boxed.samples):
        shutil.copy(one.path, folder / "images" / one.path.name)
        images.append({"id": k, "file_name": one.path.name, "width": 80, "height": 64})
        for box, kind in zip(one.boxes.tolist(), one.classes.tolist(), strict=True):
            size = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            marked.append({"image_id": k, "category_id": [3, 18][kind], "bbox": size})
    marked.append({"image_id": 0, "category_id": 3, "bbox": [0, 0, 80, 64], "iscrowd": 1})
    categories = [{"id": 18, "name": "square"}, {"id": 3, "name": "disc"}]
    content = {"images": images, "annotations": marked, "categories": categories}
    (folder / "annotations" / "all.json").write_text(json.dumps(content))


def voc(boxed, folder) -> None:
    """The same as Pascal VOC's XML, written here."""
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    for one in boxed.samples:
        shutil.copy(one.path, folder / "JPEGImages" / one.path.name)
        things = ""
        for box, kind in zip(one.boxes.astype(int).tolist(), one.classes, strict=True):
            places = zip(("xmin", "ymin", "xmax", "ymax"), np.add(box, [1, 1, 0, 0]), strict=True)
            corners = "".join(f"<{key}>{value}</{key}>" for key, value in places)
            things += f"<object><name>{boxed.names[kind]}</name><bndbox>{corners}</bndbox></object>"
        text = f"<annotation><filename>{one.path.name}</filename>{things}</annotation>"
        (folder / "Annotations" / f"{one.path.stem}.xml").write_text(text)
    stems = [one.path.stem for one in boxed.samples]
    (folder / "ImageSets/Main/train.txt").write_text("\n".join(stems[:18]))
    (folder / "ImageSets/Main/test.txt").write_text("\n".join(stems[18:]))


def test_what_is_written_as_yolo_is_read_again(boxed, shapes) -> None:
    assert same(read_boxed(shapes), boxed)
    lines = (shapes / "labels" / "00.txt").read_text().splitlines()
    first = [float(word) for word in lines[0].split()]
    x1, y1, x2, y2 = boxed.samples[0].boxes[0].tolist()
    want = [boxed.samples[0].classes[0], (x1 + x2) / 160, (y1 + y2) / 128]
    assert first == pytest.approx([*want, (x2 - x1) / 80, (y2 - y1) / 64], abs=1e-5)
    assert not lint(shapes)
    with pytest.raises(FileExistsError, match="shapes"):
        write_yolo(boxed, shapes)


@pytest.mark.parametrize("layout", [coco, voc])
def test_other_layouts_say_the_same(boxed, tmp_path, layout) -> None:
    layout(boxed, tmp_path / "other")
    read = read_boxed(tmp_path / "other")
    assert same(read, boxed)
    write_yolo(read, tmp_path / "again")
    assert same(read_boxed(tmp_path / "again"), boxed)
    if layout is voc:
        parts = [one.part for one in read_boxed(tmp_path / "again").samples]
        assert parts.count("train") == 18 and parts.count("test") == 6
        assert (tmp_path / "again/images/test/18.png").is_file()


def test_parts_may_also_lie_around_images_and_labels(boxed, shapes) -> None:
    for part, numbers in (("train", range(18)), ("valid", range(18, 24))):
        for kind, suffix in (("images", "png"), ("labels", "txt")):
            (shapes / part / kind).mkdir(parents=True)
            for k in numbers:
                name = f"{k:02}.{suffix}"
                (shapes / kind / name).rename(shapes / part / kind / name)
    (shapes / "images").rmdir()
    (shapes / "labels").rmdir()
    read = read_boxed(shapes)
    assert same(read, boxed) and not lint(shapes)
    assert [one.part for one in read.samples] == ["train"] * 18 + ["validation"] * 6
    shutil.copy(shapes / "train/images/00.png", shapes / "valid/images/20.png")
    assert [fault.kind for fault in lint(shapes)] == ["leak"]


def test_class_names_have_spaces_and_lie_also_where_labelimg_writes_them(shapes) -> None:
    (shapes / "data.yaml").unlink()
    for place in ("classes.txt", "labels/classes.txt"):
        (shapes / place).write_text("\ufefftraffic light\r\nবাস\r\n\r\n", encoding="utf-8")
        assert yaml_names(shapes) == ("traffic light", "বাস") and not lint(shapes)
        (shapes / place).unlink()


def test_labels_that_windows_editor_wrote_are_read(shapes) -> None:
    path = shapes / "labels/03.txt"
    before = label_rows(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert np.array_equal(label_rows(path), before) and len(before)


@pytest.mark.parametrize("key", ["bbox", "category_id", "image_id", "file_name", "id"])
def test_coco_that_lacks_something_is_said(boxed, tmp_path, key) -> None:
    coco(boxed, tmp_path)
    path = tmp_path / "annotations/all.json"
    content = json.loads(path.read_text())
    del content["images" if key in ("file_name", "id") else "annotations"][0][key]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"all\.json.*{key}"):
        read_boxed(tmp_path)


def test_a_telephones_picture_is_measured_upright(tmp_path) -> None:
    turned = Image.Exif()
    turned[274] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=turned)
    Image.new("RGB", (40, 20)).save(tmp_path / "b.jpg")
    assert size_of(tmp_path / "a.jpg") == (20, 40)
    assert size_of(tmp_path / "b.jpg") == (40, 20)


@pytest.mark.parametrize(
    ("kind", "spoil", "told"),
    [
        ("missing_label", lambda f: (f / "labels/03.txt").unlink(), r"03\.txt"),
        ("no_picture", lambda f: (f / "labels/zz.txt").write_text(""), r"zz\.txt"),
        ("line", lambda f: (f / "labels/04.txt").write_text("0 .5 .5 .2\n"), r"Line 1 .*04\.txt"),
        ("line", lambda f: (f / "labels/04.txt").write_text("0 .5 .5 .2 big\n"), "big"),
        ("line", lambda f: (f / "labels/04.txt").write_bytes(b"0 \xff"), r"04\.txt is no text"),
        ("class", lambda f: (f / "labels/05.txt").write_text("2 .5 .5 .2 .2\n"), "says 2"),
        ("zero", lambda f: (f / "labels/06.txt").write_text("0 .5 .5 0 .2\n"), "0.0 wide"),
        ("outside", lambda f: (f / "labels/07.txt").write_text("0 .9 .5 .3 .2\n"), "line 1"),
        ("twice", lambda f: (f / "labels/08.txt").write_text("0 .5 .5 .2 .2\n" * 2), "2 times"),
        ("unreadable", lambda f: (f / "images/09.png").write_bytes(b"no"), r"09\.png"),
        ("copy", lambda f: shutil.copy(f / "images/10.png", f / "images/11.png"), r"10\.png.*11"),
    ],
)
def test_the_lint_names_what_is_wrong(shapes, kind, spoil, told) -> None:
    use_language("en")
    try:
        spoil(shapes)
        (fault,) = lint(shapes)
        assert fault.kind == kind
        assert re.search(told, str(fault))
    finally:
        use_language(None)


def test_the_lint_sees_a_test_picture_among_those_learned_from(shapes) -> None:
    for part in ("train", "test"):
        (shapes / "images" / part).mkdir()
        (shapes / "labels" / part).mkdir()
    for k in range(24):
        part = "test" if k > 19 else "train"
        for kind, suffix in (("images", "png"), ("labels", "txt")):
            name = f"{k:02}.{suffix}"
            (shapes / kind / name).rename(shapes / kind / part / name)
    shutil.copy(shapes / "images/train/00.png", shapes / "images/test/23.png")
    assert [fault.kind for fault in lint(shapes)] == ["leak"]


@pytest.mark.parametrize(
    ("spoil", "kind", "told"),
    [
        (lambda f: shutil.rmtree(f), FileNotFoundError, "no folder"),
        (lambda f: shutil.rmtree(f / "labels"), ValueError, "images/ and labels/"),
        (lambda f: shutil.rmtree(f / "images"), ValueError, "nothing to learn from"),
        (lambda f: (f / "labels/00.txt").write_text("5 .5 .5 .1 .1"), ValueError, "class 5"),
        (lambda f: (f / "labels/00.txt").write_text("-1 .5 .5 .1 .1"), ValueError, "Line 1"),
        (lambda f: (f / "data.yaml").write_text("name: x"), ValueError, "data.yaml"),
        (lambda f: (f / "images/00.png").write_bytes(b"x"), ValueError, r"00\.png cannot"),
    ],
)
def test_a_folder_that_cannot_be_used_says_why(shapes, spoil, kind, told) -> None:
    spoil(shapes)
    with pytest.raises(kind, match=told):
        read_boxed(shapes)


@pytest.mark.parametrize(
    ("layout", "spoil", "told"),
    [
        (coco, lambda f: (f / "annotations/all.json").write_text("[]"), "no COCO"),
        (coco, lambda f: (f / "images/03.png").unlink(), r"03\.png, which is not there"),
        (voc, lambda f: (f / "Annotations/03.xml").write_text("<a"), "no Pascal VOC"),
        (voc, lambda f: (f / "JPEGImages/03.png").unlink(), r"03\.png, which is not there"),
    ],
)
def test_so_do_the_other_layouts(boxed, tmp_path, layout, spoil, told) -> None:
    layout(boxed, tmp_path / "other")
    spoil(tmp_path / "other")
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        read_boxed(tmp_path / "other")
