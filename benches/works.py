"""The works that are timed. Clients read from and write to memory, so that only the server's disk counts."""

import filecmp
import json
import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import clients
import measure

MIB = 1 << 20


@dataclass(frozen=True)
class Sizes:
    pairs: int
    mib: int  # of the large document
    small: int  # documents of 4 KiB
    listing: int  # documents in a listing
    requests: int  # over HTTP, of a small document each
    logins: int
    reads: int  # at random places
    sessions: int  # that idle; Deedbox takes at most 64 connections of one account
    memory_mib: int  # of the document that goes up and down for the peak of memory


SIZES = {
    "full": Sizes(5, 1024, 2000, 10_000, 50_000, 400, 10_000, 60, 5 * 1024),
    "quick": Sizes(3, 256, 500, 2_000, 10_000, 80, 3_000, 40, 512),
    "smoke": Sizes(1, 4, 20, 20, 320, 8, 100, 8, 4),
}
LISTINGS = 10
PARALLEL = 8


class Differs(Exception):
    """What came back is not what was stored."""


class Work:
    """One work. `run` gives what it cost, or nothing where that is the time that it took; `prepare` and `clean` are not
    timed; `check` looks at the result of the warm-up."""

    # True where the memory of a server that has done nothing else counts: both are started anew, for one pair.
    fresh = False
    # False where no document is written: the disk is no part of it, and one medium is enough.
    on_every_medium = True

    def __init__(self, area, sizes):
        self.area = area
        self.sizes = SIZES[sizes]

    def prepare(self, server):
        pass

    def check(self, server):
        pass

    def clean(self, server):
        pass

    def finish(self, server):
        pass

    def numbered(self, name, count, size):
        """A folder of numbered files, made once."""
        folder = self.area / name
        if not folder.exists():
            folder.mkdir()
            for number in range(count):
                (folder / f"document-{number:05}").write_bytes(os.urandom(size))
        return folder

    def same(self, got, made):
        """Compares what came back with what was stored, byte for byte, and removes it."""
        if made.is_file():
            equal = filecmp.cmp(got, made, shallow=False)
            got.unlink()
        else:
            names = sorted(os.listdir(made))
            found, *wrong = filecmp.cmpfiles(got, made, names, shallow=False)
            equal = len(found) == len(names) and not any(wrong) and sorted(os.listdir(got)) == names
            shutil.rmtree(got)
        if not equal:
            raise Differs(f"{self.name}: what came back is not what was stored")


class Large(Work):
    cpu_unit = "s/GiB"

    def __init__(self, area, sizes):
        super().__init__(area, sizes)
        self.title = f"{self.name} {self.sizes.mib} MiB"
        self.cpu_units = self.sizes.mib / 1024
        self.file = area / "large"
        self.back = area / "back"
        if not self.file.exists():
            with open(self.file, "wb") as file:
                for _ in range(self.sizes.mib):
                    file.write(os.urandom(MIB))

    def speed(self, seconds):
        return f"{self.sizes.mib / seconds:.0f} MiB/s"


class Small(Work):
    cpu_unit = "ms each"

    def __init__(self, area, sizes):
        super().__init__(area, sizes)
        self.title = f"{self.name} {self.sizes.small:,} × 4 KiB"
        self.cpu_units = self.sizes.small / 1000
        self.folder = self.numbered("small", self.sizes.small, 4096)
        self.back = area / "back"

    def speed(self, seconds):
        return f"{self.sizes.small / seconds:,.0f}/s"

    def fetch(self, server):
        self.back.mkdir()
        clients.sftp(server, f'get -r "{server.base}small" {self.back}')


class SftpGet(Large):
    name, peers = "sftp-get", ["OpenSSH", "rclone serve sftp"]

    def prepare(self, server):
        server.load(self.file)

    def run(self, server):
        clients.sftp(server, f'get "{server.base}large" /dev/null')

    def check(self, server):
        clients.sftp(server, f'get "{server.base}large" {self.back}')
        self.same(self.back, self.file)

    def finish(self, server):
        server.remove("large")


class SftpPut(Large):
    name, peers = "sftp-put", ["OpenSSH", "rclone serve sftp"]
    check, clean = SftpGet.check, SftpGet.finish

    def run(self, server):
        clients.sftp(server, f'put {self.file} "{server.base}"')


class SftpSmallPut(Small):
    name, peers = "sftp-small-put", ["OpenSSH"]

    def run(self, server):
        clients.sftp(server, f'put -r {self.folder} "{server.base}"')

    def check(self, server):
        self.fetch(server)
        self.same(self.back / "small", self.folder)
        self.back.rmdir()

    def clean(self, server):
        server.remove("small")


class SftpSmallGet(Small):
    name, peers = "sftp-small-get", ["OpenSSH"]
    run = Small.fetch

    def prepare(self, server):
        server.load(self.folder)

    def check(self, server):
        self.same(self.back / "small", self.folder)

    def clean(self, server):
        shutil.rmtree(self.back)

    def finish(self, server):
        server.remove("small")


class DavGet(Large):
    name, peers = "dav-get", ["nginx", "Apache", "rclone serve webdav"]
    prepare, finish = SftpGet.prepare, SftpGet.finish

    def run(self, server):
        clients.curl(server, "-o", "/dev/null", f"{server.url}large")

    def check(self, server):
        clients.curl(server, "-o", self.back, f"{server.url}large")
        self.same(self.back, self.file)


class DavPut(Large):
    name, peers = "dav-put", ["Apache", "rclone serve webdav"]
    check, clean = DavGet.check, SftpGet.finish

    def run(self, server):
        clients.curl(server, "-o", "/dev/null", "-T", self.file, server.url)


class Propfind(Work):
    name, peers = "propfind", ["Apache"]
    cpu_unit = "ms each"
    cpu_units = LISTINGS / 1000

    def __init__(self, area, sizes):
        super().__init__(area, sizes)
        self.title = f"{self.name} {self.sizes.listing:,} documents"
        self.folder = self.numbered("listing", self.sizes.listing, 1)
        self.answer = area / "answer"

    def prepare(self, server):
        server.load(self.folder)

    def ask(self, server, where):
        one = ["-o", where, f"{server.url}listing/"]
        how = ["-X", "PROPFIND", "-H", "Depth: 1", "-H", "Content-Type: application/xml", "--data", clients.PROPFIND]
        clients.curl(server, *how, *one * LISTINGS)

    def run(self, server):
        """Several listings over one connection: one alone would time the start of curl."""
        self.ask(server, "/dev/null")

    def check(self, server):
        self.ask(server, self.answer)
        told = len(re.findall(r"</\w+:response>", self.answer.read_text()))
        self.answer.unlink()
        if told != self.sizes.listing + 1:
            raise Differs(f"propfind: {server.name} listed {told} of {self.sizes.listing} documents and their folder")

    def finish(self, server):
        server.remove("listing")

    def speed(self, seconds):
        return f"{seconds / LISTINGS * 1000:.1f} ms"


class DavSmall(Work):
    """GETs of small documents, a hundred in turn, over 16 connections that stay; the login with every request."""

    name, peers = "dav-small", ["nginx", "Apache"]
    cpu_unit = "µs each"
    protocol = "--h1"
    on_every_medium = False  # reads come from the page cache

    def __init__(self, area, sizes):
        super().__init__(area, sizes)
        self.title = f"{self.name} 4 KiB, {self.sizes.requests:,} requests"
        self.cpu_units = self.sizes.requests / 1e6
        self.folder = self.numbered("hundred", 100, 4096)
        self.back = area / "back"

    def prepare(self, server):
        server.load(self.folder)
        self.urls(server).write_text("".join(f"{server.url}hundred/{name}\n" for name in os.listdir(self.folder)))

    def urls(self, server):
        return self.area / f"urls of {server.name}"

    def run(self, server):
        return clients.h2load(server, self.sizes.requests, self.protocol, "-i", self.urls(server))

    def check(self, server):
        name = os.listdir(self.folder)[0]
        clients.curl(server, "-o", self.back, f"{server.url}hundred/{name}")
        self.same(self.back, self.folder / name)

    def finish(self, server):
        server.remove("hundred")

    def speed(self, seconds):
        return f"{self.sizes.requests / seconds:,.0f}/s"


class DavSmallH2(DavSmall):
    """The same over HTTP/2, one request at a time on each connection."""

    name, peers = "dav-small-h2", ["nginx"]
    protocol = "--npn-list=h2"


class Logins(Work):
    """Logins with a key, eight at a time; each starts SFTP and leaves."""

    cpu_unit = "ms each"
    on_every_medium = False

    def __init__(self, area, sizes):
        super().__init__(area, sizes)
        self.title = f"{self.name} {self.sizes.logins:,}"
        self.cpu_units = self.sizes.logins / 1000

    def speed(self, seconds):
        return f"{self.sizes.logins / seconds:,.0f}/s"


class SftpLogins(Logins):
    """With OpenSSH's client: two programs are started for each, which costs both sides the same."""

    name, peers = "sftp-logins", ["OpenSSH"]

    def run(self, server):
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda _: clients.sftp(server, f'cd "{server.base}"'), range(self.sizes.logins)))


class SftpLoginsLight(Logins):
    """With the light client: what the server alone can do."""

    name, peers = "sftp-logins-light", ["OpenSSH"]

    def run(self, server):
        return clients.light_sftp(server, "logins", "--count", self.sizes.logins, "--parallel", PARALLEL)


class SftpRandom(Large):
    """Reads of 32 KiB at random places over one connection, each after the answer to the one before."""

    name, peers = "sftp-random", ["OpenSSH"]
    cpu_unit = "µs each"
    depth = 1
    on_every_medium = False  # reads come from the page cache
    prepare, finish = SftpGet.prepare, SftpGet.finish

    def __init__(self, area, sizes):
        super().__init__(area, sizes)
        self.title = f"{self.name} {self.sizes.reads:,} × 32 KiB in {self.sizes.mib} MiB"
        self.cpu_units = self.sizes.reads / 1e6

    def run(self, server):
        what = ["--path", f"{server.base}large", "--original", self.file]
        return clients.light_sftp(server, "random", *what, "--count", self.sizes.reads, "--depth", self.depth)

    def speed(self, seconds):
        return f"{seconds / self.sizes.reads * 1e6:.0f} µs"


class SftpRandomDeep(SftpRandom):
    """The same with 16 reads under way."""

    name = "sftp-random-deep"
    depth = 16


class SftpIdle(Work):
    """What one more session that does nothing costs in memory."""

    name, peers = "sftp-idle", ["OpenSSH"]
    fresh = True
    on_every_medium = False
    cpu_unit = "ms each"
    already = 4  # what a server sets up for its first sessions is no part of one more

    def __init__(self, area, sizes):
        super().__init__(area, sizes)
        self.title = f"{self.name} {self.sizes.sessions} sessions"
        self.cpu_units = self.sizes.sessions / 1000

    def hold(self, server, sessions):
        command = clients.light_command(server, "idle", "--sessions", sessions)
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if json.loads(holder.stdout.readline() or "{}").get("sessions") != sessions:
            raise clients.ClientFailed(f"{server.name} did not take {sessions} sessions")
        return holder

    def run(self, server):
        holders = [self.hold(server, self.already)]
        time.sleep(1)
        before = measure.held_kib(server.process.pid)
        holders.append(self.hold(server, self.sizes.sessions))
        time.sleep(1)
        grown = measure.held_kib(server.process.pid) - before
        for holder in holders:
            holder.communicate("")
        return grown / self.sizes.sessions

    def speed(self, kib):
        return f"{kib:,.0f} KiB each"


class Memory(Work):
    """One document up and down, for the peak of memory that it takes. It is all zeros: no server looks at content."""

    fresh = True
    cpu_unit = "s/GiB"
    on_every_medium = False

    def __init__(self, area, sizes):
        super().__init__(area, sizes)
        self.title = f"{self.name} {self.sizes.memory_mib:,} MiB up and down"
        self.cpu_units = 2 * self.sizes.memory_mib / 1024
        self.file = area / "zeros"
        with open(self.file, "wb") as file:
            file.truncate(self.sizes.memory_mib * MIB)

    def clean(self, server):
        server.remove("zeros")

    def speed(self, seconds):
        return f"{2 * self.sizes.memory_mib / seconds:.0f} MiB/s"


class SftpMemory(Memory):
    name, peers = "sftp-memory", ["OpenSSH"]

    def run(self, server):
        clients.sftp(server, f'put {self.file} "{server.base}"', f'get "{server.base}zeros" /dev/null')


class DavMemory(Memory):
    name, peers = "dav-memory", ["Apache"]

    def run(self, server):
        clients.curl(server, "-o", "/dev/null", "-T", self.file, server.url)
        clients.curl(server, "-o", "/dev/null", f"{server.url}zeros")


WORKS = [
    SftpGet,
    SftpPut,
    SftpSmallGet,
    SftpSmallPut,
    SftpLogins,
    SftpLoginsLight,
    SftpRandom,
    SftpRandomDeep,
    DavGet,
    DavPut,
    DavSmall,
    DavSmallH2,
    Propfind,
    SftpIdle,
    SftpMemory,
    DavMemory,
]
