"""Debian's Apache with mod_auth_openidc, unpacked into a folder: nothing of the machine is changed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PACKAGES = (
    *("apache2-bin", "libapache2-mod-auth-openidc", "libapr1", "libaprutil1", "libcjose0"),
    *("libhiredis0.14", "libjansson4"),
)
TIMEOUT = 120
"""Seconds."""
MODULES = (
    "mpm_event",
    "authn_core",
    "authz_core",
    "authz_user",
    "headers",
    "proxy",
    "proxy_http",
    "proxy_wstunnel",
)

CONFIGURATION = """
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex posixsem
ErrorLog {folder}/error.log
User {user}
{modules}
LoadModule auth_openidc_module {root}/usr/lib/apache2/modules/mod_auth_openidc.so
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID evaluator
OIDCClientSecret secret
OIDCCryptoPassphrase {passphrase}
OIDCRedirectURI /evaluator/back
OIDCScope "openid profile email"
OIDCRemoteUserClaim preferred_username
"""


def unpacked(folder: Path) -> str | None:
    """Unpack the packages into a folder, if they are not there yet; returns why that is not possible."""
    if (folder / "usr" / "sbin" / "apache2").exists():
        return None
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return "there is no apt-get, with which Apache is downloaded"
    done = subprocess.run(
        ["apt-get", "download", *PACKAGES], cwd=folder, check=False, timeout=TIMEOUT, capture_output=True
    )
    if done.returncode:
        return "Debian's packages of Apache cannot be downloaded"
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, folder], check=True, timeout=TIMEOUT)
    return None


@contextmanager
def apache(root: Path, folder: Path, port: int, issuer: str, more: str) -> Iterator[None]:
    """Apache at a port of loopback, while it runs.

    Args:
        root: where it is unpacked.
        folder: for its own files.
        issuer: of the provider at which it signs people in.
        more: what its configuration has beside that.
    """
    loaded = "\n".join(
        f"LoadModule {name}_module {root}/usr/lib/apache2/modules/mod_{name}.so" for name in MODULES
    )
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    configuration = folder / "apache.conf"
    configuration.write_text(
        CONFIGURATION.format(
            port=port, folder=folder, user=user, modules=loaded, root=root, issuer=issuer, passphrase="x" * 32
        )
        + more
    )
    command = [str(root / "usr" / "sbin" / "apache2"), "-f", str(configuration), "-D", "FOREGROUND"]
    libraries = next(root.glob("usr/lib/*-linux-gnu"))
    process = subprocess.Popen(command, env={**os.environ, "LD_LIBRARY_PATH": str(libraries)})
    try:
        deadline = time.monotonic() + TIMEOUT
        while True:
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < deadline, "Apache does not answer"
            try:
                httpx.get(f"http://127.0.0.1:{port}/")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=TIMEOUT)
