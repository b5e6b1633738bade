"""What is shipped: the wheel holds all that runs, an installed copy finds it, and the container setup is sound."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluator.jobs.server.rights import GRANT
from evaluator.settings import Settings
from tests.hosted import GIVEN, MissingError, composed

REPOSITORY = Path(__file__).resolve().parents[2]

FIND = "from evaluator.location import app_path; print(app_path())"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the working tree."""
    folder = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(REPOSITORY),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what installing the wheel puts into site-packages."""
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_python(script: str, folder: Path, *path: Path) -> str:
    """What a new process prints that runs in a folder, with these folders before all others on its path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestWheel:
    def test_holds_the_application(self, unpacked: Path) -> None:
        inside = unpacked / "evaluator" / "_app"
        for path in ("app.py", ".streamlit/config.toml"):
            assert (inside / path).read_bytes() == (REPOSITORY / path).read_bytes()
        pages = sorted(path.name for path in (REPOSITORY / "pages").glob("*.py"))
        assert sorted(path.name for path in (inside / "pages").glob("*.py")) == pages

    def test_holds_everything_in_the_package(self, unpacked: Path) -> None:
        """Migrations and other files that are no Python travel too."""
        package = {
            path.relative_to(REPOSITORY).as_posix()
            for path in (REPOSITORY / "evaluator").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert "evaluator/store/migrations/0001_initial.sql" in package
        shipped = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
        assert package - shipped == set()

    def test_holds_nothing_else(self, unpacked: Path) -> None:
        tops = {path.name for path in unpacked.iterdir()}
        assert {name for name in tops if not name.endswith(".dist-info")} == {"evaluator"}

    def test_installed_it_finds_its_own_application(self, unpacked: Path, tmp_path: Path) -> None:
        assert Path(run_python(FIND, tmp_path, unpacked)) == unpacked / "evaluator" / "_app" / "app.py"

    def test_installed_the_application_loads(self, unpacked: Path, tmp_path: Path) -> None:
        """From any folder: nothing of the repository is on the path but what the wheel brought."""
        script = (
            "import runpy, evaluator; from evaluator.location import app_path;"
            "names = runpy.run_path(str(app_path())); print(evaluator.__file__, type(names['app']).__name__)"
        )
        module, app = run_python(script, tmp_path, unpacked).splitlines()[-1].split()
        assert Path(module).is_relative_to(unpacked)
        assert app == "App"

    def test_installed_it_finds_its_migrations(self, unpacked: Path, tmp_path: Path) -> None:
        script = "from evaluator.store.file.migrating import migrations; print(migrations()[0][0])"
        assert run_python(script, tmp_path, unpacked) == "1"


def test_an_editable_installation_runs_the_repository(tmp_path: Path) -> None:
    """hatchling copies the application into site-packages for editable installs too; the copy must not be used."""
    assert Path(run_python(FIND, tmp_path, REPOSITORY)) == REPOSITORY / "app.py"
    assert Path(run_python(FIND, tmp_path)) == REPOSITORY / "app.py"


def test_every_declared_dependency_is_pinned() -> None:
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    }
    script = (
        "from importlib.metadata import requires; print(chr(10).join(requires('retrieval-evaluator') or []))"
    )
    declared = {
        re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0].lower().replace("_", "-")
        for line in run_python(script, REPOSITORY).splitlines()
    }
    assert declared - pinned == set()


@pytest.fixture
def services() -> dict[str, Any]:
    """The services of docker-compose.yml by name; every volume and network that they name is declared."""
    whole = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    services = composed({"DOMAIN": "evaluator.example.org", "QUEUE_PASSWORD": "geheim"})
    mounts = [mount for service in services.values() for mount in service["volumes"]]
    files = {mount for mount in mounts if mount.startswith("./")}
    assert all((REPOSITORY / file.partition(":")[0]).exists() and file.endswith(":ro") for file in files)
    assert {mount.partition(":")[0] for mount in mounts if mount not in files} == set(whole["volumes"])
    assert {network for service in services.values() for network in service["networks"]} == {
        *whole["networks"], "default",
    }  # fmt: skip
    return services


class TestContainers:
    """Images are not built here; what can be told from the files is. tests/integration/hosting runs the arrangement."""

    def test_only_caddy_is_published(self, services: dict[str, Any]) -> None:
        published = {name: service["ports"] for name, service in services.items() if "ports" in service}
        assert published == {"caddy": ["0.0.0.0:80:80", "0.0.0.0:443:443"]}

    def test_the_server_has_no_workers_and_workers_have_no_database(self, services: dict[str, Any]) -> None:
        assert services["server"]["environment"]["EVALUATOR_WORKERS"] == "0"
        assert "state:/var/lib/evaluator" in services["server"]["volumes"]
        assert not any(mount.startswith("state:") for mount in services["worker"]["volumes"])

    def test_server_and_workers_share_queue_and_artifacts(self, services: dict[str, Any]) -> None:
        for name in ("server", "worker"):
            environment = services[name]["environment"]
            assert environment["REDIS_URL"] == "redis://evaluator:geheim@queue:6379/0"
            assert f"artifacts:{environment['EVALUATOR_ARTIFACTS']}" in services[name]["volumes"]

    @pytest.mark.parametrize("missing", ["DOMAIN", "QUEUE_PASSWORD"])
    def test_nothing_has_a_default_that_somebody_could_guess(self, missing: str) -> None:
        given = {"DOMAIN": "evaluator.example.org", "QUEUE_PASSWORD": "geheim"}
        with pytest.raises(MissingError, match=f"{missing}: .*as the first lines of docker-compose.yml show"):
            composed({name: value for name, value in given.items() if name != missing})

    def test_the_queue_has_one_user_with_the_rights_that_suffice(self, services: dict[str, Any]) -> None:
        configuration = services["queue"]["command"][-1]
        assert "user default off" in configuration
        assert f"user evaluator on >$QUEUE_PASSWORD {GRANT}\n" in configuration
        assert "geheim" not in configuration

    def test_the_queue_is_in_no_network_that_leads_outside(self, services: dict[str, Any]) -> None:
        whole = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
        assert services["queue"]["networks"] == ["queue"]
        assert whole["networks"]["queue"] == {"internal": True}
        assert not {*services["worker"]["networks"]} & {*services["caddy"]["networks"]}

    def test_the_server_believes_caddys_network_alone(self, services: dict[str, Any]) -> None:
        whole = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
        subnet = GIVEN.sub(lambda match: match[3], whole["networks"]["front"]["ipam"]["config"][0]["subnet"])
        assert services["server"]["environment"]["FORWARDED_ALLOW_IPS"] == subnet
        assert ip_network(subnet).is_private

    def test_the_server_says_which_names_it_has(self, services: dict[str, Any]) -> None:
        environment = services["server"]["environment"]
        assert services["caddy"]["environment"]["DOMAIN"] == "evaluator.example.org"
        settings = Settings(
            host=environment["EVALUATOR_HOST"],
            allowed_hosts=json.loads(environment["EVALUATOR_ALLOWED_HOSTS"]),
            auth=environment["EVALUATOR_AUTH"],
        )
        assert settings.allowed_hosts == ("evaluator.example.org",)
        assert "*" not in settings.trusted_hosts

    def test_what_the_image_copies_is_there(self) -> None:
        text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
        sources = [
            source
            for line in re.findall(r"^COPY (.+)$", text, flags=re.MULTILINE)
            for source in line.split()[:-1]
        ]
        assert len(sources) > 5
        assert [source for source in sources if not (REPOSITORY / source).exists()] == []
