"""URLs that are shown: whatever they hold, no password is."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.endpoint import Endpoint
from evaluator.errors import ArtifactMissingError, EvaluatorError, InvalidInputError
from evaluator.operations.doctor import examine
from evaluator.settings import Settings
from evaluator.urls import hide_passwords, keep_secrets_of, shown_url, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("/srv/ann:b@c/artifacts", "/srv/ann:b@c/artifacts"),
        ("s3://bucket/prefix@2", "s3://bucket/prefix@2"),
        ("abfs://container@account/prefix", "abfs://container@account/prefix"),
        ("redis://:secret@host:6379", "redis://:***@host:6379"),
        ("redis://:secret@[::1]:6379", "redis://:***@[::1]:6379"),
        ("rediss://ann:secret@host/2", "rediss://ann:***@host/2"),
        ("redis://ann:se:cr@et@host", "redis://ann:***@host"),
        ("redis://:se#cr/e?t@host", "redis://:***@host"),
        ("redis://:se cr\tet@host", "redis://:***@host"),
        ("redis://an@n:secret@host", "redis://an@n:***@host"),
        ("redis:/ann:secret@host", "redis:***@host"),
        ("ann:secret@host:6379", "ann:***@host:6379"),
        ("https://secret@host/v1", "https://***@host/v1"),
        ("unix://ann:secret@/run/valkey.sock?db=1", "unix://ann:***@/run/valkey.sock?db=1"),
        ("redis://host/0?username=ann&password=secret&db=1", "redis://host/0?username=ann&password=***&db=1"),
        ("redis://host?PASSWORD=se#cr&et&db=1", "redis://host?PASSWORD=***&db=1"),
        ("redis://host?pass%77ord=secret", "redis://host?pass%77ord=***"),
        ("simplecache::s3://k:secret@bucket/x", "simplecache::s3://k:***@bucket/x"),
        ("s3://b/x?aws_secret_access_key=secret&r=eu", "s3://b/x?aws_secret_access_key=***&r=eu"),
        ("abfs://c@a/x?account_key=secret&sig=secret", "abfs://c@a/x?account_key=***&sig=***"),
        (
            "https://h/x?X-Amz-Signature=secret&access_token=secret",
            "https://h/x?X-Amz-Signature=***&access_token=***",
        ),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_nor_in_running_text() -> None:
    text = "cannot reach redis://:se#c@h/0, nor s3://b?token=secret (refused)\nsee http://h:1/x"
    assert (
        hide_passwords(text)
        == "cannot reach redis://:***@h/0, nor s3://b?token=*** (refused)\nsee http://h:1/x"
    )


def test_an_artifact_store_does_not_tell_its_password() -> None:
    store = ArtifactStore("memory://ann:secret@here/store")
    for look in (store.local_path, store.read_bytes, store.size):
        with pytest.raises(
            ArtifactMissingError, match=r"in the store memory://ann:\*\*\*@here/store"
        ) as caught:
            look("vectors/0.npy")
        assert "secret" not in str(caught.value)


def test_nor_does_one_that_cannot_be_opened() -> None:
    with pytest.raises(InvalidInputError, match=r"EVALUATOR_ARTIFACTS nosuch://ann:\*\*\*@here") as caught:
        ArtifactStore("nosuch://ann:secret@here/store")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["memory://ann:secret@here/doctor", "nosuch://ann:secret@here/doctor"])
def test_nor_does_the_doctor(url: str, tmp_path: Path) -> None:
    found = {check.name: check for check in examine(Settings(home=tmp_path, artifacts=url, redis_url=None))}
    assert f"{url.partition(':')[0]}://ann:***@here/doctor" in found["artifact store"].detail
    assert "secret" not in repr(found)


@pytest.mark.parametrize("url", ["http://ann:se/cret@host/v1", "http://:cret@host/v1", "ftp://:cret@host"])
def test_nor_does_an_endpoint(url: str) -> None:
    with pytest.raises(ValueError, match="base_url") as caught:
        Endpoint(name="e", base_url=url, model="m")
    assert "cret" not in str(caught.value)


class TestKnownSecrets:
    """What a pattern cannot find is hidden because it is known."""

    @pytest.mark.parametrize(
        "password",
        ["ge#heim12", "ge@heim12", "ge/heim12", "ge?heim12", "ge heim12", "ge%23heim12", "ge'\\heim12"],
    )
    @pytest.mark.parametrize(
        "url", ["redis://ann:{}@host:1/0", "redis://:{}@host", "redis://{}@host", "s3://k:{}@b/x"]
    )
    def test_a_password_is_hidden_wherever_a_library_quotes_it(self, url: str, password: str) -> None:
        keep_secrets_of(url.format(password))
        decoded = unquote(password)
        for quoted in (
            password,
            repr(password),
            decoded,
            repr(decoded),
            quote(decoded, safe=""),
        ):
            for said in (f"no port {quoted}!", f"{{'password': '{quoted}'}}", f"redis://x:{quoted}@y"):
                assert "heim12" not in without_secrets(said)
        assert "heim12" not in str(EvaluatorError(f"broken: {password}"))

    @pytest.mark.parametrize("sign", "#@/?:")
    def test_so_are_the_parts_that_it_takes_for_others(self, sign: str) -> None:
        keep_secrets_of(f"redis://ann:heim{sign}geheim@host")
        assert without_secrets("no port 'heim', no host 'geheim'") == "no port '***', no host '***'"

    def test_other_words_stay(self) -> None:
        keep_secrets_of("redis://:redis@queue/0")
        assert without_secrets("rediss and redis_url, but redis") == "rediss and redis_url, but ***"

    @pytest.mark.parametrize(
        "url", ["s3://bucket/prefix@2", "abfs://container@account/x", "unix:///run/a:b@c/d.sock"]
    )
    def test_a_url_without_a_password_has_no_secret(self, url: str) -> None:
        keep_secrets_of(url)
        assert without_secrets(url) == url

    def test_settings_hide_theirs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_URL", "redis://:geheim-1@queue")
        monkeypatch.setenv("EVALUATOR_ARTIFACTS", "s3://key:geheim-2@bucket")
        shown = repr(Settings.read())
        assert "geheim" not in shown + without_secrets("geheim-1, geheim-2")

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("EVALUATOR_ENDPOINTS", '[{"base_url": "https://x/v1", "key": "sk-geheim"}]'),
            ("EVALUATOR_ENDPOINTS", '[{"base_url": "https://x/v1", "api_key": "sk-geheim"}]'),
            ("EVALUATOR_ENDPOINTS", '[{"base_url": "https://ann:geheim@x/v1"}]'),
            ("EVALUATOR_ENDPOINTS", '["sk-geheim"'),
        ],
    )
    def test_what_is_refused_is_not_quoted(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        monkeypatch.setenv(variable, value)
        with pytest.raises(InvalidInputError, match="setting endpoints") as caught:
            Settings.read()
        assert "geheim" not in "".join(traceback.format_exception(caught.value))

    def test_a_traceback_on_a_terminal_hides_them(self) -> None:
        script = "from evaluator import logs; from evaluator.settings import Settings\n"
        script += "logs.configure(Settings.read(), 'text')\nint(Settings().queue_url)"
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "REDIS_URL": "redis://:ge heim@queue"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr.splitlines()[0]) == (1, "Traceback (most recent call last):")
        assert "ValueError" in done.stderr
        assert "heim" not in done.stderr
