"""Turns, and what the operating system says of a server: processor time and peak memory of its processes."""

import os
import resource
import statistics
import threading
import time
from glob import glob

TICKS = os.sysconf("SC_CLK_TCK")


def processes(pid):
    """A process and its living descendants."""
    found = [pid]
    for path in glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(path) as children:
                for child in children.read().split():
                    found += processes(int(child))
        except (FileNotFoundError, ProcessLookupError):
            pass  # ended meanwhile
    return found


def ticks(pid):
    """Clock ticks of a server's processes; utime, stime, and those of children that have ended (proc(5), stat)."""
    total = 0
    for each in processes(pid):
        try:
            with open(f"/proc/{each}/stat") as stat:
                total += sum(map(int, stat.read().rpartition(")")[2].split()[11:15]))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def peak_kib(pid):
    """The sum of the peak resident sizes of a server's processes. Pages that they share count in each."""
    total = 0
    for each in processes(pid):
        try:
            with open(f"/proc/{each}/status") as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def held_kib(pid):
    """Memory of a server's processes, with each page shared among those that share it (proc(5), smaps_rollup); where
    that may not be read, the sum of their resident sizes."""
    total = 0
    for each in processes(pid):
        try:
            with open(f"/proc/{each}/smaps_rollup") as rollup:
                total += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        except PermissionError:
            with open(f"/proc/{each}/status") as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def forget_peak(pid):
    """Starts the peak anew (proc(5), clear_refs). Deedbox's process is not dumpable, so only root may."""
    if os.geteuid() != 0:
        return
    for each in processes(pid):
        try:
            with open(f"/proc/{each}/clear_refs", "w") as refs:
                refs.write("5")
        except (FileNotFoundError, ProcessLookupError):
            pass


def machine_seconds():
    """Processor time that the whole machine has spent, and of it what this program and its clients have."""
    with open("/proc/stat") as stat:
        user, nice, system, _idle, _wait, irq, softirq, *_ = map(int, stat.readline().split()[1:])
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ours = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return (user + nice + system + irq + softirq) / TICKS, ours


def settle(server):
    """Lets nothing of one turn fall into the next: dirty pages are written, and the server has come to rest."""
    os.sync()
    deadline = time.monotonic() + 10
    before = None
    while before != (now := (ticks(server.process.pid), len(processes(server.process.pid)))):
        if time.monotonic() > deadline:
            return
        before = now
        time.sleep(0.15)


def turn(work, server):
    """One run of the client: what it cost (its wall time, where the work does not say what counts), the server's processor time, the server's peak memory, and the share
    of the processors that somebody else had meanwhile, the kernel's own threads among them."""
    pid = server.process.pid
    settle(server)
    forget_peak(pid)
    peaks, over = [], threading.Event()

    def watch():
        while not over.wait(0.05):
            peaks.append(peak_kib(pid))

    watcher = threading.Thread(target=watch)
    before, (all_before, ours_before) = ticks(pid), machine_seconds()
    watcher.start()
    began = time.perf_counter()
    try:
        cost = work.run(server)
        seconds = time.perf_counter() - began
        during, (all_after, ours_after) = ticks(pid) - before, machine_seconds()
    finally:
        peaks.append(peak_kib(pid))
        over.set()
        watcher.join()
    settle(server)
    cpu = (ticks(pid) - before) / TICKS
    work.clean(server)
    others = max(0, (all_after - all_before) - (ours_after - ours_before) - during / TICKS) / seconds / os.cpu_count()
    cost = seconds if cost is None else cost
    return {"cost": cost, "cpu_seconds": cpu, "peak_kib": max(peaks), "others": others}


def compare(work, deedbox, peer, pairs):
    """A warm-up of both whose results are checked, then turns in pairs: Deedbox, peer, Deedbox, peer."""
    if work.fresh:
        for server in (deedbox, peer):
            server.restart()
        pairs = 1
    else:
        for server in (deedbox, peer):
            work.run(server)
            work.check(server)
            work.clean(server)
    return [{"deedbox": turn(work, deedbox), "peer": turn(work, peer)} for _ in range(pairs)]


def spread(values):
    """Median, least and greatest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(work, pairs):
    """A row in numbers; ratios above 1 say that Deedbox is faster, CPU ratios below 1 that it works less."""
    row = {"work": work.name, "title": work.title, "pairs": pairs}
    for side in ("deedbox", "peer"):
        turns = [pair[side] for pair in pairs]
        row[side] = {
            "cost": spread([turn["cost"] for turn in turns]),
            "cpu": spread([turn["cpu_seconds"] / work.cpu_units for turn in turns]),
            "peak_mib": max(turn["peak_kib"] for turn in turns) / 1024,
        }
    row["cpu_unit"] = work.cpu_unit
    theirs, ours = (row[side]["cpu"]["median"] for side in ("peer", "deedbox"))
    row["cpu_ratio"] = ours / theirs if theirs else None
    row["ratio"] = spread([pair["peer"]["cost"] / pair["deedbox"]["cost"] for pair in pairs])
    row["speed"] = {side: work.speed(row[side]["cost"]["median"]) for side in ("deedbox", "peer")}
    return row
