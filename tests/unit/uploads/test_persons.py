"""Who asks, by the address: one person for this machine, for an address, and for a network of IPv6."""

from __future__ import annotations

import pytest

from evaluator.uploads.persons import HERE, person_at


@pytest.mark.parametrize("address", [None, "", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine(address: str | None) -> None:
    assert person_at(address) == HERE


def test_an_address_is_a_person() -> None:
    assert person_at("192.0.2.7") == person_at("::ffff:192.0.2.7") != person_at("192.0.2.8")


def test_a_network_of_ipv6_is_a_person() -> None:
    """Who has one address of it has 2^64."""
    assert person_at("2001:db8:0:1::7") == person_at("2001:db8:0:1:ffff::8") == "2001:db8:0:1::/64"
    assert person_at("2001:db8:0:2::7") != person_at("2001:db8:0:1::7")
