"""What cannot work together in a trunk is refused."""

from __future__ import annotations

import pytest

from dialer.domain.errors import BadValue
from dialer.domain.trunk import Trunk, check_trunk
from dialer.domain.types import TrunkId


@pytest.mark.parametrize("host", ["192.0.2.1", "sip.example.org"])
def test_a_name_or_an_ipv4_address_is_a_host(host: str) -> None:
    check_trunk(Trunk(TrunkId("main"), host))


@pytest.mark.parametrize("host", ["2001:db8::1", "192.0.2.1:5060"])
def test_an_address_that_sip_would_not_reach_is_refused(host: str) -> None:
    with pytest.raises(BadValue, match=r"is an IPv6 address.*the port by itself"):
        check_trunk(Trunk(TrunkId("main"), host))
