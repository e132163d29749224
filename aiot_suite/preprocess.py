"""Conversion of an image file's bytes to the input tensor of a model (paper, Section IV-B).

All settings are data stored with the model file; nothing here is specific to a model. Pixels are 8-bit, so
normalization (and the quantization of an 8-bit input) is a lookup table of 256 values per channel.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IMAGE_LIBRARY = "pillow " + PIL.__version__
"""Name and version of the library that decodes and resizes images. The version is logged: between Pillow 12.3 and 13.0,
up to 26% of the values of a resized image differ by one (seen on 11 of 30 images), which can change the top class
when two scores are close."""

RESIZE_WAYS = ("crop_resize", "resize_crop", "square_crop")
"""The three ways of resizing in Section IV-B, in its order: centre-crop to the short side, then resize; resize the
short side, then centre-crop; resize to a fixed square, then centre-crop."""

INTERPOLATIONS = ("bilinear", "bicubic")
"""Ways of computing the pixels of a resized image."""

SIXTEEN_BIT_AS_I = ("PNG", "PPM")
"""Formats whose 16-bit greyscale images have mode I, in all versions of Pillow or only in older ones."""

MODES = {"I": "32-bit integer", "F": "floating-point"}
"""Pillow modes whose range of values is unknown, and their descriptions."""


class Preprocess(object):
    """Converter from images to input tensors of one model.

    size: height and width of the input, pixels
    resize: one of RESIZE_WAYS
    resize_size: pixels that "resize_crop" gives the short side (default: size), or side of the fixed square of
        "square_crop" (default: the paper's example, 256 for 224, in proportion)
    channel_order: "RGB" or "BGR"
    layout: "NHWC" or "NCHW"
    mean, std: one value per channel, in the model's channel order; x becomes (x - mean) / std
    dtype: numpy name of the input tensor's data type
    scale, zero_point: quantization of an integer input tensor; scale 0 means the input is not quantized
    interpolation: one of INTERPOLATIONS
    """

    def __init__(
        self,
        size: int,
        resize: str,
        channel_order: str,
        layout: str,
        mean: Sequence[float],
        std: Sequence[float],
        resize_size: int | None = None,
        dtype: str = "float32",
        scale: float = 0.0,
        zero_point: int = 0,
        interpolation: str = INTERPOLATIONS[0],
    ) -> None:
        if resize not in RESIZE_WAYS:
            raise ValueError("resize is %r: choose one of %s" % (resize, ", ".join(RESIZE_WAYS)))
        if channel_order not in ("RGB", "BGR"):
            raise ValueError("channel_order is %r: choose RGB or BGR" % (channel_order,))
        if layout not in ("NHWC", "NCHW"):
            raise ValueError("layout is %r: choose NHWC or NCHW" % (layout,))
        if interpolation not in INTERPOLATIONS:
            raise ValueError("interpolation is %r: choose one of %s" % (interpolation, ", ".join(INTERPOLATIONS)))
        self.size = int(size)
        self.resize = resize
        self.interpolation = interpolation
        self.resize_size = int(resize_size or (size if resize == "resize_crop" else round(size * 256 / 224)))
        if self.resize_size < self.size:
            raise ValueError("resize_size is %d: choose %d (the size) or more" % (self.resize_size, self.size))
        self.channels = [0, 1, 2] if channel_order == "RGB" else [2, 1, 0]
        self.layout = layout
        self.table = _value_table(mean, std, np.dtype(dtype), scale, zero_point)
        shape = (1, self.size, self.size, 3) if layout == "NHWC" else (1, 3, self.size, self.size)
        self.tensor = np.empty(shape, self.table.dtype)

    @classmethod
    def of(
        cls, settings: Mapping[str, Any], dtype: Any = "float32", scale: float = 0.0, zero_point: int = 0
    ) -> Preprocess:
        """Create a converter from the settings of a model file and the type and quantization of its input tensor."""
        names = ("size", "resize", "channel_order", "layout", "mean", "std", "resize_size", "interpolation")
        arguments = {name: settings[name] for name in names if name in settings}
        return cls(dtype=np.dtype(dtype).name, scale=scale, zero_point=zero_point, **arguments)

    def __call__(self, image: Image.Image) -> np.ndarray:
        """Return the input tensor of an RGB image. Every call returns the same buffer."""
        pixels = np.asarray(resized(image, self.size, self.resize, self.resize_size, self.interpolation))
        for plane, channel in enumerate(self.channels):
            target = self.tensor[0, :, :, plane] if self.layout == "NHWC" else self.tensor[0, plane]
            target[...] = self.table[plane][pixels[:, :, channel]]
        return self.tensor


def decode(data: bytes) -> Image.Image:
    """Decode the bytes of an image file to an RGB image with 8 bits per channel.

    16-bit values keep their upper 8 bits, as Pillow itself does for 16-bit colour images. Raises OSError or ValueError
    if the bytes are not an image, or if the image's range of values is unknown.
    """
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except UnidentifiedImageError:  # Pillow's message contains a memory address
        raise OSError("cannot identify image file")
    except (OSError, ValueError, MemoryError):
        raise
    except Exception as error:  # Pillow's plugins raise SyntaxError, struct.error, EOFError, DecompressionBombError...
        raise ValueError("the image cannot be decoded (%s: %s)" % (type(error).__name__, error))
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in SIXTEEN_BIT_AS_I):
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in MODES:
        raise ValueError(
            "the image has %s values, whose range is unknown: save it with 8 bits per channel" % MODES[image.mode]
        )
    return image.convert("RGB")


def resized(
    image: Image.Image,
    size: int,
    way: str,
    resize_size: int | None = None,
    interpolation: str = INTERPOLATIONS[0],
) -> Image.Image:
    """Return the image at size x size pixels, resized in one of RESIZE_WAYS with one of INTERPOLATIONS."""
    width, height = image.size
    short_side = min(width, height)
    pixels = Image.Resampling[interpolation.upper()]
    if way == "crop_resize":
        # resize(box=...) would not be equivalent: Pillow's filter then reads pixels outside the box
        left, top = (width - short_side) // 2, (height - short_side) // 2
        return image.crop((left, top, left + short_side, top + short_side)).resize((size, size), pixels)
    if way == "resize_crop":
        # the paper's example: 360 x 480 becomes 224 x 298
        target = resize_size or size
        width, height = width * target // short_side, height * target // short_side
    else:
        assert resize_size is not None
        width = height = resize_size
    # a half is rounded to the even number, as in torchvision's CenterCrop
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.resize((width, height), pixels).crop((left, top, left + size, top + size))


def _value_table(
    mean: Sequence[float], std: Sequence[float], dtype: np.dtype[Any], scale: float, zero_point: int
) -> np.ndarray:
    """Return the normalized (and quantized) value of every 8-bit value, with shape (3, 256)."""
    values = np.arange(256, dtype=np.float64)[None, :]
    table = (values - np.asarray(mean, np.float64)[:, None]) / np.asarray(std, np.float64)[:, None]
    if scale:
        limits = np.iinfo(dtype)
        table = np.clip(np.round(table / scale) + zero_point, limits.min, limits.max)
    return table.astype(dtype)
