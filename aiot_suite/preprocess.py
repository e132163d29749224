"""From the bytes of an image to the tensor a model takes (paper, Section IV-B).

Every setting is data that belongs to the model file; nothing here knows a model. The pixels are 8-bit,
so normalization (and the quantization of an 8-bit input) is a table of 256 values a channel.
"""

import io

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError

IMAGE_LIBRARY = "pillow " + PIL.__version__
"""What decodes and resizes. Its version is logged: between Pillow 12.3 and 13.0 up to 26 % of the values of a resized
image differ by one (seen on 11 of 30 images), and a class that was just ahead may fall behind."""

RESIZE_WAYS = ("crop_resize", "resize_crop", "square_crop")
"""Section IV-B's three ways, in its order: centre-crop to the short side, then resize; resize the short
side, then centre-crop; resize to a fixed square, then centre-crop."""

SIXTEEN_BIT_AS_I = ("PNG", "PPM")
"""Formats whose 16-bit grey images have the mode I, in all versions of Pillow or in older ones."""

MODES = {"I": "32-bit integer", "F": "floating-point"}


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
        if resize == "square_crop" and self.resize_size < self.size:
            raise ValueError("resize_size is %d: choose %d, the size, or more" % (self.resize_size, self.size))
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
    """Return the RGB image of an image file's bytes, 8 bits a channel.

    Of 16-bit values the upper 8 bits are kept, as Pillow itself does for 16-bit images in colour. Raises OSError or
    ValueError if the bytes are not an image, or one whose range of values is unknown.
    """
    try:
        opened = Image.open(io.BytesIO(data))
        opened.load()
    except UnidentifiedImageError:  # its own words name an address in memory
        raise OSError("cannot identify image file")
    except (OSError, ValueError, MemoryError):
        raise
    except Exception as error:  # Pillow's plug-ins raise SyntaxError, struct.error, EOFError, its own bomb error, ...
        raise ValueError("the image cannot be decoded (%s: %s)" % (type(error).__name__, error))
    if opened.mode.startswith("I;16") or (opened.mode == "I" and opened.format in SIXTEEN_BIT_AS_I):
        return Image.fromarray((np.asarray(opened).astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    if opened.mode in MODES:
        raise ValueError("the image has %s values, whose range is unknown: save it with 8 bits" % MODES[opened.mode])
    return opened.convert("RGB")


def resized(image, size, way, resize_size=None):
    """Return the image as size x size pixels, bilinear, in one of RESIZE_WAYS."""
    width, height = image.size
    short = min(width, height)
    if way == "crop_resize":
        # Resizing with a box would not do: Pillow's filter then reads pixels outside of it.
        return _centre(image, short).resize((size, size), Image.Resampling.BILINEAR)
    if way == "resize_crop":
        width, height = width * size // short, height * size // short  # the paper's 360 x 480 becomes 224 x 298
    else:
        width = height = resize_size
    return _centre(image.resize((width, height), Image.Resampling.BILINEAR), size)


def _centre(image, side):
    """The middle square of an image."""
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _value_table(mean, std, dtype, scale, zero_point):
    """Normalized (and quantized) value of every 8-bit value; shape (3, 256)."""
    values = np.arange(256, dtype=np.float64)[None, :]
    table = (values - np.asarray(mean, np.float64)[:, None]) / np.asarray(std, np.float64)[:, None]
    if scale:
        limits = np.iinfo(dtype)
        table = np.clip(np.round(table / scale) + zero_point, limits.min, limits.max)
    return table.astype(dtype)
