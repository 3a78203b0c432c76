"""Brings the folder `up` to a folder of the gateway and back with paramiko, and breaks a transfer off each way.

    paramiko_client.py PORT KNOWN_HOSTS LOGIN PASSWORD FOLDER full|add|blind
"""

import os
import stat
import sys
import time

import paramiko

PORT, KNOWN_HOSTS, LOGIN, PASSWORD, FOLDER, RIGHTS = sys.argv[1:]
BROKEN_OFF = 120_000


def at(name):
    return f"{FOLDER}/{name}"


def connect():
    ssh = paramiko.SSHClient()
    ssh.load_host_keys(KNOWN_HOSTS)
    ssh.connect("127.0.0.1", int(PORT), LOGIN, PASSWORD, allow_agent=False, look_for_keys=False)
    return ssh, ssh.open_sftp()


def refused(what, *arguments):
    try:
        what(*arguments)
    except OSError:
        return
    sys.exit(f"{what.__name__} of {arguments} was to be refused")


def put_all(local, remote):
    sftp.mkdir(remote)
    for name in os.listdir(local):
        if os.path.isdir(f"{local}/{name}"):
            put_all(f"{local}/{name}", f"{remote}/{name}")
        else:
            sftp.put(f"{local}/{name}", f"{remote}/{name}")


def get_all(remote, local):
    os.mkdir(local)
    for entry in sftp.listdir_attr(remote):
        if stat.S_ISDIR(entry.st_mode):
            get_all(f"{remote}/{entry.filename}", f"{local}/{entry.filename}")
        else:
            sftp.get(f"{remote}/{entry.filename}", f"{local}/{entry.filename}")


with open("up/resumed.bin", "rb") as file:
    content = file.read()
ssh, sftp = connect()
broken = sftp.open(at("resumed.bin"), "wb")
broken.write(content[:BROKEN_OFF])
broken.flush()
assert broken.stat().st_size == BROKEN_OFF
ssh.close()

ssh, sftp = connect()
for _ in range(100):
    try:
        if sftp.stat(at("resumed.bin")).st_size == BROKEN_OFF:
            break
    except FileNotFoundError:
        pass
    time.sleep(0.05)
with sftp.open(at("resumed.bin"), "ab") as file:
    assert file.tell() == BROKEN_OFF
    file.write(content[BROKEN_OFF:])
assert sftp.stat(at("resumed.bin")).st_size == len(content)

sftp.put("up/whole.bin", at("whole.bin"))
then = os.stat("up/whole.bin").st_mtime
sftp.utime(at("whole.bin"), (then, then))
assert sftp.stat(at("whole.bin")).st_mtime == then
put_all("up/tree", at("tree"))
put_all("up/names", at("names"))
listed = sorted(sftp.listdir(at("names")))
assert listed == ([] if RIGHTS == "blind" else sorted(os.listdir("up/names"))), listed

if RIGHTS == "full":
    sftp.put("first.txt", at("replaced.txt"))
    sftp.put("up/replaced.txt", at("draft"))
    refused(sftp.rename, at("draft"), at("replaced.txt"))
    sftp.posix_rename(at("draft"), at("replaced.txt"))
elif RIGHTS == "add":
    sftp.put("up/replaced.txt", at("replaced.txt"))
    refused(sftp.put, "first.txt", at("replaced.txt"))
    refused(sftp.posix_rename, at("replaced.txt"), at("whole.bin"))
    refused(sftp.remove, at("whole.bin"))
else:
    sftp.put("up/replaced.txt", at("draft"))
    sftp.posix_rename(at("draft"), at("replaced.txt"))

if RIGHTS == "blind":
    refused(sftp.get, at("whole.bin"), "got")
    refused(sftp.remove, at("whole.bin"))
else:
    get_all(FOLDER, "back")
    with sftp.open(at("whole.bin"), "rb") as there, open("continued.bin", "ab") as here:
        there.seek(here.tell())
        here.write(there.read())
ssh.close()
