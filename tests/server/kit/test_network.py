"""The check of addresses: what it refuses, and that the checked address is the one dialled."""

from __future__ import annotations

import random
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from wb_server.kit.errors import SourceFailed, Unprocessable
from wb_server.kit.network import NetworkPolicy


def policy(*answers: list[str], private: bool = True, loopback: bool = False) -> NetworkPolicy:
    """A policy whose resolver gives these answers, one per call."""
    waiting = list(answers)
    return NetworkPolicy(private, loopback, resolver=lambda name, port: waiting.pop(0))


@pytest.mark.parametrize(
    "address",
    [
        "93.184.215.14",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.7",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "fd12:3456::1",
    ],
)
def test_public_and_private_addresses_are_allowed(address: str) -> None:
    assert policy([address]).check("db.example.org", 5432).address == address
    assert policy().check(address, 5432).address == address


REFUSED = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.1.1",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "2001:db8::1",
    "127.0.0.1",
    "127.255.0.1",
    "::1",
    # IPv4 inside of IPv6: mapped, 6to4, NAT64, Teredo (client is inverted), ISATAP, compatible.
    "::ffff:169.254.169.254",
    "::ffff:127.0.0.1",
    "2002:a9fe:a9fe::1",
    "2002:7f00:1::",
    "64:ff9b::169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2001:0:808:808:0:0:5601:5601",
    "2606:2800:1:1:0:5efe:7f00:1",
    "::7f00:1",
    "fec0::1",
]


@pytest.mark.parametrize("address", REFUSED)
def test_special_addresses_are_refused(address: str) -> None:
    for check in (
        lambda: policy([address]).check("db.example.org", 5432),
        lambda: policy().check(address, 5432),
    ):
        with pytest.raises(Unprocessable) as caught:
            check()
        assert caught.value.code == "address_not_allowed"
        assert caught.value.details["field"] == "host"


# From IANA's registries of special-purpose addresses, and older ones that were deprecated.
SPECIAL_V4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip
SPECIAL_V6 = [
    "::/128", "::1/128", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64",
    "100:0:0:1::/64", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48",
    "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28",
    "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
    "fec0::/10", "ff00::/8",
]  # fmt: skip


def embedded(address: str) -> list[str]:
    """The IPv6 addresses that stand for an IPv4 one."""
    number = int(ip_address(address))
    return [
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        str(IPv6Address((0x2002 << 112) + (number << 80) + 1)),
        str(IPv6Address((0x20010000 << 96) + (number << 64) + (0xFFFFFFFF ^ 0x5DB8D70E))),
        str(IPv6Address((0x20010000 << 96) + (0x5DB8D70E << 64) + (0xFFFFFFFF ^ number))),
        str(IPv6Address((0x26062800 << 96) + (0x5EFE << 32) + number)),
        str(IPv6Address((0x26062800 << 96) + (0x02005EFE << 32) + number)),
    ]


@pytest.mark.parametrize("network", [*SPECIAL_V4, *SPECIAL_V6])
def test_every_special_network_is_refused_to_its_edges(network: str) -> None:
    block = ip_network(network)
    first, last = int(block[0]), int(block[-1])
    inside = {first, last, (first + last) // 2}
    inside |= {random.Random(network).randint(first, last) for _ in range(20)}
    for number in inside:
        address = str((IPv4Address if block.version == 4 else IPv6Address)(number))
        for spelled in [address, *(embedded(address) if block.version == 4 else [])]:
            with pytest.raises(Unprocessable) as caught:
                policy(private=False).check(spelled, 443)
            assert caught.value.code == "address_not_allowed", spelled


def test_neighbours_of_special_networks_are_allowed() -> None:
    allowed = 0
    for network in SPECIAL_V4:
        block = ip_network(network)
        for number in (int(block[0]) - 1, int(block[-1]) + 1):
            if not 0 < number < 2**32:
                continue
            neighbour = IPv4Address(number)
            if any(neighbour in ip_network(other) for other in SPECIAL_V4):
                continue
            for spelled in [str(neighbour), *embedded(str(neighbour))]:
                policy(private=False).check(spelled, 443)
                allowed += 1
    for text in ("2001:200::1", "2001:db7:ffff::1", "2001:db9::1", "2620:4f:7fff::1", "2620:4f:8001::1",
                 "3ffe:ffff::1", "3fff:1000::1", "2000::1"):  # fmt: skip
        policy(private=False).check(text, 443)
        allowed += 1
    assert allowed > 100


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "2130706433",
        "127.0.0.0x1",
        "127.0.0.1.",
        "db.example.org.",
        "[::1]",
        "::1%lo",
        "user@db.example.org",
        "/var/run/postgresql",
        "@abstract",
        "a.example.org,b.example.org",
        "127.0.0.1,10.0.0.1",
        "db%2eexample.org",
        "db.example.org:5432",
        "db example.org",
        "db.example.org\n",
        "db.example.org\x00",
        "",
        ".",
        "a..b",
        "-a.example.org",
        "a" * 300,
        "１２７.0.0.1",
    ],
)
def test_odd_notation_is_refused(host: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        NetworkPolicy(allow_loopback=False, resolver=lambda name, port: ["127.0.0.1"]).check(
            host, 5432
        )
    assert caught.value.code == "address_not_allowed"


def test_a_mapped_address_is_unwrapped() -> None:
    assert policy().check("::ffff:10.0.0.1", 5432).address == "10.0.0.1"


def test_private_and_loopback_addresses_depend_on_settings() -> None:
    with pytest.raises(Unprocessable, match="private network"):
        policy(private=False).check("10.0.0.1", 5432)
    with pytest.raises(Unprocessable):
        policy(private=False).check("fd12::1", 5432)
    assert policy(loopback=True).check("127.0.0.1", 5432).address == "127.0.0.1"
    assert policy(["::1"], loopback=True).check("localhost", 5432).address == "::1"


def test_one_bad_address_refuses_the_name() -> None:
    with pytest.raises(Unprocessable, match="169.254.169.254"):
        policy(["10.0.0.1", "169.254.169.254"]).check("db.example.org", 5432)


def test_a_name_is_resolved_once() -> None:
    """A name that changes its answer after the check is dialled at the checked address."""
    calls: list[str] = []

    def resolver(name: str, port: int) -> list[str]:
        calls.append(name)
        return ["10.0.0.1"] if len(calls) == 1 else ["169.254.169.254"]

    assert NetworkPolicy(resolver=resolver).check("rebind.example.org", 5432).address == "10.0.0.1"
    assert calls == ["rebind.example.org"]


def test_an_unknown_host_is_reported() -> None:
    def resolver(name: str, port: int) -> list[str]:
        raise OSError("no such name")

    for resolve in (resolver, lambda name, port: []):
        with pytest.raises(SourceFailed) as caught:
            NetworkPolicy(resolver=resolve).check("nowhere.example.org", 5432)
        assert caught.value.code == "unknown_host"


def test_a_slow_resolver_times_out() -> None:
    release = threading.Event()

    def resolver(name: str, port: int) -> list[str]:
        release.wait(30)
        return ["10.0.0.1"]

    try:
        with pytest.raises(SourceFailed):
            NetworkPolicy(timeout=0.05, resolver=resolver).check("slow.example.org", 5432)
    finally:
        release.set()


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_invalid_ports_are_refused(port: int) -> None:
    with pytest.raises(Unprocessable) as caught:
        policy().check("10.0.0.1", port)
    assert caught.value.details["field"] == "port"


def test_an_international_name_is_encoded() -> None:
    seen: list[str] = []

    def resolver(name: str, port: int) -> list[str]:
        seen.append(name)
        return ["10.0.0.1"]

    NetworkPolicy(resolver=resolver).check("bücher.example.org", 5432)
    assert seen == ["xn--bcher-kva.example.org"]
