import hashlib
import uuid
from pathlib import Path

import pytest

from runner.devices import android
from runner.devices.android import Boot
from runner.devices.local import LocalDevice

ID = "0b0ad36c-31f6-4c3b-9c6f-0d3b7f7f9a11"
HASH = hashlib.sha256(f"salt:{ID}".encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    "text, expected",
    [
        (f"{ID}\n350735.47 234388.90\n", Boot(HASH, 350735.47)),
        (f"{ID}\r\n12 34\r\n", Boot(HASH, 12.0)),  # the line end of some old shells
        (f"{ID}\n", Boot(HASH)),
        ("350735.47 234388.90\n", Boot(uptime_s=350735.47)),
        ("", Boot()),
        ("cat: /proc/uptime: Permission denied\n", Boot()),
        ("\33[31m-1.0 nan\n", Boot()),
        (f"x{ID}\n{'9' * 400} 1\n", Boot()),
    ],
)
def test_the_boot_id_is_hashed_and_what_cannot_be_read_is_none(text, expected):
    assert android.parse_boot(text, "salt") == expected


def test_the_hash_is_of_the_boot_the_salt_and_nothing_else():
    other = str(uuid.uuid4())
    assert android.parse_boot(ID, "salt") == android.parse_boot(f"{ID}\n", "salt")
    assert len({android.parse_boot(text, salt).boot_id for text in (ID, other) for salt in ("salt", "pepper")}) == 4


def test_this_machine_tells_its_boot(tmp_path):
    here = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    now = LocalDevice(tmp_path, "salt").boot()
    assert now.boot_id == hashlib.sha256(f"salt:{here}".encode()).hexdigest()[:16]
    assert 0 <= float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]) - now.uptime_s < 60
