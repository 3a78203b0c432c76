"""The clients: OpenSSH's sftp, curl, h2load and a light one for SFTP; the same for every server, with the same ciphers."""

import base64
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
CIPHER_SSH = "aes128-gcm@openssh.com"
CIPHER_TLS = "TLS_AES_128_GCM_SHA256"
PROPFIND = '<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>'

light = None  # where the light SFTP client is


class ClientFailed(Exception):
    """A client did not do what it was told."""


def run(command, **how):
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **how)
    if done.returncode != 0:
        raise ClientFailed(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-1000:]}")


def sftp(server, *commands):
    """One login and a batch of commands; the first that fails ends it."""
    options = {
        "BatchMode": "yes",
        "Ciphers": CIPHER_SSH,
        "KexAlgorithms": "curve25519-sha256",
        "HostKeyAlgorithms": "ssh-ed25519",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": server.known_hosts,
        "GlobalKnownHostsFile": "/dev/null",
        "IdentityFile": server.key,
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "User": server.user,
    }
    flags = [f"-o{name}={value}" for name, value in options.items()]
    batch = "".join(f"{command}\n" for command in commands)
    run(["sftp", "-q", "-b", "-", "-F", "none", "-P", str(server.ssh_port), *flags, "127.0.0.1"], input=batch)


def curl(server, *arguments):
    """One curl with these arguments. HTTP/1.1, since Debian's Apache speaks HTTP/2 only when told."""
    tls = ["--cacert", server.ca, "--tlsv1.3", "--tls13-ciphers", CIPHER_TLS]
    login = ["--basic", "--user", f"{server.user}:{server.password}"]
    run(["curl", "-q", "-sS", "--fail", "--noproxy", "*", "--http1.1", *tls, *login, *map(str, arguments)])


def h2load(server, requests, *arguments):
    """So many GETs over 16 connections that stay; gives the seconds that they took."""
    login = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
    command = ["h2load", "-t", "1", "-c", "16", "-n", str(requests), "-H", f"Authorization: Basic {login}", *arguments]
    # h2load has no option for the suites of TLS 1.3; OpenSSL's configuration has.
    environment = {**os.environ, "OPENSSL_CONF": str(HERE / "openssl.cnf")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    finished = re.search(r"finished in ([0-9.]+)(us|ms|s|m)\b", done.stdout)
    if done.returncode != 0 or not finished or f" {requests} succeeded, 0 failed" not in done.stdout:
        raise ClientFailed(f"h2load of {server.name}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    if f"Cipher: {CIPHER_TLS}" not in done.stdout:
        raise ClientFailed(f"h2load of {server.name} did not agree on {CIPHER_TLS}: {done.stdout}")
    return float(finished[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[finished[2]]


def light_command(server, *arguments):
    """The command line of the light SFTP client, which `compare` has built."""
    where = ["--server", f"127.0.0.1:{server.ssh_port}", "--user", server.user]
    trust = ["--key", server.key, "--known-hosts", server.known_hosts]
    return [light, *where, *trust, *map(str, arguments)]


def light_sftp(server, *arguments):
    """One run of the light SFTP client; gives the seconds that it measured."""
    done = subprocess.run(light_command(server, *arguments), capture_output=True, text=True)
    if done.returncode != 0:
        raise ClientFailed(f"the light SFTP client ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
    return json.loads(done.stdout)["seconds"]


def all_at_once(act, things):
    with ThreadPoolExecutor(len(things)) as pool:
        list(pool.map(act, things))
