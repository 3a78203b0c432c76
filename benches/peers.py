"""The servers that are compared: Deedbox as its demo, and the peers from Debian with configurations of their own."""

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import clients

HERE = Path(__file__).resolve().parent
# Debian package: file that shows it is there. apache2-bin is Apache without its service.
PACKAGES = {
    "openssh-server": "/usr/sbin/sshd",
    "openssh-client": "/usr/bin/sftp",
    "nginx": "/usr/sbin/nginx",
    "apache2-bin": "/usr/lib/apache2/modules/mod_dav_fs.so",
    "rclone": "/usr/bin/rclone",
    "curl": "/usr/bin/curl",
    "nghttp2-client": "/usr/bin/h2load",
}
SERVICES = {"openssh-server": "ssh", "nginx": "nginx"}


class Failed(Exception):
    """Something did not work; the message says what, for a person."""


def install(packages=PACKAGES):
    """Installs what is missing. Services that come with it are neither started nor left enabled."""
    missing = [name for name, shows in packages.items() if not os.path.exists(shows)]
    if not missing:
        return
    sudo = [] if os.geteuid() == 0 else [shutil.which("sudo")]
    if sudo == [None] or not shutil.which("apt-get"):
        raise Failed(f"these Debian packages are needed: {' '.join(missing)} (run as root, or install them yourself)")
    print(f"benches: installing {' '.join(missing)}", flush=True)
    # A policy-rc.d that exits 101 keeps apt from starting services; one that exists is the owner's and stays.
    script = f"""set -e
        if [ ! -e /usr/sbin/policy-rc.d ]; then
            trap 'rm -f /usr/sbin/policy-rc.d' EXIT
            printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
        fi
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends {' '.join(missing)}
        for service in {' '.join(SERVICES[name] for name in missing if name in SERVICES)}; do
            if command -v systemctl > /dev/null; then systemctl disable --quiet $service; fi
        done"""
    if subprocess.run([*sudo, "sh", "-c", script], stdout=subprocess.DEVNULL).returncode != 0:
        raise Failed("the packages could not be installed")


def version(package):
    """The upstream version of an installed package."""
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True).stdout
    return shown.split(":")[-1].split("-")[0].split("+")[0]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A server process that was started here, with what its clients need to know."""

    def start(self, dir, command):
        self.log, self.command = dir / "log", command
        self.restart()

    def restart(self):
        """Starts the server, or stops it and starts it anew, with the memory of a fresh one."""
        if hasattr(self, "process"):
            self.stop()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        self.ready()

    def told(self):
        """The end of what the server wrote to its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Deedbox(Server):
    """`deedbox demo` as it comes: encryption, permissions, record, and syncing before it acknowledges."""

    name = "Deedbox"
    title = "Deedbox"
    base = "/2026-0001 Purchase of 12 High Street/Documents/Shared room/"

    def __init__(self, dir, binary):
        dir.mkdir()
        any_port = "127.0.0.1:0"
        self.data = dir / "data"
        self.start(dir, [binary, "demo", "--json", "--sftp", any_port, "--https", any_port, "--data", self.data])

    def ready(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"`deedbox demo` did not start:\n{self.told()}")
        demo = json.loads(line)
        account = next(a for a in demo["accounts"] if a["role"] == "client")
        self.ssh_port = int(demo["sftp"].rpartition(":")[2])
        self.user, self.password, self.key = account["login"], account["password"], account["private_key_file"]
        other = next(a for a in demo["accounts"] if a["role"] == "client" and a["login"] != self.user)
        self.other = {"user": other["login"], "password": other["password"], "key": other["private_key_file"]}
        self.known_hosts, self.ca = demo["known_hosts_file"], demo["ca_file"]
        self.url = demo["webdav_url"].rstrip("/") + quote(self.base)

    def load(self, source):
        """Stores a file or a folder of numbered files before the measurement, with several clients at once."""
        if source.is_file():
            clients.sftp(self, f'put {source} "{self.base}"')
            return
        clients.sftp(self, f'mkdir "{self.base}{source.name}"')
        ends = [f'put {source}/*{end} "{self.base}{source.name}/"' for end in range(10)]
        clients.all_at_once(lambda end: clients.sftp(self, end), ends)

    def remove(self, name):
        clients.curl(self, "-X", "DELETE", self.url + name)


class Peer(Server):
    """Serves the plain directory `root`, which the peers share; over HTTP as www-data where root runs this."""

    # False where no target depends on the peer: it is measured on one medium, and not when it shall be quick.
    judged = True

    def __init__(self, dir, root, deedbox):
        dir.mkdir()
        dir.chmod(0o755)
        self.title = f"{self.name} {version(self.package)}"
        self.root, self.port, self.user = root, free_port(), deedbox.user
        self.prepare(dir, deedbox)
        self.start(dir, self.program(dir, deedbox))

    def program(self, dir, deedbox):
        """The command line, after its configuration was written."""
        values = {"PORT": self.port, "DIR": dir, "ROOT": self.root, "USER": "", "MODULES": "/usr/lib/apache2/modules"}
        values["CERTS"] = deedbox.data / "certs"
        if os.geteuid() == 0:
            values["USER"] = self.unprivileged
        text = (HERE / self.config).read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        config = dir / self.config
        config.write_text(text)
        return [part.format(config=config) for part in self.call]

    def ready(self):
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.1)
            if self.process.poll() is not None:
                break
        self.stop()
        raise Failed(f"{self.name} did not start:\n{self.told()}")

    def load(self, source):
        target = self.root / source.name
        if target.exists():
            return
        if source.is_file():
            shutil.copyfile(source, target)
        else:
            shutil.copytree(source, target)

    def remove(self, name):
        target = self.root / name
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


class SshPeer(Peer):
    def prepare(self, dir, deedbox):
        """The key with which Deedbox's client logs in, and a host key."""
        self.ssh_port, self.key = self.port, deedbox.key
        self.known_hosts = dir / "known_hosts"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir / "host_key"], check=True)
        public = subprocess.run(["ssh-keygen", "-y", "-f", self.key], check=True, capture_output=True).stdout
        (dir / "authorized_keys").write_bytes(public)
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {(dir / 'host_key.pub').read_text()}")


class OpenSsh(SshPeer):
    name, package, config = "OpenSSH", "openssh-server", "sshd_config"
    call = ["/usr/sbin/sshd", "-D", "-e", "-f", "{config}"]
    unprivileged = ""

    def prepare(self, dir, deedbox):
        super().prepare(dir, deedbox)
        self.base, self.user = f"{self.root}/", os.environ.get("USER") or os.popen("id -un").read().strip()
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd of root insists on it


class HttpPeer(Peer):
    def prepare(self, dir, deedbox):
        """Deedbox's user, password and certificate; the password's hash is the cheapest that the peer knows."""
        self.password, self.ca = deedbox.password, deedbox.ca
        self.url = f"https://127.0.0.1:{self.port}/"
        digest = base64.b64encode(hashlib.sha1(self.password.encode()).digest()).decode()
        (dir / "passwords").write_text(f"{self.user}:{{SHA}}{digest}\n")
        locks = dir / "locks"
        locks.mkdir()
        if os.geteuid() == 0:
            shutil.chown(locks, "www-data")
            shutil.chown(self.root, "www-data")


class Nginx(HttpPeer):
    name, package, config = "nginx", "nginx", "nginx.conf"
    call = ["/usr/sbin/nginx", "-e", "stderr", "-c", "{config}"]
    unprivileged = "user www-data;"


class Apache(HttpPeer):
    name, package, config = "Apache", "apache2-bin", "apache.conf"
    call = ["/usr/sbin/apache2", "-D", "FOREGROUND", "-f", "{config}"]
    unprivileged = "User www-data\nGroup www-data"


class RcloneSftp(SshPeer):
    name, package, base = "rclone serve sftp", "rclone", "/"
    judged = False

    def program(self, dir, deedbox):
        where = ["--addr", f"127.0.0.1:{self.port}", "--user", self.user]
        keys = ["--key", dir / "host_key", "--authorized-keys", dir / "authorized_keys"]
        return ["/usr/bin/rclone", "--config", "/dev/null", "serve", "sftp", *where, *keys, self.root]


class RcloneDav(HttpPeer):
    name, package = "rclone serve webdav", "rclone"
    judged = False

    def program(self, dir, deedbox):
        certs = deedbox.data / "certs"
        tls = ["--cert", certs / "server.pem", "--key", certs / "server.key"]
        where = ["--addr", f"127.0.0.1:{self.port}", "--htpasswd", dir / "passwords"]
        return ["/usr/bin/rclone", "--config", "/dev/null", "serve", "webdav", *where, *tls, self.root]


PEERS = [OpenSsh, RcloneSftp, Nginx, Apache, RcloneDav]
