import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aiot_suite.preprocess import RESIZE_WAYS, Preprocess, decode, resized

MEAN, STD = (10.0, 20.0, 30.0), (1.0, 2.0, 4.0)


def make(**changes):
    settings = {"size": 4, "resize": "crop_resize", "channel_order": "RGB", "layout": "NHWC", "mean": MEAN, "std": STD}
    return Preprocess(**{**settings, **changes})


def plain(red, green, blue, size=(8, 6)):
    return Image.new("RGB", size, (red, green, blue))


def test_normalization_is_x_minus_mean_over_std():
    tensor = make()(plain(11, 24, 42))
    assert tensor.shape == (1, 4, 4, 3) and tensor.dtype == np.float32
    assert tensor[0, 0, 0].tolist() == [1.0, 2.0, 3.0]


def test_bgr_normalizes_in_the_models_order():
    tensor = make(channel_order="BGR")(plain(42, 24, 11))
    assert tensor[0, 3, 3].tolist() == [1.0, 2.0, 3.0]


def test_nchw_puts_channels_first():
    tensor = make(layout="NCHW")(plain(11, 24, 42))
    assert tensor.shape == (1, 3, 4, 4)
    assert tensor[0, :, 1, 2].tolist() == [1.0, 2.0, 3.0]


@given(value=st.integers(0, 255), scale=st.floats(0.01, 2), zero_point=st.integers(-128, 127))
def test_an_8_bit_input_is_quantized_and_clipped(value, scale, zero_point):
    prepare = make(mean=(128,) * 3, std=(64,) * 3, dtype="int8", scale=scale, zero_point=zero_point)
    tensor = prepare(plain(value, value, value))
    expected = np.clip(np.round((value - 128) / 64 / scale) + zero_point, -128, 127)
    assert tensor.dtype == np.int8
    assert (tensor == expected).all()


@pytest.mark.parametrize(
    ("way", "left", "right"),
    [
        # 400 x 200: the middle 200 x 200 is red, the left part is blue and the right part is green.
        ("crop_resize", (255, 0, 0), (255, 0, 0)),
        ("resize_crop", (255, 0, 0), (255, 0, 0)),
        # the whole width is squeezed into 256, of which 224 are kept: the sides stay visible
        ("square_crop", (0, 0, 255), (0, 255, 0)),
    ],
)
def test_the_three_resize_ways_keep_what_section_iv_b_says(way, left, right):
    image = Image.new("RGB", (400, 200), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, 100, 200))
    image.paste((0, 255, 0), (300, 0, 400, 200))
    pixels = np.asarray(resized(image, 224, way, 256))
    assert pixels.shape == (224, 224, 3)
    assert tuple(pixels[112, 8]) == left
    assert tuple(pixels[112, 112]) == (255, 0, 0)
    assert tuple(pixels[112, 215]) == right


def noise(width, height, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(("width", "height"), [(40, 25), (25, 40), (33, 32), (24, 24)])
def test_crop_resize_reads_no_pixel_outside_of_the_crop(width, height):
    """Two pictures that differ only around their middle square give the same result as the square alone."""
    square = noise(min(width, height), min(width, height))
    place = ((width - square.width) // 2, (height - square.height) // 2)
    tensors = []
    for seed in (1, 2):
        picture = noise(width, height, seed)
        picture.paste(square, place)
        tensors.append(np.asarray(resized(picture, 15, "crop_resize")))
    assert (tensors[0] == tensors[1]).all()
    assert (tensors[0] == np.asarray(square.resize((15, 15), Image.Resampling.BILINEAR))).all()


def test_resize_crop_takes_the_papers_360_x_480_to_224_x_298():
    image = noise(480, 360)
    squeezed = image.resize((298, 224), Image.Resampling.BILINEAR)
    assert (np.asarray(resized(image, 224, "resize_crop")) == np.asarray(squeezed)[:, 37 : 37 + 224]).all()


TORCHVISION = [(224, 256, "bilinear"), (299, 342, "bilinear"), (224, 256, "bicubic"), (240, 255, "bicubic")]


@pytest.mark.parametrize(("size", "short_side", "interpolation"), TORCHVISION)
@pytest.mark.parametrize(("width", "height"), [(500, 375), (375, 500), (333, 501), (640, 427), (256, 256), (30, 77)])
def test_resize_crop_with_a_short_side_is_torchvisions_own_preprocessing(
    size, short_side, interpolation, width, height
):
    pytest.importorskip("torch", reason="torchvision is in the extra `models`")
    from aiot_suite.architectures import torchvision_models

    torchvision_models()
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms._presets import ImageClassification

    image = noise(width, height)
    preset = ImageClassification(crop_size=size, resize_size=short_side, interpolation=InterpolationMode(interpolation))
    mean, std = ([255 * value for value in triple] for triple in (preset.mean, preset.std))
    own = make(
        size=size, resize="resize_crop", resize_size=short_side, interpolation=interpolation, layout="NCHW",
        mean=mean, std=std,
    )(image)  # fmt: skip
    assert np.abs(own[0] - preset(image).numpy()).max() < 1e-5


def test_square_crop_keeps_the_middle_of_the_fixed_square():
    image = noise(50, 40)
    square = image.resize((32, 32), Image.Resampling.BILINEAR)
    assert (np.asarray(resized(image, 28, "square_crop", 32)) == np.asarray(square)[2:30, 2:30]).all()


@given(width=st.integers(5, 60), height=st.integers(5, 60), way=st.sampled_from(RESIZE_WAYS))
def test_every_way_gives_the_size(width, height, way):
    assert resized(Image.new("RGB", (width, height)), 7, way, 8).size == (7, 7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resize": "stretch"}, "resize is 'stretch': choose one of crop_resize, resize_crop, square_crop"),
        ({"channel_order": "GBR"}, "channel_order is 'GBR': choose RGB or BGR"),
        ({"layout": "HWC"}, "layout is 'HWC': choose NHWC or NCHW"),
        ({"interpolation": "nearest"}, "interpolation is 'nearest': choose one of bilinear, bicubic"),
        ({"resize": "square_crop", "resize_size": 3}, r"resize_size is 3: choose 4 \(the size\) or more"),
    ],
)
def test_a_wrong_setting_lists_the_choices(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_every_kind_of_image_becomes_rgb(mode):
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), (255, 255, 255)).convert(mode).save(buffer, "TIFF")
    image = decode(buffer.getvalue())
    assert image.mode == "RGB"
    assert image.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"no image at all", b"\xff\xd8\xff\xe0 half a jpeg"])
def test_data_that_are_not_an_image_raise_oserror(data):
    with pytest.raises(OSError):
        decode(data)


def encoded(array, kind):
    if kind == "PGM":
        return b"P5 16 16 65535\n" + array.astype(">u2").tobytes()
    buffer = io.BytesIO()
    Image.fromarray(array.astype(">u2") if kind == "TIFF, big-endian" else array).save(buffer, kind.split(",")[0])
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "PGM", "TIFF", "TIFF, big-endian"])
def test_16_bit_grey_is_scaled_to_8_bits(kind):
    """Each 8-bit value v is 257 v in 16 bits: 65535 is white, and 32896 is the grey 128."""
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    image = decode(encoded(grey * 257, kind))
    assert (np.asarray(image) == np.repeat(grey[:, :, None], 3, axis=2)).all()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_values_of_an_unknown_range_are_refused(dtype):
    with pytest.raises(ValueError, match=r"values, whose range is unknown: save it with 8 bits"):
        decode(encoded(np.full((16, 16), 300, dtype), "TIFF"))


def test_whatever_pillow_raises_is_a_value_error(monkeypatch):
    data = encoded(np.zeros((16, 16), np.uint8), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 16)
    with pytest.raises(ValueError, match=r"the image cannot be decoded \(DecompressionBombError: "):
        decode(data)
