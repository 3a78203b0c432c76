"""The works that are timed. Clients read from and write to memory, so that only the server's disk counts."""

import filecmp
import os
import re
import shutil

import clients

MIB = 1 << 20
SIZES = {  # MiB of the large document, small documents, documents in a listing, pairs
    "full": (1024, 2000, 10_000, 5),
    "quick": (256, 500, 2_000, 3),
    "smoke": (4, 20, 20, 1),
}
LISTINGS = 10


class Differs(Exception):
    """What came back is not what was stored."""


class Work:
    """One work. `prepare` and `clean` are not timed; `check` looks at the result of the warm-up."""

    def __init__(self, area, sizes):
        self.area = area
        self.mib, self.small, self.listing, _ = SIZES[sizes]

    def prepare(self, server):
        pass

    def clean(self, server):
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
        self.title = f"{self.name} {self.mib} MiB"
        self.per_cpu_unit = self.mib / 1024
        self.file = area / "large"
        self.back = area / "back"
        if not self.file.exists():
            with open(self.file, "wb") as file:
                for _ in range(self.mib):
                    file.write(os.urandom(MIB))

    def speed(self, seconds):
        return f"{self.mib / seconds:.0f} MiB/s"


class Small(Work):
    cpu_unit = "ms each"

    def __init__(self, area, sizes):
        super().__init__(area, sizes)
        self.title = f"{self.name} {self.small:,} × 4 KiB"
        self.per_cpu_unit = self.small / 1000
        self.folder = self.numbered("small", self.small, 4096)
        self.back = area / "back"

    def speed(self, seconds):
        return f"{self.small / seconds:,.0f}/s"

    def fetch(self, server):
        self.back.mkdir()
        clients.sftp(server, f'get -r "{server.base}small" {self.back}')


class SftpGet(Large):
    name, peers = "sftp-get", ["OpenSSH"]

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
    name, peers = "sftp-put", ["OpenSSH"]
    check, clean = SftpGet.check, SftpGet.finish

    def run(self, server):
        clients.sftp(server, f'put {self.file} "{server.base}"')

    def finish(self, server):
        pass


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

    def finish(self, server):
        pass


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
    name, peers = "dav-get", ["nginx", "Apache"]
    prepare, finish = SftpGet.prepare, SftpGet.finish

    def run(self, server):
        clients.curl(server, "-o", "/dev/null", f"{server.url}large")

    def check(self, server):
        clients.curl(server, "-o", self.back, f"{server.url}large")
        self.same(self.back, self.file)


class DavPut(Large):
    name, peers = "dav-put", ["Apache"]
    check, clean, finish = DavGet.check, SftpGet.finish, SftpPut.finish

    def run(self, server):
        clients.curl(server, "-o", "/dev/null", "-T", self.file, server.url)


class Propfind(Work):
    name, peers = "propfind", ["Apache"]
    cpu_unit = "ms each"
    per_cpu_unit = LISTINGS / 1000

    def __init__(self, area, sizes):
        super().__init__(area, sizes)
        self.title = f"{self.name} {self.listing:,} documents"
        self.folder = self.numbered("listing", self.listing, 1)
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
        if told != self.listing + 1:
            raise Differs(f"propfind: {server.name} listed {told} of {self.listing} documents and their folder")

    def finish(self, server):
        server.remove("listing")

    def speed(self, seconds):
        return f"{seconds / LISTINGS * 1000:.1f} ms"


WORKS = [SftpGet, SftpPut, SftpSmallGet, SftpSmallPut, DavGet, DavPut, Propfind]
