"""What is made of a photo, and what is refused: through the real process with its real limits."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from api import developing
from api.darkroom import Darkroom
from api.pictures import LONGEST_EDGE, REASONS, Developed, Taken, Unfit, develop
from tests.api.photos import a_photo, animated, exif, opened, png_bomb, text_bomb

pytestmark = pytest.mark.slow  # a process for every photo

ROOM = Darkroom(places=2)
PLACE = ((39.0, 54.0, 30.0), (116.0, 23.0, 50.0))


def refusal(data: bytes, by: Callable[[bytes], Developed] = develop) -> str:
    with pytest.raises(Unfit) as unfit:
        by(data)
    assert all(REASONS[unfit.value.reason])
    return unfit.value.reason


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_every_accepted_format_becomes_a_plain_jpeg_without_a_trace_of_its_camera(
    form: str,
) -> None:
    data = a_photo(form=form, exif=exif(place=PLACE, offset="+08:00"))
    assert b"SecretPhone" in data
    made = ROOM.develop(data)
    assert made.taken.at == "2026-11-20T09:30:00+08:00"
    assert made.taken.lon == pytest.approx(116 + 23 / 60 + 50 / 3600)
    assert made.taken.lat == pytest.approx(39 + 54 / 60 + 30 / 3600)
    for kept in (made.picture, made.thumbnail):
        image = opened(kept)
        assert (image.format, image.mode) == ("JPEG", "RGB")
        assert not image.getexif()
        assert not {"exif", "icc_profile", "comment", "xmp", "photoshop"} & set(image.info)
        assert b"SecretPhone" not in kept
    assert (made.width, made.height) == opened(made.picture).size == (640, 480)
    assert max(opened(made.thumbnail).size) == 320


@pytest.mark.parametrize(
    ("orientation", "size", "red"),
    [
        (1, (640, 480), (10, 240)),
        (3, (640, 480), (630, 240)),
        (6, (480, 640), (240, 10)),
        (8, (480, 640), (240, 630)),
    ],
)
def test_a_photo_taken_sideways_is_kept_upright(
    orientation: int, size: tuple[int, int], red: tuple[int, int]
) -> None:
    made = develop(a_photo(exif=exif(orientation)))
    image = opened(made.picture)
    assert image.size == size
    pixel = image.getpixel(red)
    assert isinstance(pixel, tuple)
    assert pixel[0] > 150 > pixel[1]


def test_a_large_photo_is_kept_smaller_and_in_proportion() -> None:
    made = ROOM.develop(a_photo(6000, 4000))
    assert (made.width, made.height) == (LONGEST_EDGE, round(LONGEST_EDGE * 2 / 3))


def test_what_is_transparent_becomes_white_and_sixteen_bits_become_eight() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(out, "PNG")
    assert opened(develop(out.getvalue()).picture).getpixel((20, 20)) == (255, 255, 255)
    out = io.BytesIO()
    Image.new("I;16", (40, 40), 0x8000).save(out, "PNG")
    assert opened(develop(out.getvalue()).picture).getpixel((20, 20)) == (128, 128, 128)


def test_colours_of_another_profile_are_turned_into_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = ROOM.develop(a_photo(icc_profile=lab, quality=95))
    pixel = opened(made.picture).getpixel((10, 10))
    assert isinstance(pixel, tuple)
    assert all(abs(a - b) < 6 for a, b in zip(pixel, (200, 30, 30), strict=True))


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "yesterday", "2026:13:45 99:99:99", "", None]
)
def test_a_camera_without_a_sensible_clock_still_gives_a_photo(taken: str | None) -> None:
    assert develop(a_photo(exif=exif(taken=taken))).taken == Taken()


@pytest.mark.parametrize(
    "place",
    [((95.0, 0.0, 0.0), (10.0, 0.0, 0.0)), ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), (("x",), ())],
)
def test_a_place_that_cannot_be_is_no_place(place: object) -> None:
    if place == (("x",), ()):
        place = ((1.0,), (2.0, 3.0))
    assert develop(a_photo(exif=exif(place=place, taken=None))).taken == Taken()


def test_a_clock_without_an_offset_says_so() -> None:
    assert develop(a_photo(exif=exif())).taken.at == "2026-11-20T09:30:00"


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("run.sh", "#!/bin/sh")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"GIF89a" + bytes(50), "animated"),
        (b"%PDF-1.7 and so on", "format"),
        (b"BM" + bytes(60), "format"),
        (bytes(2000), "format"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "heic"),
        (b"\x00\x00\x00\x18ftypavif" + bytes(40), "heic"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "markup"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", "markup"),
        (b"  <!DOCTYPE html><script>alert(1)</script>", "markup"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
    ],
)
def test_what_is_no_photo_is_refused_by_what_it_is(data: bytes, reason: str) -> None:
    assert refusal(data) == reason


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.99])
def test_a_photo_that_was_cut_off_is_refused(form: str, part: float) -> None:
    data = a_photo(form=form)
    assert refusal(data[: int(len(data) * part)]) == "damaged"


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_a_moving_picture_is_refused(form: str) -> None:
    assert refusal(animated(form)) == "animated"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "hidden",
    [
        b"<html><body>",
        b"<script>alert(1)</script>",
        b"<?php system($_GET[0]); ?>",
        b"%PDF-1.4",
        _zip(),
        b"\x7fELF",
    ],
)
def test_a_photo_with_another_file_behind_it_is_refused(form: str, hidden: bytes) -> None:
    assert refusal(a_photo(form=form) + hidden) == "hidden"


def test_a_page_in_a_photos_comment_is_refused() -> None:
    assert refusal(a_photo(comment=b"<script>fetch('//evil')</script>")) == "hidden"


def test_what_a_phone_puts_behind_its_photo_is_let_be_and_left_out() -> None:
    moment_of_film = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 20
    made = develop(a_photo() + moment_of_film)
    assert b"ftypmp42" not in made.picture
    assert develop(a_photo() + a_photo(64, 48)).width == 640


@pytest.mark.parametrize("size", [(6400, 6400), (60_000, 60_000)])
def test_more_than_forty_megapixels_are_refused_before_they_are_opened(
    size: tuple[int, int],
) -> None:
    assert refusal(png_bomb(*size), ROOM.develop) == "pixels"


def test_a_comment_that_unpacks_to_a_gigabyte_does_not_hurt() -> None:
    assert refusal(text_bomb(), ROOM.develop) in {"damaged", "costly"}
    assert ROOM.develop(a_photo()).width == 640


def test_a_photo_just_under_the_limit_is_kept() -> None:
    assert ROOM.develop(a_photo(6300, 6300, "PNG")).width == LONGEST_EDGE


@settings(max_examples=300)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.data())
def test_a_photo_damaged_anywhere_is_either_kept_or_refused_with_a_reason(
    form: str, data: st.DataObject
) -> None:
    whole = bytearray(a_photo(64, 48, form, exif=exif(place=PLACE)))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    made = _kept_or_reason(bytes(whole))
    if isinstance(made, str):
        assert made in REASONS
    else:
        assert opened(made.picture).size == (made.width, made.height)


def _kept_or_reason(data: bytes) -> Developed | str:
    try:
        return develop(data)
    except Unfit as unfit:
        return unfit.reason


def _in_the_process(words: str) -> subprocess.CompletedProcess[str]:
    root = Path(developing.__file__).parent.parent
    script = f"from api import developing\ndeveloping.rehearse()\ndeveloping.give_up()\n{words}"
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("open('/etc/passwd')", "OSError"),
        ("import socket; socket.socket()", "OSError"),
        ("bytearray(3 << 30)", "MemoryError"),
    ],
)
def test_the_process_that_opens_photos_can_reach_nothing_else(words: str, fault: str) -> None:
    done = _in_the_process(
        f"try:\n    {words}\nexcept BaseException as fault:\n    print(type(fault).__mro__)"
    )
    assert fault in done.stdout, done.stderr


def test_the_process_ends_when_a_photo_keeps_it_busy() -> None:
    begun = time.monotonic()
    done = _in_the_process(
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass"
    )
    assert done.returncode < 0
    assert time.monotonic() - begun < 50
    assert developing.CPU_S <= 10
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] == resource.RLIM_INFINITY  # ours is untouched


def test_the_process_sees_no_password_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("YIWANG_DATABASE_URL", "postgresql://secret")
    seen = tmp_path / "seen"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n/usr/bin/env > {seen}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert ROOM.develop(a_photo()).width == 640
    assert "PYTHONPATH" in seen.read_text()
    assert "secret" not in seen.read_text()


def test_an_answer_that_is_cut_off_is_no_picture() -> None:
    answer = developing.packed(Developed(b"p" * 10, b"t", 1, 1, Taken()))
    assert developing.unpacked(answer).picture == b"p" * 10
    for end in (0, 5, len(answer) - 1):
        with pytest.raises(ValueError, match="answer"):
            developing.unpacked(answer[:end])


def test_no_photo_leaves_a_process_behind() -> None:
    before = _children()
    for data in (a_photo(), b"\xff\xd8\xff", text_bomb()):
        try:
            ROOM.develop(data)
        except Unfit:
            continue
    assert _children() == before


def _children() -> set[str]:
    return {
        child
        for task in Path(f"/proc/{os.getpid()}/task").iterdir()
        for child in (task / "children").read_text().split()
    }
