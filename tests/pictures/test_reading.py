"""Pictures and label files: every depth and colour, upright, and broken files named."""

from __future__ import annotations

import contextlib
import io
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from smalta.errors import DataError
from smalta.pictures.reading import orient, read_index, read_orientation, read_picture, read_size

STORED = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint8)
UPRIGHT = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


def save_turned(path: Path, orientation: int, mode: str = "RGB") -> Path:
    image = Image.fromarray(STORED).convert(mode)
    exif = image.getexif()
    exif[274] = orientation
    image.save(path, exif=exif, lossless=True) if path.suffix == ".webp" else image.save(path, exif=exif)
    return path


def png(width: int, height: int, bits: int, color: int, rows: bytes) -> bytes:
    """A PNG file made by hand."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# -- read_picture -------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".tif", ".webp", ".bmp"])
def test_colour_keeps_its_channel_order(tmp_path: Path, suffix: str) -> None:
    rgb = np.array([[[250, 10, 20], [0, 200, 5]]], dtype=np.uint8)
    path = tmp_path / f"a{suffix}"
    Image.fromarray(rgb).save(path, **({"lossless": True} if suffix == ".webp" else {}))

    np.testing.assert_array_equal(read_picture(path), rgb)


def test_jpeg_is_read_within_its_losses(tmp_path: Path) -> None:
    rgb = np.full((16, 16, 3), (200, 40, 60), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "a.jpg", quality=95)

    picture = read_picture(tmp_path / "a.jpg")

    assert np.abs(picture.astype(int) - rgb).max() <= 3


def test_grey_is_repeated_and_alpha_is_dropped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[7, 9]], dtype=np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(np.array([[[7, 0], [9, 255]]], dtype=np.uint8), mode=None).save(tmp_path / "la.png")
    Image.fromarray(np.array([[[7, 8, 9, 0]]], dtype=np.uint8)).save(tmp_path / "rgba.png")

    assert read_picture(tmp_path / "grey.png").tolist() == [[[7, 7, 7], [9, 9, 9]]]
    assert read_picture(tmp_path / "la.png").tolist() == [[[7, 7, 7], [9, 9, 9]]]
    assert read_picture(tmp_path / "rgba.png").tolist() == [[[7, 8, 9]]]


@pytest.mark.parametrize("transparency", [None, 1, bytes([255, 0])])
def test_a_palette_is_looked_up_with_and_without_transparency(tmp_path: Path, transparency: object) -> None:
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "p.png", **({} if transparency is None else {"transparency": transparency}))

    assert read_picture(tmp_path / "p.png").tolist() == [[[10, 20, 30], [40, 50, 60]]]


def test_one_bit_pictures_are_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "a.png")

    assert read_picture(tmp_path / "a.png").tolist() == [[[255] * 3, [0] * 3]]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_are_scaled_between_their_outer_percentiles(tmp_path: Path, suffix: str) -> None:
    # 2000 pixels: 0.1 % is below the second smallest, so 1000 and 3000 become 0 and 255; outliers are clipped
    deep = np.full((40, 50), 1000, dtype=np.uint16)
    deep[20:] = 3000
    deep[0, 0], deep[0, 1], deep[39, 49] = 0, 1800, 60000
    cv2.imwrite(str(tmp_path / f"a{suffix}"), deep)

    picture = read_picture(tmp_path / f"a{suffix}")

    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture[0, 1].tolist() == [102, 102, 102]  # 800 of 2000
    assert picture[5, 5].tolist() == [0, 0, 0]
    assert picture[30, 5].tolist() == [255, 255, 255]
    assert picture[39, 49].tolist() == [255, 255, 255]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_is_scaled_over_all_channels(tmp_path: Path, suffix: str, channels: int) -> None:
    deep = np.zeros((10, 10, channels), dtype=np.uint16)
    deep[..., 2] = 40000  # OpenCV writes BGR: red
    deep[..., 1] = 24000  # 24/40 of 255 is 153
    deep[..., 3:] = 65535
    cv2.imwrite(str(tmp_path / f"a{suffix}"), deep)

    assert read_picture(tmp_path / f"a{suffix}")[0, 0].tolist() == [255, 153, 0]


def test_a_deep_picture_of_one_value_and_a_few_others_shows_the_others(tmp_path: Path) -> None:
    deep = np.full((100, 100), 500, dtype=np.uint16)
    deep[0, 0] = 700  # one of 10,000 pixels: both percentiles are 500
    cv2.imwrite(str(tmp_path / "a.png"), deep)

    picture = read_picture(tmp_path / "a.png")

    assert picture[0, 0, 0] == 255
    assert picture[5, 5, 0] == 0


def test_float_pictures_are_scaled_too_and_must_be_finite(tmp_path: Path) -> None:
    values = np.zeros((10, 10, 3), dtype=np.float32)
    values[5:] = 0.5
    cv2.imwrite(str(tmp_path / "a.tif"), values)
    values[0, 0, 0] = np.nan
    cv2.imwrite(str(tmp_path / "nan.tif"), values)

    assert read_picture(tmp_path / "a.tif")[7, 7].tolist() == [255, 255, 255]
    with pytest.raises(DataError, match=r"nan\.tif.*finite"):
        read_picture(tmp_path / "nan.tif")


def test_the_first_page_of_several_is_read(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((2, 2), value, dtype=np.uint8)) for value in (11, 22)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])

    assert read_picture(tmp_path / "a.tif")[0, 0, 0] == 11


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_exif_orientation_is_applied(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = save_turned(tmp_path / f"a{suffix}", orientation)

    picture = read_picture(path)

    assert picture[..., 0].tolist() == UPRIGHT[orientation]
    assert read_size(path) == picture.shape[:2]
    assert read_orientation(path) == orientation


@pytest.mark.parametrize("orientation", [3, 6])
def test_16_bit_colour_tiff_is_turned_once_or_refused(tmp_path: Path, orientation: int) -> None:
    deep = np.zeros((2, 3, 3), dtype=np.uint16)
    deep[0, 0] = 60000
    content = cv2.imencode(".tif", deep)[1].tobytes()
    resolution = struct.pack("<HHI", 284, 3, 1)  # OpenCV writes no orientation: it takes the place of another tag
    place = content.index(resolution)
    tag = struct.pack("<HHIHH", 274, 3, 1, orientation, 0)
    (tmp_path / "turned.tif").write_bytes(content[:place] + tag + content[place + 12 :])

    if orientation == 3:
        assert read_picture(tmp_path / "turned.tif")[..., 0].tolist() == [[0, 0, 0], [0, 0, 255]]
    else:  # OpenCV cannot turn it by 90 degrees
        with pytest.raises(DataError, match="save it upright"):
            read_picture(tmp_path / "turned.tif")


# -- broken files -------------------------------------------------------------------------------------


def encoded(kind: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path: Path, kind: str, part: float) -> None:
    whole = encoded(kind)
    (tmp_path / "cut.img").write_bytes(whole[: int(len(whole) * part)])

    with pytest.raises(DataError, match=r"cut\.img"):
        read_picture(tmp_path / "cut.img")
    with pytest.raises(DataError, match=r"cut\.img"):
        read_index(tmp_path / "cut.img")


def test_truncated_16_bit_colour_is_an_error(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65535, (64, 64, 3), dtype=np.uint16)
    whole = cv2.imencode(".png", deep)[1].tobytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(DataError, match=r"cut\.png"):
        read_picture(tmp_path / "cut.png")


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_gives_a_picture_or_a_data_error(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"]))
    content = bytearray(encoded(kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, min(400, len(content) - 1)))] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged").write_bytes(content)

    with contextlib.suppress(DataError):  # anything else that is raised fails the test
        assert read_picture(tmp_path / "damaged").ndim == 3


def test_empty_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no picture")

    with pytest.raises(DataError, match=r"empty\.png is empty \(zero bytes\)"):
        read_picture(tmp_path / "empty.png")
    with pytest.raises(DataError, match=r"text\.jpg is not a picture"):
        read_picture(tmp_path / "text.jpg")
    with pytest.raises(DataError, match=r"none\.png does not exist"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(DataError, match="cannot be read as a picture"):
        read_picture(tmp_path)


@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")  # as outside of tests
@pytest.mark.parametrize(("width", "height"), [(40_000, 40_000), (20_001, 20_000)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "bomb.png").write_bytes(png(width, height, 8, 0, b""))

    with pytest.raises(DataError, match=r"bomb\.png .*pixels"):
        read_picture(tmp_path / "bomb.png")


def test_very_long_pictures_are_read(tmp_path: Path) -> None:
    Image.fromarray(np.full((1, 30_000), 5, dtype=np.uint8)).save(tmp_path / "long.png")

    assert read_picture(tmp_path / "long.png").shape == (1, 30_000, 3)


# -- read_index ---------------------------------------------------------------------------------------


def test_a_palette_gives_its_indices(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8)).convert("P")
    image.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
    image.save(tmp_path / "p.png")

    assert read_index(tmp_path / "p.png").tolist() == [[0, 1, 2]]


def test_small_bit_depths_give_the_numbers_stored_but_one_bit_gives_0_and_255(tmp_path: Path) -> None:
    (tmp_path / "4.png").write_bytes(png(4, 1, 4, 0, bytes([0, 0x01, 0x2F])))
    (tmp_path / "2.png").write_bytes(png(4, 1, 2, 0, bytes([0, 0b00_01_10_11])))
    (tmp_path / "1.png").write_bytes(png(4, 1, 1, 0, bytes([0, 0b0110_0000])))

    assert read_index(tmp_path / "4.png").tolist() == [[0, 1, 2, 15]]
    assert read_index(tmp_path / "2.png").tolist() == [[0, 1, 2, 3]]
    assert read_index(tmp_path / "1.png").tolist() == [[0, 255, 255, 0]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colour_with_equal_channels_is_one_number(tmp_path: Path, dtype: type, suffix: str) -> None:
    top = np.iinfo(dtype).max
    values = np.array([[0, 3, top]], dtype=dtype)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), np.repeat(values[..., None], 3, axis=2))

    assert read_index(tmp_path / f"a{suffix}").tolist() == [[0, 3, top]]


def test_a_colour_picture_is_no_label_file(tmp_path: Path) -> None:
    Image.fromarray(np.array([[[1, 1, 2]]], dtype=np.uint8)).save(tmp_path / "a.png")

    with pytest.raises(DataError, match=r"a\.png is a colour picture"):
        read_index(tmp_path / "a.png")


def test_32_bit_and_float_label_files_hold_whole_numbers_from_0(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 70_000]], dtype=np.int32)).save(tmp_path / "i.tif")
    Image.fromarray(np.array([[0, -1]], dtype=np.int32)).save(tmp_path / "negative.tif")
    Image.fromarray(np.array([[0, 3]], dtype=np.float32)).save(tmp_path / "f.tif")
    Image.fromarray(np.array([[0, 0.5]], dtype=np.float32)).save(tmp_path / "fraction.tif")

    assert read_index(tmp_path / "i.tif").tolist() == [[0, 70_000]]
    assert read_index(tmp_path / "f.tif").tolist() == [[0, 3]]
    with pytest.raises(DataError, match=r"negative\.tif holds the label value -1"):
        read_index(tmp_path / "negative.tif")
    with pytest.raises(DataError, match=r"fraction\.tif holds fractions"):
        read_index(tmp_path / "fraction.tif")


def test_labels_are_turned_like_their_picture_unless_they_state_their_own_turn(tmp_path: Path) -> None:
    Image.fromarray(STORED).save(tmp_path / "plain.png")
    save_turned(tmp_path / "own.png", 8, mode="L")

    assert read_index(tmp_path / "plain.png", orientation=6).tolist() == UPRIGHT[6]
    assert read_index(tmp_path / "own.png", orientation=6).tolist() == UPRIGHT[8]


# -- find_pictures ------------------------------------------------------------------------------------


def test_orient_undoes_nothing_for_an_upright_picture() -> None:
    assert orient(STORED, 1) is STORED
    assert orient(STORED, None) is STORED


def test_a_misnamed_picture_is_recognised_while_another_thread_reads_the_first_of_its_format(tmp_path: Path) -> None:
    """Pillow copies its list of decoders in between; a pause there gives the other thread its turn."""
    misnamed, named = tmp_path / "a.png", tmp_path / "b.jpg"
    for path in (misnamed, named):
        Image.new("RGB", (8, 8)).save(path, format="JPEG")
    code = """
        import sys, threading, time
        import smalta.pictures.reading
        from PIL import Image

        class Pausing(list):
            def copy(self):
                time.sleep(0.5)
                return list(self)

        Image.ID = Pausing(Image.ID)

        def read(path, pause):
            time.sleep(pause)
            with Image.open(path) as image:
                print(image.format)

        for place, path in enumerate(sys.argv[1:]):
            threading.Thread(target=read, args=(path, 0.2 * place)).start()
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(misnamed), str(named)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.split() == ["JPEG", "JPEG"], done.stderr
