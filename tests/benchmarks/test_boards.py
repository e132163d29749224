"""What the study of boards pushes; nothing here is timed."""

import pytest

from benchmarks import boards
from benchmarks.pairs import BenchmarkError, Options
from runner.devices.ssh import SshConnection
from tests.e2e import debian
from tests.e2e.board import HOME
from tests.unpacked import NotHere


@pytest.mark.e2e
def test_both_sides_push_the_same_folder_and_leave_nothing(tmp_path, monkeypatch) -> None:
    if reason := boards.missing():
        pytest.skip(reason)
    monkeypatch.setattr(boards, "FOLDERS", {"40 small files": (40, 1000)})
    sent = []
    shell = SshConnection.shell

    def noted(self, command, *more):
        answer = shell(self, command, *more)
        if command[:2] == ["rm", "-r"]:
            sent.append(command[-1])
        return answer

    monkeypatch.setattr(SshConnection, "shell", noted)
    with boards._board(tmp_path / "ssh") as board:
        folder = tmp_path / "folder"
        folder.mkdir()
        for number in range(40):
            (folder / f"{number}.jpg").write_bytes(bytes(1000))
        [one] = boards._pushes(Options(tmp_path, lambda words: None, pairs=1), board, folder, "40 small files")
        assert list(board.home_folder.iterdir()) == []
    assert (len(one.ours), len(one.first), len(one.again), one.target) == (1, 1, 1, boards.TARGET)
    assert sent == [f"{HOME}/copied"] * 2


def test_without_sshd_it_is_said_what_is_missing(monkeypatch) -> None:
    def nothing() -> None:
        raise NotHere("Debian's sshd cannot be had")

    monkeypatch.setattr(debian, "ssh_root", nothing)
    assert boards.missing() == "Debian's sshd cannot be had."


def test_a_board_that_cannot_be_started_is_one_sentence(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with (
        pytest.raises(BenchmarkError, match=r"^sshd can change to another user only as root\.$"),
        boards._board(tmp_path / "x"),
    ):
        pass
