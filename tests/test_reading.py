"""Reading: whatever lies at a path becomes a value, in its own words."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness import reading
from harness.errors import ExperimentError
from harness.reading import Invalid, Missing, Ok, Unreadable, read_bytes, read_json, read_text

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024

NO_SUCH = errno.ENXIO if sys.platform == "linux" else errno.EOPNOTSUPP
"""What opening a socket gives."""


def not_json(why: str) -> Invalid:
    """Return what is found in a file that is no JSON."""
    return Invalid(f"is not JSON ({why})")


CONTENTS: dict[str, tuple[bytes, reading.Read]] = {
    # nothing, or only a part
    "empty": (b"", Invalid("is empty")),
    "white space": (b" \r\n\t", Invalid("is empty")),
    "only a byte order mark": (b"\xef\xbb\xbf", Invalid("is empty")),
    "cut off after the brace": (
        b"{",
        not_json("Expecting property name enclosed in double quotes, line 1 column 2"),
    ),
    "cut off in a key": (
        b'{"sco',
        not_json("Unterminated string starting at, line 1 column 2"),
    ),
    "cut off after the colon": (b'{"score":', not_json("Expecting value, line 1 column 10")),
    "cut off in a number": (
        b'{"score": 0.',
        not_json("Expecting ',' delimiter, line 1 column 12"),
    ),
    "cut off in the text": (
        b'{"score": 1,\n "reasoning": "it wo',
        not_json("Unterminated string starting at, line 2 column 15"),
    ),
    "cut off before the end": (
        b'{"a": {"b": 1}',
        not_json("Expecting ',' delimiter, line 1 column 15"),
    ),
    "null bytes, as after a power cut": (b"\0" * 512, not_json("Expecting value, line 1 column 1")),
    # another value than an object
    "array": (b"[]", Invalid("is a JSON array, not an object")),
    "array of an object": (b'[{"score": 1}]', Invalid("is a JSON array, not an object")),
    "string": (b'"0.9"', Invalid("is a JSON string, not an object")),
    "integer": (b"95", Invalid("is a JSON number, not an object")),
    "fraction": (b"0.9", Invalid("is a JSON number, not an object")),
    "true": (b"true", Invalid("is a JSON boolean, not an object")),
    "false": (b"false", Invalid("is a JSON boolean, not an object")),
    "null": (b"null", Invalid("is a JSON null, not an object")),
    # numbers that are none
    "NaN": (b'{"score": NaN}', not_json("NaN is no JSON number")),
    "Infinity": (b'{"score": Infinity}', not_json("Infinity is no JSON number")),
    "-Infinity": (b'{"score": -Infinity}', not_json("-Infinity is no JSON number")),
    "NaN, deep inside": (b'{"a": [{"b": NaN}]}', not_json("NaN is no JSON number")),
    "1e999": (b'{"score": 1e999}', not_json("1e999 is too large a number")),
    "-1e999": (b'{"score": -1e999}', not_json("-1e999 is too large a number")),
    "many digits and an exponent": (
        b'{"score": 1%s.5e99}' % (b"0" * 400),
        not_json("10000000000000000000 is too large a number"),
    ),
    "5,000 digits": (
        b'{"score": %s}' % (b"9" * 5000),
        not_json("an integer has 5,000 digits"),
    ),
    "leading zero": (b'{"score": 01}', not_json("Expecting ',' delimiter, line 1 column 12")),
    "leading plus": (b'{"score": +1}', not_json("Expecting value, line 1 column 11")),
    "leading point": (b'{"score": .9}', not_json("Expecting value, line 1 column 11")),
    "hexadecimal": (b'{"score": 0x1}', not_json("Expecting ',' delimiter, line 1 column 12")),
    # text that is nearly JSON
    "single quotes": (
        b"{'score': 1}",
        not_json("Expecting property name enclosed in double quotes, line 1 column 2"),
    ),
    "comment": (
        b'{"score": 1} // good',
        not_json("Extra data, line 1 column 14"),
    ),
    "two objects": (b'{"a": 1}{"b": 2}', not_json("Extra data, line 1 column 9")),
    "a line per object": (b'{"a": 1}\n{"b": 2}\n', not_json("Extra data, line 2 column 1")),
    "Python's None": (b'{"a": None}', not_json("Expecting value, line 1 column 7")),
    "Python's True": (b'{"a": True}', not_json("Expecting value, line 1 column 7")),
    "merge conflict": (b"<<<<<<< HEAD\n", not_json("Expecting value, line 1 column 1")),
    "HTML": (b"<html></html>", not_json("Expecting value, line 1 column 1")),
    "fenced": (b'```json\n{"score": 1}\n```', not_json("Expecting value, line 1 column 1")),
    "raw line break in a text": (
        b'{"a": "b\nc"}',
        not_json("Invalid control character at, line 1 column 9"),
    ),
    "unknown escape": (b'{"a": "\\x41"}', not_json("Invalid \\escape, line 1 column 8")),
    "half an escape": (b'{"a": "\\u12"}', not_json("Invalid \\uXXXX escape, line 1 column 9")),
    "two byte order marks": (
        b'\xef\xbb\xbf\xef\xbb\xbf{"a": 1}',
        not_json("Expecting value, line 1 column 1"),
    ),
    # keys that say two things
    "key twice": (
        b'{"score": 0.1, "score": 0.9}',
        not_json("the key 'score' stands there twice"),
    ),
    "key twice, deep inside": (
        b'{"a": [{"b": 1, "b": 1}]}',
        not_json("the key 'b' stands there twice"),
    ),
    "key twice, once escaped": (
        b'{"score": 0.1, "\\u0073core": 0.9}',
        not_json("the key 'score' stands there twice"),
    ),
    "endless key twice": (
        b'{"%s": 0, "%s": 0}' % (b"k" * 99, b"k" * 99),
        not_json(f"the key {'k' * 40!r} stands there twice"),
    ),
    # nesting
    "nested 65 deep": (b'{"a":' * 65 + b"1" + b"}" * 65, Invalid("is nested too deeply")),
    "nested 65 deep in arrays": (
        b'{"a":' + b"[" * 64 + b"]" * 64 + b"}",
        Invalid("is nested too deeply"),
    ),
    "nested 100,000 deep": (b"[" * 100_000, Invalid("is nested too deeply")),
    "nested 100,000 deep and closed": (
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        Invalid("is nested too deeply"),
    ),
    # bytes that are no UTF-8
    "Latin-1": ('{"a": "ä"}'.encode("latin-1"), Invalid("is not UTF-8 (byte 7)")),
    "a lone continuation byte": (b'{"a": "\x80"}', Invalid("is not UTF-8 (byte 7)")),
    "an overlong slash": (b'{"a": "\xc0\xaf"}', Invalid("is not UTF-8 (byte 7)")),
    "an encoded surrogate": (b'{"a": "\xed\xa0\x80"}', Invalid("is not UTF-8 (byte 7)")),
    "cut off in a character": (b'{"a": "\xe2\x82', Invalid("is not UTF-8 (byte 7)")),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), Invalid("is not UTF-8 (byte 0)")),
    "UTF-16 without a mark": (
        '{"a": 1}'.encode("utf-16-le"),
        not_json("Expecting property name enclosed in double quotes, line 1 column 2"),
    ),
    "UTF-32": ('{"a": 1}'.encode("utf-32"), Invalid("is not UTF-8 (byte 0)")),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", Invalid("is not UTF-8 (byte 1)")),
    "a picture": (b"\x89PNG\r\n\x1a\n", Invalid("is not UTF-8 (byte 0)")),
    # unusual, and in order
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', Ok({"a": 1})),
    "an empty object": (b"{}", Ok({})),
    "an empty key": (b'{"": 1}', Ok({"": 1})),
    "CRLF": (b'{\r\n"a": 1\r\n}\r\n', Ok({"a": 1})),
    "400 digits": (b'{"a": %s}' % (b"9" * 400), Ok({"a": 10**400 - 1})),
    "an exponent": (b'{"a": 9e-1}', Ok({"a": 0.9})),
    "too small for a float": (b'{"a": 1e-999}', Ok({"a": 0.0})),
    "a lone surrogate": (b'{"a": "\\ud800"}', Ok({"a": "\ud800"})),
    "a pair of surrogates": (b'{"a": "\\ud83d\\ude00"}', Ok({"a": "\N{GRINNING FACE}"})),
    "a null character": (b'{"a": "\\u0000"}', Ok({"a": "\0"})),
    "direction characters": ('{"a": "\u202e"}'.encode(), Ok({"a": "\u202e"})),
    "nested 64 deep": (
        b'{"a":' * 64 + b"1" + b"}" * 64,
        Ok(json.loads('{"a":' * 64 + "1" + "}" * 64)),
    ),
    "no prototype": (b'{"__proto__": 1, "__class__": 2}', Ok({"__proto__": 1, "__class__": 2})),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_every_content_is_a_value_in_its_own_words(tmp_path: Path, name: str) -> None:
    """A JSON file is one object in strict JSON, or it is said what it is instead."""
    content, expected = CONTENTS[name]
    path = tmp_path / "judgment.json"
    path.write_bytes(content)
    assert read_json(path, root=tmp_path) == expected


def _directory(path: Path) -> None:
    path.mkdir()


def _full_directory(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket may have about 100 characters
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def _link_loop(path: Path) -> None:
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)


def _link_to_directory(path: Path) -> None:
    path.with_name("directory").mkdir()
    path.symlink_to("directory")


def _link_out(path: Path) -> None:
    outside = path.parent.parent / "outside.json"
    outside.write_text('{"score": 1}')
    path.symlink_to(outside)


def _link_out_by_dots(path: Path) -> None:
    (path.parent.parent / "outside.json").write_text('{"score": 1}')
    path.symlink_to("../outside.json")


def _link_to_sibling(path: Path) -> None:
    sibling = path.parent.with_name(f"{path.parent.name}-other")  # its name begins alike
    sibling.mkdir()
    (sibling / "file.json").write_text('{"score": 1}')
    path.symlink_to(sibling / "file.json")


def _chain_out(path: Path) -> None:
    _link_out(path.with_name("first"))
    path.symlink_to("first")


def _sparse(size: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.touch()
        os.truncate(path, size)

    return make


OUT = Invalid("is a symbolic link that leaves the experiment")

PLACES: dict[str, tuple[Callable[[Path], object], reading.Read]] = {
    "nothing": (lambda _: None, Missing()),
    "a directory": (_directory, Invalid("is a directory")),
    "a directory with files": (_full_directory, Invalid("is a directory")),
    "a FIFO": (os.mkfifo, Invalid("is no regular file")),
    "a socket": (_socket, Invalid(f"is no regular file ({os.strerror(NO_SUCH)})")),
    "a dangling link": (
        lambda path: path.symlink_to("gone"),
        Invalid("is a dangling symbolic link"),
    ),
    "a link to itself": (
        lambda path: path.symlink_to(path.name),
        Invalid(f"is no regular file ({os.strerror(errno.ELOOP)})"),
    ),
    "a loop of links": (
        _link_loop,
        Invalid(f"is no regular file ({os.strerror(errno.ELOOP)})"),
    ),
    "a link to a directory": (_link_to_directory, Invalid("is a directory")),
    "a link out": (_link_out, OUT),
    "a relative link out": (_link_out_by_dots, OUT),
    "a link to a sibling of the root": (_link_to_sibling, OUT),
    "a link to a link out": (_chain_out, OUT),
    "a link to a system file": (lambda path: path.symlink_to("/etc/hosts"), OUT),
    "a link to endless zeros": (
        lambda path: path.symlink_to("/dev/zero"),
        Invalid("is no regular file"),
    ),
    "a link to /dev/null": (
        lambda path: path.symlink_to("/dev/null"),
        Invalid("is no regular file"),
    ),
    "100 MB": (
        _sparse(100 * MIB),
        Invalid("is 104,857,600 bytes long; at most 8,388,608 are read"),
    ),
    "20 GB": (
        _sparse(20 * 1024 * MIB),
        Invalid("is 21,474,836,480 bytes long; at most 8,388,608 are read"),
    ),
    "one byte too many": (
        _sparse(8 * MIB + 1),
        Invalid("is 8,388,609 bytes long; at most 8,388,608 are read"),
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_every_kind_of_file_is_a_value_in_its_own_words(tmp_path: Path, name: str) -> None:
    """What is no regular file inside the root is named, and never opened in earnest."""
    make, expected = PLACES[name]
    root = tmp_path / "root"
    root.mkdir()
    make(root / "judgment.json")
    assert read_json(root / "judgment.json", root=root) == expected


def test_a_link_that_stays_inside_is_followed(tmp_path: Path) -> None:
    """A symbolic link from one place of the experiment to another is no escape."""
    (tmp_path / "shared.json").write_text('{"score": 1}')
    (tmp_path / "slot").mkdir()
    (tmp_path / "slot" / "judgment.json").symlink_to("../shared.json")
    assert read_json(tmp_path / "slot" / "judgment.json", root=tmp_path) == Ok({"score": 1})


def test_a_root_that_is_itself_a_link_is_no_escape(tmp_path: Path) -> None:
    """The root is resolved as well, so an experiment may be reached through a link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.json").write_text("{}")
    (tmp_path / "link").symlink_to("real")
    assert read_json(tmp_path / "link" / "a.json", root=tmp_path / "link") == Ok({})


def test_a_directory_on_the_way_that_leaves_is_an_escape(tmp_path: Path) -> None:
    """A link counts wherever it stands in the path."""
    (tmp_path / "root").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "judgment.json").write_text('{"score": 1}')
    (tmp_path / "root" / "judge_01").symlink_to("../elsewhere")
    path = tmp_path / "root" / "judge_01" / "judgment.json"
    assert read_json(path, root=tmp_path / "root") == OUT


def test_a_file_on_the_way_means_that_nothing_is_there(tmp_path: Path) -> None:
    """Below a plain file there is nothing."""
    (tmp_path / "judge").write_text("a file")
    assert read_json(tmp_path / "judge" / "judgment.json", root=tmp_path) == Missing()


@pytest.mark.parametrize("name", ["a\0b", "\udfff\ud800"])
def test_a_name_that_no_file_can_have_is_a_value(tmp_path: Path, name: str) -> None:
    """A null byte or a broken character in a configured name does not raise."""
    assert read_bytes(tmp_path / name, root=tmp_path) == Invalid("is no possible path")


def test_a_name_that_is_too_long_is_a_value(tmp_path: Path) -> None:
    """The file system's own limit does not raise."""
    found = read_bytes(tmp_path / ("n" * 5000), root=tmp_path)
    assert found == Invalid(f"is no regular file ({os.strerror(errno.ENAMETOOLONG)})")


@pytest.mark.parametrize(
    ("code", "message"), [(errno.EACCES, "Permission denied"), (errno.EIO, "Input/output error")]
)
def test_a_refusal_of_the_system_is_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    """What the system will not open or read is unreadable, in the system's words."""
    path = tmp_path / "judgment.json"
    path.write_text("{}")

    def refuse(*_: object) -> bytes:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, "read", refuse)
        assert read_json(path, root=tmp_path) == Unreadable(message)
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        assert read_json(path, root=tmp_path) == Unreadable(message)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """Whatever is found, what was opened is closed."""
    kinds = [make for make, _ in PLACES.values()]
    for number, make in enumerate(kinds):
        root = tmp_path / str(number) / "root"
        root.mkdir(parents=True)
        make(root / "file")
    before = len(list(Path("/dev/fd").iterdir()))
    for number in range(len(kinds)):
        root = tmp_path / str(number) / "root"
        read_json(root / "file", root=root)
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_a_file_that_grows_while_it_is_read_is_read_as_it_was_when_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is read than the size that was checked against the cap."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * 10)
    real = os.fstat

    def grow(fd: int) -> os.stat_result:
        found = real(fd)
        with path.open("ab") as stream:
            stream.write(b"x" * 100)
        return found

    monkeypatch.setattr(os, "fstat", grow)
    assert read_bytes(path, root=tmp_path, cap=50) == Ok(b"x" * 10)


def test_without_proc_the_real_path_is_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system does not tell the path of a descriptor, escapes are found all the same."""
    monkeypatch.setattr(sys, "platform", "darwin")
    root = tmp_path / "root"
    root.mkdir()
    (root / "in.json").write_text("{}")
    _link_out(root / "out.json")
    assert read_json(root / "in.json", root=root) == Ok({})
    assert read_json(root / "out.json", root=root) == OUT


def test_a_text_keeps_everything_but_its_byte_order_mark(tmp_path: Path) -> None:
    """A text is read as it stands, line ends included."""
    path = tmp_path / "task.md"
    path.write_bytes("\ufeffa\r\nb\0\u202e".encode())
    assert read_text(path, root=tmp_path) == Ok("a\r\nb\0\u202e")


json_like = st.recursive(
    st.sampled_from(
        [
            "NaN",
            "Infinity",
            "1e999",
            "0.9",
            "95",
            '"0.9"',
            "null",
            "true",
            '"\\ud800"',
            "",
            "9" * 999,
        ]
    )
    | st.text(max_size=8).map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(st.tuples(st.sampled_from(["score", "a", ""]), inner), max_size=4).map(
            lambda pairs: "{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in pairs) + "}"
        )
    ),
    max_leaves=20,
)


@given(st.binary(max_size=200) | json_like.map(str.encode))
@example(b'{"a":' * 2000)
def test_no_content_makes_a_reader_raise(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Any bytes are read as one of four values, and what was read can be written again."""
    root = tmp_path_factory.getbasetemp()
    path = root / "any.json"
    path.write_bytes(content)
    found = read_json(path, root=root)
    assert isinstance(found, Ok | Missing | Invalid | Unreadable)
    if isinstance(found, Ok):
        assert isinstance(found.value, dict)
        json.dumps(found.value, indent=2, allow_nan=False).encode("ascii")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file; create it"),
        (b"\xff", "is not UTF-8 (byte 0); replace it by a text file"),
        (b"a: [", "is not valid YAML: "),
        (b"#" * (MIB + 1), "is 1,048,577 bytes long; at most 1,048,576 are read; "),
    ],
)
def test_a_configuration_that_cannot_be_read_is_its_author_s_error(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """The message names the file, what is wrong with it, and the way out."""
    path = tmp_path / "experiment.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExperimentError) as caught:
        reading.load_yaml(path, root=tmp_path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_configuration_that_may_not_be_read_is_its_author_s_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permissions have their own way out."""

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    path = tmp_path / "experiment.yaml"
    path.write_text("name: x")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ExperimentError) as caught:
        reading.load_yaml(path, root=tmp_path)
    assert str(caught.value) == (
        f"{path}: cannot be read (Permission denied); mend its permissions"
    )


def test_names_are_sorted_and_a_directory_that_cannot_be_listed_has_none(tmp_path: Path) -> None:
    """A listing never raises and never depends on the file system's order."""
    for name in "cab":
        (tmp_path / name).touch()
    assert reading.list_names(tmp_path) == ["a", "b", "c"]
    assert reading.list_names(tmp_path / "a") == []
    assert reading.list_names(tmp_path / "gone") == []


def test_directories_are_listed_sorted_and_links_to_them_too(tmp_path: Path) -> None:
    """What is no directory, leads to none, or in a circle, is left out; nothing raises."""
    for name in "cab":
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "d").symlink_to(tmp_path / "a")
    (tmp_path / "e").symlink_to(tmp_path / "file")
    (tmp_path / "f").symlink_to(tmp_path / "gone")
    (tmp_path / "g").symlink_to(tmp_path / "g")
    assert reading.list_directories(tmp_path) == ["a", "b", "c", "d"]
    assert reading.list_directories(tmp_path / "file") == []
    assert reading.list_directories(tmp_path / "gone") == []


def test_looking_never_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody may look there is no file, no directory, and no link."""
    (tmp_path / "link").symlink_to("gone")
    assert reading.is_there(tmp_path / "link")
    assert reading.is_link(tmp_path / "link")
    assert not reading.is_file(tmp_path / "link")
    assert reading.is_directory(tmp_path)

    def refuse(*_: object, **__: object) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "lstat", refuse)
    looks = [reading.is_there, reading.is_link, reading.is_file, reading.is_directory]
    found = [look(tmp_path) for look in looks]
    monkeypatch.undo()
    assert found == [False, False, False, False]
