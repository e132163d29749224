import pytest

from aiot_analysis.ingest import rows
from aiot_analysis.tables import paper

RUN = {"run_id": "r", "device_slug": "d", "origin": "measured"}
PHONES = paper.devices()


def paper_id(**facts):
    return rows.device({"slug": "d", "cores": [], **facts}, RUN)["paper_id"]


@pytest.mark.parametrize("phone", list(PHONES.itertuples()), ids=lambda phone: phone.device)
def test_every_phone_of_table_iii_is_known_by_what_it_may_say_of_itself(phone):
    maker, _, model = phone.device.partition(" ")
    assert paper_id(maker=maker, model=model) == phone.paper_id
    assert paper_id(maker=maker.upper(), model="SM-0000", market_name=model) == phone.paper_id
    assert paper_id(maker=None, model="ABC-AL00", market_name=phone.device.upper()) == phone.paper_id
    assert paper_id(maker=f" {maker.lower()} ", model="X", market_name=model.replace(" ", "  ")) == phone.paper_id


@pytest.mark.parametrize(
    "facts, expected",
    [
        ({"maker": "samsung", "model": "SM-G970F", "market_name": "Galaxy S10e"}, 1),
        ({"maker": "samsung", "model": "SM-G970F"}, None),
        ({"maker": "HUAWEI", "model": "OXF-AN00", "market_name": "HONOR V30 Pro"}, 19),
        ({"maker": "Xiaomi", "model": "Redmi Note 8 Pro"}, 38),
        ({"maker": "OPPO", "model": "PCDM10", "market_name": "OPPO Reno 3"}, 39),
        ({"maker": "Samsung", "model": "Galaxy S10"}, None),  # there are only S10e and S10+
        ({"maker": "Huawei", "model": "Mate 30 5G"}, 36),
        ({"maker": "Huawei", "model": "P40", "market_name": "Huawei P30"}, None),  # ambiguous
        ({"maker": "Huawei", "model": "P40", "market_name": ["Huawei P40"]}, 21),  # another format
        ({"maker": None, "model": None, "market_name": ""}, None),
        ({}, None),
    ],
)
def test_the_row_of_table_iii(facts, expected):
    assert paper_id(**facts) == expected


def test_no_two_phones_of_table_iii_have_one_name():
    assert len(rows._paper_ids()) == len(PHONES) == 51
