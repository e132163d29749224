"""From the bytes of an image to the tensor a model takes (paper, Section IV-B).

Every setting is data that belongs to the model file; nothing here knows a model. The pixels are 8-bit,
so normalization (and the quantization of an 8-bit input) is a table of 256 values a channel.
"""

import io

import numpy as np
import PIL
from PIL import Image

IMAGE_LIBRARY = "pillow " + PIL.__version__
"""What decodes and resizes. Its version is logged: between Pillow 12.3 and 13.0 up to 26 % of the values of a resized
image differ by one (seen on 11 of 30 images), and a class that was just ahead may fall behind."""

RESIZE_WAYS = ("crop_resize", "resize_crop", "square_crop")
"""Section IV-B's three ways, in its order: centre-crop to the short side, then resize; resize the short
side, then centre-crop; resize to a fixed square, then centre-crop."""


class Preprocess(object):
    """Turns images into input tensors of one model.

    size: height and width of the input, pixels
    resize: one of RESIZE_WAYS
    resize_size: side of the fixed square of "square_crop", pixels (the paper's example: 256 for 224)
    channel_order: "RGB" or "BGR"
    layout: "NHWC" or "NCHW"
    mean, std: one value a channel, in the model's channel order; x becomes (x - mean) / std
    dtype: numpy name of the input tensor's type
    scale, zero_point: quantization of an integer input tensor; scale 0 means the input is not quantized
    """

    def __init__(
        self, size, resize, channel_order, layout, mean, std, resize_size=None, dtype="float32", scale=0.0, zero_point=0
    ):
        if resize not in RESIZE_WAYS:
            raise ValueError("resize is %r: choose one of %s" % (resize, ", ".join(RESIZE_WAYS)))
        if channel_order not in ("RGB", "BGR"):
            raise ValueError("channel_order is %r: choose RGB or BGR" % (channel_order,))
        if layout not in ("NHWC", "NCHW"):
            raise ValueError("layout is %r: choose NHWC or NCHW" % (layout,))
        self.size = int(size)
        self.resize = resize
        self.resize_size = int(resize_size or round(size * 256 / 224))
        self.channels = [0, 1, 2] if channel_order == "RGB" else [2, 1, 0]
        self.layout = layout
        self.table = _value_table(mean, std, np.dtype(dtype), scale, zero_point)
        shape = (1, self.size, self.size, 3) if layout == "NHWC" else (1, 3, self.size, self.size)
        self.tensor = np.empty(shape, self.table.dtype)

    @classmethod
    def of(cls, settings, dtype="float32", scale=0.0, zero_point=0):
        """Of the settings beside a model file, and of the type and quantization of its input tensor."""
        names = ("size", "resize", "channel_order", "layout", "mean", "std", "resize_size")
        given = {name: settings[name] for name in names}
        return cls(dtype=np.dtype(dtype).name, scale=scale, zero_point=zero_point, **given)

    def __call__(self, image):
        """The input tensor of an RGB image; the same buffer every time."""
        pixels = np.asarray(resized(image, self.size, self.resize, self.resize_size))
        for plane, channel in enumerate(self.channels):
            target = self.tensor[0, :, :, plane] if self.layout == "NHWC" else self.tensor[0, plane]
            target[...] = self.table[plane][pixels[:, :, channel]]
        return self.tensor


def decode(data):
    """The RGB image of an image file's bytes; raises OSError or ValueError if they are not an image."""
    image = Image.open(io.BytesIO(data))
    return image.convert("RGB")


def resized(image, size, way, resize_size=None):
    """The image as size x size pixels, bilinear, in one of RESIZE_WAYS."""
    width, height = image.size
    if way == "square_crop":
        margin = (resize_size - size) / 2.0 / resize_size
        box = (width * margin, height * margin, width * (1 - margin), height * (1 - margin))
        return image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    short = min(width, height)
    left, top = (width - short) // 2, (height - short) // 2
    if way == "crop_resize":
        return image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + short, top + short))
    wide, high = round(width * size / short), round(height * size / short)
    left, top = (wide - size) // 2, (high - size) // 2
    return image.resize((wide, high), Image.Resampling.BILINEAR).crop((left, top, left + size, top + size))


def _value_table(mean, std, dtype, scale, zero_point):
    """Normalized (and quantized) value of every 8-bit value; shape (3, 256)."""
    values = np.arange(256, dtype=np.float64)[None, :]
    table = (values - np.asarray(mean, np.float64)[:, None]) / np.asarray(std, np.float64)[:, None]
    if scale:
        limits = np.iinfo(dtype)
        table = np.clip(np.round(table / scale) + zero_point, limits.min, limits.max)
    return table.astype(dtype)
