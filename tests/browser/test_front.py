"""The front page of the reports."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.front_page import opened_s
from tests.browser.conftest import HOSTILE_NAME, WatchedPage, unfold

Visit = Callable[..., WatchedPage]


def test_it_says_what_it_is_of(site: Path, visit: Visit):
    page = visit().open(site / "simulated" / "index.html")
    assert "SIMULATED DATA" in page.locator("main").inner_text()
    assert (
        "8 devices and 8 runs simulated. 10 of 12 pages have data, 2 have none." in page.locator(".lead").inner_text()
    )
    page.goto((site / "index.html").as_uri())
    assert "SIMULATED" not in page.locator("main").inner_text()


def test_complete_devices_are_ranked_with_intervals(site: Path, visit: Visit):
    page = visit().open(site / "simulated" / "index.html")
    table = page.get_by_role("region", name="8 devices with all 24 instances").locator("table")
    assert table.locator("tbody tr > :first-child").all_text_contents() == list("12345678")
    texts = table.locator("tbody tr > :nth-child(3)").all_text_contents()
    scores = [float(text.split()[0]) for text in texts]
    assert scores == sorted(scores, reverse=True)
    for score, text in zip(scores, texts, strict=True):
        low, high = map(float, text.partition("(")[2].rstrip(")").split(" to "))
        assert low < score < high
    first = table.locator("tbody tr").first
    finding = page.locator(".finding").inner_text()
    assert first.locator("th").inner_text() in finding and "first of 8 devices" in finding
    assert f" {texts[0].split()[0]} VIPS" in finding
    # the page of the score has the same numbers
    page.goto((site / "simulated" / "08_vips.html").as_uri())
    unfold(page, "Score with interval")
    own = page.get_by_role("region", name="Score with interval").locator("tbody tr > :nth-child(2)")
    assert sorted((float(text.split()[0]) for text in own.all_text_contents()), reverse=True) == scores


def test_devices_with_other_instances_have_no_common_rank(site: Path, visit: Visit):
    page = visit().open(site / "index.html")
    groups = [page.get_by_role("region", name=f"1 device with {count} of 24 instances") for count in (2, 1)]
    assert [group.locator("tbody tr").count() for group in groups] == [1, 1]
    assert not any("Rank" in group.text_content() for group in groups)  # of one device
    assert all("only comparable with devices that ran the same ones" in group.text_content() for group in groups)


def test_coverage_has_every_device_and_every_one_of_60_instances(site: Path, visit: Visit):
    page = visit().open(site / "simulated" / "index.html")
    rows = page.get_by_role("region", name="Coverage").locator("tbody tr")
    assert rows.count() == 8
    signs = [row.locator(".sign").all_text_contents() for row in rows.all()]
    assert {sum(map(len, row)) for row in signs} == {60}
    assert sorted("".join(row).count("·") for row in signs) == [0] * 3 + [36] * 5  # quantized models on three
    assert HOSTILE_NAME in rows.first.text_content() or HOSTILE_NAME in rows.last.text_content()


def test_claims_are_counted_by_remark_and_lead_to_their_pages(site: Path, visit: Visit):
    page = visit().open(site / "simulated" / "index.html")
    remarks = page.locator(".claims details")
    assert remarks.count() == 6
    listed = 0
    for remark in remarks.all():
        remark.locator("summary").first.press("Enter")
        rows = remark.locator("tbody tr").count()
        tally = remark.locator(".tally").inner_text().split("◇")[0].split()
        assert sum(int(word) for word in tally if word.isdigit()) == rows
        decided = remark.locator("tbody tr", has_text="hold")
        assert remark.locator("tbody tr", has_text="by construction").count() == decided.count()
        assert remark.locator("tbody tr", has_text="cannot be decided").count() == rows - decided.count()
        listed += rows
        assert remark.get_by_role("link", name="Rules and comparisons").count() == 1
    assert f" of {listed} claims " in page.locator("main").inner_text()
    assert "these verdicts follow from the simulation" in page.locator("main").inner_text()
    page.goto((site / "index.html").as_uri())
    assert f" of {listed} claims " in page.locator("main").inner_text()


def test_what_is_missing_comes_with_what_to_do(site: Path, visit: Visit):
    text = visit().open(site / "index.html").get_by_role("region", name="What is missing").inner_text()
    assert "instances unavailable: NNAPI is part of Android: run it on an Android phone" in " ".join(text.split())


def test_pages_that_are_not_there_say_how_to_get_them(site: Path, visit: Visit):
    page = visit().open(site / "index.html")
    assert "Not yet rendered: aiot report 04" in " ".join(
        page.locator(".card", has_text="04 Frameworks").inner_text().split()
    )
    assert "Up to date" in page.locator(".card", has_text="01").first.inner_text()


def test_the_benchmark_waits_until_the_script_has_run(site: Path, browser: Any, tmp_path: Path):
    assert 0 < opened_s(browser, site / "simulated" / "index.html") < 60
    (tmp_path / "busy.html").write_text(
        "<!DOCTYPE html><title>x</title><h1>x</h1><script>document.addEventListener('DOMContentLoaded', () => {"
        "const began = performance.now(); while (performance.now() - began < 300);})</script>"
    )
    assert opened_s(browser, tmp_path / "busy.html") >= 0.3
