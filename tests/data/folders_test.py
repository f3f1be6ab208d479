"""Which files of a folder are images, in which order, and which one a row of a table means."""

import os
import unicodedata

import pytest

from cdae_jax.data.folders import image_files, match
from cdae_jax.errors import InputError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_image_files_are_found_by_their_suffix_in_natural_order(tmp_path):
    touch(tmp_path, "10.png", "2.png", "1.JPG", "b/2.webp", "b/10.tif", "a.bmp", "b/1.tiff", "c.jpeg", "d.jpe")
    touch(tmp_path, "notes.txt", "labels.csv", "png", "b.png/x.txt")
    expected = ["1.JPG", "2.png", "10.png", "a.bmp", "b/1.tiff", "b/2.webp", "b/10.tif", "c.jpeg", "d.jpe"]
    assert image_files(tmp_path) == expected


def test_hidden_files_and_what_other_programs_leave_are_ignored(tmp_path):
    touch(tmp_path, "0.png", "._0.png", ".0.png", ".ipynb_checkpoints/0-checkpoint.png", "__MACOSX/0.png")
    touch(tmp_path, ".DS_Store", "Thumbs.db", ".git/0.png")
    assert image_files(tmp_path) == ["0.png"]
    hidden = tmp_path / ".cache" / "mine"
    touch(hidden, "1.png")
    assert image_files(hidden) == ["1.png"]  # the folder itself may be hidden


def test_links_to_folders_and_files_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path / "store", "0.png", "below/1.png")
    (tmp_path / "images").mkdir()
    os.symlink(tmp_path / "store", tmp_path / "images" / "a")
    os.symlink(tmp_path / "store" / "0.png", tmp_path / "images" / "file.png")
    os.symlink(tmp_path / "images", tmp_path / "store" / "below" / "up")
    os.symlink(tmp_path / "nowhere.png", tmp_path / "images" / "broken.png")
    assert image_files(tmp_path / "images") == ["a/0.png", "a/below/1.png", "file.png"]
    with pytest.raises(InputError, match="cannot be read .*: give one that can"):
        image_files(tmp_path / "store" / "0.png")


def test_names_that_are_right_are_taken_as_they_are():
    files = ["a.png", "sub/b.png", "A.png", "a\\c.png", "a/c.png"]
    rows = ["sub/b.png", "./a.png", "A.png", "a\\c.png"]
    assert match(rows, files) == (["sub/b.png", "a.png", "A.png", "a\\c.png"], [])


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (["scan_0\\é1.png", "scan_1\\2.png"], r"2 with \ for / or accents in another form"),
        (["scan_0/é1.PNG", "scan_1/2.png"], "1 with another case of the suffix"),
        (["scan_0/é1", "scan_1/2"], "2 without the suffix"),
        (["images/scan_0/é1.png", "images/scan_1/2.png"], "all with images/ in front"),
        (["/home/me/images/scan_0/é1.png", "/home/me/images/scan_1/2.png"], "all with /home/me/images/ in front"),
    ],
)
def test_names_that_are_written_otherwise_are_understood_and_said(rows, note):
    files = ["scan_0/é1.png", "scan_1/2.png"]
    assert match(rows, files) == (files, [note])


@pytest.mark.parametrize(("here", "there"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_may_be_composed_or_not(here, there):
    files = [unicodedata.normalize(here, name) for name in ("é.png", "ü.png")]
    rows = [unicodedata.normalize(there, name) for name in ("ü.png", "é.png")]
    assert match(rows, files)[0] == files[::-1]


def test_all_that_can_differ_may_differ_at_once():
    files = [f"scan_{i % 2}/{unicodedata.normalize('NFD', 'é')}{i}.JPG" for i in range(6)]
    rows = [f"C:\\Users\\me\\photos\\scan_{i % 2}\\é{i}" for i in range(6)]
    found, notes = match(rows, files)
    assert found == files and notes == ["all with C:/Users/me/photos/ in front", "6 without the suffix"]


def test_what_is_not_there_or_could_be_two_files_is_left_open():
    assert match(["c.png", "a.png"], ["a.png", "b.png"])[0] == [None, "a.png"]
    assert match(["a", "b"], ["a.png", "a.jpg", "b.png"])[0] == [None, "b.png"]
    assert match(["a.Png"], ["a.png", "a.PNG"])[0] == [None]


def test_folders_are_dropped_from_all_rows_or_from_none():
    """Else a row whose image is missing would be given the image of another folder."""
    files = ["scan_0/0.png", "scan_0/1.png", "1.png"]
    assert match(["scan_0/0.png", "scan_1/1.png"], files)[0] == ["scan_0/0.png", None]
    assert match(["images/scan_0/0.png", "scan_0/1.png"], files)[0] == [None, "scan_0/1.png"]
    assert match(["scan_0/0.png", "scan_0/2.png"], [*files, "0.png", "2.png"])[0] == ["scan_0/0.png", None]


def test_two_rows_of_the_same_image_are_refused():
    with pytest.raises(InputError, match=r"the rows 'a', 'a.png' of the table mean the same image, a.png: keep one"):
        match(["a", "b.png", "a.png"], ["a.png", "b.png"])
