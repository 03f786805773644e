"""Errors over HTTP: the status and body of every error of the product."""

import logging

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streamrec_explain import errors

JSON = "application/json"
RETRY_AFTER = {"Retry-After": "1"}
log = logging.getLogger(__name__)

# The nearest class above an error decides; what is not the caller's fault and passes is 503.
STATUS: dict[type[errors.StreamRecError], int] = {
    errors.StreamRecError: 500,
    errors.RequestError: 422,
    errors.ReleaseError: 503,
    errors.RegistryUnavailableError: 503,
    errors.JournalError: 503,
    errors.CorruptRecordError: 500,
    errors.EntryNotFoundError: 404,
    errors.SnapshotNotFoundError: 410,
    errors.ReplayMismatchError: 409,
}


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every answer that is an error; `field` is the place in the request."""

    error: str
    message: str
    field: str = ""


def status_of(error: errors.StreamRecError) -> int:
    """The HTTP status of an error; a request that could not be read at all (it has no field) is 400."""
    if isinstance(error, errors.RequestError) and not error.field:
        return 400
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def failure(status: int, name: str, message: str, field: str = "") -> Response:
    """An error as a response; a passing one says when to ask again."""
    body = msgspec.json.encode(Failure(name, message, field))
    return Response(body, status, RETRY_AFTER if status == 503 else None, JSON)


def map_errors(app: FastAPI) -> None:
    """Answer the product's errors, the router's and the unforeseen in one form."""
    app.add_exception_handler(errors.StreamRecError, _on_own_error)
    app.add_exception_handler(RequestValidationError, _on_bad_query)
    app.add_exception_handler(HTTPException, _on_router_error)
    app.add_exception_handler(Exception, _on_bug)


async def _on_own_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.StreamRecError)
    status = status_of(error)
    if status == 500:
        log.error("%s: %s", type(error).__name__, error)
    return failure(status, type(error).__name__, str(error), getattr(error, "field", ""))


async def _on_bad_query(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return failure(422, "RequestError", f"{field}: {first['msg']}", field)


async def _on_router_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return failure(error.status_code, "HTTPError", error.detail)


async def _on_bug(request: Request, error: Exception) -> Response:
    del error  # the server logs it with its traceback
    return failure(500, "InternalError", f"{request.method} {request.url.path} failed; see the log of the service")
