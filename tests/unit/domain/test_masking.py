"""No whole number and no secret in a log line, and what only looks like one stays as it is."""

from __future__ import annotations

import pytest

from dialer.domain.masking import clean, is_number_key, is_secret_key, mask_digits

NUMBERS = [
    "+79161234567",
    "calling +7 (916) 123-45-67 now",
    "+7-916-123-45-67",
    "+7.916.123.45.67",
    "+7 916 1234567 доб. 12",
    "+44 20 7946 0958",
    "+1 (212) 555-1234 x7",
    "+375 29 123-45-67",
    "89161234567",
    "79161234567",
    "77011234567",
    "8 (916) 123-45-67",
    "8-916-123-45-67",
    "8 916 123 45 67",
    "8(495)1234567",
    "7 916 123-45-67",
    "9161234567",
    "(916) 123-45-67",
    "495 123-45-67",
    "(4852) 12-34-56",
    "(212) 555-1234",
    "00441632960961",
    "810441632960961",
    "375291234567",
    "441632960961",
    "998901234567",
    "sip:79161234567@203.0.113.5:5060",
    "<sip:+79161234567@host;user=phone>",
    "sip:12125551234@host",
    "sip:5551234@host",
    "sips:0049301234567@host",
    "tel:+7-916-123-45-67",
    "PJSIP/89161234567@main",
    "PJSIP/4930123456@main",
    "Local/9161234567@obz-in",
    "endpoint='PJSIP/49301234567@main'",
    "GET /v1/leads?number=%2B79161234567",
    "{'number': '12125551234'}",
    '"number": "4930123456"',
    "caller=4930123456",
    "callerid: 4930123456",
    'agi_callerid: 79161234567',
    "Lead(numbers=('+79161234567', '+79161234568'))",
    "[parameters: ('+79161234567', 'Ivan')]",
    "DETAIL:  Key (number)=(+79161234567) already exists.",
    "ValueError: '89161234567'",
    "<Task name='leg-79161234567' coro=<x>>",
    "rec-79161234567.wav",
    "\x1b[36mnumber\x1b[0m=\x1b[35m79161234567\x1b[0m",
    "\u002b79161234567",
    "+7\u00a0916\u00a0123\u00a045\u00a067",
    "+7\u2011916\u2011123\u201145\u201167",
    "+7\u2013916\u2013123\u201345\u201367",
    "\uff0b\uff17\uff19\uff11\uff16\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
    "\uff18\uff19\uff11\uff16\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
    "+49 (0) 30 1234567",
    "+7916 1234567",
    "7916123-45-67",
    "8916 123-45-67",
    "79161234567.0",
    "number=79161234567.0",
]  # fmt: skip
TAILS = ("1234567", "123-45-67", "123 45 67", "960961", "5551234", "555-1234", "79460958", "7946 0958",
         "0123456", "301234567", "123.45.67", "12-34-56", "1234568", "123\u00a045")  # fmt: skip


@pytest.mark.parametrize("line", NUMBERS)
def test_no_whole_number_is_left_in_any_form(line: str) -> None:
    cleaned = clean(line)
    assert "**" in cleaned.replace("-", "").replace(" ", "").replace("\u00a0", "").replace(".", "")
    assert not any(tail in cleaned for tail in TAILS), cleaned


SECRETS = [
    "secret = hunter2",
    "password   =   hunter2",
    "dialer config --password hunter2",
    "psql --pin=hunter2",
    "md5_cred=hunter2",
    "redis-cli --auth hunter2 ping",
    "postgresql+asyncpg://obzvon:hunter2@db.example/obzvon",
    "postgresql://obzvon:hunter2@a:5432,b:5432/x",
    "postgresql://obzvon:p@hunter2/x:y@db/x",
    "postgresql://db/x?user=o&password=hunter2&ssl=1",
    "postgresql:///x?host=/run/postgresql&password=hunter2",
    "host=db user=o password=hunter2 dbname=x",
    "host=db password='hunter2 with space' dbname=x",
    "redis://:hunter2@host:6379/0",
    "rediss://user:hunter2@host:6379/0",
    "unix://user:hunter2@/run/redis.sock?db=0",
    "http://dialer:hunter2@127.0.0.1:8088/ari",
    "GET /ari/events?api_key=dialer:hunter2&app=x",
    "Authorization: Bearer hunter2hunter2",
    "{'Authorization': 'Basic aHVudGVyMjpodW50ZXIy'}",
    "headers={'authorization': 'Bearer hunter2hunter2'}",
    "('Authorization', 'Bearer hunter2hunter2')",
    "(b'authorization', b'Bearer hunter2hunter2')",
    'authorization: Digest username="x", response="hunter2"',
    "Cookie: session=hunter2",
    "X-Api-Key: hunter2",
    "Action: Login\r\nUsername: dialer\r\nSecret: hunter2\r\n",
    "b'Action: Login\\r\\nUsername: dialer\\r\\nSecret: hunter2\\r\\n'",
    "Credentials(user='dialer', password='hunter2')",
    'Account(id="101", sip_password="hunter2")',
    "{'password': 'hunter2', 'a': 1}",
    '{"pin": "hunter2"}',
    "pin=hunter2",
    "PASSWORD=hunter2",
    "DIALER_ARI_PASSWORD=hunter2",
    "token=hunter2",
    "api_key=hunter2",
    "secret_token='hunter2'",
    "pin_hash='$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$hunter2'",
    "obz_hunter2hunter2hunter2hunter2",
    "\x1b[36mpassword\x1b[0m=\x1b[35mhunter2\x1b[0m",
]


@pytest.mark.parametrize("line", SECRETS)
def test_no_secret_is_left_in_any_form(line: str) -> None:
    cleaned = clean(line)
    assert "***" in cleaned
    assert not any(part in cleaned for part in ("hunter2", "aHVudGVy", "with space")), cleaned


ORDINARY = [
    "2026-02-03T10:00:00.123456Z [info     ] call ended",
    "2026-02-03 10:00:00+0300",
    "2026-02-03 10:00:00.123 2026-02-03 11:00:00.456",
    "at 1767000000.123456, in ms 1767000000123, ns 1767000000123456789",
    "uniqueid 1767000000.42",
    "call=c-019a3f2b7c1d4e5f60718293 leg=o-101-019a3f2b7c1d4e5f60718293",
    "c-01989161234567abcdef1 is up",
    "call=c-019891612345671234567",
    "/tmp/bash.0/79161234567890123",
    "3f2b7c1d-1234-5678-9abc-123456789012",
    "sha256 9161234567abcdef9161234567abcdef9161234567abcdef9161234567abcdef",
    "port 5060, ports 10000-19999, pid 4194304",
    "192.168.100.200:5060 -> 203.0.113.10:34567",
    "10.0.0.0/24, 2001:db8::8:800:200c:417a",
    "0.89161234567 s, 12.9161234567 s, load 0.79161234567",
    "1,234,567 leads of 12 345 678",
    "free 17179869184 of 500107862016 bytes",
    "free 8589934592 bytes, 68719476736 in all",
    "thread 140234567890123, object at 0x7f8916123456",
    "1767000000123-0",
    "lead=1234567 campaign=12 attempts=3 number_index=1",
    "Obzvon 22.10.1, Python 3.11.7, Asterisk 22.10.1",
    "+1.5 s ahead, +03:00, UTC+3, +12, +0.123456789",
    "operator=101 number=101",
    "prefixes +7,+375,+77",
    "cause=16 sip=486 talk_s=12.3",
    "emergency 112, 8-800 is toll-free",
    "20260203100000, 2026020310",
    "http://127.0.0.1:8088/ari/channels?app=dialer",
    "http://127.0.0.1:8080/docs@here",
    "postgresql://db.example/obzvon",
    "password_file=/etc/obzvon/db.secret",
    "the secret file /etc/x is empty: put the secret there on one line",
    "wrong password: try again",
    "token cli-0a1b2c3d was revoked: make a new one",
    "authorization failed for user dialer",
    "DIALER_ARI_PASSWORD_FILE is not set",
    "7 of 8 done in 916 s, 123 left, 45 failed",
    "\x1b[36mcall\x1b[0m=\x1b[35mc-019a3f2b7c1d4e5f60718293\x1b[0m",
]


@pytest.mark.parametrize("line", ORDINARY)
def test_what_only_looks_like_a_number_or_a_secret_stays(line: str) -> None:
    assert clean(line) == line


@pytest.mark.parametrize(
    ("name", "is_secret", "is_number"),
    [
        ("password", True, False),
        ("sip_password", True, False),
        ("token", True, False),
        ("number", False, True),
        ("caller_id", False, True),
        ("phone", False, True),
        ("campaign", False, False),
        ("numbers", False, False),
        ("", False, False),
    ],
)
def test_a_value_is_known_for_a_secret_or_a_number_by_its_name(
    name: str, is_secret: bool, is_number: bool
) -> None:
    assert (is_secret_key(name), is_number_key(name)) == (is_secret, is_number)


def test_groups_and_ends_of_a_number_stay_to_be_recognised() -> None:
    assert clean("from +7 (916) 123-45-67 to 89161234567") == "from +7 (***) ***-**-67 to 8********67"


@pytest.mark.parametrize("text", ["+79161234567", "1234567", "12 34-56 78", "a 4951234567 b"])
def test_where_a_number_is_expected_every_run_of_digits_is_one(text: str) -> None:
    shown = mask_digits(text)
    assert "*" in shown
    assert sum(sign.isdigit() for sign in shown) <= 4
    assert shown.startswith("a ") is text.startswith("a ")


@pytest.mark.parametrize("text", ["", "101", "123456", "code 12345"])
def test_what_is_too_short_for_a_number_stays_where_one_is_expected(text: str) -> None:
    assert mask_digits(text) == text
