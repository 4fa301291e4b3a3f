"""The shared library: where it is, and what its functions look like."""

import ctypes
import ctypes.util
import os
import sys
from ctypes import POINTER, c_bool, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path

_NAMES = {"win32": "lessorclient.dll", "darwin": "liblessorclient.dylib"}


class Config(ctypes.Structure):
    """LessorConfig of lessor.h."""

    _fields_ = [
        ("size", c_size_t),
        ("server", c_char_p),
        ("product", c_char_p),
        ("folder", c_char_p),
        ("device", c_char_p),
        ("instance", c_char_p),
        ("device_name", c_char_p),
        ("user", c_char_p),
        ("virtual_platform", c_char_p),
        ("keys", POINTER(c_char_p)),
        ("key_count", c_size_t),
        ("attempts", c_uint32),
        ("timeout_milliseconds", c_uint32),
    ]


class Status(ctypes.Structure):
    """LessorStatus of lessor.h."""

    _fields_ = [("state", c_int), ("may_run", c_bool), ("at", c_int64)]


class Feature(ctypes.Structure):
    """LessorFeature of lessor.h."""

    _fields_ = [("on", c_bool), ("kind", c_int), ("limit", c_int64)]


# A string that comes out is kept as a bare pointer, so that it can be freed.
_text_out = POINTER(c_void_p)
_handle_out = POINTER(c_void_p)
_handle = c_void_p

# What each function takes; all but the first few give a result.
_FUNCTIONS = {
    "lessor_open": [POINTER(Config), _handle_out],
    "lessor_activate": [_handle, c_char_p],
    "lessor_activate_for_days": [_handle, c_char_p, c_uint32],
    "lessor_sign_in": [_handle, c_char_p, c_char_p],
    "lessor_start_trial": [_handle],
    "lessor_return": [_handle],
    "lessor_renew": [_handle],
    "lessor_renew_if_due": [_handle, POINTER(c_bool)],
    "lessor_heartbeat": [_handle],
    "lessor_tidy": [_handle],
    "lessor_status": [_handle, POINTER(Status)],
    "lessor_feature": [_handle, c_char_p, POINTER(Feature)],
    "lessor_value": [_handle, c_char_p, _text_out],
    "lessor_lease": [_handle, _text_out],
    "lessor_device_id": [_handle, _text_out],
    "lessor_validate": [_handle, c_char_p, c_char_p, POINTER(c_bool), _text_out],
    "lessor_hold_seats": [_handle, c_char_p, c_uint32, _handle_out],
    "lessor_seats_return": [_handle],
    "lessor_hold_tokens": [_handle, c_char_p, c_uint32, _handle_out],
    "lessor_tokens_spend": [_handle, c_uint32, POINTER(c_uint32)],
    "lessor_tokens_return": [_handle],
    "lessor_draw_elements": [_handle, c_char_p, c_int64, POINTER(c_int64)],
    "lessor_record": [_handle, c_char_p, c_char_p, c_char_p, c_char_p],
    "lessor_record_usage": [_handle, c_char_p, c_uint64, c_char_p, c_char_p],
    "lessor_send_usage": [_handle, POINTER(c_uint64), _text_out],
    "lessor_report_system": [_handle, c_char_p],
    "lessor_report_consumer": [_handle, c_char_p],
    "lessor_read_text": [_handle, c_char_p, _text_out, _text_out],
    "lessor_write_text": [_handle, c_char_p, c_char_p, c_char_p, _text_out],
    "lessor_offline_request": [_handle, c_char_p, _text_out],
    "lessor_accept_answer": [_handle, c_char_p],
    "lessor_return_offline": [_handle, _text_out],
    "lessor_carry_request": [c_char_p, c_char_p, _text_out],
    "lessor_carry_return": [c_char_p, c_char_p],
}


def load() -> ctypes.CDLL:
    """Finds and loads the library, and declares its functions."""
    library = ctypes.CDLL(_find())
    for name in ("lessor_error_code", "lessor_error_text"):
        getattr(library, name).argtypes = []
        getattr(library, name).restype = c_char_p
    for name in ("lessor_string_free", "lessor_close"):
        getattr(library, name).argtypes = [c_void_p]
        getattr(library, name).restype = None
    for name, arguments in _FUNCTIONS.items():
        getattr(library, name).argtypes = arguments
        getattr(library, name).restype = c_int
    return library


def _find() -> str:
    named = os.environ.get("LESSOR_CLIENT_LIBRARY")
    if named:
        return named
    beside = Path(__file__).with_name(_NAMES.get(sys.platform, "liblessorclient.so"))
    if beside.exists():
        return str(beside)
    installed = ctypes.util.find_library("lessorclient")
    if installed:
        return installed
    raise OSError(f"the library of Lessor's client is not found: set LESSOR_CLIENT_LIBRARY, or put it at {beside}")
