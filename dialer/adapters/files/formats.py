"""Number formats of spreadsheets: a value as a person sees it in its cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%",
    14: "dd.mm.yyyy", 15: "d-mm-yy", 16: "d-mm", 17: "mm-yy", 18: "h:mm", 19: "h:mm:ss", 20: "h:mm",
    21: "h:mm:ss", 22: "dd.mm.yyyy h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00",
    45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss", 49: "@",
}  # fmt: skip
_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 a wall clock's, of no zone
_LAST_DAY = 2_958_465  # 9999-12-31
_QUOTED = r'"[^"]*"|\\.|_.|\*.'
_TOKEN = re.compile(rf"{_QUOTED}|\[[^\]]*\]|[^\[\]]", re.DOTALL)
_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)(-?[0-9.]+)\]")
_CURRENCY = re.compile(r"\[\$([^\]-]*)[^\]]*\]")
_DATE_TOKEN = re.compile(rf"{_QUOTED}|\[h+\]|\[m+\]|\[s+\]|[yYгГ]+|[mMмМ]+|[dDдД]+|[hHчЧ]+|[sSсС]+(?:\.0+)?"
                         r"|AM/PM|am/pm|A/P|.", re.DOTALL)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Picture:
    """One section of a format of numbers."""

    tokens: tuple[str, ...]  # placeholders 0 # ? . and literals, which begin with a quotation mark
    integers: int  # placeholders before the point
    decimals: int
    least_decimals: int
    grouped: bool
    percent: int


def shown(value: float, code: str, *, since_1904: bool = False) -> str:
    """The value under this format code; '' or General: as it is."""
    if not code or code == "@" or code.lower() in ("general", "основной"):
        return general(value)
    section = _section(code, value)
    if _is_date(section):
        return _date(value, section, since_1904=since_1904)
    picture = _picture(section)
    if picture is None:
        return general(value)
    return _number(abs(value) if _has_own_sign(code, value) else value, picture)


def general(value: float) -> str:
    """Eleven signs, as a cell has room for; a whole number in full, whatever its length."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    whole = len(str(abs(int(value))))
    if whole > 15:
        return repr(value)
    rounded = f"{value:.{max(0, 10 - whole)}f}"
    return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[str, ...]:
    found, part = [], ""
    for bit in _TOKEN.findall(code):
        if bit == ";":
            found.append(part)
            part = ""
        else:
            part += bit
    return (*found, part)


def _section(code: str, value: float) -> str:
    sections = _sections(code)
    conditions = [_CONDITION.search(section) for section in sections]
    if any(conditions):
        fitting = (
            section
            for section, condition in zip(sections, conditions, strict=True)
            if condition is None or _holds(value, condition[1], float(condition[2]))
        )
        return next(fitting, sections[-1])
    if value < 0 and len(sections) > 1:
        return sections[1]
    return sections[2] if value == 0 and len(sections) > 2 else sections[0]


def _holds(value: float, sign: str, bound: float) -> bool:
    tests = {"<": value < bound, ">": value > bound, "=": value == bound}
    return any(tests[one] for one in sign) if sign != "<>" else value != bound


def _has_own_sign(code: str, value: float) -> bool:
    return value < 0 and len(_sections(code)) > 1


def _bare(section: str) -> str:
    return re.sub(rf"{_QUOTED}|\[(?!h+\]|m+\]|s+\])[^\]]*\]", "", section, flags=re.IGNORECASE)


@lru_cache(maxsize=512)
def _is_date(section: str) -> bool:
    bare = _bare(section).lower()
    return bool(re.search(r"[dyhs]|[гдчс]|m+[./:-]|[./:-]m+", bare)) and not re.search(
        r"[0#?]", bare.replace(".0", "")
    )


@lru_cache(maxsize=512)
def _picture(section: str) -> _Picture | None:
    """None for what is no picture of digits: text, fractions, powers of ten."""
    bare = _bare(section)
    if not re.search(r"[0#?]", bare) or re.search(r"[eE][+-]|[0#?]\s*/", bare):
        return None
    tokens: list[str] = []
    for bit in _TOKEN.findall(_CURRENCY.sub(lambda match: f'"{match[1]}"', section)):
        if bit.startswith(("[", "_", "*")) and len(bit) > 1:
            continue
        if bit in "0#?.,%":
            tokens.append(bit)
        else:
            tokens.append('"' + (bit[1:-1] if bit.startswith('"') else bit.removeprefix("\\")))
    point = tokens.index(".") if "." in tokens else len(tokens)
    after = [bit for bit in tokens[point:] if bit in ("0", "#", "?")]
    before = [bit for bit in tokens[:point] if bit in ("0", "#", "?")]
    return _Picture(
        tuple(tokens), len(before), len(after), after.count("0"), "," in tokens[:point], tokens.count("%")
    )


def _number(value: float, picture: _Picture) -> str:
    text = f"{abs(value) * 100**picture.percent:.{picture.decimals}f}"
    whole, _, part = text.partition(".")
    while len(part) > picture.least_decimals and part.endswith("0"):
        part = part[:-1]
    digits = "" if whole == "0" else whole
    out: list[str] = []
    left, at = picture.integers, len(picture.tokens)
    point = picture.tokens.index(".") if "." in picture.tokens else at
    body: list[str] = []
    given = 0
    for bit in reversed(picture.tokens[:point]):
        if bit in ("0", "#", "?"):
            left -= 1
            piece, digits = digits[-1:], digits[:-1]
            if left == 0:
                piece, digits = digits + piece, ""
            for digit in reversed(piece) if piece else ("0",) if bit == "0" else ():
                if picture.grouped and given and given % 3 == 0:
                    body.append(",")
                body.append(digit)
                given += 1
        elif bit != ",":
            body.append(bit[1:] if bit.startswith('"') else bit)
    out = list(reversed(body))
    if part:
        out.append(f".{part}")
    out += [bit.removeprefix('"') for bit in picture.tokens[point + 1 :] if bit not in ("0", "#", "?", ",")]
    sign = "-" if value < 0 else ""
    return f"{sign}{''.join(out)}".strip()


def _date(value: float, section: str, *, since_1904: bool) -> str:
    if not 0 <= value <= _LAST_DAY:
        return general(value)
    at = (_EPOCH_1904 if since_1904 else _EPOCH) + timedelta(seconds=round(value * 86_400))
    tokens = _DATE_TOKEN.findall(re.sub(r"\[\$[^\]]*\]|\[[^hms\]]+\]", "", section))
    is_half = any(bit.lower() in ("am/pm", "a/p") for bit in tokens)
    out: list[str] = []
    for place, bit in enumerate(tokens):
        out.append(_date_part(bit, at, value, is_minute=_is_minute(tokens, place), is_half=is_half))
    return " ".join("".join(out).split()).strip(" ;,@")


def _is_minute(tokens: list[str], place: int) -> bool:
    """An m stands for minutes after hours and before seconds."""
    letters = [bit.lower() for bit in tokens]
    before = next((one[0] for one in reversed(letters[:place]) if one[0] in "hчymdsгдс["), "")
    after = next((one[0] for one in letters[place + 1 :] if one[0] in "hчymdsгдс["), "")
    return before in ("h", "ч", "[") or after in ("s", "с")


def _date_part(bit: str, at: datetime, value: float, *, is_minute: bool, is_half: bool) -> str:
    lower = bit.lower()
    match lower[0]:
        case "[":
            unit = {"h": 24, "m": 1440, "s": 86_400}[lower[1]]
            return f"{int(value * unit + 1e-6):0{len(bit) - 2}d}"
        case "y" | "г":
            return f"{at.year:04}" if len(bit) > 2 else f"{at.year % 100:02}"
        case "m" | "м" if is_minute:
            return f"{at.minute:0{min(len(bit), 2)}d}"
        case "m" | "м":
            return f"{at.month:0{min(len(bit), 2)}d}"
        case "d" | "д":
            return f"{at.day:0{len(bit)}d}" if len(bit) <= 2 else ""
        case "h" | "ч":
            return f"{(at.hour % 12 or 12) if is_half else at.hour:0{min(len(bit), 2)}d}"
        case "s" | "с":
            return f"{at.second:0{min(len(bit.partition('.')[0]), 2)}d}"
        case "a" if lower in ("am/pm", "a/p"):
            return "PM" if at.hour >= 12 else "AM"
        case '"':
            return bit[1:-1]
        case "\\":
            return bit[1:]
        case "_" | "*":
            return ""
        case _:
            return bit
