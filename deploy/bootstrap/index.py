"""Where Python packages come from: pip's configuration, read without pip.

The repository names no index. Users configure pip for theirs (mirror, proxy, certificates), and that applies
here too: to uv, which doesn't read pip's files, and to fetching a first pip. For what pip reads, and in which
order, see https://pip.pypa.io/en/stable/topics/configuration/.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

# uv's variable for each option of pip, and uv's separator if the option takes several values.
_UV_NAMES = {
    "index-url": ("UV_DEFAULT_INDEX", ""),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", ""),
    "client-cert": ("SSL_CLIENT_CERT", ""),
    "proxy": ("ALL_PROXY", ""),
    "timeout": ("UV_HTTP_TIMEOUT", ""),
}
_FALSE = {"", "0", "false", "no", "off"}


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    own = environ.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return
    for folder in environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep):
        yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")
    home = Path(environ.get("HOME", "/"))
    yield home / ".pip" / "pip.conf"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config", "pip", "pip.conf")
    if own:
        yield Path(own)


def settings(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """pip's options in force, by their long names, from its files and variables."""
    found: dict[str, str] = {}
    for file in _files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError):
            continue  # pip itself reports what is wrong with it
        for section in ("global", "install"):
            if parser.has_section(section):
                found |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            found[name[len("PIP_") :].lower().replace("_", "-")] = value
    if "default-timeout" in found:
        found.setdefault("timeout", found["default-timeout"])
    return found


def for_uv(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that make uv fetch from where pip would; existing variables of uv take precedence."""
    found = settings(environ)
    made = {
        # All indexes are equal, as they are to pip: the locked hash identifies the file.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_SYSTEM_CERTS": "1",
    }
    for option, (name, between) in _UV_NAMES.items():
        if value := found.get(option):
            made[name] = between.join(value.split()) if between else value
    if found.get("no-index", "").lower() not in _FALSE:
        made["UV_NO_INDEX"] = "1"
    return {name: environ[name] if name.startswith("UV_") and name in environ else value
            for name, value in made.items()}  # fmt: skip


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _get(address: str, found: Mapping[str, str]) -> bytes:
    parts = urllib.parse.urlsplit(address)
    headers = {"Accept": "text/html, application/octet-stream, */*"}
    if parts.username is not None:
        userinfo = (
            f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        )
        headers["Authorization"] = f"Basic {base64.b64encode(userinfo.encode()).decode()}"
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    context = ssl.create_default_context(cafile=found.get("cert"))
    if parts.hostname in found.get("trusted-host", "").split():
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=context)]
    if proxy := found.get("proxy"):
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    request = urllib.request.Request(parts.geturl(), headers=headers)  # noqa: S310  the user's own
    with urllib.request.build_opener(*handlers).open(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content


def fetch(
    project: str,
    name: str,
    hashes: Collection[str],
    folder: Path,
    environ: Mapping[str, str] = os.environ,
) -> Path | None:
    """Fetches one file of a project from the index, through its simple page (PEP 503).

    Args:
        project: The project's normalized name.
        name: The file's name.
        hashes: SHA-256 hashes, one of which the file must have.
        folder: The folder to put it in.

    Returns:
        The file; ``None`` if no index is configured, or none has a file with such a hash.
    """
    found = settings(environ)
    indexes = [found.get("index-url", ""), *found.get("extra-index-url", "").split()]
    for index in filter(None, indexes):
        page = f"{index.rstrip('/')}/{project}/"
        try:
            # A local folder doesn't serve a page; read its index.html.
            local = page.startswith("file:")
            links = _Links()
            links.feed(_get(page + "index.html" * local, found).decode())
            for link in links.found:
                address = urllib.parse.urljoin(page, link)
                if urllib.parse.unquote(urllib.parse.urlsplit(address).path).endswith(f"/{name}"):
                    userinfo = urllib.parse.urlsplit(index).netloc.rpartition("@")[0]
                    content = _get(_with_userinfo(address, userinfo, index), found)
                    if hashlib.sha256(content).hexdigest() in hashes:
                        folder.mkdir(parents=True, exist_ok=True)
                        (folder / name).write_bytes(content)
                        return folder / name
        except (OSError, ValueError):
            continue
    return None


def _with_userinfo(address: str, userinfo: str, index: str) -> str:
    """The address with the index's user name and password, on the index's own host only."""
    there, own = urllib.parse.urlsplit(address), urllib.parse.urlsplit(index)
    if not userinfo or (there.scheme, there.hostname, there.port) != (
        own.scheme,
        own.hostname,
        own.port,
    ):
        return address
    return there._replace(netloc=f"{userinfo}@{there.netloc.rpartition('@')[2]}").geturl()
