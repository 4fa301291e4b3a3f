"""Lessor's client for programs under license.

>>> import lessor
>>> with lessor.License("https://licenses.example", "prd_0198…", "/var/lib/paint", keys=["d75a9801…"]) as license:
...     if license.status().state is lessor.State.NOT_ACTIVATED:
...         license.activate("PAINT-1234")
...     license.renew_if_due()
...     if license.status().may_run:
...         with license.hold_seats("FLOAT"):
...             draw()

Calls block, and a license may be used by several threads at once. What a call could not do is an exception: `Refused` if
the license is why, `Unavailable` if the server cannot be asked and the same call may well succeed later, `Failed` for all
else. Each has a stable `code`, such as `no_seat`.
"""

from __future__ import annotations

import ctypes
import enum
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Iterable, Mapping, Optional, Type, TypeVar

from . import _library

__all__ = [
    "Error", "Failed", "Feature", "FeatureKind", "License", "Refused", "RejectedUsage", "Seats", "SentUsage", "State",
    "Status", "StoredText", "Tokens", "Unavailable", "Validation", "carry_request", "carry_return",
]

_lib = _library.load()
_Self = TypeVar("_Self", bound="_Handle")


class Error(Exception):
    """Why a call did not do what it says."""

    #: The stable code of the reason.
    code: str

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Refused(Error):
    """The license is the reason: refused, not activated, not genuine."""


class Unavailable(Error):
    """The server could not be asked; the same call may well succeed a little later."""


class Failed(Error):
    """The configuration, an argument, the state folder or the computer is the reason."""


class State(enum.Enum):
    """What a license allows."""

    #: Nothing is activated.
    NOT_ACTIVATED = 0
    #: The lease has not begun.
    NOT_YET = 1
    #: All is well.
    VALID = 2
    #: The lease is over, but the program may go on while it tells the user so.
    GRACE = 3
    #: The lease is over.
    EXPIRED = 4
    #: The device's clock was set back, so that nobody knows what the lease allows.
    CLOCK_SET_BACK = 5


class FeatureKind(enum.Enum):
    """How a feature is measured out."""

    FLAG = 0
    FLOATING = 1
    POOL = 2
    TOKENS = 3
    STORE = 4


@dataclass(frozen=True)
class Status:
    """How a license stands."""

    state: State
    #: May the program do its work?
    may_run: bool
    #: Unix seconds: when that changes, or changed; None where there is no such moment.
    at: Optional[int]


@dataclass(frozen=True)
class Feature:
    """A feature that is on."""

    code: str
    kind: FeatureKind
    #: How much of it the license has in all; None = no limit.
    limit: Optional[int]


@dataclass(frozen=True)
class RejectedUsage:
    """A record that the server will not count."""

    meter: str
    #: The stable code of the reason.
    code: str
    detail: str


@dataclass(frozen=True)
class SentUsage:
    """What became of what was sent."""

    #: How many records are counted at the server, those that it knew before included.
    counted: int
    rejected: list[RejectedUsage]


@dataclass(frozen=True)
class StoredText:
    """A text that the program keeps on the server."""

    text: str
    #: What tells this state of it from every other.
    tag: Optional[str]


@dataclass(frozen=True)
class Validation:
    """What the server thinks of a code."""

    valid: bool
    #: Why not, as a code.
    reason: Optional[str]


def carry_request(server: str, request: str) -> str:
    """As a computer with a connection: hands in an offline request and gives the answer to carry back."""
    return _need(_text(_lib.lessor_carry_request, _utf8(server), _utf8(request)))


def carry_return(server: str, proof: str) -> None:
    """As a computer with a connection: hands in a proof of return."""
    _check(_lib.lessor_carry_return(_utf8(server), _utf8(proof)))


class _Handle:
    """Something of the library's that has to be given back, once."""

    def __init__(self, pointer: ctypes.c_void_p) -> None:
        self._pointer: Optional[ctypes.c_void_p] = pointer

    def _there(self) -> ctypes.c_void_p:
        if self._pointer is None:
            raise Failed("closed", "it was given back already")
        return self._pointer

    def _take(self) -> Optional[ctypes.c_void_p]:
        pointer, self._pointer = self._pointer, None
        return pointer

    def _end(self) -> None:
        raise NotImplementedError

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        try:
            self._end()
        except Error:
            # What happened inside matters more; and what was not given back now is given back later.
            if kind is None:
                raise

    def __del__(self) -> None:
        try:
            self._end()
        except Exception:  # Nobody is there to tell.
            pass


class Seats(_Handle):
    """Floating seats, held until the `with` block ends or `return_now` is called."""

    def __init__(self, pointer: ctypes.c_void_p, feature: str, count: int) -> None:
        super().__init__(pointer)
        self.feature = feature
        self.count = count

    def return_now(self) -> None:
        """Gives the seats back. If the server cannot be reached, they are given back later."""
        self._there()
        self._end()

    def _end(self) -> None:
        pointer = self._take()
        if pointer is not None:
            _check(_lib.lessor_seats_return(pointer))


class Tokens(_Handle):
    """Tokens, held until the `with` block ends or `return_now` is called; those that were spent are used up then."""

    def __init__(self, pointer: ctypes.c_void_p, feature: str, amount: int) -> None:
        super().__init__(pointer)
        self.feature = feature
        #: How many are held and not spent.
        self.left = amount

    def spend(self, amount: int) -> None:
        """Uses up that many of them. Fails if fewer are left."""
        left = ctypes.c_uint32()
        _check(_lib.lessor_tokens_spend(self._there(), _count(amount), ctypes.byref(left)))
        self.left = left.value

    def return_now(self) -> None:
        """Gives the rest back. If the server cannot be reached, that happens later."""
        self._there()
        self._end()

    def _end(self) -> None:
        pointer = self._take()
        if pointer is not None:
            _check(_lib.lessor_tokens_return(pointer))


class License(_Handle):
    """A product's license on this device. Its state lives in the folder, so that copies of a program may each open it."""

    def __init__(
        self,
        server: str,
        product: str,
        folder: str,
        *,
        keys: Iterable[str] = (),
        device: Optional[str] = None,
        instance: Optional[str] = None,
        device_name: str = "",
        user: str = "",
        virtual_platform: Optional[str] = None,
        attempts: int = 0,
        timeout: float = 0.0,
    ) -> None:
        """Opens the state folder, or makes it with a new device identity. Makes no call to the server.

        `keys` are the product's public keys (64 hexadecimal digits each); programs that are sold put them in. `timeout` is
        for one attempt, in seconds; 0 leaves it and `attempts` at the usual.
        """
        self._pointer = None
        pinned = [_utf8(key) for key in keys]
        config = _library.Config(
            size=ctypes.sizeof(_library.Config),
            server=_utf8(server),
            product=_utf8(product),
            folder=_utf8(str(folder)),
            device=_may(device),
            instance=_may(instance),
            device_name=_utf8(device_name),
            user=_utf8(user),
            virtual_platform=_may(virtual_platform),
            keys=(ctypes.c_char_p * len(pinned))(*pinned) if pinned else None,
            key_count=len(pinned),
            attempts=_count(attempts),
            timeout_milliseconds=_count(int(timeout * 1000)),
        )
        pointer = ctypes.c_void_p()
        _check(_lib.lessor_open(ctypes.byref(config), ctypes.byref(pointer)))
        super().__init__(pointer)

    def close(self) -> None:
        """Closes the handle. What is activated stays so."""
        self._end()

    def _end(self) -> None:
        pointer = self._take()
        if pointer is not None:
            _lib.lessor_close(pointer)

    def activate(self, code: str, days: Optional[int] = None) -> None:
        """Activates a license by its code; with `days`, for so long without the server (a long-term check-out)."""
        if days is None:
            _check(_lib.lessor_activate(self._there(), _utf8(code)))
        else:
            _check(_lib.lessor_activate_for_days(self._there(), _utf8(code), _count(days)))

    def sign_in(self, user_name: str, password: str) -> None:
        """Activates the license that an end user has a right to. The password is sent and not kept."""
        _check(_lib.lessor_sign_in(self._there(), _utf8(user_name), _utf8(password)))

    def start_trial(self) -> None:
        """Starts a trial."""
        _check(_lib.lessor_start_trial(self._there()))

    def return_license(self) -> None:
        """Gives the license back to the server and forgets it here."""
        _check(_lib.lessor_return(self._there()))

    def status(self) -> Status:
        """What the license allows now, judged without a connection."""
        found = _library.Status()
        _check(_lib.lessor_status(self._there(), ctypes.byref(found)))
        return Status(State(found.state), found.may_run, found.at or None)

    def lease(self) -> Optional[Mapping[str, Any]]:
        """The lease that is held, whether or not it still counts."""
        text = _text(_lib.lessor_lease, self._there())
        return None if text is None else json.loads(text)

    def feature(self, code: str) -> Optional[Feature]:
        """The feature of that code, if it is on and the lease lets the program run."""
        found = _library.Feature()
        _check(_lib.lessor_feature(self._there(), _utf8(code), ctypes.byref(found)))
        if not found.on:
            return None
        return Feature(code, FeatureKind(found.kind), None if found.limit < 0 else found.limit)

    def value(self, name: str) -> Optional[str]:
        """The license's value of that name, if there is one and the lease lets the program run."""
        return _text(_lib.lessor_value, self._there(), _utf8(name))

    @property
    def device_id(self) -> str:
        """The device's id, given or made."""
        return _need(_text(_lib.lessor_device_id, self._there()))

    def renew(self) -> None:
        """Asks the server for the next lease now."""
        _check(_lib.lessor_renew(self._there()))

    def renew_if_due(self) -> bool:
        """Renews if it is time to, and tells whether there is a new lease. Meant for the start and every few minutes."""
        renewed = ctypes.c_bool()
        _check(_lib.lessor_renew_if_due(self._there(), ctypes.byref(renewed)))
        return renewed.value

    def heartbeat(self) -> None:
        """Tells the server that the program is still there, so that its place and seats stay its own."""
        _check(_lib.lessor_heartbeat(self._there()))

    def tidy(self) -> None:
        """Gives back what a crashed copy of the program held, and sends the events and the usage that wait."""
        _check(_lib.lessor_tidy(self._there()))

    def hold_seats(self, feature: str, count: int = 1) -> Seats:
        """Takes that many more floating seats, for a `with` block. Copies of the program on this device add up."""
        pointer = ctypes.c_void_p()
        _check(_lib.lessor_hold_seats(self._there(), _utf8(feature), _count(count), ctypes.byref(pointer)))
        return Seats(pointer, feature, count)

    def hold_tokens(self, feature: str, amount: int) -> Tokens:
        """Checks out that many tokens, for a `with` block."""
        pointer = ctypes.c_void_p()
        _check(_lib.lessor_hold_tokens(self._there(), _utf8(feature), _count(amount), ctypes.byref(pointer)))
        return Tokens(pointer, feature, amount)

    def draw_elements(self, feature: str, amount: int) -> int:
        """Draws elements from a pool; a negative amount puts them back. Gives how many the device has now."""
        held = ctypes.c_int64()
        _check(_lib.lessor_draw_elements(self._there(), _utf8(feature), amount, ctypes.byref(held)))
        return held.value

    def record(
        self,
        kind: str,
        feature: Optional[str] = None,
        transaction: Optional[str] = None,
        data: Optional[Any] = None,
    ) -> None:
        """Writes an event down, to be sent with the next `tidy`. The kind is one of app_started, app_stopped, signed_in,
        signed_out, feature_started, feature_stopped, exception."""
        text = None if data is None else json.dumps(data)
        _check(_lib.lessor_record(self._there(), _utf8(kind), _may(feature), _may(transaction), _may(text)))

    def record_usage(
        self,
        meter: str,
        value: int = 1,
        subject: Optional[str] = None,
        attributes: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Writes down, durably, how much the program counted for a meter, to be sent with the next `send_usage` or `tidy`. It is
        counted once, however often it has to be sent. Without a subject it is of this device."""
        text = None if attributes is None else json.dumps(attributes)
        if not 0 <= value < 2**64:
            raise Failed("bad_argument", "the value is not one that can be counted")
        _check(_lib.lessor_record_usage(self._there(), _utf8(meter), value, _may(subject), _may(text)))

    def send_usage(self) -> SentUsage:
        """Sends what was counted and waits, and tells what became of it."""
        counted, rejected = ctypes.c_uint64(), ctypes.c_void_p()
        _check(_lib.lessor_send_usage(self._there(), ctypes.byref(counted), ctypes.byref(rejected)))
        told = json.loads(_need(_taken(rejected)))
        return SentUsage(counted.value, [RejectedUsage(one["meter"], one["code"], one["detail"]) for one in told])

    def report_system(self, facts: Mapping[str, Any]) -> None:
        """Reports facts about the device. Replaces what was reported before."""
        _check(_lib.lessor_report_system(self._there(), _utf8(json.dumps(facts))))

    def report_consumer(self, consumer: Mapping[str, Any]) -> None:
        """Reports who uses the program."""
        _check(_lib.lessor_report_consumer(self._there(), _utf8(json.dumps(consumer))))

    def read_text(self, feature: str) -> StoredText:
        """Reads the text that is kept for a feature."""
        text, tag = ctypes.c_void_p(), ctypes.c_void_p()
        _check(_lib.lessor_read_text(self._there(), _utf8(feature), ctypes.byref(text), ctypes.byref(tag)))
        kept = _taken(tag)
        return StoredText(_need(_taken(text)), kept)

    def write_text(self, feature: str, text: str, known: Optional[StoredText] = None) -> StoredText:
        """Writes the text that is kept for a feature. With the state that the program knows, nothing is written over that
        another device wrote since."""
        tag = ctypes.c_void_p()
        _check(_lib.lessor_write_text(
            self._there(), _utf8(feature), _utf8(text), _may(known.tag if known else None), ctypes.byref(tag)
        ))
        return StoredText(text, _taken(tag))

    def validate(self, code: str, feature: Optional[str] = None) -> Validation:
        """Asks the server whether a code is good here and now. Nothing needs to be activated, and nothing is."""
        valid, reason = ctypes.c_bool(), ctypes.c_void_p()
        _check(_lib.lessor_validate(
            self._there(), _utf8(code), _may(feature), ctypes.byref(valid), ctypes.byref(reason)
        ))
        return Validation(valid.value, _taken(reason))

    def offline_request(self, code: Optional[str]) -> str:
        """Writes a request for a license (without a code: for a trial) that somebody carries to the server."""
        return _need(_text(_lib.lessor_offline_request, self._there(), _may(code)))

    def accept_answer(self, answer: str) -> None:
        """Takes the answer to the open request."""
        _check(_lib.lessor_accept_answer(self._there(), _utf8(answer)))

    def return_offline(self) -> str:
        """Destroys the license here and gives the proof of it, which somebody carries to the server."""
        return _need(_text(_lib.lessor_return_offline, self._there()))


_KINDS = {1: Refused, 2: Unavailable}


def _check(result: int) -> None:
    if result != 0:
        code, text = _lib.lessor_error_code(), _lib.lessor_error_text()
        raise _KINDS.get(result, Failed)(code.decode(), text.decode())


def _utf8(text: str) -> bytes:
    encoded = text.encode()
    if b"\0" in encoded:
        raise Failed("bad_argument", "the text has a NUL in it")
    return encoded


def _may(text: Optional[str]) -> Optional[bytes]:
    return None if text is None else _utf8(text)


def _count(number: int) -> int:
    # ctypes would let larger numbers wrap round.
    if not 0 <= number < 1 << 32:
        raise Failed("bad_argument", "a count is below 0 or too large")
    return number


def _text(function: Any, *arguments: Any) -> Optional[str]:
    """Calls a function whose last argument is a place for a string."""
    place = ctypes.c_void_p()
    _check(function(*arguments, ctypes.byref(place)))
    return _taken(place)


def _taken(place: ctypes.c_void_p) -> Optional[str]:
    """The string at a place, which is the library's no longer."""
    if not place.value:
        return None
    try:
        return ctypes.string_at(place.value).decode()
    finally:
        _lib.lessor_string_free(place)


def _need(text: Optional[str]) -> str:
    if text is None:
        raise Failed("internal", "the library gave no text")
    return text
