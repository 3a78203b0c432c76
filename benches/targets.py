"""What a work should reach beside a peer, and whether it did."""

# (work, peer): the first gate and the goal. `ratio` is at least that; `cpu`, the ratio of processor times, `kib`, for
# each session, and `peak_mib`, Deedbox's peak memory, are at most that.
TARGETS = {
    ("sftp-get", "OpenSSH"): ({"ratio": 1.05}, {"ratio": 1.2, "cpu": 0.8}),
    ("sftp-put", "OpenSSH"): ({"ratio": 1.0}, {"ratio": 1.3, "cpu": 0.9}),
    ("sftp-small-get", "OpenSSH"): ({"ratio": 0.8}, {"ratio": 1.3}),
    ("sftp-small-put", "OpenSSH"): ({"ratio": 0.5}, {"ratio": 1.0}),
    ("sftp-logins", "OpenSSH"): ({"ratio": 1.5}, {"ratio": 2.5}),
    ("sftp-idle", "OpenSSH"): ({"kib": 150}, {"kib": 80}),
    ("sftp-random", "OpenSSH"): ({"ratio": 0.8}, {"ratio": 1.0}),
    ("dav-get", "nginx"): ({"ratio": 1.0}, {"ratio": 1.3}),
    ("dav-put", "Apache"): ({"ratio": 1.0}, {"ratio": 1.4}),
    ("dav-small", "nginx"): ({"ratio": 0.5}, {"ratio": 0.9}),
    ("dav-small-h2", "nginx"): ({"ratio": 0.5}, {"ratio": 1.1}),
    ("propfind", "Apache"): ({"ratio": 1.0}, {"ratio": 1.7}),
    ("sftp-memory", "OpenSSH"): ({"peak_mib": 200}, {"peak_mib": 64}),
    ("dav-memory", "Apache"): ({"peak_mib": 200}, {"peak_mib": 64}),
}
WORDS = {"ratio": "≥ {}", "cpu": "CPU ≤ {}", "kib": "≤ {} KiB", "peak_mib": "≤ {} MiB"}


def reached(row, limits):
    """True if the row keeps to every limit."""
    measured = {
        "ratio": row["ratio"]["median"],
        "cpu": row["cpu_ratio"],
        "kib": row["deedbox"]["cost"]["median"],
        "peak_mib": row["deedbox"]["peak_mib"],
    }
    held = [measured[of] >= limit if of == "ratio" else (measured[of] or 0) <= limit for of, limit in limits.items()]
    return all(held)


def judge(row, peer):
    """The gate and the goal of a row, in words and whether they are reached; None where there is none."""
    verdicts = []
    for limits in TARGETS.get((row["work"], peer), ({}, {})):
        words = ", ".join(WORDS[of].format(limit) for of, limit in limits.items())
        verdicts.append({"limits": words, "reached": reached(row, limits)} if limits else None)
    return verdicts
