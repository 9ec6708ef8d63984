"""What programs print and take is in their manual: keys of JSON, reasons, verbs, options, ranges.

Names come from where the code has them (schemas, tables, texts of --help), never from a list here.
"""

import json
import re

import tree

top = tree.root()
CONFIG_MANUAL = "conf/logfwd.conf.5"
CTL_MANUAL = "lib/ctl/logfwdctl.1"
problems = []


def read(path):
    return (top / path).read_text()


def macros(page, *names):
    """The words of all lines that begin with one of these mdoc macros."""
    lines = re.findall(rf"^\.(?:It )?(?:{'|'.join(names)}) (.+)", read(page), re.M)
    return {word for line in lines for word in line.split()}


def want(page, words, kind, found):
    problems.extend(f"{page}: {kind} {word} is missing" for word in sorted(set(words) - found))


def keys(schema):
    """All names of properties in a JSON schema."""
    if isinstance(schema, list):
        return {key for each in schema for key in keys(each)}
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())) | {key for each in schema.values() for key in keys(each)}


def names_in(path, table):
    """The strings of a table in C: [ANYTHING] = "name"."""
    text = read(path)
    begin = re.search(table, text).end()
    return re.findall(r'\] = "([a-z_]+)"', text[begin : text.index("};", begin)])


def check_json():
    variables = macros(CTL_MANUAL, "Va")
    for path in tree.files(top / "tests/scenario/schemas", ".json"):
        want(CTL_MANUAL, keys(json.loads(path.read_text())), f"key of {path.stem}", variables)
    prefixed = {name.rpartition(".")[2] for name in variables}  # dropped.queue_full
    for source, table in (
        ("daemon/output/notice.c", r"names\[DROP_REASONS\]"),
        ("daemon/forward.c", r"names\[REJECT_REASONS\]"),
        ("daemon/intake/refusal.c", r"names\[REFUSALS\]"),
    ):
        want(CTL_MANUAL, set(names_in(source, table)) - {"none"}, "reason", prefixed)


def check_verbs():
    long_option = re.compile(r"(?:Fl |, )-([a-z-]+)")
    verbs = re.findall(r'^\t\{ "([a-z]+)",', read("lib/ctl/command.c"), re.M)
    synopsis = read(CTL_MANUAL).partition(".Sh DESCRIPTION")[0]
    want(CTL_MANUAL, verbs, "verb", set(re.findall(r"^\.Cm ([a-z]+)", synopsis, re.M)))
    options = set(re.findall(r'\{ "([a-z-]+)", [a-z]+_argument', "".join(
        path.read_text() for path in tree.files(top / "lib/ctl", ".c"))))  # fmt: skip
    want(CTL_MANUAL, options, "option", set(long_option.findall(read(CTL_MANUAL))))
    want("daemon/logfwdd.8", re.findall(r'\{ "([a-z-]+)", [a-z]+_argument', read("daemon/main.c")),
         "option", set(long_option.findall(read("daemon/logfwdd.8"))))


def check_sections():
    """Every option stands in its section of the manual, with its bounds where these are numbers."""
    manual = re.split(r"^\.Sh ", read(CONFIG_MANUAL), flags=re.M)
    sections = {part.split()[1]: part for part in manual if part.startswith("SECTION")}
    tables = re.findall(r"option_spec (\w+)_options\[\] = \{(.+?)^\};",
                        read("daemon/config/config_options.c"), re.M | re.S)
    for section, table in tables:
        for row in re.findall(r"\{\s*\.name = .+?\}", table, re.S):
            name = re.search(r'"(.+?)"', row)[1]
            paragraph = re.search(rf"^\.It Sy {name} = .+?(?=^\.It Sy|\Z)", sections[section],
                                  re.M | re.S)
            if paragraph is None:
                problems.append(f"{CONFIG_MANUAL}: {section}.{name} is missing")
                continue
            for bound in re.findall(r"\.(?:min|max) = (\d+)(?: },|,|\s*\})", row):
                if int(bound) > 1 and not re.search(rf"\b{bound}\b", paragraph[0]):
                    problems.append(f"{CONFIG_MANUAL}: {section}.{name} does not say {bound}")


def check_references():
    """Pages of ours that are referred to exist; each page refers to all others of ours."""
    pages = [path for path in tree.files(top) if re.fullmatch(r"logfwd.*\.[1-8]", path.name)]
    ours = {path.name for path in pages}
    for path in pages:
        found = {".".join(each) for each in re.findall(r"^\.Xr (logfwd\S*) (\d)", path.read_text(), re.M)}
        problems.extend(f"{path.name}: there is no {each}" for each in sorted(found - ours))
        problems.extend(f"{path.name}: {each} is not under SEE ALSO"
                        for each in sorted(ours - found - {path.name}))


check_json()
check_verbs()
check_sections()
check_references()
tree.finish(problems)
