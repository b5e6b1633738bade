"""The chart, rendered and checked by Helm's own engine: what it says of one server, of secrets, and of wrong values."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from evaluator.settings import Settings

CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "retrieval-evaluator"
VALUES: dict[str, Any] = {
    "domain": "evaluator.example.org",
    "existingSecret": {"name": "evaluator-queue"},
    "ingress": {"tlsSecret": "evaluator-tls"},
}
"""The least that must be said."""
HELM = """
import json, sys
from helm_python import Chart, HelmError, lint
folder, values = sys.argv[1], json.loads(sys.argv[2])
try:
    with Chart.load(folder) as chart:
        rendered = chart.render(values, name="team", namespace="search")
    print(json.dumps({"rendered": rendered, "lint": lint(folder, values, strict=True), "error": None}))
except HelmError as error:
    print(json.dumps({"rendered": {}, "lint": {}, "error": str(error)}))
"""
"""In a process of its own: the engine is Go, whose threads these tests' forks would not have."""

pytestmark = pytest.mark.skipif(
    find_spec("helm_python") is None,
    reason="Helm's engine is not here (make test installs it; elsewhere: pip install helm-python-sdk)",
)


class Rendered(NamedTuple):
    """What a chart is rendered to; `error` says why it is not."""

    manifests: list[dict[str, Any]]
    notes: str
    lint: dict[str, Any]
    error: str | None

    def one(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = [
            each for each in self.manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)
        ]
        return found

    def pods(self) -> dict[str, dict[str, Any]]:
        """The specifications of pods, by whose they are."""
        return {
            each["metadata"]["name"]: each["spec"]["template"]["spec"]
            for each in self.manifests
            if "template" in each.get("spec", {})
        }


def render(values: dict[str, Any]) -> Rendered:
    command = [sys.executable, "-c", HELM, str(CHART), json.dumps(values)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    files: dict[str, str] = told["rendered"]
    manifests = [
        manifest
        for path, text in sorted(files.items())
        if path.endswith(".yaml")
        for manifest in yaml.safe_load_all(text)
        if manifest
    ]
    notes = next((text for path, text in files.items() if path.endswith("NOTES.txt")), "")
    return Rendered(manifests, notes, told["lint"], told["error"])


def with_values(**more: Any) -> dict[str, Any]:
    """The least, and more: a dotted name leads into a value's parts."""
    values = copy.deepcopy(VALUES)
    for name, value in more.items():
        *parents, last = name.split("__")
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return values


@pytest.fixture(scope="module")
def usual() -> Rendered:
    return render(VALUES)


@pytest.fixture(scope="module")
def scaled() -> Rendered:
    return render(
        with_values(
            keda={"enabled": True, "tokenSecret": {"name": "evaluator-metrics"}},
            networkPolicy={"monitoringNamespaces": ["keda"]},
            environmentSecrets=["evaluator-endpoints"],
            environment={"EVALUATOR_LOG_LEVEL": "DEBUG"},
            artifacts={"url": "s3://bucket/evaluator"},
        )
    )


def environment(pod: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in pod["containers"][0]["env"]}


def test_helm_finds_nothing_wrong(usual: Rendered, scaled: Rendered) -> None:
    for rendered in (usual, scaled):
        assert rendered.error is None
        assert rendered.lint["errors"] == []
        assert [m for m in rendered.lint["messages"] if m["severity"] > 1] == []
        assert all(
            each["apiVersion"] and each["metadata"]["name"].startswith("team-evaluator")
            for each in rendered.manifests
        )
    assert "https://evaluator.example.org" in usual.notes
    assert "statefulset/team-evaluator-server -- evaluator account add-admin NAME" in usual.notes


def test_there_is_one_server_whatever_the_values_are(usual: Rendered, scaled: Rendered) -> None:
    """Nothing scales it either."""
    for rendered in (usual, scaled):
        servers = [each for each in rendered.manifests if each["kind"] == "StatefulSet"]
        assert [server["spec"]["replicas"] for server in servers] == [1]
        targets = {
            each["spec"]["scaleTargetRef"]["name"]
            for each in rendered.manifests
            if each["kind"] == "ScaledObject"
        }
        assert "team-evaluator-server" not in targets
    assert render(with_values(server__replicas=2)).error is not None


def test_the_server_is_one_that_settings_take(usual: Rendered) -> None:
    given = environment(usual.pods()["team-evaluator-server"])
    assert given["EVALUATOR_WORKERS"] == "0"
    names = json.loads(given["EVALUATOR_ALLOWED_HOSTS"])
    settings = Settings(host=given["EVALUATOR_HOST"], allowed_hosts=names, auth=given["EVALUATOR_AUTH"])
    assert settings.trusted_hosts[0] == "evaluator.example.org"
    probes = usual.pods()["team-evaluator-server"]["containers"][0]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = probes[probe]["httpGet"]
        assert asked["path"] == "/api/health/live"
        assert asked["httpHeaders"] == [{"name": "Host", "value": "localhost"}]


@pytest.mark.parametrize("queue", ["encode", "evaluate"])
def test_each_queue_has_workers_of_its_own(usual: Rendered, queue: str) -> None:
    pod = usual.pods()[f"team-evaluator-{queue}"]
    assert pod["containers"][0]["args"] == ["worker", "--count", "1"]
    given = environment(pod)
    limits = {
        name.removeprefix("EVALUATOR_").lower(): int(given[name])
        for name in ("EVALUATOR_ENCODE_WORKERS", "EVALUATOR_EVALUATE_WORKERS")
        if name in given
    }
    assert Settings(**limits).queues_of(1) == (queue,)  # type: ignore[arg-type]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts["artifacts"] == given["EVALUATOR_ARTIFACTS"]
    assert {"name": "state", "emptyDir": {}} in pod["volumes"]  # not the database


def test_secrets_are_named_and_nowhere_written(usual: Rendered, scaled: Rendered) -> None:
    for rendered in (usual, scaled):
        assert not any(each["kind"] == "Secret" for each in rendered.manifests)
        for pod in rendered.pods().values():
            assert environment(pod)["REDIS_URL"] == {
                "secretKeyRef": {"name": "evaluator-queue", "key": "url"}
            }
    assert all(
        pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "evaluator-endpoints"}}]
        for pod in scaled.pods().values()
    )
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    assert not re.search(r"(?i)(password|token|secret)\w*: *[\"']?\w{4,}", values)


def test_pods_may_little(usual: Rendered) -> None:
    for pod in usual.pods().values():
        assert pod["automountServiceAccountToken"] is False
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
        container = pod["containers"][0]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} <= {*container["resources"]}
        written = {mount["mountPath"] for mount in container["volumeMounts"]}
        given = environment(pod)
        assert {given["EVALUATOR_HOME"], given["HOME"]} <= written


def test_only_the_ingress_reaches_the_server_and_nobody_workers(usual: Rendered, scaled: Rendered) -> None:
    every, server = (usual.one("NetworkPolicy", f"team-evaluator{name}") for name in ("", "-server"))
    assert every["spec"]["ingress"] == []
    assert every["spec"]["policyTypes"] == ["Ingress", "Egress"]
    (rule,) = server["spec"]["ingress"]
    names = [
        source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for source in rule["from"]
    ]
    assert names == ["ingress-nginx"]
    (rule,) = scaled.one("NetworkPolicy", "team-evaluator-server")["spec"]["ingress"]
    assert len(rule["from"]) == 2


def test_workers_are_scaled_by_a_metric_that_there_is(scaled: Rendered) -> None:
    documented = (CHART.parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    for queue in ("encode", "evaluate"):
        trigger = scaled.one("ScaledObject", f"team-evaluator-{queue}")["spec"]["triggers"][0]
        metric, label = re.fullmatch(r'(\w+)\{queue="(\w+)"\}', trigger["metadata"]["valueLocation"]).groups()  # type: ignore[union-attr]
        assert label == queue
        assert f"| `{metric}` Q | `queue` |" in documented
        assert "replicas" not in scaled.one("Deployment", f"team-evaluator-{queue}")["spec"]
        assert trigger["metadata"]["url"] == "http://team-evaluator.search.svc/api/metrics"
    hosts = json.loads(environment(scaled.pods()["team-evaluator-server"])["EVALUATOR_ALLOWED_HOSTS"])
    assert "team-evaluator.search.svc" in hosts


def test_the_version_is_the_programs() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = (CHART.parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{chart["appVersion"]}"\n' in project


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "/existingSecret/name"),
    "no name to type": ({**VALUES, "domain": ""}, "/domain"),
    "an address for a name": ({**VALUES, "domain": "https://evaluator.example.org"}, "/domain"),
    "no certificate": ({**VALUES, "ingress": {"enabled": True}}, "/ingress/tlsSecret"),
    "a password as a value": (with_values(existingSecret__password="geheim"), "/existingSecret"),
    "the queue's URL as a value": (
        with_values(environment={"REDIS_URL": "redis://:geheim@queue"}),
        "REDIS_URL",
    ),
    "a store's URL with a password": (
        with_values(artifacts={"url": "s3://key:geheim@bucket"}),
        "/artifacts/url",
    ),
    "nobody has to sign in": (with_values(server={"auth": "none"}), "/server/auth"),
    "two servers": (with_values(server={"replicas": 2}), "/server"),
    "half a worker": (with_values(workers__encode__replicas=0.5), "/workers/encode/replicas"),
    "another queue": (with_values(workers__plan={"replicas": 1}), "/workers"),
    "a size without a unit": (with_values(server__state__size="10"), "/server/state/size"),
    "KEDA without a token": (with_values(keda={"enabled": True}), "/keda/tokenSecret/name"),
    "a name that nothing has": (with_values(servr={}), "servr"),
}


@pytest.mark.parametrize("why", sorted(WRONG))
def test_wrong_values_are_refused_by_name(why: str) -> None:
    values, where = WRONG[why]
    refused = render(values)
    assert refused.manifests == []
    assert where in (refused.error or "")
