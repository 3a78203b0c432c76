"""Brings the folder `up` to a folder of the gateway and back with asyncssh, and breaks a transfer off each way.

    asyncssh_client.py PORT KNOWN_HOSTS LOGIN PASSWORD FOLDER full|add|blind
"""

import asyncio
import os
import sys

import asyncssh

PORT, KNOWN_HOSTS, LOGIN, PASSWORD, FOLDER, RIGHTS = sys.argv[1:]
BROKEN_OFF = 120_000


def at(name):
    return f"{FOLDER}/{name}"


def connect():
    return asyncssh.connect(
        "127.0.0.1",
        int(PORT),
        username=LOGIN,
        password=PASSWORD,
        known_hosts=KNOWN_HOSTS,
        client_keys=None,
        agent_path=None,
        config=None,
    )


async def refused(what):
    try:
        await what
    except asyncssh.SFTPError:
        return
    sys.exit(f"{what.__qualname__} was to be refused")


async def break_an_upload_off(content):
    async with connect() as ssh:
        sftp = await ssh.start_sftp_client()
        file = await sftp.open(at("resumed.bin"), "wb")
        await file.write(content[:BROKEN_OFF])
        assert (await file.stat()).size == BROKEN_OFF
        ssh.abort()


async def resume(sftp, content):
    for _ in range(100):
        try:
            if (await sftp.stat(at("resumed.bin"))).size == BROKEN_OFF:
                break
        except asyncssh.SFTPNoSuchFile:
            pass
        await asyncio.sleep(0.05)
    async with sftp.open(at("resumed.bin"), "ab") as file:
        await file.write(content[BROKEN_OFF:])
    assert (await sftp.stat(at("resumed.bin"))).size == len(content)


async def put(sftp):
    await sftp.put("up/whole.bin", at("whole.bin"), preserve=True)
    assert (await sftp.stat(at("whole.bin"))).mtime == os.stat("up/whole.bin").st_mtime
    await sftp.put(["up/tree", "up/names"], FOLDER, preserve=True, recurse=True)
    listed = sorted(set(await sftp.listdir(at("names"))) - {".", ".."})
    assert listed == ([] if RIGHTS == "blind" else sorted(os.listdir("up/names"))), listed


async def replace(sftp):
    if RIGHTS == "full":
        await sftp.put("first.txt", at("replaced.txt"))
        await sftp.put("up/replaced.txt", at("draft"))
        await refused(sftp.rename(at("draft"), at("replaced.txt")))
        await sftp.posix_rename(at("draft"), at("replaced.txt"))
    elif RIGHTS == "add":
        await sftp.put("up/replaced.txt", at("replaced.txt"))
        await refused(sftp.put("first.txt", at("replaced.txt")))
        await refused(sftp.posix_rename(at("replaced.txt"), at("whole.bin")))
        await refused(sftp.remove(at("whole.bin")))
    else:
        await sftp.put("up/replaced.txt", at("draft"))
        await sftp.posix_rename(at("draft"), at("replaced.txt"))


async def get(sftp):
    if RIGHTS == "blind":
        await refused(sftp.get(at("whole.bin"), "got"))
        await refused(sftp.remove(at("whole.bin")))
        return
    await sftp.get(FOLDER, "back", preserve=True, recurse=True)
    async with sftp.open(at("whole.bin"), "rb") as there:
        with open("continued.bin", "ab") as here:
            await there.seek(here.tell())
            here.write(await there.read())


async def main():
    with open("up/resumed.bin", "rb") as file:
        content = file.read()
    await break_an_upload_off(content)
    async with connect() as ssh, ssh.start_sftp_client() as sftp:
        await resume(sftp, content)
        await put(sftp)
        await replace(sftp)
        await get(sftp)


asyncio.run(main())
