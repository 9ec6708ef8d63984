"""The accounts of contract 7, recomputed from the numbers of one snapshot."""


def problems(stats):
    """What does not close, in words; an empty list when all does."""
    return [
        *_records(stats["records"]),
        *_targets(stats["targets"]),
        *_deliveries(stats),
        *_recorder(stats["recorder"]),
    ]


def _records(records):
    parts = ("accepted", "filtered", "rate_limited", "no_handler", "rejected")
    if records["received"] != sum(records[part] for part in parts):
        yield f"received is not the sum of {', '.join(parts)}: {records}"
    if records["rejected"] != sum(records["rejected_by"].values()):
        yield f"rejected is not the sum of its reasons: {records}"


def _targets(targets):
    for name, target in targets.items():
        dropped = sum(target["dropped"].values())
        if target["enqueued"] != target["sent"] + dropped + target["queued"]:
            yield f"target {name}: enqueued is not sent + dropped + queued: {target}"
        yield from _servers(name, target)


def _servers(name, target):
    """Those of a mirror have an account each, and the target's is their sum but for reloads."""
    for address, server in target.get("servers", {}).items():
        if "enqueued" not in server:
            continue
        dropped = sum(server["dropped"].values())
        if server["enqueued"] != server["sent"] + dropped + server["queued"]:
            yield f"server {address} of {name}: enqueued is not sent + dropped + queued: {server}"


def _recorder(recorder):
    if recorder["kept"] != recorder["sent"] + recorder["forgotten"] + recorder["held"]:
        yield f"recorder: kept is not sent + forgotten + held: {recorder}"


def _deliveries(stats):
    """Over all targets, those included that a reload has removed."""
    removed = stats["removed"]
    enqueued, notices = (
        sum(target[term] for target in (*stats["targets"].values(), removed))
        for term in ("enqueued", "notices")
    )
    if removed["enqueued"] != removed["sent"] + removed["dropped"]:
        yield f"removed: enqueued is not sent + dropped: {removed}"
    if enqueued != stats["records"]["deliveries"] + stats["notices"]:
        yield f"enqueued, {enqueued}, is not deliveries + notices: {stats}"
    if notices != stats["notices"]:
        yield f"notices is not their sum over the targets, {notices}: {stats}"
