"""The clients: OpenSSH's sftp and curl, the same for every server, with the same ciphers."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

CIPHER_SSH = "aes128-gcm@openssh.com"
CIPHER_TLS = "TLS_AES_128_GCM_SHA256"
PROPFIND = '<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>'


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


def all_at_once(act, things):
    with ThreadPoolExecutor(len(things)) as pool:
        list(pool.map(act, things))
