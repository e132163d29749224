"""One call of `aiot import`: import what can be imported, and report what cannot."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aiot_suite.datasets import store
from aiot_suite.errors import DatasetError, SetupError
from runner import rawlog
from runner.errors import LogError
from runner.importers import (
    ai_hub,
    app,
    app_logs,
    imported_runs,
    input_files,
    litert_json,
    loadgen,
    mobile_app,
    tool_output,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from aiot_suite.workspace import Workspace
    from runner.importers.imported_runs import ImportSession
    from runner.importers.input_files import LabelOverrides, LogSource


@dataclass
class ImportResult:
    """The outcome of an import."""

    runs: list[tuple[Path, int, int]] = field(default_factory=list)  # folder, instances, images that have a record
    notes: list[str] = field(default_factory=list)  # about imported files
    refused: list[LogError] = field(default_factory=list)  # one per file, or per pair of files of one session


@dataclass
class _Read:
    """The files that were read, by kind."""

    results: list[app.Result] = field(default_factory=list)
    programs: list[app.Program] = field(default_factory=list)
    outputs: list[tool_output.Output] = field(default_factory=list)
    hub: ai_hub.HubFiles = field(default_factory=ai_hub.HubFiles)
    mobile_app: list[tuple[LogSource, mobile_app.AppResult]] = field(default_factory=list)
    binaries: list[tuple[LogSource, bytes]] = field(default_factory=list)
    submissions: list[loadgen.Submission] = field(default_factory=list)


def import_files(paths: Sequence[Path], overrides: LabelOverrides, workspace: Workspace) -> ImportResult:
    """Import files as runs: a new run for each device, each setting, and each session that repeats an instance.

    Raises:
        LogError: An option has an unusable value.
        SetupError: The workspace cannot be written.
    """
    overrides.maker_and_model()
    result = ImportResult()
    read = _Read()
    imported = imported_runs.imported_files(workspace)
    for path in paths:
        try:
            if path.is_dir():
                _take_folder(path, overrides, read, imported, result.refused)
            else:
                _take(path, overrides, read, imported, result.notes)
        except LogError as error:
            result.refused.append(error)
    outputs, errors = litert_json.binary_outputs(read.binaries, overrides)
    read.outputs += outputs
    result.refused += errors
    conflicts = tool_output.models_of_one_name(read.outputs, overrides)
    read.outputs = [output for output in read.outputs if output.source not in conflicts]
    result.refused += conflicts.values()
    same_names = loadgen.check_names(read.submissions)
    read.submissions = [submission for submission in read.submissions if submission.name not in same_names]
    result.refused += same_names.values()
    by_device: dict[str, list[ImportSession]] = {}
    for device, session in _sessions(read, overrides, workspace, result.refused):
        by_device.setdefault(device, []).append(session)
    for sessions in by_device.values():
        for run in imported_runs.group_into_runs(sessions):
            try:
                folder = imported_runs.write_run(run, overrides, workspace)
            except LogError as error:
                result.refused.append(error)
            except OSError as error:
                raise SetupError(
                    f"{workspace.raw} cannot be written ({error.strerror}): check its free space and permissions."
                ) from None
            else:
                attempts = [part for session in run for part in session.parts]
                result.notes += [note for session in run for note in session.notes]
                result.runs.append((folder, len(attempts), sum(part.images for part in attempts)))
    return result


def _take(path: Path, overrides: LabelOverrides, read: _Read, imported: dict[str, Path], notes: list[str]) -> None:
    """Read a file into `read`.

    Raises:
        LogError: The file cannot be imported or has been imported before.
    """
    if loadgen.is_loadgen_file(path):
        raise LogError(f"{path} is one log of a result of MLPerf LoadGen: name the folder of the result.")
    file, data = input_files.read_bytes(path)
    if (earlier := imported.get(file.sha256)) is not None:
        if earlier.is_dir():
            raise LogError(f"{path} was already imported into {earlier}: remove that folder to import it again.")
        raise LogError(f"{path} is the same file as {earlier}: name it only once.")
    binary = litert_json.recognise_binary(data)
    if binary is not None and overrides.format in (None, binary):
        read.binaries.append((replace(file, format=binary), data))
    else:
        _take_text(file, input_files.text_of(path, data), overrides, read, notes)
    imported[file.sha256] = path


def _take_text(file: LogSource, text: str, overrides: LabelOverrides, read: _Read, notes: list[str]) -> None:
    """Read a text file into `read`."""
    path = file.path
    file = replace(file, format=input_files.recognise_format(path, text, overrides.format, overrides.framework))
    if file.format == "app-result":
        result = app_logs.parse_result_log(path, text)
        read.results.append((file, result))
        notes += [*result.notes, _understood(path, text, result.others)]
    elif file.format == "app-program":
        program = app_logs.parse_program_log(path, text)
        read.programs.append((file, program))
        notes += [*program.notes, _understood(path, text, program.others)]
    elif file.format.startswith("ai-hub-"):
        read.hub.take(file, text, overrides)
    elif file.format == "mobile-app":
        app_result = mobile_app.parse(path, text)
        read.mobile_app.append((file, app_result))
        if app_result.left_out:
            notes.append(f"{path}: left out, since they do not classify images: {', '.join(app_result.left_out)}")
    elif file.format == litert_json.RESULT_JSON:
        read.outputs.append(litert_json.json_output(file, text, overrides))
    else:
        printed = tool_output.outputs(file, text, overrides)
        read.outputs += printed.outputs
        notes += printed.notes


def _take_folder(
    folder: Path, overrides: LabelOverrides, read: _Read, imported: dict[str, Path], refused: list[LogError]
) -> None:
    """Read the results of LoadGen in a folder into `read`; errors are added to `refused`.

    Submissions may share the log of one run, so one counts as imported before only if all of its files were.
    """
    for submission in loadgen.submissions(folder, overrides):
        if isinstance(submission, LogError):
            refused.append(submission)
            continue
        earlier = [imported.get(source.sha256) for source in submission.sources]
        if all(earlier):
            refused.append(
                LogError(
                    f"{submission.name} was already imported into {earlier[0]}: remove that folder to import it again."
                )
            )
            continue
        read.submissions.append(submission)


def _understood(path: Path, text: str, others: Sequence[str]) -> str:
    """Return a sentence on how many lines of a log of the app were understood."""
    count = sum(bool(line.strip()) for line in text.split("\n"))
    long_lines = [line for line in text.split("\n") if len(line) > input_files.LINE_AT_MOST]
    return imported_runs.understood(path, count - len(others) - len(long_lines), [*others, *long_lines])


def _sessions(
    read: _Read, overrides: LabelOverrides, workspace: Workspace, refused: list[LogError]
) -> Iterator[tuple[str, ImportSession]]:
    """Yield each session that the files make up, with the slug of its device; errors are added to `refused`."""
    codes: dict[str, str] = {}  # code of the first file, by --device

    def datasets(name: str, images: int, label_space: str | None) -> dict[str, Any]:
        return _dataset(workspace, name, images, label_space)

    def of_app(result: app.Result | None, program: app.Program | None) -> list[ImportSession]:
        where = " and ".join(str(file[0].path) for file in (result, program) if file is not None)
        facts = app.device(result)
        if overrides.device and facts.code and codes.setdefault(overrides.device, facts.code) != facts.code:
            raise LogError(
                f"{where} is from {facts.code}, but another file is from {codes[overrides.device]}, and --device "
                "names only one device: import them separately."
            )
        slug = imported_runs.device_record(facts, overrides, workspace, where, overrides.publication)["slug"]
        return [app.make_session(result, program, overrides, slug, datasets)]

    def of_tools(timed: tool_output.Output | None, evaluated: tool_output.Output | None) -> list[ImportSession]:
        return [tool_output.make_session(timed, evaluated, overrides, datasets)]

    def of_loadgen(submission: loadgen.Submission) -> list[ImportSession]:
        return [loadgen.make_session(submission)]

    def published(session: ImportSession) -> ImportSession:
        parts = tuple(replace(part, publication=part.publication or overrides.publication) for part in session.parts)
        return replace(session, parts=parts)

    def with_device(session: ImportSession) -> tuple[str, ImportSession]:
        where, source = session.where, session.publication
        return imported_runs.device_record(session.device, overrides, workspace, where, source)["slug"], session

    builders: list[Callable[[], list[ImportSession]]] = []
    builders += [partial(of_app, *pair) for pair in app.pairs(read.results, read.programs)]
    builders += [partial(of_tools, *pair) for pair in tool_output.pairs(read.outputs)]
    builders += read.hub.builders(overrides, datasets)
    builders += [partial(mobile_app.make_sessions, *pair, overrides, datasets) for pair in read.mobile_app]
    builders += [partial(of_loadgen, submission) for submission in read.submissions]
    for build in builders:
        try:
            sessions = [published(session) for session in build()]
            yield from [with_device(session) for session in sessions]
        except LogError as error:
            refused.append(error)


def _dataset(workspace: Workspace, name: str, images: int, label_space: str | None) -> dict[str, Any]:
    """Return the entry of a dataset of the workspace, or of one of which only the name is known."""
    folder = workspace.datasets / name
    if rawlog.name_fault(name) or not (folder / "dataset.json").is_file():
        return imported_runs.dataset_record(name, images, label_space)
    try:
        stored = store.load(folder)
    except DatasetError as error:
        raise LogError(str(error)) from None
    if images != len(stored.images):
        raise LogError(f"Dataset {name} has {len(stored.images)} images, but the log has {images}: use another name.")
    return {"name": name, "sha256": stored.sha256, "images": images, "label_space": stored.label_space}
